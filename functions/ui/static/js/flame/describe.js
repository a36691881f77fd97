// @ts-check
/** Frames in words and numbers. */

import { formatChange, formatPoints, formatRelative, formatShare, formatValue } from "../units.js";

/** @typedef {import("./graph.js").Graph} Graph */

/** A sentence for screen readers. @param {Graph} graph @param {number} node @param {string} unit */
export function describeFrame(graph, node, unit) {
  return tooltipLines(graph, node, unit).join(", ");
}

/** The name, then a line for each number. @param {Graph} graph @param {number} node @param {string} unit */
export function tooltipLines(graph, node, unit) {
  const name = shownName(graph.nameOf(node));
  return graph.isDiff ? [name, ...diffLines(graph, node, unit)] : [name, ...singleLines(graph, node, unit)];
}

/** @param {string} name */
export function shownName(name) {
  if (name === "") return "(no name)";
  return name.length > 300 ? `${name.slice(0, 150)}…${name.slice(-149)}` : name;
}

/** @param {Graph} graph @param {number} node @param {string} unit */
function singleLines(graph, node, unit) {
  const whole = graph.total[0] || 1;
  return [
    `total ${formatValue(graph.total[node], unit)} (${formatShare(graph.total[node] / whole)})`,
    `self ${formatValue(graph.self[node], unit)} (${formatShare(graph.self[node] / whole)})`,
  ];
}

/** @param {Graph} graph @param {number} node @param {string} unit */
function diffLines(graph, node, unit) {
  const left = graph.left?.total[node] ?? 0;
  const right = graph.right?.total[node] ?? 0;
  const leftShare = graph.leftTicks ? left / graph.leftTicks : 0;
  const rightShare = graph.rightTicks ? right / graph.rightTicks : 0;
  return [
    `left ${formatValue(left, unit)} (${formatShare(leftShare)})`,
    `right ${formatValue(right, unit)} (${formatShare(rightShare)})`,
    `share ${formatPoints(rightShare - leftShare)} (${formatRelative(leftShare, rightShare)}), value ${formatChange(right - left, unit)}`,
  ];
}
