/* What becomes of the answer to a page that was asked for by a script. No DOM in here. */

// Where a portal is overloaded or broken, asking again at once helps nobody.
const TOO_MANY = 429;
const BROKEN = 500;
const NOTHING_HERE = 204;

/**
 * "swap": a page that can take the place of the one in sight (`isAlike`). "lead": there is nothing to swap in, and the
 * address itself leads on. "go": another page, to be opened as a whole. "send": a form that was refused; sent as a whole
 * page, which changes nothing either, it is told why. "stay": it failed, and the page in sight says so. `isLed`: the
 * answer is that of another address, to which this one leads.
 */
export function fateOf({ status, isAlike, isPost, isLed }) {
  if (isAlike) return "swap";
  if (status >= BROKEN || status === TOO_MANY) return "stay";
  if (status === NOTHING_HERE) return "lead";
  return isPost && !isLed ? "send" : "go";
}

/** The fields of a form as a browser sends them, whose lines end in CRLF. */
export function asSent(fields) {
  const sent = new URLSearchParams();
  for (const [name, value] of fields) sent.append(name, value.replace(/\r\n|\r|\n/g, "\r\n"));
  return sent;
}

/** The address that a form of these fields leads to by GET; what is no field of the page stays out of it. */
export function leadingTo(address, fields) {
  const query = new URLSearchParams([...fields].filter(([name]) => name !== "csrfmiddlewaretoken" && name !== "typed_by"));
  return query.size ? `${address}?${query}` : address;
}
