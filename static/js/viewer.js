/* Swaps the heat map, the channel and the opacity in place; without this module "Apply" loads the page anew. */

import { showScripted } from "./scriptonly.js";
import { baseAddress, hasEvidence, mapAddress, overlayAddress, svgOpacity } from "./viewerstate.js";

const viewer = document.getElementById("viewer");
const controls = document.getElementById("viewer-controls");
const parts = (name) => viewer.querySelectorAll(`[data-part="${name}"]`);
const part = (name) => viewer.querySelector(`[data-part="${name}"]`);
const chosen = () => Object.fromEntries(new FormData(controls));

/** Change a picture once the new one is there, so that the reader never sees an empty frame. */
function swap(elements, address) {
  const ready = new Image();
  const show = () => {
    for (const element of elements) {
      if (element.dataset.wanted === address) element.setAttribute("href", address);
    }
  };
  for (const element of elements) element.dataset.wanted = address;
  ready.addEventListener("load", show);
  ready.addEventListener("error", show);
  ready.src = address;
}

function showOpacity(choice) {
  part("map").setAttribute("opacity", svgOpacity(choice.opacity));
  part("opacity").textContent = `${choice.opacity} %`;
}

function showHeat(places, choice) {
  swap(parts("map"), mapAddress(places, choice));
  part("overlay").href = overlayAddress(places, choice);
  part("grid").textContent = places.grids[choice.layer];
  part("class-label").textContent = controls.elements.shown.selectedOptions[0].text;
  part("no-evidence").hidden = hasEvidence(places, choice);
  for (const legend of viewer.querySelectorAll("[data-legend]")) {
    legend.toggleAttribute("hidden", legend.dataset.legend !== choice.colours);
  }
}

function remember() {
  const address = new URL(window.location.href);
  address.search = new URLSearchParams(new FormData(controls)).toString();
  window.history.replaceState(null, "", address);
}

function start() {
  const data = document.getElementById("viewer-places");
  const places = data ? JSON.parse(data.textContent) : null;
  showScripted(controls);
  controls.addEventListener("input", (event) => {
    if (event.target.name === "opacity") showOpacity(chosen());
  });
  controls.addEventListener("change", (event) => {
    const choice = chosen();
    if (event.target.name === "channel") swap(parts("base"), baseAddress(part("base").getAttribute("href"), choice.channel));
    else if (places) showHeat(places, choice);
    remember();
  });
}

if (controls) start();
