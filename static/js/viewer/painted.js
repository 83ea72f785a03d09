/* What is on the screen by now. */

/** Resolves once what is in sight has been drawn: after the frame that is made next. */
export const painted = () => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
