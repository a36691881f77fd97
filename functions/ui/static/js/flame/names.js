// @ts-check
/** Texts for functions and frames: a name's package, its part that fits, and a frame's numbers. */

import { formatChange, formatPoints, formatRelative, formatShare, formatValue } from "../units.js";

/** @typedef {import("./graph.js").Graph} Graph */

const GREY_PACKAGES = /^(runtime|syscall|internal|sync|reflect|GC|java|javax|jdk|sun|libc|libpthread|\[kernel\]|node:|native)([./:[]|$)/;

/** The package of a function in Go, Java, Rust, Node.js or Python; empty if unknown. @param {string} name */
export function packageOf(name) {
  const path = name.lastIndexOf("/");
  if (path >= 0) {
    const dot = name.indexOf(".", path);
    return dot < 0 ? name.slice(0, path) : name.slice(0, dot);
  }
  if (name.includes("::")) return name.slice(0, name.indexOf("::"));
  const parts = name.split(".");
  if (parts.length > 3) return parts.slice(0, -2).join(".");
  return parts.length > 1 ? parts[0] : "";
}

/** Whether a function is the language's rather than the program's. @param {string} name */
export function isRuntime(name) {
  return GREY_PACKAGES.test(name);
}

/** The name without its import path. @param {string} name */
export function shortName(name) {
  const path = name.lastIndexOf("/");
  return path > 0 && path < name.length - 1 && !name.includes(" ") ? name.slice(path + 1) : name;
}

/** A name in at most `room` characters: drops first the path, then the beginning. @param {string} name @param {number} room */
export function fitName(name, room) {
  if (name.length <= room) return name;
  const short = shortName(name);
  if (short.length <= room) return short;
  if (room < 3) return "";
  return `…${Array.from(short.slice(-(room - 1) * 2)).slice(-(room - 1)).join("")}`;
}

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
