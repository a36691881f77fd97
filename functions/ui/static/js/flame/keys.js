// @ts-check
/** Keyboard navigation of the flame graph. */

import { largestChildren } from "./tree.js";

/** @typedef {import("./graph.js").Graph} Graph */

/** The keys, for the help that `?` opens. */
export const KEYS = [
  ["↓", "largest callee"],
  ["↑", "caller"],
  ["← →", "previous, next callee of the same caller"],
  ["Home, End", "first, last of them"],
  ["Enter", "zoom in; opens “other”"],
  ["Esc", "zoom out by one"],
  ["/", "search"],
  ["n, N", "next, previous match"],
  ["f, t, b", "flame graph, table, both"],
  ["s", "callers and callees of the function"],
  ["c", "copy the name"],
  ["?", "these keys"],
];

/** @type {Record<string, (graph: Graph, node: number, matched: boolean[] | null) => number>} */
const MOVES = {
  ArrowDown: (graph, node) => largestChildren(graph, node, 1)[0] ?? node,
  ArrowUp: (graph, node) => Math.max(0, graph.parent[node]),
  ArrowLeft: (graph, node) => Math.max(siblings(graph, node)[0], node - 1),
  ArrowRight: (graph, node) => Math.min(siblings(graph, node)[1], node + 1),
  Home: (graph, node) => siblings(graph, node)[0],
  End: (graph, node) => siblings(graph, node)[1],
  n: (graph, node, matched) => nextMatch(graph, node, matched, 1),
  N: (graph, node, matched) => nextMatch(graph, node, matched, -1),
};

/** The node that a key leads to, or null for a key that leads nowhere. @param {Graph} graph @param {number} node
 * @param {string} key @param {boolean[] | null} matched @param {number} _zoom */
export function keyAction(graph, node, key, matched, _zoom) {
  const move = MOVES[key];
  return move ? move(graph, node, matched) : null;
}

/** The first and the last node with the same caller. @param {Graph} graph @param {number} node */
function siblings(graph, node) {
  const parent = graph.parent[node];
  return parent < 0 ? [node, node] : [graph.childStart[parent], graph.childStart[parent + 1] - 1];
}

/** @param {Graph} graph @param {number} node @param {boolean[] | null} matched @param {number} direction */
function nextMatch(graph, node, matched, direction) {
  if (!matched) return node;
  for (let step = 1; step <= graph.count; step += 1) {
    const next = (node + direction * step + graph.count * 2) % graph.count;
    if (next > 0 && matched[graph.name[next]]) return next;
  }
  return node;
}
