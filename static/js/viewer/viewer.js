/* The viewer: its tools, its keys, and what follows from them. Without this module "Apply" loads the page anew. */

import { areOpen } from "./canvases.js";
import { heatChoices } from "./choices.js";
import { MARKING, marking } from "./marking.js";
import { eachPage } from "../page.js";
import { painted } from "./painted.js";
import { openPanes } from "./panes.js";
import { listenTo } from "./pointer.js";
import { ruler } from "./ruler.js";
import { showScripted } from "../scriptonly.js";
import { slices } from "./slices.js";
import { isOn, moved, pointAt, scaleIn, whole, zoomed } from "./viewport.js";
import { waiting } from "./waiting.js";
import { dragged, windowOf } from "./windowing.js";

// The viewer of the page in sight; each page makes all of these anew.
let viewer;
let controls;
let data;
let choices;
let words;
let panes;
let turning;
let tool;
let dragging;
let mark;
let measure;
// What the controls said of the pictures in sight.
let inSight;
// Whether full depth has been asked for; once it failed, it is for the reader to try again.
let hasBegun;

const all = (selector) => [...viewer.querySelectorAll(selector)];
const one = (selector) => viewer.querySelector(selector);
const field = (name) => one(`[data-field="${name}"]`);
const pressed = (selector, isPressed) => one(selector)?.setAttribute("aria-pressed", String(isPressed));
const CLOSER = 1.25;

