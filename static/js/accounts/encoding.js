/* What WebAuthn asks and answers: bytes in the browser, base64url in JSON (Web Authentication Level 3, 5.1). No DOM in here. */

/** The bytes that a base64url text stands for. */
export const bytesOf = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

/** Bytes as base64url, without padding. */
export const textOf = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

const withBytes = (known = []) => known.map((key) => ({ ...key, id: bytesOf(key.id) }));

/** What `credentials.create` takes, of what the server asks. */
export const creationOf = (asked) => ({
  ...asked,
  challenge: bytesOf(asked.challenge),
  user: { ...asked.user, id: bytesOf(asked.user.id) },
  excludeCredentials: withBytes(asked.excludeCredentials),
});

/** What `credentials.get` takes, of what the server asks. */
export const requestOf = (asked) => ({
  ...asked,
  challenge: bytesOf(asked.challenge),
  allowCredentials: withBytes(asked.allowCredentials),
});

const PARTS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature"];

/** What the key has answered, as the server reads it. */
export function answerOf({ rawId, type, response }) {
  const parts = PARTS.filter((name) => response[name]).map((name) => [name, textOf(response[name])]);
  return { id: textOf(rawId), rawId: textOf(rawId), type, response: Object.fromEntries(parts) };
}
