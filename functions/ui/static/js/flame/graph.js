// @ts-check
/**
 * Call trees in typed arrays: decoded from `levels` or merged from other trees, with sums by function and searches.
 *
 * Nodes are numbered level by level, from left to right; `rows[d]` is the first node of level d. A node's children are
 * the nodes `childStart[i]` up to `childStart[i + 1]` of the next level. In a diff, `total` and `self` are left + right,
 * and `left` and `right` hold the sides.
 */

/** @typedef {{ total: Float64Array, self: Float64Array }} Side */
/**
 * @typedef {{ name: string, self: number, total: number, leftSelf: number, leftTotal: number,
 *   rightSelf: number, rightTotal: number }} Row
 */

export class Graph {
  /** @param {string[]} names @param {number} count @param {boolean} isDiff */
  constructor(names, count, isDiff) {
    this.names = names;
    this.count = count;
    this.isDiff = isDiff;
    /** @type {number[]} */
    this.rows = [0];
    this.x = new Float64Array(count);
    this.total = new Float64Array(count);
    this.self = new Float64Array(count);
    this.name = new Int32Array(count);
    this.parent = new Int32Array(count).fill(-1);
    this.childStart = new Int32Array(count + 1);
    /** @type {Side | null} */
    this.left = isDiff ? side(count) : null;
    /** @type {Side | null} */
    this.right = isDiff ? side(count) : null;
    this.leftTicks = 0;
    this.rightTicks = 0;
  }

  get depth() {
    return this.rows.length - 1;
  }

  /** @param {number} node */
  nameOf(node) {
    return this.names[this.name[node]] ?? "";
  }

  /** The level of a node. @param {number} node */
  levelOf(node) {
    let low = 0;
    let high = this.depth - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.rows[middle] <= node) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The nodes from the root down to `node`. @param {number} node */
  pathTo(node) {
    const path = [];
    for (let each = node; each >= 0; each = this.parent[each]) path.push(each);
    return path.reverse();
  }

  /** The names from below the root down to `node`. @param {number} node */
  namesTo(node) {
    return this.pathTo(node)
      .slice(1)
      .map((each) => this.nameOf(each));
  }

  /** The deepest node on this path of names. @param {string[]} names */
  nodeAt(names) {
    return this.walk(names, (node, name) => this.nameOf(node) === name);
  }

  /** A path that fits a URL. @param {number} node */
  keyOf(node) {
    return this.pathTo(node)
      .slice(1, 401)
      .map((each) => hashOf(this.nameOf(each)))
      .join(".");
  }

  /** @param {string} key */
  nodeOfKey(key) {
    return key ? this.walk(key.split("."), (node, hash) => hashOf(this.nameOf(node)) === hash) : 0;
  }

  /** @template T @param {T[]} steps @param {(node: number, step: T) => boolean} fits */
  walk(steps, fits) {
    let node = 0;
    for (const step of steps) {
      let next = -1;
      for (let child = this.childStart[node]; child < this.childStart[node + 1]; child += 1) {
        if (fits(child, step)) {
          next = child;
          break;
        }
      }
      if (next < 0) break;
      node = next;
    }
    return node;
  }

  /** Finish: derive parents and children from the positions of nodes. */
  link() {
    for (let level = 0; level < this.depth; level += 1) {
      const end = this.rows[level + 1];
      const below = this.rows[level + 2] ?? end;
      let child = end;
      for (let node = this.rows[level]; node < end; node += 1) {
        this.childStart[node] = child;
        const edge = this.x[node] + this.total[node];
        while (child < below && this.x[child] < edge) {
          this.parent[child] = node;
          child += 1;
        }
        if (node === end - 1) {
          for (; child < below; child += 1) this.parent[child] = node;
        }
      }
    }
    this.childStart[this.count] = this.count;
    return this;
  }
}

/** Decode a response of SelectMergeStacktraces or Diff; throws TypeError if it is invalid.
 * @param {any} answer @param {boolean} [isDiff] */
export function decode(answer, isDiff = false) {
  const names = strings(answer?.names);
  const levels = Array.isArray(answer?.levels) ? answer.levels : [];
  const width = isDiff ? 7 : 4;
  const lengths = levels.map((/** @type {any} */ level) => (Array.isArray(level?.values) ? level.values.length / width : 0));
  const count = lengths.reduce((/** @type {number} */ sum, /** @type {number} */ each) => sum + each, 0);
  if (!Number.isInteger(count)) throw new TypeError("the flame graph's levels cannot be read");
  const graph = new Graph(names, count, isDiff);
  graph.rows.length = 0;
  let node = 0;
  for (const level of levels) {
    graph.rows.push(node);
    node = (isDiff ? decodeDiffLevel : decodeLevel)(graph, node, level.values ?? []);
  }
  graph.rows.push(node);
  graph.leftTicks = number(answer?.leftTicks);
  graph.rightTicks = number(answer?.rightTicks);
  return graph.link();
}

