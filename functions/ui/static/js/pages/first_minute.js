// @ts-check
/** The first minute: shows how to send profiles, and waits for the first one. */

import { apiBase, fetchServices, fetchStats, session } from "../api.js";
import { button, copy, h } from "../dom.js";
import { isWatched } from "../loader.js";
import { rank } from "../query_bar.js";
import { formatQuery, withService } from "../query.js";
import { navigate } from "../url_state.js";
import { SNIPPETS } from "./snippets.js";

const POLL_MS = 2000;
const AROUND_MS = 1_800_000;

export function firstMinute() {
  const address = apiBase().href.replace(/\/$/, "");
  const waiting = h("p", { class: "waiting", role: "status" }, h("span", { class: "pulse", "aria-hidden": "true" }), "Waiting for the first profile…");
  const element = h(
    "div",
    { class: "first-minute" },
    h("h2", { text: "Send your first profile" }),
    h("p", {}, "This server is running and has no profiles yet. Its address is ", h("code", { text: address }), ". Send a profile, and it appears here."),
    waiting,
    tabs(address),
  );
  void waitForProfiles(element);
  return element;
}

/** @param {string} address */
function tabs(address) {
  const credential = session().kind === "none" ? "" : "CREDENTIAL";
  const code = h("code", {});
  const box = h("div", { class: "snippet" }, h("pre", { tabindex: "0", "aria-label": "Snippet" }, code));
  const note = h("p", { class: "hint" });
  const buttons = SNIPPETS.map(({ name, text, hint }) => {
    const show = () => {
      code.textContent = text(address, credential);
      note.textContent = hint;
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === own));
    };
    const own = button(name, show, { "aria-pressed": "false" });
    return own;
  });
  box.append(button("Copy", () => copy(code.textContent ?? "", "the snippet"), { class: "small copy" }));
  buttons[0].click();
  return h("div", { class: "card snippets" }, h("div", { class: "segmented wrap", role: "group", "aria-label": "Client" }, buttons), box, note);
}

/** Poll for profiles while the page is visible. @param {HTMLElement} element */
async function waitForProfiles(element) {
  await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  if (!element.isConnected) return;
  if (isWatched() && (await openNewest().catch(() => false))) return;
  void waitForProfiles(element);
}

/** Open the first service; false without services. */
async function openNewest() {
  const { newest } = await fetchStats();
  if (!newest) return false;
  const recent = Date.now() - newest < AROUND_MS;
  const range = { start: newest - AROUND_MS, end: newest + AROUND_MS };
  const pairs = await fetchServices(range);
  if (!pairs.length) return false;
  const [{ service, type }] = pairs.toSorted((a, b) => rank(a.type) - rank(b.type));
  const times = recent ? {} : { from: String(range.start), until: String(range.end) };
  navigate({ page: "single", query: formatQuery(type, withService(service, [])), ...times }, { replace: true });
  return true;
}
