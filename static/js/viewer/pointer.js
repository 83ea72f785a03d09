/* What pointers, fingers and the wheel do on the panes. It says what was meant; viewer.js does it.

   `acts`: tool() names the tool; point(stage, event) is the place on the picture; drag(tool, phase, place, event) with
   the phases "start", "move", "end"; pan(dx, dy) in pixels of the screen; zoom(factor, place); scroll(steps); hover(place). */

import { growthOf, pictureSteps } from "./wheel.js";

const WHEEL_STEP = 1.15;

export function listenTo(stage, acts) {
  const fingers = new Map();
  const stepsOf = pictureSteps();
  let held = null;

  const place = (event) => acts.point(stage, event);

  function toolOf(event) {
    if (event.button === 1 || event.shiftKey) return "pan";
    return event.button === 2 ? "zoom" : acts.tool();
  }

  function spread() {
    const [one, other] = [...fingers.values()];
    return {
      distance: Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY),
      clientX: (one.clientX + other.clientX) / 2,
      clientY: (one.clientY + other.clientY) / 2,
    };
  }

  function pinch(event) {
    const before = spread();
    fingers.set(event.pointerId, event);
    const now = spread();
    acts.pan(now.clientX - before.clientX, now.clientY - before.clientY);
    if (before.distance > 0) acts.zoom(now.distance / before.distance, place(now));
  }

  stage.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch") fingers.set(event.pointerId, event);
    if (fingers.size === 2) {
      if (held) acts.drag(held.tool, "cancel", held.place, event);
      held = null;
      return;
    }
    if (fingers.size > 2) return;
    stage.setPointerCapture(event.pointerId);
    held = { tool: toolOf(event), id: event.pointerId, x: event.clientX, y: event.clientY, place: place(event) };
    acts.drag(held.tool, "start", held.place, event);
    event.preventDefault();
  });

  stage.addEventListener("pointermove", (event) => {
    acts.hover(place(event));
    if (fingers.size === 2 && fingers.has(event.pointerId)) {
      pinch(event);
      return;
    }
    if (held?.id !== event.pointerId) return;
    const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
    [held.x, held.y] = [event.clientX, event.clientY];
    if (held.tool === "pan") acts.pan(dx, dy);
    else if (held.tool === "zoom") acts.zoom(WHEEL_STEP ** (-dy / 12), held.place);
    else acts.drag(held.tool, "move", place(event), event);
  });

  for (const kind of ["pointerup", "pointercancel"]) {
    stage.addEventListener(kind, (event) => {
      fingers.delete(event.pointerId);
      if (held?.id !== event.pointerId) return;
      acts.drag(held.tool, kind === "pointerup" ? "end" : "cancel", place(event), event);
      held = null;
    });
  }

  stage.addEventListener("pointerleave", () => acts.hover(null));
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.addEventListener("dblclick", () => acts.reset());
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      if (!acts.scrolls() || event.ctrlKey) acts.zoom(growthOf(event, WHEEL_STEP), place(event));
      else {
        const steps = stepsOf(event);
        if (steps !== 0) acts.scroll(steps);
      }
    },
    { passive: false },
  );
}