/** @param {Graph} graph @param {number} node @param {any[]} values */
function decodeLevel(graph, node, values) {
  let edge = 0;
  for (let at = 0; at < values.length; at += 4) {
    graph.x[node] = edge + number(values[at]);
    graph.total[node] = number(values[at + 1]);
    graph.self[node] = number(values[at + 2]);
    graph.name[node] = number(values[at + 3]);
    edge = graph.x[node] + graph.total[node];
    node += 1;
  }
  return node;
}

/** @param {Graph} graph @param {number} node @param {any[]} values */
function decodeDiffLevel(graph, node, values) {
  const left = /** @type {Side} */ (graph.left);
  const right = /** @type {Side} */ (graph.right);
  let edge = 0;
  for (let at = 0; at < values.length; at += 7) {
    left.total[node] = number(values[at + 1]);
    left.self[node] = number(values[at + 2]);
    right.total[node] = number(values[at + 4]);
    right.self[node] = number(values[at + 5]);
    graph.x[node] = edge + number(values[at]) + number(values[at + 3]);
    graph.total[node] = left.total[node] + right.total[node];
    graph.self[node] = left.self[node] + right.self[node];
    graph.name[node] = number(values[at + 6]);
    edge = graph.x[node] + graph.total[node];
    node += 1;
  }
  return node;
}

/** A short hash of a name. @param {string} text */
export function hashOf(text) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(36);
}

/** @param {number} count @returns {Side} */
function side(count) {
  return { total: new Float64Array(count), self: new Float64Array(count) };
}

/** Exact up to 9e15, which is 104 days of CPU in nanoseconds. @param {any} value */
function number(value) {
  const read = Number(value ?? 0);
  return Number.isFinite(read) ? read : 0;
}

/** @param {any} value @returns {string[]} */
function strings(value) {
  return Array.isArray(value) ? value.map(String) : [];
}

/**
 * The functions of a graph; a stack counts once towards each function in it. Nodes of a name are swept in x order: one
 * that begins before the last counted one ends lies below it.
 * @param {Graph} graph @returns {Row[]}
 */
export function functionsOf(graph) {
  const order = byPosition(graph);
  const edges = new Float64Array(graph.names.length).fill(-1);
  /** @type {(Row | undefined)[]} */
  const rows = Array.from({ length: graph.names.length });
  for (const node of order) {
    if (node === 0) continue;
    const name = graph.name[node];
    const row = (rows[name] ??= emptyRow(graph.names[name] ?? ""));
    addSelf(row, graph, node);
    if (graph.x[node] < edges[name]) continue;
    edges[name] = graph.x[node] + graph.total[node];
    addTotal(row, graph, node);
  }
  return /** @type {Row[]} */ (rows.filter(Boolean));
}

/** @param {Graph} graph */
function byPosition(graph) {
  const order = new Int32Array(graph.count);
  for (let node = 0; node < graph.count; node += 1) order[node] = node;
  const { x } = graph;
  return order.sort((a, b) => x[a] - x[b] || a - b);
}

/** @param {string} name @returns {Row} */
export function emptyRow(name) {
  return { name, self: 0, total: 0, leftSelf: 0, leftTotal: 0, rightSelf: 0, rightTotal: 0 };
}

/** @param {Row} row @param {Graph} graph @param {number} node */
function addSelf(row, graph, node) {
  row.self += graph.self[node];
  if (!graph.left || !graph.right) return;
  row.leftSelf += graph.left.self[node];
  row.rightSelf += graph.right.self[node];
}

/** @param {Row} row @param {Graph} graph @param {number} node */
function addTotal(row, graph, node) {
  row.total += graph.total[node];
  if (!graph.left || !graph.right) return;
  row.leftTotal += graph.left.total[node];
  row.rightTotal += graph.right.total[node];
}

/** The nodes that match a search, and their share of the total.
 * @param {Graph} graph @param {((name: string) => boolean) | null} matches */
export function searchGraph(graph, matches) {
  if (!matches) return { names: null, nodes: 0, share: 0 };
  const names = graph.names.map(matches);
  let nodes = 0;
  let matched = 0;
  const inside = new Uint8Array(graph.count);
  for (let node = 0; node < graph.count; node += 1) {
    const parent = graph.parent[node];
    const below = parent >= 0 && inside[parent] === 1;
    const hit = node > 0 && names[graph.name[node]];
    if (hit) nodes += 1;
    if (hit && !below) matched += graph.total[node];
    inside[node] = below || hit ? 1 : 0;
  }
  return { names, nodes, share: graph.count && graph.total[0] ? matched / graph.total[0] : 0 };
}

/**
 * A search as a test of names: `/regular expression/`, or else a substring, ignoring case. Throws SyntaxError if an
 * expression is invalid.
 * @param {string} text @returns {((name: string) => boolean) | null}
 */
export function matcherOf(text) {
  if (!text) return null;
  const expression = /^\/(.+)\/(i?)$/.exec(text);
  if (expression) {
    const compiled = new RegExp(expression[1], expression[2]);
    return (name) => compiled.test(name);
  }
  const lower = text.toLowerCase();
  return (name) => name.toLowerCase().includes(lower);
}
