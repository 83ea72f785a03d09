import assert from "node:assert/strict";
import { test } from "node:test";

import { answerOf, bytesOf, creationOf, requestOf, textOf } from "../../../static/js/accounts/encoding.js";

test("bytes are base64url without padding, and come back", () => {
  const bytes = Uint8Array.of(251, 255, 254, 0);
  assert.equal(textOf(bytes.buffer), "-__-AA");
  assert.deepEqual(bytesOf("-__-AA"), bytes);
});

test("what the server asks has bytes where the browser takes bytes, and the rest as it is", () => {
  const key = { type: "public-key", id: "AQI" };
  const asked = { challenge: "AQ", user: { id: "Ag", name: "a@example.org" }, attestation: "none" };
  assert.deepEqual(creationOf({ ...asked, excludeCredentials: [key] }), {
    challenge: Uint8Array.of(1),
    user: { id: Uint8Array.of(2), name: "a@example.org" },
    attestation: "none",
    excludeCredentials: [{ type: "public-key", id: Uint8Array.of(1, 2) }],
  });
  assert.deepEqual(creationOf(asked).excludeCredentials, []);
  assert.deepEqual(requestOf({ challenge: "AQ", rpId: "localhost", allowCredentials: [key] }), {
    challenge: Uint8Array.of(1),
    rpId: "localhost",
    allowCredentials: [{ type: "public-key", id: Uint8Array.of(1, 2) }],
  });
});

test("an answer names the key and has the parts that this kind of answer has", () => {
  const rawId = Uint8Array.of(1).buffer;
  const response = { clientDataJSON: Uint8Array.of(2).buffer, signature: Uint8Array.of(3).buffer, userHandle: null };
  assert.deepEqual(answerOf({ rawId, type: "public-key", response }), {
    id: "AQ",
    rawId: "AQ",
    type: "public-key",
    response: { clientDataJSON: "Ag", signature: "Aw" },
  });
});
