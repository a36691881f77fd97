// @ts-check
/** Queries: those in the state, of the whole page or of one side, and their text `process_cpu:cpu:nanoseconds:cpu:nanoseconds{service_name="checkout"}`. */

import { editableTime, parseRange, parseTime } from "./time_range.js";

/** @typedef {import("./url_state.js").State} State */
/** @typedef {{ name: string, op: string, value: string }} Matcher */
/** @typedef {"left" | "right"} SideName */
/**
 * @typedef {{ query: string, type: string, matchers: Matcher[], service: string, selector: string,
 *   range: import("./time_range.js").Range, from: string, until: string, maxNodes: number, site: string[] }} Query
 */

export const SERVICE = "service_name";
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*"|[^\s=!~,{}"]+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|`[^`]*`|[^\s,{}"]+)?)\s*(,|$)/y;
const MAX_NODES = 8192;

/** The query of Single and Tags. @param {State} state @returns {Query} */
export function mainQuery(state) {
  return queryOf(state, state.query, state.from, state.until);
}

/** The query of one side. @param {State} state @param {SideName} side @returns {Query} */
export function sideQuery(state, side) {
  const { from, until } = sideTimes(state, side);
  const query = side === "left" ? state.leftQuery : state.rightQuery;
  return { ...queryOf(state, query || state.query, from, until), site: [] };
}

/** The times of one side: by default the halves of the range. @param {State} state @param {SideName} side */
export function sideTimes(state, side) {
  const middle = middleOf(state.from, state.until);
  return side === "left"
    ? { from: state.leftFrom || state.from, until: state.leftUntil || middle }
    : { from: state.rightFrom || middle, until: state.rightUntil || state.until };
}

/** The range that covers both sides and the page's range. @param {State} state */
export function wholeRange(state) {
  const ranges = [parseRange(state.from, state.until), sideQuery(state, "left").range, sideQuery(state, "right").range];
  return { start: Math.min(...ranges.map((each) => each.start)), end: Math.max(...ranges.map((each) => each.end)) };
}

/** The sides for a comparison with the same range some time before. @param {State} state @param {number} ms @returns {Partial<State>} */
export function againstBefore(state, ms) {
  return {
    leftFrom: shifted(state.from, ms),
    leftUntil: shifted(state.until, ms),
    rightFrom: state.from,
    rightUntil: state.until,
  };
}

/** @param {State} state @param {string} text @param {string} from @param {string} until @returns {Query} */
function queryOf(state, text, from, until) {
  const { type, matchers } = parseQuery(text);
  const maxNodes = Number(state.maxNodes) > 0 ? Math.floor(Number(state.maxNodes)) : MAX_NODES;
  return {
    query: formatQuery(type, matchers),
    type,
    matchers,
    service: serviceOf(matchers),
    selector: formatSelector(matchers),
    range: parseRange(from, until),
    from,
    until,
    maxNodes,
    site: state.site,
  };
}

/** @param {string} from @param {string} until */
function middleOf(from, until) {
  const now = Date.now();
  const middle = (parseTime(from, now) + parseTime(until, now)) / 2;
  return from.startsWith("now") && until.startsWith("now") ? relativeTime(now - middle) : String(Math.round(middle));
}

/** The time `ms` before `text`. @param {string} text @param {number} ms */
function shifted(text, ms) {
  const now = Date.now();
  return text.startsWith("now") ? relativeTime(now - parseTime(text, now) + ms) : String(Math.round(parseTime(text, now) - ms));
}

/** @param {number} ms */
function relativeTime(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds <= 0) return "now";
  for (const [unit, size] of /** @type {[string, number][]} */ ([["d", 86_400], ["h", 3600], ["m", 60]])) {
    if (seconds % size === 0) return `now-${seconds / size}${unit}`;
  }
  return `now-${seconds}s`;
}

/** The name of a downloaded file. @param {Query} query */
export function fileStem({ service, type, range }) {
  return `${service || "all"}-${type.split(":").slice(0, 2).join("-")}-${editableTime(range.start).replaceAll(/[ :]/g, "-")}`;
}

/** Split a query into its profile type and its matchers; throws SyntaxError with the position of an error.
 * @param {string} query @returns {{ type: string, matchers: Matcher[] }} */
export function parseQuery(query) {
  const brace = query.indexOf("{");
  if (brace < 0) return { type: query.trim(), matchers: [] };
  return { type: query.slice(0, brace).trim(), matchers: parseMatchers(query.slice(brace)) };
}

/** The matchers of `{a="b", c=~"d"}`, with or without braces. @param {string} text @returns {Matcher[]} */
export function parseMatchers(text) {
  const inner = text.trim().replace(/^\{/, "").replace(/\}$/, "").replace(/,\s*$/, "");
  /** @type {Matcher[]} */
  const matchers = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < inner.length) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(inner);
    if (!found || found[3] === undefined) {
      throw new SyntaxError(`invalid matcher “${inner.slice(at).trim()}”: write label="value", or use !=, =~ or !~`);
    }
    matchers.push({ name: unquote(found[1]), op: found[2], value: unquote(found[3]) });
    if (!found[4]) break;
  }
  return matchers;
}

/** @param {string} type @param {Matcher[]} matchers */
export function formatQuery(type, matchers) {
  return `${type}${formatSelector(matchers)}`;
}

/** @param {Matcher[]} matchers */
export function formatSelector(matchers) {
  return `{${matchers.map(formatMatcher).join(", ")}}`;
}

/** @param {Matcher} matcher */
export function formatMatcher({ name, op, value }) {
  return `${PLAIN_NAME.test(name) ? name : quote(name)}${op}${quote(value)}`;
}

/** The service in the matchers, or an empty text. @param {Matcher[]} matchers */
export function serviceOf(matchers) {
  return matchers.find(isService)?.value ?? "";
}

/** All matchers except the service's. @param {Matcher[]} matchers */
export function withoutService(matchers) {
  return matchers.filter((each) => !isService(each));
}

/** @param {string} service @param {Matcher[]} others @returns {Matcher[]} */
export function withService(service, others) {
  return service ? [{ name: SERVICE, op: "=", value: service }, ...others] : others;
}

/** The matchers with the one of this name replaced. @param {Matcher[]} matchers @param {string} name @param {string} value */
export function withLabel(matchers, name, value) {
  return [...matchers.filter((each) => each.name !== name), { name, op: "=", value }];
}

/** @param {Matcher} matcher */
function isService({ name, op }) {
  return name === SERVICE && op === "=";
}

/** @param {string} text */
function quote(text) {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** @param {string} text */
function unquote(text) {
  if (text.startsWith("`")) return text.slice(1, -1);
  if (!text.startsWith('"')) return text;
  return text.slice(1, -1).replace(/\\(.)/g, (_, char) => (char === "n" ? "\n" : char === "t" ? "\t" : char));
}
