/* The region that the reader marks: drawn in both panes, kept in the form's hidden field. */

import { areaOf, inWords } from "./measures.js";
import { outlined } from "./outlines.js";
import { boxed, centred, maskOf, pathOf, runsOf, shareOf, shifted, stroke } from "./regions.js";

export const MARKING = new Set(["rectangle", "ellipse", "brush", "erase"]);
export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** How far an arrow key goes, in pixels of the picture. */
export const stepOf = ({ altKey }, { width, height }) => (altKey ? 1 : Math.max(1, Math.round(Math.max(width, height) / 64)));

/** `field` holds the region; `sheets` are the drawings; `said` tells the reader, and `beside` shows its area. `here()` is the
    picture in sight. */
export function marking({ field, sheets, here, brush, said, beside }) {
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

  const language = () => document.documentElement.lang;
  const areaInWords = (shown, words) => inWords(areaOf(shown, here(), here().spacing), words, language());

  function draw(shown = region()) {
    const isHere = shown !== null && shown.image === here().position;
    beside.textContent = isHere ? areaInWords(shown, beside.dataset) : "";
    for (const sheet of sheets) {
      sheet.querySelector("[data-own]")?.remove();
      if (!isHere) continue;
      const group = outlined("mark--own", pathOf(shown, here().width));
      group.dataset.own = "";
      group.dataset.kind = shown.kind;
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
    const words = share.toLocaleString(language(), { maximumFractionDigits: 1 });
    const area = found ? areaInWords(found, { mm: said.dataset.mm, px: said.dataset.px }) : "";
    said.textContent = said.dataset[found ? found.kind : "none"].replace("{share}", words).replace("{area}", area);
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
      const [dx, dy] = ARROWS[event.key].map((unit) => unit * stepOf(event, here()));
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
