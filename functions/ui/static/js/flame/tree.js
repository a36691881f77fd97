// @ts-check
/** The flame graph for screen readers: a tree of the surroundings of the focused frame, rebuilt at each move. */

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
    const siblings = parent < 0 ? 1 : graph.childStart[parent + 1] - first;
    const hasChildren = graph.childStart[node] < graph.childStart[node + 1];
    return h("div", {
      role: "treeitem",
      id: `${this.stem}-${node}`,
      "aria-level": graph.levelOf(node) + 1,
      "aria-posinset": node - first + 1,
      "aria-setsize": siblings,
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
export function largestChildren(graph, node, count) {
  const children = [];
  for (let child = graph.childStart[node]; child < graph.childStart[node + 1]; child += 1) children.push(child);
  return children.sort((a, b) => graph.total[b] - graph.total[a]).slice(0, count);
}
