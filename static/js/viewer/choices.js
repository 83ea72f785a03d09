/* The controls below the panes: layer, class, colours, opacity, channel; the address remembers them. */

import { setQuery } from "../address.js";
import { overlayAddress } from "./addresses.js";

// What the pictures are loaded anew for.
const CHANGES_PICTURE = ["layer", "shown", "colours", "interpolation", "channel"];

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

  /** What is said of the map in sight. */
  function show(panes) {
    const overlay = part("overlay");
    if (overlay) overlay.hidden = !panes.hasHeat();
    if (!panes.hasHeat()) {
      if (part("no-evidence")) part("no-evidence").hidden = true;
      return;
    }
    const chosen = choice();
    part("map").setAttribute("opacity", String(heatOpacity()));
    overlay.href = overlayAddress(panes.image(), chosen);
    part("grid").textContent = data.grids[chosen.layer];
    part("class-label").textContent = controls.elements.shown.selectedOptions[0].text;
    const isOpened = panes.at() === data.at;
    part("no-evidence").hidden = isOpened ? data.evidence[chosen.layer][chosen.shown] : panes.hasEvidence();
    all("[data-share]").forEach((element, index) => {
      element.textContent = data.shares[index]?.[chosen.layer]?.[chosen.shown] ?? "–";
    });
    for (const legend of all("[data-legend]")) legend.toggleAttribute("hidden", legend.dataset.legend !== chosen.colours);
  }

  const remember = () => setQuery(new URLSearchParams(new FormData(controls)).toString());

  return {
    choice,
    heatOpacity,
    show,

    listen(panes) {
      controls?.addEventListener("input", ({ target }) => target.name === "opacity" && showOpacity(panes));
      controls?.addEventListener("change", ({ target }) => {
        if (target.name !== "opacity") panes.show();
        else {
          showOpacity(panes);
          if (panes.hasHeat()) part("overlay").href = overlayAddress(panes.image(), choice());
        }
        remember();
      });
    },

    /** The controls say this again: what is in sight, where what they said did not come. */
    restore(chosen) {
      const changed = CHANGES_PICTURE.filter((name) => controls?.elements[name] && controls.elements[name].value !== chosen[name]);
      for (const name of changed) controls.elements[name].value = chosen[name];
      if (changed.length) remember();
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
