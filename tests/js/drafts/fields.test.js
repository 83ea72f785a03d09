import assert from "node:assert/strict";
import { test } from "node:test";

import { alike, encoded, fateOf, fill, servedIn, typedIn, wordsIn } from "../../../static/js/drafts/fields.js";

/** A form, as the server gave it and as it is now. */
function form() {
  const radio = (value, checked = false) => ({ name: "read_class", type: "radio", value, checked, defaultChecked: false });
  const text = (name, value, type = "textarea") => ({ name, type, value, defaultValue: "" });
  return {
    glioma: radio("glioma"),
    other: radio("other", true),
    finding: text("other_finding", "an abscess", "text"),
    comment: text("comment", "one\ntwo"),
    box: { name: "reveals", type: "checkbox", value: "on", checked: false, defaultChecked: true },
    order: {
      name: "order",
      type: "select-one",
      value: "random",
      options: [{ value: "newest" }, { value: "random" }, { value: "priority", defaultSelected: true }],
    },
    region: { name: "region", type: "hidden", value: "null" },
    token: { name: "csrfmiddlewaretoken", type: "hidden", value: "secret" },
    prediction: { name: "prediction", type: "hidden", value: "4c0f" },
    numbers: { name: "numbers", type: "hidden", value: "shown" },
    password: { name: "new_password1", type: "password", value: "a-long-pass-phrase" },
    button: { name: "", type: "submit", value: "" },
  };
}

test("what is kept is the writer's own: nothing of the network, no token, no password", () => {
  const fields = new URLSearchParams(typedIn(Object.values(form())));
  assert.deepEqual([...fields.keys()], ["read_class", "other_finding", "comment", "order", "region"]);
  assert.equal(fields.get("comment"), "one\ntwo");
});

test("what the server gave is known, whatever the browser itself has put back", () => {
  assert.equal(servedIn(Object.values(form())), "other_finding=&comment=&reveals=on&order=priority&region=null");
});

test("fields are put back as they were, ticks and their absence included", () => {
  const typed = form();
  const fields = typedIn(Object.values(typed));
  const fresh = form();
  Object.assign(fresh.other, { checked: false });
  Object.assign(fresh.glioma, { checked: true });
  Object.assign(fresh.box, { checked: true });
  Object.assign(fresh.comment, { value: "" });
  Object.assign(fresh.order, { value: "priority" });
  Object.assign(fresh.token, { value: "newer" });
  fill(Object.values(fresh), `${fields}&csrfmiddlewaretoken=old`);
  assert.equal(typedIn(Object.values(fresh)), fields);
  assert.equal(fresh.token.value, "newer");
});

test("a choice that is no longer offered is left out, and the words stay", () => {
  const fresh = form();
  fill(Object.values(fresh), "read_class=gone&comment=mine");
  assert.deepEqual([fresh.other.checked, fresh.glioma.checked, fresh.comment.value], [false, false, "mine"]);
});

test("words are what was written otherwise than it stood", () => {
  const elements = Object.values(form());
  assert.deepEqual(wordsIn(elements, ""), ["an abscess", "one\ntwo"]);
  assert.deepEqual(wordsIn(elements, "other_finding=an+abscess"), ["one\ntwo"]);
});

test("a region says the same in any order of its keys, and reading time says nothing", () => {
  const mark = (region) => new URLSearchParams({ region, comment: "a" }).toString();
  assert.ok(alike(mark('{"image":0,"kind":"brush","runs":[[1,2]]}'), mark('{"runs": [[1, 2]], "image": 0, "kind": "brush"}')));
  assert.ok(!alike(mark('{"runs":[[1,2]]}'), mark('{"runs":[[2,1]]}')));
  assert.ok(alike("comment=a&active_seconds=3", "comment=a&active_seconds=9&region=null&other_finding="));
  assert.ok(alike("comment=a%0D%0Ab", "comment=a%0Ab"));
  assert.ok(!alike("comment=a", "comment=b"));
});

test("a draft of the server is compared under its own names", () => {
  const draft = { read_class: "glioma", verdict: "disagree", comment: "a", region: { kind: "brush", image: 0 }, confidence: 4 };
  const typed = "verdict=disagree&corrected_class=glioma&comment=a&confidence=4&region=%7B%22image%22%3A0%2C%22kind%22%3A%22brush%22%7D";
  assert.ok(alike(encoded({ ...draft, active_seconds: null }), typed));
});

test("an entry is put back onto the form that it was typed in, and onto no other", () => {
  const entry = { fields: "comment=abc", base: "comment=", sent: ["comment=a", "comment=ab"] };
  assert.equal(fateOf(entry, "comment="), "back");
  for (const arrived of entry.sent) assert.equal(fateOf(entry, arrived), "back");
  assert.equal(fateOf(entry, "comment=abc"), "same");
  assert.equal(fateOf(entry, "comment=of+another+machine"), "aside");
  assert.equal(fateOf({ fields: "a=1", base: "" }, "a=2"), "aside");
});
