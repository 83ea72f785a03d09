/* One load at a time: a later one takes the place of an earlier, and none lasts for ever. No DOM in here. */

/** `run(work)` resolves to what `work(signal)` resolves to, or to null where another load has been asked for meanwhile. It
    rejects where the one that is still wanted fails, or takes longer than `patience` milliseconds. Whatever is left of a
    load that nobody waits for is stopped by its `signal`. */
export function newest(patience) {
  let current = null;

  return {
    /** Stop what is under way; nothing is wanted any more. */
    stop() {
      current?.abort();
      current = null;
    },

    async run(work) {
      current?.abort();
      const mine = new AbortController();
      current = mine;
      const ended = new Promise((_, reject) => {
        mine.signal.addEventListener("abort", () => reject(mine.signal.reason), { once: true });
      });
      const timer = setTimeout(() => mine.abort(new Error("too slow")), patience);
      try {
        const found = await Promise.race([work(mine.signal), ended]);
        return mine === current ? found : null;
      } catch (error) {
        if (mine !== current) return null;
        mine.abort();
        throw error;
      } finally {
        clearTimeout(timer);
        if (mine === current) current = null;
      }
    },
  };
}
