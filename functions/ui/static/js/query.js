// @ts-check
/** The query in the state, of the whole page or of one side. */

import { formatQuery, formatSelector, parseQuery, serviceOf } from "./selector.js";
import { editableTime, parseRange, parseTime } from "./time_range.js";

/** @typedef {import("./url_state.js").State} State */
/** @typedef {import("./selector.js").Matcher} Matcher */
/** @typedef {"left" | "right"} SideName */
/**
 * @typedef {{ query: string, type: string, matchers: Matcher[], service: string, selector: string,
 *   range: import("./time_range.js").Range, from: string, until: string, maxNodes: number, site: string[] }} Query
 */

export const MAX_NODES = 8192;

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

/** A time some milliseconds before `text`. @param {string} text @param {number} ms */
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
