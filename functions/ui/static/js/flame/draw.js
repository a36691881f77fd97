// @ts-check
/** Draws the visible rows of a graph. */

import { INK } from "../palette.js";
import { fitName } from "./names.js";

/** @typedef {import("./graph.js").Graph} Graph */
/**
 * @typedef {{
 *   graph: Graph, colours: (node: number) => string, x0: number, width: number, pixels: number, rowHeight: number,
 *   top: number, height: number, flip: boolean, matched: boolean[] | null, focus: number, zoom: number,
 *   glyph: number, faint: string, accent: string,
 * }} Scene `x0` and `width` are values, `pixels`, `top` and `height` lengths on the screen
 */

export const ROW_HEIGHT = 21;
export const FONT = '12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';
const LEAST_PX = 0.6;
const LABEL_LEAST_PX = 26;
const PADDING = 5;
const FADED = 0.28;

/** Draw the scene without measuring any text. @param {CanvasRenderingContext2D} context @param {Scene} scene */
export function draw(context, scene) {
  context.clearRect(0, 0, scene.pixels, scene.height);
  if (!scene.graph.count || scene.width <= 0) return;
  context.font = FONT;
  context.textBaseline = "middle";
  context.direction = "ltr";
  const first = Math.max(0, Math.floor(scene.top / scene.rowHeight));
  const last = Math.min(scene.graph.depth, Math.ceil((scene.top + scene.height) / scene.rowHeight));
  for (let row = first; row < last; row += 1) {
    const level = scene.flip ? scene.graph.depth - 1 - row : row;
    drawLevel(context, scene, level, row * scene.rowHeight - scene.top);
  }
}

/** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {number} level @param {number} y */
function drawLevel(context, scene, level, y) {
  const { graph, x0, width, pixels } = scene;
  const scale = pixels / width;
  const end = graph.rows[level + 1];
  const height = scene.rowHeight - 1;
  // Narrow bars share one path: setting a colour for each costs more than drawing it.
  context.fillStyle = scene.faint;
  context.beginPath();
  const wide = [];
  let node = firstEndingAfter(graph, graph.rows[level], end, x0);
  while (node < end && graph.x[node] < x0 + width) {
    const left = Math.max(0, (graph.x[node] - x0) * scale);
    const right = Math.min(pixels, (graph.x[node] + graph.total[node] - x0) * scale);
    if (right - left < LEAST_PX) {
      // Too narrow: one grey pixel, up to the first node that ends beyond it.
      const next = firstEndingAfter(graph, node + 1, end, x0 + (Math.floor(left) + 1) / scale);
      context.rect(Math.floor(left), y, 1, height);
      node = next;
      continue;
    }
    wide.push(node, left, right - left);
    node += 1;
  }
  context.fill();
  for (let at = 0; at < wide.length; at += 3) drawNode(context, scene, wide[at], wide[at + 1], wide[at + 2], y, height);
}

/** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {number} node @param {number} x @param {number} width
 * @param {number} y @param {number} height */
function drawNode(context, scene, node, x, width, y, height) {
  const { graph, matched } = scene;
  const hit = !matched || matched[graph.name[node]] || node === 0;
  const inner = Math.max(LEAST_PX, width - (width > 3 ? 1 : 0));
  if (!hit) context.globalAlpha = FADED;
  context.fillStyle = scene.colours(node);
  context.fillRect(x, y, inner, height);
  if (!hit) context.globalAlpha = 1;
  if (width >= LABEL_LEAST_PX) {
    const text = fitName(graph.nameOf(node) || "(no name)", Math.floor((inner - 2 * PADDING) / scene.glyph));
    context.fillStyle = hit ? INK : scene.faint;
    if (text) context.fillText(text, x + PADDING, y + height / 2 + 0.5, inner - 2 * PADDING);
  }
  if (node === scene.focus) outline(context, x, y, inner, height, scene.accent);
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} width @param {number} height
 * @param {string} colour */
function outline(context, x, y, width, height, colour) {
  context.lineWidth = 2;
  context.strokeStyle = colour;
  context.strokeRect(x + 1, y + 1, Math.max(1, width - 2), height - 2);
}

/** The first node from `from` to `end` of a level that ends after `x`. @param {Graph} graph @param {number} from
 * @param {number} end @param {number} x */
function firstEndingAfter(graph, from, end, x) {
  let low = from;
  let high = end;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (graph.x[middle] + graph.total[middle] > x) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The node at a value of a level, or -1. @param {Graph} graph @param {number} level @param {number} x */
export function nodeAtValue(graph, level, x) {
  if (level < 0 || level >= graph.depth) return -1;
  const node = firstEndingAfter(graph, graph.rows[level], graph.rows[level + 1], x);
  return node < graph.rows[level + 1] && graph.x[node] <= x ? node : -1;
}
