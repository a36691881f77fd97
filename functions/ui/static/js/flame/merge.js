// @ts-check
/** Trees derived from a tree: a function's callers and callees, and a tree without recursion. */

import { Graph } from "./graph.js";

/** @typedef {[number, number]} Values left and right; the right is 0 outside a diff */

class Merger {
  /** @param {Graph} source */
  constructor(source) {
    this.source = source;
    /** @type {number[]} */
    this.name = [];
    /** @type {number[]} */
    this.parent = [];
    /** @type {number[][]} */
    this.children = [];
    /** @type {number[][]} total and self of the left, the same of the right */
    this.values = [];
    /** @type {Map<number, number>} */
    this.known = new Map();
    this.root = this.child(-1, -1);
  }

  /** The child of this name, created if it is new. @param {number} parent @param {number} name */
  child(parent, name) {
    const key = (parent + 1) * (this.source.names.length + 1) + name + 1;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const node = this.name.length;
    this.known.set(key, node);
    this.name.push(name);
    this.parent.push(parent);
    this.children.push([]);
    this.values.push([0, 0, 0, 0]);
    if (parent >= 0) this.children[parent].push(node);
    return node;
  }

  /** @param {number} node @param {number} source whose total is added @param {boolean} withSelf */
  add(node, source, withSelf) {
    const values = this.values[node];
    const { left, right, total, self } = this.source;
    values[0] += left ? left.total[source] : total[source];
    values[2] += right ? right.total[source] : 0;
    if (!withSelf) return;
    values[1] += left ? left.self[source] : self[source];
    values[3] += right ? right.self[source] : 0;
  }

  /** Add a subtree of the source; its root merges into `node`. @param {number} node @param {number} source */
  addSubtree(node, source) {
    const stack = [node, source];
    while (stack.length) {
      const from = /** @type {number} */ (stack.pop());
      const into = /** @type {number} */ (stack.pop());
      this.add(into, from, true);
      for (let child = this.source.childStart[from]; child < this.source.childStart[from + 1]; child += 1) {
        stack.push(this.child(into, this.source.name[child]), child);
      }
    }
  }

  /** The graph below `top`. @param {number} top */
  graph(top) {
    const { source } = this;
    const order = [top];
    const starts = [0];
    for (let at = 0; at < order.length; ) {
      const end = order.length;
      for (; at < end; at += 1) for (const child of this.children[order[at]]) order.push(child);
      starts.push(end);
    }
    const graph = new Graph(source.names, order.length, source.isDiff);
    graph.rows = starts;
    graph.leftTicks = source.leftTicks;
    graph.rightTicks = source.rightTicks;
    const number = new Map(order.map((node, at) => [node, at]));
    const edges = new Float64Array(order.length);
    order.forEach((node, at) => this.place(graph, at, node, number.get(this.parent[node]) ?? -1, edges));
    return graph.link();
  }

  /** @param {Graph} graph @param {number} at @param {number} node @param {number} parent @param {Float64Array} edges */
  place(graph, at, node, parent, edges) {
    const [leftTotal, leftSelf, rightTotal, rightSelf] = this.values[node];
    graph.name[at] = this.name[node];
    graph.total[at] = leftTotal + rightTotal;
    graph.self[at] = leftSelf + rightSelf;
    if (graph.left && graph.right) {
      graph.left.total[at] = leftTotal;
      graph.left.self[at] = leftSelf;
      graph.right.total[at] = rightTotal;
      graph.right.self[at] = rightSelf;
    }
    if (parent >= 0 && at > 0) {
      graph.x[at] = edges[parent];
      edges[parent] += graph.total[at];
    }
    edges[at] = graph.x[at];
  }
}

/** The outermost nodes of a name: recursion counts once. @param {Graph} graph @param {number} name */
function outermost(graph, name) {
  const found = [];
  let edge = -1;
  const nodes = [];
  for (let node = 0; node < graph.count; node += 1) if (graph.name[node] === name) nodes.push(node);
  nodes.sort((a, b) => graph.x[a] - graph.x[b] || a - b);
  for (const node of nodes) {
    if (graph.x[node] < edge) continue;
    found.push(node);
    edge = graph.x[node] + graph.total[node];
  }
  return found;
}

/** The callees of the function, which is the root. @param {Graph} graph @param {number} name */
export function callees(graph, name) {
  const merger = new Merger(graph);
  const top = merger.child(merger.root, name);
  for (const node of outermost(graph, name)) merger.addSubtree(top, node);
  return merger.graph(top);
}

/** The callers of the function, which is the root; each caller's callers are below it. @param {Graph} graph @param {number} name */
export function callers(graph, name) {
  const merger = new Merger(graph);
  const top = merger.child(merger.root, name);
  for (const node of outermost(graph, name)) {
    merger.add(top, node, true);
    let into = top;
    for (let caller = graph.parent[node]; caller > 0; caller = graph.parent[caller]) {
      into = merger.child(into, graph.name[caller]);
      merger.add(into, node, false);
    }
  }
  return merger.graph(top);
}

/** The tree with direct recursion merged. @param {Graph} graph */
export function withoutRecursion(graph) {
  if (!graph.count) return graph;
  const merger = new Merger(graph);
  const into = new Int32Array(graph.count);
  const top = merger.child(merger.root, graph.name[0]);
  into[0] = top;
  merger.add(top, 0, true);
  for (let node = 1; node < graph.count; node += 1) {
    const parent = graph.parent[node];
    if (graph.name[node] === graph.name[parent]) {
      into[node] = into[parent];
      const values = merger.values[into[node]];
      values[1] += graph.left ? graph.left.self[node] : graph.self[node];
      values[3] += graph.right ? graph.right.self[node] : 0;
    } else {
      into[node] = merger.child(into[parent], graph.name[node]);
      merger.add(into[node], node, true);
    }
  }
  return merger.graph(top);
}
