// @ts-check
/** Colours of frames. The ink on each has a contrast of at least 4.5:1, in both themes. */

import { hashOf } from "./flame/graph.js";
import { isRuntime, packageOf } from "./flame/names.js";

/** @typedef {import("./flame/graph.js").Graph} Graph */
/** @typedef {(node: number) => string} Colour */

/** Warm colours first; cool ones are paler. */
const HUES = [22, 38, 8, 52, 344, 208, 150, 272];
const COOL_FROM = 60;
const COOL_TO = 330;
const STEPS = 12;

export const dark = matchMedia("(prefers-color-scheme: dark)");

/** The colours of a graph's nodes. @param {Graph} graph @param {string} scheme `package` or `value` @returns {Colour} */
export function coloursOf(graph, scheme) {
  if (graph.isDiff) return diffColours(graph);
  return scheme === "value" ? valueColours(graph) : packageColours(graph);
}

/** @param {Graph} graph @returns {Colour} */
function packageColours(graph) {
  /** @type {string[]} */
  const colours = [];
  return (node) => {
    const name = graph.name[node];
    return node === 0 ? rootColour() : (colours[name] ??= nameColour(graph.names[name] ?? ""));
  };
}

/** @param {string} name */
function nameColour(name) {
  if (name === "other") return dark.matches ? "hsl(30 4% 62%)" : "hsl(30 6% 82%)";
  const group = packageOf(name) || name;
  const seed = parseInt(hashOf(group), 36);
  const shade = (parseInt(hashOf(name), 36) % 5) - 2;
  if (isRuntime(name)) return `hsl(34 10% ${(dark.matches ? 67 : 79) + shade}%)`;
  const hue = HUES[seed % HUES.length];
  const isCool = hue > COOL_FROM && hue < COOL_TO;
  const saturation = (dark.matches ? 44 : 62) - (isCool ? 18 : 0);
  return `hsl(${hue} ${saturation}% ${(dark.matches ? 70 : 77) + shade}%)`;
}

/** @param {Graph} graph @returns {Colour} */
function valueColours(graph) {
  const ramp = Array.from({ length: STEPS + 1 }, (_, step) => {
    const heat = step / STEPS;
    return `hsl(${52 - 36 * heat} ${45 + 40 * heat}% ${(dark.matches ? 78 : 88) - 18 * heat}%)`;
  });
  const most = Math.sqrt(graph.self.reduce((a, b) => Math.max(a, b), 1));
  return (node) => (node === 0 ? rootColour() : ramp[Math.round((Math.sqrt(graph.self[node]) / most) * STEPS)] ?? ramp[STEPS]);
}

/** Blue where the share fell, orange where it rose; colour-blind people can distinguish both. @param {Graph} graph @returns {Colour} */
function diffColours(graph) {
  const ramp = Array.from({ length: 2 * STEPS + 1 }, (_, step) => diffColour(step / STEPS - 1));
  return (node) => ramp[Math.round((changeOf(graph, node) + 1) * STEPS)];
}

/** How a node's share changed, from -1 (gone) to 1 (new). @param {Graph} graph @param {number} node */
function changeOf(graph, node) {
  const left = graph.leftTicks && graph.left ? graph.left.total[node] / graph.leftTicks : 0;
  const right = graph.rightTicks && graph.right ? graph.right.total[node] / graph.rightTicks : 0;
  return left + right > 0 ? (right - left) / Math.max(left, right) : 0;
}

/** @param {number} change */
export function diffColour(change) {
  const strength = Math.sqrt(Math.abs(change));
  const grey = dark.matches ? 68 : 82;
  if (change < 0) return `hsl(212 ${12 + 78 * strength}% ${grey - 8 * strength}%)`;
  return `hsl(24 ${8 + 82 * strength}% ${grey - 12 * strength}%)`;
}

function rootColour() {
  return dark.matches ? "hsl(30 5% 66%)" : "hsl(30 8% 80%)";
}

/** The ink of labels. */
export const INK = "hsl(24 30% 9%)";

/** The line colour of a series by its index. @param {number} at */
export function seriesColour(at) {
  const hues = [16, 205, 145, 45, 280, 330, 180, 95, 240, 0];
  if (at >= hues.length) return dark.matches ? "hsl(30 4% 60%)" : "hsl(30 5% 50%)";
  return `hsl(${hues[at]} ${dark.matches ? 65 : 62}% ${dark.matches ? 64 : 42}%)`;
}
