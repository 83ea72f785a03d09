/* Contrast as WCAG 2.2 measures it (relative luminance, 1.4.3, 1.4.6, 1.4.11), of what the page really shows. */
({ least, leastOfLarge }) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const brush = canvas.getContext("2d", { willReadFrequently: true });

  function colourOf(css) {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = css;
    brush.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = brush.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  }

  const over = ([r, g, b, a], below) => [r, g, b].map((value, index) => value * a + below[index] * (1 - a));

  /** The colour under an element's own paint, all layers above the nearest opaque one composited. */
  function groundOf(element) {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
      const colour = colourOf(getComputedStyle(each).backgroundColor);
      layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reduceRight((below, layer) => over(layer, below), colourOf("Canvas").slice(0, 3));
  }

  function luminance(colour) {
    const [red, green, blue] = colour.map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  function ratioOf(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  function opacityOf(element) {
    let opacity = 1;
    for (let each = element; each; each = each.parentElement) opacity *= Number(getComputedStyle(each).opacity);
    return opacity;
  }

  function isShown(element) {
    const box = element.getBoundingClientRect();
    return box.width > 2 && box.height > 2 && element.checkVisibility({ visibilityProperty: true });
  }

  const isDisabled = (element) => element.closest(":disabled, [aria-disabled='true']") !== null;
  const named = (element) => `${element.tagName.toLowerCase()}.${element.className} “${element.textContent.trim().slice(0, 30)}”`;
  const faults = new Set();
  let measured = 0;

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !isShown(element) || isDisabled(element)) continue;
    if (element.closest("svg, script, style, option, progress")) continue;
    const style = getComputedStyle(element);
    const size = Number.parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ground = groundOf(element);
    const [red, green, blue, alpha] = colourOf(style.color);
    const ratio = ratioOf(over([red, green, blue, alpha * opacityOf(element)], ground), ground);
    measured += 1;
    if (ratio < (isLarge ? leastOfLarge : least)) faults.add(`${ratio.toFixed(2)} text ${named(element)}`);
  }

  // A control is known by its edge or by its ground, against what lies around it.
  for (const control of document.querySelectorAll("main :is(input, textarea, select, .button:not(.button--quiet), .choice)")) {
    if (!isShown(control) || isDisabled(control) || control.matches("[type='radio'], [type='checkbox'], [type='range']")) continue;
    const around = groundOf(control.parentElement);
    const style = getComputedStyle(control);
    const edge = style.borderTopStyle === "none" ? around : over(colourOf(style.borderTopColor), around);
    measured += 1;
    const ratio = Math.max(ratioOf(edge, around), ratioOf(groundOf(control), around));
    if (ratio < 3) faults.add(`${ratio.toFixed(2)} control ${named(control)}`);
  }

  for (const element of document.querySelectorAll("main :is(a, button, input, textarea, select, summary)")) {
    if (!isShown(element) || isDisabled(element)) continue;
    element.focus({ focusVisible: true, preventScroll: true });
    const marked = element.matches(".choice input") ? element.closest(".choice") : element;
    const style = getComputedStyle(marked);
    const around = groundOf(marked.parentElement);
    measured += 1;
    const ratio = style.outlineStyle === "none" ? 1 : ratioOf(over(colourOf(style.outlineColor), around), around);
    if (ratio < 3) faults.add(`${ratio.toFixed(2)} focus ${named(marked)}`);
  }
  return { measured, faults: [...faults] };
}
