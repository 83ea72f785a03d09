import assert from "node:assert/strict";
import { test } from "node:test";

import { newest } from "../../../static/js/viewer/loading.js";

const never = () => new Promise(() => {});
const after = (milliseconds, value) => new Promise((resolve) => setTimeout(resolve, milliseconds, value));

test("what was asked for last counts, whichever comes first", async () => {
  const loads = newest(1000);
  const slow = loads.run(() => after(30, "first"));
  const quick = loads.run(() => after(1, "second"));
  assert.deepEqual(await Promise.all([slow, quick]), [null, "second"]);
});

test("a load that is no longer wanted is stopped, and its failure is nobody's", async () => {
  const loads = newest(1000);
  let stopped = null;
  const broken = loads.run((signal) => {
    stopped = signal;
    return after(5).then(() => Promise.reject(new Error("broken")));
  });
  assert.equal(await loads.run(() => after(10, "there")), "there");
  assert.equal(await broken, null);
  assert.equal(stopped.aborted, true);
});

test("what takes too long is stopped and says so", async () => {
  const loads = newest(10);
  let signal = null;
  const stalled = loads.run((given) => {
    signal = given;
    return never();
  });
  await assert.rejects(stalled, /too slow/);
  assert.equal(signal.aborted, true);
  assert.equal(await loads.run(() => after(1, "again")), "again");
});

test("a failure of the wanted load is told, and stops what it had begun", async () => {
  let signal = null;
  const failing = newest(1000).run((given) => {
    signal = given;
    return Promise.reject(new Error("status 503"));
  });
  await assert.rejects(failing, /status 503/);
  assert.equal(signal.aborted, true);
});

test("where nobody waits any more, what is under way is stopped and its end is nobody's", async () => {
  const loads = newest(1000);
  let signal = null;
  const gone = loads.run((given) => {
    signal = given;
    return never();
  });
  loads.stop();
  assert.equal(await gone, null);
  assert.equal(signal.aborted, true);
});
