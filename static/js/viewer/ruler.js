/* The ruler: one line over the pictures in both panes, with its length. It belongs to nobody's reading and is stored nowhere. */

import { ARROWS, stepOf } from "./marking.js";
import { inWords, lengthOf, levelLine, movedLine, onto, pathOfLine } from "./measures.js";
import { outlined, svg } from "./outlines.js";

/** `sheets` are the drawings; `said` tells the reader, in its own words. `here()` is the picture in sight, and `zoom()` how
    close it is seen. */
export function ruler({ sheets, here, zoom, said }) {
  let line = null;
  let before = [null, null];
  let position = null;

  const language = () => document.documentElement.lang;
  const length = () => lengthOf(line, here().spacing);
  const isHere = () => line !== null && position === here().position;

  function draw() {
    // As large on the screen, however close.
    const side = Math.max(here().width, here().height) / zoom();
    for (const sheet of sheets) {
      sheet.querySelector("[data-ruler]")?.remove();
      if (!isHere()) continue;
      const group = outlined("mark--ruler", pathOfLine(line, side / 80));
      group.dataset.ruler = "";
      const words = svg("text", {
        x: (line.from.x + line.to.x) / 2,
        y: Math.max(Math.min(line.from.y, line.to.y), side / 18),
        dy: "-0.5em",
        "text-anchor": "middle",
        "font-size": side / 28,
      });
      words.textContent = inWords(length(), { mm: said.dataset.labelMm, px: said.dataset.labelPx }, language());
      group.append(words);
      sheet.append(group);
    }
  }

  function put(next) {
    [line, position] = [next, here().position];
    draw();
  }

  function say() {
    said.textContent = line ? inWords(length(), said.dataset, language()) : said.dataset.none;
  }

  function clear() {
    line = null;
    draw();
    say();
  }

  return {
    drag(phase, place) {
      const point = onto(place, here());
      if (phase === "start") {
        before = [line, position];
        put({ from: point, to: point });
      } else if (phase === "cancel") {
        [line, position] = before;
        draw();
      } else if (isHere()) {
        put({ from: line.from, to: point });
        if (phase !== "end") return;
        // A press without a way is no line.
        if (length().value === 0) clear();
        else say();
      }
    },

    /** Place, move, turn and remove the line without a pointer. Whether the key meant that. */
    key(event) {
      if (event.key === "Delete" && line) {
        clear();
        return true;
      }
      if (event.key === "Enter" && !isHere()) put(levelLine(here()));
      else if (ARROWS[event.key] && isHere()) {
        const [dx, dy] = ARROWS[event.key].map((unit) => unit * stepOf(event, here()));
        put(movedLine(line, dx, dy, here(), event.shiftKey));
      } else return false;
      say();
      return true;
    },

    draw,
  };
}
