/* NiiVue's canvases. They outlive the page that they were opened for: the next one takes them over as they are, since a
   context of WebGL costs more than all else that is to be drawn, and a browser gives only a few. */

const OPTIONS = {
  // Orientation is unknown, so that no letter may name it; pointers and keys are ours (viewer.js).
  isOrientationTextVisible: false,
  interactive: false,
  dragAndDropEnabled: false,
  show3Dcrosshair: false,
  crosshairWidth: 0,
  isColorbar: false,
  isRuler: false,
  loadingText: "",
  logLevel: "error",
  backColor: [0, 0, 0, 1],
};

// Each with its `frame`, NiiVue's `pane` and `lost`, which is called where the graphics card takes it back.
const open = [];
let opening = Promise.resolve();
let canOpen = null;

/** Free a context at once, instead of when the browser clears up. */
const release = (context) => context?.getExtension("WEBGL_lose_context")?.loseContext();

/** Whether the browser has WebGL2; asked once, since each answer takes a context. */
export function canShowDepth() {
  if (areOpen()) return true;
  if (!canOpen) {
    const context = document.createElement("canvas").getContext("webgl2");
    canOpen = Boolean(context);
    release(context);
  }
  return canOpen;
}

/** Whether a page before this one has left canvases. */
export const areOpen = () => open.length > 0;

function place(frame, stage) {
  // Nothing of what it showed before is in sight, until there is a picture in it.
  frame.dataset.empty = "";
  stage.querySelector(".pane__picture").after(frame);
}

function discard(canvas) {
  open.splice(open.indexOf(canvas), 1);
  canvas.frame.remove();
}

/** A shader, as NiiVue has them, that leaves every pixel as it is: its triangles lie beside the canvas. */
function drawsNothing(gl) {
  const program = gl.createProgram();
  for (const [kind, lines] of [
    [gl.VERTEX_SHADER, "void main() { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); }"],
    [gl.FRAGMENT_SHADER, "precision lowp float; out vec4 colour; void main() { colour = vec4(0.0); }"],
  ]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, `#version 300 es\n${lines}`);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return { program, uniforms: {}, use: () => gl.useProgram(program) };
}

async function opened(Niivue, stage) {
  const frame = document.createElement("div");
  frame.className = "pane__depth";
  const element = document.createElement("canvas");
  element.setAttribute("aria-hidden", "true");
  frame.append(element);
  place(frame, stage);
  const pane = new Niivue(OPTIONS);
  const canvas = { frame, pane, lost() {} };
  try {
    await pane.attachToCanvas(element, false);
  } catch (error) {
    frame.remove();
    throw error;
  }
  pane.setSliceType(pane.sliceTypeAxial);
  // With each picture NiiVue works out its slopes, for a shading in space that is never shown here.
  const nothing = drawsNothing(pane.gl);
  [pane.blurShader, pane.sobelFirstOrderShader] = [nothing, nothing];
  element.addEventListener(
    "webglcontextlost",
    () => {
      if (!open.includes(canvas)) return;
      discard(canvas);
      canvas.lost();
    },
    { once: true },
  );
  open.push(canvas);
  return canvas;
}

async function takeOver(Niivue, stages, signal) {
  const found = [];
  for (const [index, stage] of stages.entries()) {
    if (signal.aborted) throw signal.reason;
    // Of another size, its own observer draws it anew.
    if (open[index]) place(open[index].frame, stage);
    found.push(open[index] ?? (await opened(Niivue, stage)));
  }
  // A page of fewer panes; the page before is not kept for the sake of one.
  for (const { frame } of open.slice(stages.length)) frame.remove();
  return found;
}

/** A canvas in each stage, one page after another. Rejects where the browser cannot, or the page has gone (`signal`). */
export function canvasesIn(Niivue, stages, signal) {
  opening = opening.catch(() => {}).then(() => takeOver(Niivue, stages, signal));
  return opening;
}

/** Let a pane have these volumes, the picture and its map. NiiVue's own ways draw after each step, and `updateGLVolume` is
    left to who calls this. */
export function fill(pane, volumes) {
  pane.volumes = volumes;
  pane.back = volumes[0] ?? null;
  pane.overlays = volumes.slice(1);
}

/** These show nothing any more, and wait for the next page to move them; left where they are until then, they need not be
    drawn in another size between the two. */
export function putAside(canvases) {
  for (const canvas of canvases) {
    canvas.lost = () => {};
    canvas.frame.dataset.empty = "";
    fill(canvas.pane, []);
  }
}

/** Close them for good, as what failed is. */
export function closeAll(canvases) {
  for (const canvas of canvases.filter((each) => open.includes(each))) {
    discard(canvas);
    release(canvas.pane.gl);
  }
}
