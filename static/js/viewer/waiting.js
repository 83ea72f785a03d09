/* What the panes say while a picture is on its way, and where it did not come. */

// A picture that comes sooner is not announced.
const QUIET = 250;

/** `again` is called where the reader wants to try once more. */
export function waiting(viewer, again) {
  const one = (name) => viewer.querySelector(`[data-part="${name}"]`);
  const stages = [...viewer.querySelectorAll("[data-stage]")];
  let timer = null;

  function say(words) {
    one("loading").textContent = words;
    for (const label of viewer.querySelectorAll("[data-loading]")) {
      label.textContent = words;
      label.hidden = !words;
    }
  }

  function end() {
    window.clearTimeout(timer);
    say("");
    for (const stage of stages) stage.setAttribute("aria-busy", "false");
  }

  one("again").addEventListener("click", again);
  return {
    begins(number) {
      end();
      one("stalled").hidden = true;
      for (const stage of stages) stage.setAttribute("aria-busy", "true");
      timer = window.setTimeout(() => say(viewer.dataset.loads.replace("{number}", number)), QUIET);
    },
    ends: end,
    fails(number) {
      end();
      one("stalled-words").textContent = viewer.dataset.stalled.replace("{number}", number);
      one("stalled").hidden = false;
    },
  };
}
