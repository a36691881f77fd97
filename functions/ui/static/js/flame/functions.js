// @ts-check
/** Sums by function for the table, from a graph or exactly from a merged profile. */

/** @typedef {import("./graph.js").Graph} Graph */
/**
 * @typedef {{ name: string, self: number, total: number, leftSelf: number, leftTotal: number,
 *   rightSelf: number, rightTotal: number }} Row
 */

/**
 * The functions of a graph; a stack counts once towards each function in it. Nodes of one name are swept in x order: one
 * that begins before the last counted one ended lies below it.
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
 * A search as a test of names: `/regular expression/`, or else a substring, ignoring case. Throws SyntaxError for an invalid
 * expression.
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
