/* Reading time: only while the page is in sight and the reader does something. No DOM in here. */

/** Longer without any sign of the reader, and the reader is somewhere else. */
export const IDLE_SECONDS = 60;

/** A clock of milliseconds. `start` is the time that was counted before, in seconds. */
export function readingTime(now, start = 0) {
  let counted = start * 1000;
  let last = now;
  let inSight = true;
  return {
    /** The reader did something. */
    active(at) {
      if (inSight) counted += Math.min(at - last, IDLE_SECONDS * 1000);
      last = at;
    },
    /** The page came into sight, or went out of it. */
    sight(at, visible) {
      if (inSight && !visible) this.active(at);
      inSight = visible;
      last = at;
    },
    /** Seconds so far. */
    seconds(at) {
      const open = inSight ? Math.min(at - last, IDLE_SECONDS * 1000) : 0;
      return Math.round((counted + open) / 100) / 10;
    },
  };
}
