import assert from "node:assert/strict";
import { test } from "node:test";

import { filesOf } from "../../../static/js/intake/dropped.js";

const file = (name) => ({ isFile: true, file: (resolve) => resolve({ name }) });
const broken = () => ({ isFile: true, file: (_resolve, reject) => reject(new Error("gone")) });

/** A folder, whose reader hands out two entries at a time, as a browser hands out a hundred. */
function folder(...entries) {
  return {
    isFile: false,
    createReader() {
      const left = [...entries];
      return { readEntries: (resolve) => resolve(left.splice(0, 2)) };
    },
  };
}

const dropped = (...entries) => ({ items: entries.map((entry) => ({ webkitGetAsEntry: () => entry })), files: [] });

test("folders are opened in whatever depth, in their order", async () => {
  const files = await filesOf(dropped(file("a"), folder(file("b"), folder(file("c")), file("d"), file("e")), file("f")));
  assert.deepEqual(files.map(({ name }) => name), ["a", "b", "c", "d", "e", "f"]);
});

test("what cannot be read is left out, and the others come", async () => {
  assert.deepEqual((await filesOf(dropped(broken(), file("a")))).map(({ name }) => name), ["a"]);
});

test("a browser that opens no folders hands out the files", async () => {
  assert.deepEqual(await filesOf({ items: [], files: [{ name: "a" }] }), [{ name: "a" }]);
});
