/* A line over a picture, which is seen on dark and on bright. */

const SVG = "http://www.w3.org/2000/svg";

export function svg(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** A group that shows the path, dark and wide under bright and thin; `kind` is its own class. */
export function outlined(kind, path) {
  const group = svg("g", { class: `mark ${kind}` });
  group.append(...["mark__under", "mark__line"].map((name) => svg("path", { class: name, d: path })));
  return group;
}
