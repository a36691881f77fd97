// @ts-check
/** The state of the page, all of it in the URL, with Pyroscope's names where they exist. */

/**
 * @typedef {{
 *   page: string, query: string, from: string, until: string,
 *   leftQuery: string, leftFrom: string, leftUntil: string,
 *   rightQuery: string, rightFrom: string, rightUntil: string,
 *   groupBy: string, maxNodes: string, view: string, search: string, zoom: string, sandwich: string, colour: string,
 *   flip: string, fold: string, sort: string, exact: string, refresh: string, site: string[],
 * }} State
 */

/** @type {State} */
const DEFAULTS = Object.freeze({
  page: "",
  query: "",
  from: "now-1h",
  until: "now",
  leftQuery: "",
  leftFrom: "",
  leftUntil: "",
  rightQuery: "",
  rightFrom: "",
  rightUntil: "",
  groupBy: "",
  maxNodes: "",
  view: "both",
  search: "",
  zoom: "",
  sandwich: "",
  colour: "package",
  flip: "",
  fold: "",
  sort: "",
  exact: "",
  refresh: "",
  site: [],
});
/** The state within a graph, which is reset if a key of SUBJECT changes. */
const LOOKS = /** @type {const} */ (["zoom", "sandwich", "site"]);
const SUBJECT = ["page", "query", "leftQuery", "rightQuery"];

/** @type {Set<(state: State, before: State) => void>} */
const listeners = new Set();
let current = read();

export function state() {
  return current;
}

/** Call `listener` after each change. @param {(state: State, before: State) => void} listener */
export function onChange(listener) {
  listeners.add(listener);
}

/**
 * Change parts of the state. Adds an entry to the history unless `replace`.
 * @param {Partial<State>} changes @param {{ replace?: boolean, quiet?: boolean }} [options] `quiet`: no listener is called
 */
export function navigate(changes, { replace = false, quiet = false } = {}) {
  const next = { ...current, ...changes };
  if (SUBJECT.some((name) => name in changes && /** @type {any} */ (changes)[name] !== /** @type {any} */ (current)[name])) {
    for (const name of LOOKS) if (!(name in changes)) /** @type {any} */ (next)[name] = DEFAULTS[name];
  }
  const url = hrefOf(next);
  if (url === hrefOf(current)) return;
  history[replace ? "replaceState" : "pushState"](null, "", url);
  if (quiet) current = next;
  else apply(next);
}

/** The relative URL of a state. @param {Partial<State>} changed */
export function hrefOf(changed) {
  const parameters = new URLSearchParams();
  const whole = { ...DEFAULTS, ...changed };
  for (const [name, value] of Object.entries(whole)) {
    if (Array.isArray(value)) for (const each of value) parameters.append(name, each);
    else if (value !== /** @type {any} */ (DEFAULTS)[name]) parameters.set(name, value);
  }
  const text = parameters.toString();
  return text ? `?${text}` : "./";
}

addEventListener("popstate", () => apply(read()));

/** @param {State} next */
function apply(next) {
  const before = current;
  current = next;
  for (const listener of listeners) listener(next, before);
}

/** @returns {State} */
function read() {
  const parameters = new URLSearchParams(location.search);
  const found = /** @type {any} */ ({ ...DEFAULTS });
  for (const name of Object.keys(DEFAULTS)) {
    if (name === "site") found.site = parameters.getAll(name);
    else if (parameters.has(name)) found[name] = parameters.get(name);
  }
  if (!found.page && found.leftQuery) found.page = "diff";
  else if (!found.page && found.query) found.page = "single";
  return found;
}
