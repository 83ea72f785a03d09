/* The way through a case of many pictures, and what is said of the one in sight. */

export function slices({ viewer, controls, data, panes }) {
  const all = (selector) => [...viewer.querySelectorAll(selector)];
  const part = (name) => viewer.querySelector(`[data-part="${name}"]`);
  const slider = viewer.querySelector(".slices__slider");

  function go(next) {
    if (next === panes.heading() || data.images[next] === undefined) return;
    panes.show(next);
  }

  /** Steps go on from the picture that was asked for last, so that a slow line does not lose them. */
  const step = (steps) => go(panes.heading() + steps);

  /** A way to a picture with all that is chosen; none, and no link, where there is no such picture. The focus stays. */
  function lead(link, image) {
    link.setAttribute("aria-disabled", String(image === undefined));
    // Without an address a browser takes it for text.
    link.setAttribute("role", "link");
    if (image === undefined) {
      link.tabIndex = -1;
      link.removeAttribute("href");
      return;
    }
    const query = new URLSearchParams(controls ? new FormData(controls) : window.location.search);
    query.set("image", image.position);
    link.href = `?${query}`;
    link.removeAttribute("tabindex");
  }

  slider?.addEventListener("input", () => go(Number(slider.value) - 1));
  for (const link of all("[data-step]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      step(Number(link.dataset.step));
    });
  }

  return {
    step,

    /** Number, class and marks of the picture in sight. */
    say() {
      const [at, image] = [panes.at(), panes.image()];
      for (const mark of all("[data-of-image]")) mark.toggleAttribute("hidden", mark.dataset.ofImage !== String(image.position));
      for (const side of all("[data-side]")) side.textContent = image.sides[side.dataset.side] ?? "";
      const list = viewer.querySelector(".mark-list");
      if (list) list.hidden = list.querySelector("li:not([hidden])") === null;
      if (!slider) return;
      part("number").textContent = String(at + 1);
      part("finding").textContent = image.finding;
      part("key").hidden = !image.isKey;
      slider.value = String(at + 1);
      for (const link of all("[data-step]")) {
        lead(link, data.images[at + Number(link.dataset.step)]);
      }
      if (controls?.elements.image) controls.elements.image.value = String(image.position);
    },
  };
}
