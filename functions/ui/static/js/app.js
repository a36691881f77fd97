// @ts-check
/** The page as a whole: navigation, the query bar, and the page that the URL names. */

import { session } from "./api.js";
import { fill, h } from "./dom.js";
import { Loader, moduleOf, usedModule, whyUnwatched } from "./loader.js";
import { QueryBar } from "./query_bar.js";
import { isRelative } from "./time_range.js";
import { hrefOf, navigate, onChange, state } from "./url_state.js";

/** @typedef {import("./url_state.js").State} State */
/**
 * @typedef {{ title: string, element: HTMLElement, load: (signal: AbortSignal) => Promise<void>, apply: () => void,
 *   isOther: (now: State, before: State) => boolean }} Page
 */

/** Opening a page fetches its modules. @type {Record<string, () => Promise<Page>>} */
const PAGES = {
  "": async () => new (await import("./pages/overview.js")).OverviewPage(),
  single: async () => new (await import("./pages/single.js")).SinglePage(),
  compare: async () => new (await import("./pages/compare.js")).ComparePage(),
  diff: async () => new (await import("./pages/diff.js")).DiffPage(),
  tags: async () => new (await import("./pages/tags.js")).TagsPage(),
};
const LINKS = [["single", "Single"], ["compare", "Compare"], ["diff", "Diff"], ["tags", "Tags"]];

/** @type {Map<string, Page>} */
const pages = new Map();
const loader = new Loader({ onSignIn: (reason) => void openSignIn(reason) });
const bar = new QueryBar({ onReload: () => void load() });
const main = /** @type {HTMLElement} */ (document.getElementById("page"));
const nav = /** @type {HTMLElement} */ (document.getElementById("nav"));
const heading = /** @type {HTMLElement} */ (document.getElementById("heading"));
let loadedAt = 0;
let loading = false;

/** The name of the page that the URL names. */
function pageName() {
  return state().page in PAGES ? state().page : "";
}

/** The page that the URL names, once it has been opened. */
function currentPage() {
  return pages.get(pageName());
}

/** Open the page that the URL names, unless the signal aborts. @param {AbortSignal} signal */
async function openPage(signal) {
  const name = pageName();
  const opened = pages.get(name) ?? (await moduleOf(PAGES[name]()));
  signal.throwIfAborted();
  const page = pages.get(name) ?? opened;
  pages.set(name, page);
  show();
  return page;
}

/** @param {{ quiet?: boolean }} [options] */
async function load(options) {
  loading = true;
  await completeQuery();
  /** @type {Page | undefined} */
  let page;
  const loaded = await loader.run(async (signal) => {
    page = await openPage(signal);
    await page.load(signal);
  }, options);
  if (page && page === currentPage()) page.element.classList.toggle("stale", !loaded && loader.failed);
  loadedAt = Date.now();
  loading = false;
}

/** A page without a query shows the first service. */
async function completeQuery() {
  const { page, query, leftQuery } = state();
  if (!page || query || leftQuery) return;
  const first = await bar.firstQuery();
  if (first) navigate({ query: first }, { replace: true, quiet: true });
  else navigate({ page: "" }, { replace: true, quiet: true });
  show();
}

function show() {
  const page = currentPage();
  if (!page) fill(main, loader.element);
  else if (page.element.parentElement !== main) fill(main, loader.element, page.element);
  const title = page?.title ?? "flamehouse";
  heading.textContent = title;
  const { query } = state();
  document.title = query ? `${title} · ${query.slice(0, 120)} · flamehouse` : "flamehouse";
  bar.apply(state());
  fill(nav, LINKS.map(([name, text]) => link(name, text)));
}

/** @param {string} name @param {string} text */
function link(name, text) {
  const changes = { ...state(), page: name };
  const open = (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    navigate({ page: name });
  };
  return h("a", { href: hrefOf(changes), "aria-current": state().page === name ? "page" : null, on: { click: open }, text });
}

/** @param {string} [reason] */
async function openSignIn(reason) {
  const dialog = await usedModule(import("./sign_in.js"));
  dialog?.openSignIn(signedIn, reason);
}

function signedIn() {
  drawAccount();
  void load();
}

function drawAccount() {
  const { kind, user, tenant } = session();
  const account = /** @type {HTMLElement} */ (document.getElementById("account"));
  const who = kind === "none" ? "Sign in" : user || "Signed in";
  account.textContent = tenant ? `${who} · ${tenant}` : who;
}

/** Reload when due, if the page is visible and nothing is loading. */
function tick() {
  const { refresh, from, until } = state();
  const seconds = Number(refresh);
  const why = seconds ? whyUnwatched() : "";
  bar.setPaused(why);
  if (!seconds || why || loading || !isRelative(from, until)) return;
  if (Date.now() - loadedAt >= seconds * 1000) void load({ quiet: true });
}

onChange((now, before) => {
  const page = currentPage();
  show();
  if (!page || now.page !== before.page || page.isOther(now, before)) void load();
  else page.apply();
});
document.getElementById("account")?.addEventListener("click", () => void openSignIn());
document.getElementById("home")?.addEventListener("click", (event) => {
  event.preventDefault();
  navigate({ page: "", query: "", leftQuery: "", rightQuery: "" });
});
document.getElementById("query")?.replaceWith(bar.element);
drawAccount();
show();
void load();
setInterval(tick, 1000);
