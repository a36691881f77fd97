// @ts-check
/** The flame graph for keyboards and screen readers: a tree of the frames around the focused one, rebuilt at each move. */

import { h, uniqueId } from "../dom.js";

/** @typedef {import("./graph.js").Graph} Graph */

const MAX_SIBLINGS = 7;
const MAX_CHILDREN = 5;
const MAX_ANCESTORS = 40;

export class FrameTree {
  /** @param {HTMLElement} host the focusable element with the role `tree` @param {(node: number) => string} describe */
  constructor(host, describe) {
    this.host = host;
    this.describe = describe;
    this.stem = uniqueId("frame");
  }

  /** @param {Graph} graph @param {number} focus */
  show(graph, focus) {
    if (!graph.count) {
      this.host.replaceChildren();
      this.host.removeAttribute("aria-activedescendant");
      return;
    }
    const ancestors = graph.pathTo(focus).slice(0, -1).slice(-MAX_ANCESTORS);
    const nodes = [...ancestors, ...around(graph, focus), ...largestChildren(graph, focus, MAX_CHILDREN)];
    this.host.replaceChildren(...nodes.map((node) => this.item(graph, node, focus, ancestors)));
    this.host.setAttribute("aria-activedescendant", `${this.stem}-${focus}`);
  }

  /** @param {Graph} graph @param {number} node @param {number} focus @param {number[]} ancestors */
  item(graph, node, focus, ancestors) {
    const parent = graph.parent[node];
    const first = parent < 0 ? 0 : graph.childStart[parent];
    const setSize = parent < 0 ? 1 : graph.childStart[parent + 1] - first;
    const hasChildren = graph.childStart[node] < graph.childStart[node + 1];
    return h("div", {
      role: "treeitem",
      id: `${this.stem}-${node}`,
      "aria-level": graph.levelOf(node) + 1,
      "aria-posinset": node - first + 1,
      "aria-setsize": setSize,
      "aria-selected": node === focus ? "true" : "false",
      "aria-expanded": hasChildren ? String(node === focus || ancestors.includes(node)) : null,
      text: this.describe(node),
    });
  }
}

/** The node and its nearest siblings, from left to right. @param {Graph} graph @param {number} node */
function around(graph, node) {
  const parent = graph.parent[node];
  if (parent < 0) return [node];
  const end = graph.childStart[parent + 1];
  const first = Math.max(graph.childStart[parent], Math.min(node - 3, end - MAX_SIBLINGS));
  return Array.from({ length: Math.min(MAX_SIBLINGS, end - first) }, (_, at) => first + at);
}

/** @param {Graph} graph @param {number} node @param {number} count */
function largestChildren(graph, node, count) {
  const children = [];
  for (let child = graph.childStart[node]; child < graph.childStart[node + 1]; child += 1) children.push(child);
  return children.sort((a, b) => graph.total[b] - graph.total[a]).slice(0, count);
}

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

/** The node to which a key leads, or null for other keys. @param {Graph} graph @param {number} node
 * @param {string} key @param {boolean[] | null} matched */
export function keyAction(graph, node, key, matched) {
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
