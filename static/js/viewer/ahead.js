/* A picture that was fetched before anybody asked for it: answers behind a sign-in are kept by no browser, so the page keeps
   this one itself. No DOM in here. */

let kept = null;

/** What an address answers, as bytes. Rejects where it does not. */
export async function bytesOf(address, { get = fetch, ...options } = {}) {
  const answer = await get(address, options);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.arrayBuffer();
}

/** Have what one address answers at hand, in the place of any other's, as `made` makes it of the bytes; once it did not come
    it is asked for again. */
export function fetchAhead(address, { get = fetch, made = (bytes) => bytes } = {}) {
  if (kept?.address === address) return;
  const coming = bytesOf(address, { get, priority: "low" }).then(made);
  kept = { address, coming };
  coming.catch(() => {
    if (kept?.coming === coming) kept = null;
  });
}

/** That, or null where this is not the address, or it did not come. Once only. */
export async function taken(address) {
  if (kept?.address !== address) return null;
  const { coming } = kept;
  kept = null;
  return coming.catch(() => null);
}
