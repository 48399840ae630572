// What HTML and htmx can't do by themselves: pop-ups, typed text that is never lost, what went wrong on the way, and live news.
"use strict";

const person = document.body.dataset.person || "";

// --- Typed text: kept in this tab until it was saved or sent, whatever happens to the page or the session in between.

const draftKey = (name) => `draft:${person}:${name}`;
const fieldsOf = (form) => [...form.elements].filter((one) => one.name && one.name !== "csrf" && !["submit", "button"].includes(one.type));

function keepDraft(form) {
  if (!form?.dataset.draft) return;
  const kept = fieldsOf(form).map((one) => [one.name, one.value, one.checked ?? null]);
  sessionStorage.setItem(draftKey(form.dataset.draft), JSON.stringify(kept));
}

function restoreDraft(form) {
  const kept = JSON.parse(sessionStorage.getItem(draftKey(form.dataset.draft)) || "null");
  if (!kept) return;
  for (const one of fieldsOf(form)) {
    const box = one.type === "checkbox" || one.type === "radio";
    const found = kept.find(([name, value]) => name === one.name && (!box || value === one.value));
    if (!found) continue;
    if (box) one.checked = found[2];
    else one.value = found[1];
  }
  for (const part of form.querySelectorAll("details:has(:checked)")) part.open = true;
}

function settle(root) {
  const all = (selector) => [...(root.matches?.(selector) ? [root] : []), ...root.querySelectorAll(selector)];
  for (const one of all("[data-clears]")) sessionStorage.removeItem(draftKey(one.dataset.clears));
  for (const form of all("form[data-draft]")) {
    // What the server shows beside an error was typed a moment ago.
    if (form.querySelector("[role=alert]:not(:empty)")) keepDraft(form);
    else restoreDraft(form);
    count(form);
  }
}

document.addEventListener("input", (event) => {
  keepDraft(event.target.form);
  if (event.target.form) count(event.target.form);
});
document.addEventListener("submit", (event) => {
  if ("signsOut" in event.target.dataset) sessionStorage.clear();
  // A file is coming back, not a page: htmx must not take it.
  if (event.submitter && "plain" in event.submitter.dataset) event.stopPropagation();
}, true);

// --- The documents that were ticked: how many, and whether a mail takes them.

function count(form) {
  const total = form.querySelector("[data-total]");
  if (!total) return;
  const ticked = [...form.querySelectorAll("[data-size]:checked")];
  const size = ticked.reduce((sum, one) => sum + Number(one.dataset.size), 0);
  form.querySelector("[data-counts]").textContent = ticked.length ? `(${ticked.length})` : "";
  const words = size > Number(total.dataset.total) ? total.dataset.beyond : total.dataset.fits;
  const shown = size < 1048576 ? `${Math.max(1, Math.round(size / 1024))} KB` : `${(size / 1048576).toFixed(1)} MB`;
  total.textContent = ticked.length ? words.replace("{size}", shown) : "";
}

// --- Pop-ups: real ones, so that focus goes in and comes back, and Escape closes.

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  const closer = event.target.closest("[data-closes]");
  const dialog = opener ? document.getElementById(opener.dataset.opens) : closer?.closest("dialog");
  if (!dialog || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  // What is sent as the latest is the newest log that the page shows by now.
  const pinned = opener && dialog.querySelector("[name=log]");
  if (pinned) pinned.value = document.getElementById("logs").dataset.newest;
  if (opener) dialog.showModal();
  else dialog.close();
});
document.addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches("a[role=button]")) {
    event.preventDefault();
    event.target.click();
  }
});

// --- What went wrong is told where the eye is, and what was typed stays.

const noticeOf = (element) => (element.closest("form") ?? document).querySelector("[data-notice]");
// A part of the page that asks by itself: nobody clicked, so nobody is told when it fails. It asks again.
const asksByItself = (element) => /^(every|inbox)/.test(element.getAttribute?.("hx-trigger") || "");
// What was told into a pop-up that somebody closed meanwhile would be seen by nobody.
const reveal = (place) => place?.closest("dialog:not([open])")?.showModal();

function tell(element, words) {
  const place = noticeOf(element);
  if (!place) return;
  const line = document.createElement("p");
  if (place.role !== "alert") {
    line.role = "alert";
    line.className = "notice bad";
  }
  line.textContent = words;
  // What was sent before stays in sight.
  place.replaceChildren(line, ...place.querySelectorAll(".sends"));
  reveal(place);
}

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => asksByItself(event.detail.elt) || tell(event.detail.elt, document.body.dataset.noAnswer));
}
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, elt } = event.detail;
  if (asksByItself(elt)) {
    event.detail.shouldSwap = xhr.status === 200 && !same(elt, xhr.responseText);
    return;
  }
  const html = (xhr.getResponseHeader("content-type") || "").startsWith("text/html");
  if (xhr.status < 400) noticeOf(elt)?.replaceChildren();
  if (xhr.status < 400 || (html && !xhr.getResponseHeader("x-problem"))) return;
  event.detail.shouldSwap = false;
  // An answer that is no part of this page, such as a proxy's, is none.
  tell(elt, html ? parsed(xhr.responseText).textContent.trim() : document.body.dataset.noAnswer);
});

