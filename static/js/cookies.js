/* What the browser keeps for the server. No DOM in here. */

/** The value of one cookie of `document.cookie`; "" where there is none such. */
export function cookie(cookies, name) {
  const found = cookies.split("; ").find((entry) => entry.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}
