/* One save at a time, and of those that wait the newest only. No DOM in here. */

/**
 * A function that saves what it is given by `send`. Two saves under way at once would each name the revision
 * before them, and the server would have to refuse one as another window's.
 */
export function oneAtATime(send) {
  let newest = null;
  let running = null;
  async function run() {
    while (newest !== null) {
      const saved = newest;
      newest = null;
      await send(saved);
    }
  }
  return (what) => {
    newest = what;
    running ??= run().finally(() => {
      running = null;
    });
    return running;
  };
}