const parsed = (html) => new DOMParser().parseFromString(html, "text/html").body;

// Whether a part came back as it is: then it stays, with the focus in it, and a screen reader doesn't read it out again.
function same(element, html) {
  const shown = element.cloneNode(true);
  shown.classList.remove("htmx-request");
  if (!shown.classList.length) shown.removeAttribute("class");
  return Boolean(parsed(html).firstElementChild?.isEqualNode(shown));
}

// The button that was pressed is disabled while the answer is awaited, which takes the focus from it: it comes back.
// Words typed meanwhile would be in neither what is saved nor what comes back: none can be, as long as it takes.
let pressed = null;
const lock = (form, locked) => {
  for (const field of form.querySelectorAll("form[data-draft] :is(textarea, input:not([type]))")) field.readOnly = locked;
};
document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.detail.elt.matches("form")) return;
  pressed = event.detail.elt.contains(document.activeElement) ? document.activeElement : null;
  lock(event.detail.elt, true);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.elt.matches("form")) return;
  lock(event.detail.elt, false);
  if (!pressed?.isConnected) return;
  if (document.activeElement === document.body || document.activeElement.matches("dialog")) pressed.focus();
});
document.addEventListener("htmx:afterSettle", (event) => {
  settle(event.detail.elt);
  const form = event.detail.elt.closest?.("form[data-draft]");
  if (form) keepDraft(form);
  if (event.detail.requestConfig?.verb !== "post") return;
  const part = event.detail.elt;
  const wrong = part.querySelector?.("[aria-invalid=true]") ?? part.querySelector?.("[role=alert][tabindex]:not(:empty)");
  reveal(wrong);
  wrong?.focus();
  // On a small window the result would come below its edge.
  event.detail.elt.querySelector?.("[role=status]:not(:empty)")?.scrollIntoView({ block: "nearest" });
});

// --- News of the inbox: one tab listens for all, since a browser keeps but six connections to a server.

const badge = document.getElementById("unread");
const channel = "BroadcastChannel" in window ? new BroadcastChannel(`inbox:${person}`) : null;

function show(news) {
  badge.textContent = news.unread;
  badge.hidden = !news.unread;
  sessionStorage.setItem(draftKey("unread"), news.unread);
  if (news.kind !== "count") htmx.trigger(document.body, "inbox");
}

function listen() {
  const events = new EventSource("/inbox/events");
  let first = true;
  // A tab that opens later asks how many there are.
  channel?.addEventListener("message", (event) => event.data.asks && channel.postMessage({ kind: "count", unread: Number(badge.textContent) }));
  for (const kind of ["unread", "new", "read", "withdrawn"]) {
    events.addEventListener(kind, (event) => {
      const { unread } = JSON.parse(event.data);
      // The first word is of now: where it says what is known already, nothing has come since the page was made.
      const news = { kind: first && kind === "unread" && unread === Number(badge.textContent) ? "count" : kind, unread };
      first = false;
      show(news);
      channel?.postMessage(news);
    });
  }
  // A server that tells it to stop (nobody is signed in any more) leaves listening to another tab.
  return new Promise((resolve) => events.addEventListener("error", () => events.readyState === EventSource.CLOSED && resolve()));
}

if (badge) {
  const known = Number(sessionStorage.getItem(draftKey("unread")) || 0);
  badge.textContent = known;
  badge.hidden = !known;
  channel?.addEventListener("message", (event) => event.data.asks || show(event.data));
  channel?.postMessage({ asks: true });
  if (navigator.locks && channel) navigator.locks.request(`inbox:${person}`, listen);
  else listen();
}

// --- A page that a browser has kept whole for a step back may be of somebody who has signed out: the door is asked again.

addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  document.body.hidden = true;
  location.reload();
});

// --- Begin.

for (const field of document.querySelectorAll("[data-zone] [name=zone]")) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
settle(document);
for (const dialog of document.querySelectorAll("dialog[open]")) {
  dialog.removeAttribute("open");
  dialog.showModal();
}
// What was done is said once: a page that is loaded again says what is there.
const address = new URL(location);
for (const said of ["saved", "send", "sent", "new", "forwarded"]) address.searchParams.delete(said);
if (address.href !== location.href) history.replaceState(history.state, "", address);
document.querySelector("[data-fresh]")?.scrollIntoView({ block: "center" });
