/* Rectangles drawn over a picture, as lines of numbers in the form's own field, which stays what counts. */

import { boxesIn, linesOf, outwards } from "./boxes.js";
import { showScripted } from "../scriptonly.js";
import { ARROWS, stepOf } from "../viewer/marking.js";
import { svg } from "../viewer/outlines.js";
import { boxed, centred, pathOf, shifted } from "../viewer/regions.js";
import { pointAt, whole } from "../viewer/viewport.js";

const KIND = "rectangle";

const form = document.getElementById("blackout");
const picture = document.getElementById("blackout-picture");
const field = form.elements.boxes;
const said = form.querySelector('[data-part="said"]');
const [add, drop] = ["add", "drop"].map((name) => form.querySelector(`[data-act="${name}"]`));
const { width, height } = picture.viewBox.baseVal;
const size = { width, height };
let from = null;

function draw(boxes = boxesIn(field.value)) {
  picture.querySelectorAll("[data-box]").forEach((path) => path.remove());
  for (const box of boxes) {
    const path = svg("path", { class: "blackout__box", d: pathOf({ ...box, kind: KIND }, width) });
    path.dataset.box = "";
    picture.append(path);
  }
  drop.disabled = boxes.length === 0;
}

function keep(boxes) {
  field.value = linesOf(boxes);
  draw(boxes);
  const facts = { count: boxes.length, ...boxes.at(-1) };
  const words = boxes.length ? said.dataset.words : said.dataset.none;
  said.textContent = words.replace(/\{(\w+)\}/g, (_, name) => facts[name]);
}

const pointOf = ({ clientX, clientY }) => pointAt(picture.getBoundingClientRect(), whole(width, height), clientX, clientY);

/** The boxes there are, with the one between where the pointer went down and where it is. */
function dragged(event) {
  const box = boxed(KIND, 0, from, pointOf(event), size);
  return box ? [...boxesIn(field.value), outwards(box)] : boxesIn(field.value);
}

picture.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  from = pointOf(event);
  picture.setPointerCapture(event.pointerId);
  event.preventDefault();
});
picture.addEventListener("pointermove", (event) => from && draw(dragged(event)));
picture.addEventListener("pointerup", (event) => {
  if (!from) return;
  keep(dragged(event));
  from = null;
});
picture.addEventListener("pointercancel", () => {
  from = null;
  draw();
});

add.addEventListener("click", () => keep([...boxesIn(field.value), outwards(centred(KIND, 0, size))]));
drop.addEventListener("click", () => keep(boxesIn(field.value).slice(0, -1)));
add.addEventListener("keydown", (event) => {
  const boxes = boxesIn(field.value);
  if (!ARROWS[event.key] || boxes.length === 0) return;
  event.preventDefault();
  const [dx, dy] = ARROWS[event.key].map((unit) => unit * stepOf(event, size));
  const moved = shifted({ ...boxes.at(-1), kind: KIND }, dx, dy, size, event.shiftKey);
  keep([...boxes.slice(0, -1), outwards(moved)]);
});
field.addEventListener("input", () => draw());

showScripted(form);
draw();
