import assert from "node:assert/strict";
import { test } from "node:test";

import { oneAtATime } from "../../../static/js/drafts/queue.js";

/** A server that answers when it is told to, and refuses a revision that is not its newest. */
function slowServer() {
  const waiting = [];
  const server = { revision: 0, texts: [], answer: () => waiting.shift()() };
  server.save = (text, known) =>
    new Promise((resolve) => {
      waiting.push(() => {
        if (known !== server.revision) return resolve(null);
        server.texts.push(text);
        server.revision += 1;
        return resolve(server.revision);
      });
    });
  return server;
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("saves that overlap are sent one after the other, the newest last, and none is refused", async () => {
  const server = slowServer();
  const refused = [];
  let revision = 0;
  const save = oneAtATime(async (text) => {
    const answered = await server.save(text, revision);
    if (answered === null) refused.push(text);
    else revision = answered;
  });
  const saved = [save("a"), save("ab"), save("abc")];
  server.answer();
  await settled();
  server.answer();
  await Promise.all(saved);
  assert.deepEqual([server.texts, refused, revision], [["a", "abc"], [], 2]);
});

test("a save that fails does not keep later ones from being sent", async () => {
  const sent = [];
  const save = oneAtATime(async (text) => {
    sent.push(text);
    if (text === "a") throw new Error("offline");
  });
  await assert.rejects(save("a"), /offline/);
  await save("b");
  assert.deepEqual(sent, ["a", "b"]);
});
