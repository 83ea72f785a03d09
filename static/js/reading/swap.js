/* The next case in the page that is open: what has `data-swap` is asked for by a script, and only the page's content changes,
   so that the viewer's canvases stay. Whatever is no page of this kind is opened as a whole, as without a script. */

import { arrive, isShown, shownAddress } from "../address.js";
import { turnPage } from "../page.js";
import { areOpen } from "../viewer/canvases.js";
import { holdMaps } from "../viewer/drawing.js";
import { newest } from "../viewer/loading.js";
import { asSent, fateOf, leadingTo } from "./answers.js";

const PATIENCE = 20_000;
// A page that comes sooner is not announced.
const QUIET = 500;
const PARTS = [".site-header", "#content", ".site-footer", "#keys-dialog"];

const loads = newest(PATIENCE);
// The form that is under way with its button, and those that are sent as a whole page.
let sent = null;
const plain = new WeakSet();

/** What two pages must have in common to take each other's place: person, language, and what they are drawn and run with. */
function kindOf(page) {
  const files = [...page.querySelectorAll("link[rel='stylesheet'], script[src]")];
  const names = files.map((file) => file.getAttribute("href") ?? file.getAttribute("src"));
  return JSON.stringify([page.body.dataset.person, page.documentElement.lang, page.getElementById("viewer") !== null, ...names]);
}

function copyAttributes(from, to) {
  for (const { name } of [...to.attributes]) if (!from.hasAttribute(name)) to.removeAttribute(name);
  for (const { name, value } of from.attributes) to.setAttribute(name, value);
}

function say(name) {
  const line = document.getElementById("page-state");
  line.textContent = line.dataset[name] ?? "";
  line.dataset.tone = name === "coming" ? "info" : "bad";
  line.hidden = !name;
}

/** A page in the place of the one in sight; its address is a new one of the history, unless Back or Forward led to it. */
function show(page, address, isPop) {
  const scroll = isPop ? window.scrollY : 0;
  turnPage(() => {
    // The canvases draw them.
    if (areOpen()) holdMaps(page);
    for (const selector of PARTS) document.querySelector(selector).replaceWith(document.adoptNode(page.querySelector(selector)));
    for (const name of ["documentElement", "body"]) copyAttributes(page[name], document[name]);
    document.title = page.title;
    const isNew = new URL(address).pathname + new URL(address).search !== shownAddress();
    if (!isPop) window.history[isNew ? "pushState" : "replaceState"](null, "", address);
    arrive();
    window.htmx?.process(document.body);
    window.scrollTo(0, scroll);
  });
}

function swapIn(page, address, isPop) {
  sent = null;
  try {
    show(page, address, isPop);
  } catch (error) {
    // Half of it is no page.
    window.location.replace(address);
    throw error;
  }
}

/** What was asked for, with its page where it is one. `address` is the page's own: what leads to a page answers with it at once. */
async function fetched({ address: asked, body }, signal) {
  // Signed out, a script gets 401, and no other page.
  const headers = { "X-Requested-With": "XMLHttpRequest" };
  const answer = await fetch(asked, { method: body ? "POST" : "GET", body, headers, signal });
  const isPage = answer.headers.get("Content-Type")?.startsWith("text/html") ?? false;
  const page = isPage ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  const address = new URL(answer.headers.get("Content-Location") ?? answer.url, answer.url).href;
  return { status: answer.status, isLed: answer.redirected || address !== answer.url, address, page };
}

function stay(isPop, name) {
  // The address says what is in sight.
  if (isPop) window.history.pushState(null, "", shownAddress());
  sent?.form.dispatchEvent(new Event("page-stays", { bubbles: true }));
  sent = null;
  say(name);
}

function sendPlainly({ form, submitter }) {
  plain.add(form);
  sent = null;
  form.requestSubmit(submitter);
}

function follow({ status, isLed, address, page }, { address: asked, body, isPop }) {
  const isAlike = page !== null && kindOf(page) === kindOf(document);
  const fate = fateOf({ status, isAlike, isPost: Boolean(body), isLed });
  if (fate === "swap") swapIn(page, address, isPop);
  else if (fate === "stay") stay(isPop, "refused");
  else if (fate === "send") sendPlainly(sent);
  else if (isPop) window.location.reload();
  else window.location.assign(fate === "lead" ? leadingTo(asked, body ?? []) : address);
}

async function turnTo(asked) {
  const timer = window.setTimeout(say, QUIET, "coming");
  const found = await loads.run((signal) => fetched(asked, signal)).catch(() => "broken");
  window.clearTimeout(timer);
  if (found === "broken") stay(asked.isPop, found);
  else if (found) follow(found, asked);
}

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (plain.has(form) || event.defaultPrevented || !form.matches("[data-swap]")) return;
  event.preventDefault();
  if (sent) return;
  sent = { form, submitter };
  turnTo({ address: form.action, body: asSent(new FormData(form, submitter)) });
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-swap]");
  const isPlainClick = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (!link || !isPlainClick || event.defaultPrevented) return;
  event.preventDefault();
  if (!sent) turnTo({ address: link.href });
});

window.addEventListener("popstate", () => {
  // The other way there: a place of this very page.
  if (!isShown()) turnTo({ address: window.location.href, isPop: true });
});