function choose(name) {
  tool = name;
  for (const button of all("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === name));
  one('[data-part="brush"]').hidden = name !== "brush" && name !== "erase";
  for (const stage of panes.stages) stage.dataset.held = name;
}

/** The tool that is held while no other is. */
const resting = () => (panes.hasWindow() ? "window" : "pan");

const ACTS = {
  "zoom-in": () => panes.look(zoomed(panes.view(), CLOSER)),
  "zoom-out": () => panes.look(zoomed(panes.view(), 1 / CLOSER)),
  reset() {
    panes.look(whole(panes.image().width, panes.image().height));
    pressed('[data-act="invert"]', panes.invert(false));
    if (panes.hasWindow()) panes.showWindow(panes.picture().received, "received");
  },
  invert: () => pressed('[data-act="invert"]', panes.invert()),
  heat: () => pressed('[data-act="heat"]', choices.toggle(panes)),
  clear: () => mark?.clear(),
  layer: () => choices.turn("layer"),
  "shown-class": () => choices.turn("shown"),
  ruler: () => choose(tool === "ruler" ? resting() : "ruler"),
  mark: () => mark && choose(tool === "rectangle" ? "window" : "rectangle"),
  depth: () => panes.openDepth(),
  "slice-before": () => turning.step(-1),
  "slice-after": () => turning.step(1),
};

/** The pointer's place in words, and the same place in the other pane. */
function hover(place) {
  const view = panes.view();
  const isInside = place !== null && isOn(view, place);
  const arm = view.width / view.zoom / 60;
  for (const cross of all("[data-cross]")) {
    cross.setAttribute("d", isInside ? `M${place.x - arm} ${place.y}h${2 * arm}M${place.x} ${place.y - arm}v${2 * arm}` : "");
  }
  const value = isInside ? panes.valueAt(place) : null;
  const words = isInside ? `${Math.floor(place.x)}, ${Math.floor(place.y)}` : "–";
  one('[data-readout="place"]').textContent = value === null ? words : `${words}: ${value}`;
}

function drag(held, phase, place, event) {
  if (MARKING.has(held)) {
    if (!panes.isLoading()) mark?.drag(held, phase, place);
  } else if (held === "ruler") {
    if (!panes.isLoading()) measure.drag(phase, place);
  } else if (held !== "window" || !panes.hasWindow()) dragging = null;
  else if (phase === "start") dragging = { x: event.clientX, y: event.clientY, window: panes.window() };
  else if (phase === "move" && dragging) {
    const [dx, dy] = [event.clientX - dragging.x, event.clientY - dragging.y];
    panes.showWindow(dragged(dragging.window, dx, dy, panes.picture().range, panes.isInverted()));
  } else dragging = null;
}

const pointer = {
  tool: () => tool,
  point: (stage, event) => pointAt(stage.getBoundingClientRect(), panes.view(), event.clientX, event.clientY),
  drag,
  hover,
  pan(dx, dy) {
    const scale = scaleIn(panes.stages[0].getBoundingClientRect(), panes.view());
    panes.look(moved(panes.view(), dx / scale, dy / scale));
  },
  zoom: (factor, { x, y }) => panes.look(zoomed(panes.view(), factor, x, y)),
  reset: () => ACTS.reset(),
  scrolls: () => data.images.length > 1,
  scroll: (steps) => turning.step(steps),
};

function startMeasuring() {
  measure = ruler({
    sheets: all("[data-marks]"),
    here: panes.image,
    zoom: () => panes.view().zoom,
    said: one('[data-part="ruler"]'),
  });
  one('[data-tool="ruler"]').addEventListener("keydown", (event) => {
    if (event.key === "Enter") choose("ruler");
    if (!panes.isLoading() && measure.key(event)) event.preventDefault();
  });
}

function startMarking() {
  const form = document.getElementById("review-form");
  const region = form?.elements.region;
  if (!region) return;
  one('[data-needs="form"]').hidden = false;
  const clear = one('[data-act="clear"]');
  const show = () => {
    mark.draw();
    clear.disabled = !mark.isSet();
  };
  mark = marking({
    field: region,
    sheets: all("[data-marks]"),
    here: panes.image,
    brush: () => Number(field("brush").value),
    said: one('[data-part="mark"]'),
    beside: one('[data-part="area"]'),
  });
  form.addEventListener("change", show);
  for (const button of all('[data-tool="rectangle"], [data-tool="ellipse"]')) {
    button.addEventListener("keydown", (event) => {
      if (event.key === "Enter") choose(button.dataset.tool);
      if (panes.isLoading()) return;
      if (mark.key(button.dataset.tool, event)) event.preventDefault();
    });
  }
  show();
}

const TOLD = {
  loading(next) {
    mark?.stop();
    words.begins(next + 1);
  },
  failed(next) {
    words.fails(next + 1);
    turning.say();
    if (inSight) choices.restore(inSight);
  },
  shown() {
    words.ends();
    inSight = choices.choice();
    turning.say();
    choices.show(panes);
    mark?.draw();
    measure.draw();
    if (viewer.dataset.drawn) return;
    viewer.dataset.drawn = "picture";
    if (hasBegun) return;
    // The picture first: NiiVue is large, and begins only once that is on the screen.
    requestAnimationFrame(() => window.setTimeout(openDepth, 0, panes));
  },
  depth(hasWindow) {
    for (const element of all('[data-needs="depth"]')) element.hidden = !hasWindow;
    if (hasWindow ? tool === "pan" : tool === "window") choose(hasWindow ? "window" : "pan");
  },
  looked: () => measure?.draw(),
  window({ preset, centre, width }) {
    field("preset").value = preset;
    [field("centre").value, field("width").value] = [centre, width].map((value) => String(Math.round(value * 10) / 10));
  },
};

/** Full depth for the pictures in sight; the page may do what has waited for it. */
async function openDepth(opened) {
  hasBegun = true;
  await opened.openDepth();
  // On the screen as well: where no graphics card draws, whatever is done meanwhile holds the drawing up.
  await painted();
  if (opened !== panes) return;
  opened.complete();
  viewer.dataset.rests = "";
  viewer.dispatchEvent(new CustomEvent("viewer-rests"));
}

function listen() {
  for (const button of all("[data-tool]")) button.addEventListener("click", () => choose(button.dataset.tool));
  for (const button of all("[data-act]")) button.addEventListener("click", () => ACTS[button.dataset.act]());
  for (const stage of panes.stages) listenTo(stage, pointer);
  // Keys come from other modules.
  viewer.addEventListener("viewer-act", ({ detail }) => ACTS[detail]?.());
  field("preset").addEventListener("change", ({ target }) => panes.choosePreset(target.value));
  for (const name of ["centre", "width"]) {
    field(name).addEventListener("change", () => {
      panes.showWindow(windowOf(Number(field("centre").value), Number(field("width").value), panes.picture().range));
    });
  }
  choices.listen(panes);
}

eachPage((signal) => {
  viewer = document.getElementById("viewer");
  controls = document.getElementById("viewer-controls");
  data = JSON.parse(document.getElementById("viewer-data").textContent);
  [dragging, mark, measure, inSight, hasBegun] = [null, null, null, null, false];
  choices = heatChoices({ viewer, controls, data });
  words = waiting(viewer, () => {
    const { at, chosen } = panes.wanted();
    choices.restore(chosen);
    panes.show(at);
  });
  panes = openPanes({ viewer, data, choice: choices.choice, heatOpacity: choices.heatOpacity, told: TOLD });
  turning = slices({ viewer, controls, data, panes });
  signal.addEventListener("abort", panes.close, { once: true });
  signal.addEventListener("abort", words.ends, { once: true });
  showScripted(viewer);
  listen();
  choose("pan");
  startMarking();
  startMeasuring();
  panes.look(panes.view());
  if (areOpen()) openDepth(panes);
  else panes.show();
});
