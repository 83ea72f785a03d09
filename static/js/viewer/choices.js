/* The controls below the panes: layer, class, colours, opacity, channel; the address remembers them. */

import { mapAddress, overlayAddress } from "./addresses.js";

export function heatChoices({ viewer, controls, data }) {
  const all = (selector) => [...viewer.querySelectorAll(selector)];
  const part = (name) => viewer.querySelector(`[data-part="${name}"]`);
  const choice = () => (controls ? Object.fromEntries(new FormData(controls)) : {});
  let isOn = true;

  const heatOpacity = () => (isOn ? Math.min(1, Math.max(0, Number(choice().opacity) / 100)) : 0);

  function showOpacity(panes) {
    part("map")?.setAttribute("opacity", String(heatOpacity()));
    if (part("opacity")) part("opacity").textContent = `${choice().opacity} %`;
    panes.setOpacity(heatOpacity());
  }

  /** What changes with layer, class and colours, besides the volume itself. */
  function show(panes) {
    if (!panes.hasHeat()) return;
    const chosen = choice();
    panes.swap("map", mapAddress(panes.image(), chosen));
    part("map").classList.toggle("pane__fields", chosen.interpolation === "nearest");
    part("overlay").href = overlayAddress(panes.image(), chosen);
    part("grid").textContent = data.grids[chosen.layer];
    part("class-label").textContent = controls.elements.shown.selectedOptions[0].text;
    if (panes.at() === data.at) part("no-evidence").hidden = data.evidence[chosen.layer][chosen.shown];
    all("[data-share]").forEach((element, index) => {
      element.textContent = data.shares[index]?.[chosen.layer]?.[chosen.shown] ?? "–";
    });
    for (const legend of all("[data-legend]")) legend.toggleAttribute("hidden", legend.dataset.legend !== chosen.colours);
  }

  function remember() {
    const address = new URL(window.location.href);
    address.search = new URLSearchParams(new FormData(controls)).toString();
    window.history.replaceState(null, "", address);
  }

  return {
    choice,
    heatOpacity,
    show,
    remember,

    listen(panes) {
      controls?.addEventListener("input", ({ target }) => target.name === "opacity" && showOpacity(panes));
      controls?.addEventListener("change", ({ target }) => {
        if (target.name === "channel") panes.loadBase();
        else if (target.name === "opacity") showOpacity(panes);
        else show(panes);
        if (target.name === "colours") panes.setColours(choice().colours);
        else if (["layer", "shown", "interpolation"].includes(target.name)) panes.loadMap();
        remember();
      });
    },

    /** The next value of a list, the first after the last; whether there is such a list. */
    turn(name) {
      const select = controls?.elements[name];
      if (!select) return false;
      select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
      select.dispatchEvent(new Event("change", { bubbles: true }));
      return true;
    },

    /** The heat map shown or taken away; whether it is shown now. */
    toggle(panes) {
      isOn = !isOn;
      showOpacity(panes);
      return isOn;
    },
  };
}
