/* The region that the reader marks: drawn in both panes, kept in the form's hidden field. */

import { boxed, centred, maskOf, pathOf, runsOf, shareOf, shifted, stroke } from "./regions.js";

export const MARKING = new Set(["rectangle", "ellipse", "brush", "erase"]);
const SVG = "http://www.w3.org/2000/svg";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** `field` holds the region; `sheets` are the drawings; `said` tells the reader. `here()` is the picture in sight. */
export function marking({ field, sheets, here, brush, said }) {
  let from = null;
  let mask = null;
  let last = null;

  function region() {
    try {
      return JSON.parse(field.value || "null");
    } catch {
      return null;
    }
  }

  function draw(shown = region()) {
    const isHere = shown !== null && shown.image === here().position;
    for (const sheet of sheets) {
      sheet.querySelector("[data-own]")?.remove();
      if (!isHere) continue;
      const group = document.createElementNS(SVG, "g");
      group.setAttribute("class", "mark mark--own");
      group.dataset.own = "";
      group.dataset.kind = shown.kind;
      for (const name of ["mark__under", "mark__line"]) {
        const path = document.createElementNS(SVG, "path");
        path.setAttribute("class", name);
        path.setAttribute("d", pathOf(shown, here().width));
        group.append(path);
      }
      sheet.append(group);
    }
  }

  function keep(found) {
    field.value = found ? JSON.stringify(found) : "null";
    // As if it was typed: the draft is kept, and reading time counted.
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
    draw();
    const share = found ? shareOf(found, here()) * 100 : 0;
    const words = share.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 });
    said.textContent = said.dataset[found ? found.kind : "none"].replace("{share}", words);
  }

  function painted() {
    const runs = runsOf(mask, here().width);
    return runs.length ? { image: here().position, kind: "brush", runs } : null;
  }

  function paint(tool, place) {
    stroke(mask, here(), last, place, brush() / 2, tool === "erase" ? 0 : 1);
    last = place;
    draw(painted());
  }

  function start(tool, place) {
    from = place;
    if (tool === "brush" || tool === "erase") {
      const before = region();
      if (tool === "erase" && before?.kind !== "brush") {
        from = null;
        return;
      }
      mask = maskOf(before?.image === here().position ? before : null, here());
      last = place;
      paint(tool, place);
    }
  }

  const whole = (tool, place) => boxed(tool, here().position, from, place, here());

  return {
    drag(tool, phase, place) {
      if (phase === "start") start(tool, place);
      else if (!from) return;
      else if (phase === "cancel") {
        from = null;
        draw();
      } else if (mask) {
        paint(tool, place);
        if (phase === "end") keep(painted());
      } else if (phase === "move") draw(whole(tool, place) ?? region());
      else if (whole(tool, place)) keep(whole(tool, place));
      if (phase === "end" || phase === "cancel") [from, mask] = [null, null];
    },

    /** Place, move and resize a box without a pointer. Whether the key meant that. */
    key(tool, event) {
      const now = region();
      const isBox = now?.kind === tool && now.image === here().position;
      if (event.key === "Enter" && !isBox) {
        keep(centred(tool, here().position, here()));
        return true;
      }
      if (!isBox || !ARROWS[event.key]) return false;
      const step = event.altKey ? 1 : Math.max(1, Math.round(Math.max(here().width, here().height) / 64));
      const [dx, dy] = ARROWS[event.key].map((unit) => unit * step);
      keep(shifted(now, dx, dy, here(), event.shiftKey));
      return true;
    },

    /** Leave off what is being drawn: the picture under it is about to change. */
    stop() {
      if (!from) return;
      [from, mask] = [null, null];
      draw();
    },

    clear: () => keep(null),
    isSet: () => region() !== null,
    draw: () => draw(),
  };
}
