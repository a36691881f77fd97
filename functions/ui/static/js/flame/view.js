// @ts-check
/** The flame graph: a canvas of the window's size in a spacer of the graph's height, and a tree over it. */

import { announce, h } from "../dom.js";
import { coloursOf, dark } from "../palette.js";
import { draw, FONT, nodeAtValue, ROW_HEIGHT } from "./draw.js";
import { Graph } from "./graph.js";
import { describeFrame, tooltipLines } from "./names.js";
import { FrameTree, keyAction } from "./tree.js";

const ZOOM_MS = 160;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const EMPTY = new Graph([], 0, false);

/**
 * @typedef {{
 *   label: string, unit: () => string, onZoom?: (node: number) => void, onFocus?: (node: number) => void,
 *   onKey?: (key: string, node: number) => boolean, onOpen?: (node: number) => boolean,
 * }} Options `onOpen` may replace the action of a click or Enter; `onKey` receives keys that this widget does not handle
 */

export class FlameView {
  /** @param {Options} options */
  constructor(options) {
    this.options = options;
    this.graph = EMPTY;
    this.colours = coloursOf(EMPTY, "package");
    this.scheme = "package";
    this.flip = false;
    /** @type {boolean[] | null} */
    this.matched = null;
    this.zoom = 0;
    this.focus = 0;
    this.window = { x0: 0, width: 1 };
    this.frame = 0;
    this.build();
  }

  build() {
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.keys = h("div", {
      class: "flame-keys",
      role: "tree",
      tabindex: "0",
      "aria-label": `${this.options.label}. Arrow keys move, Enter zooms, Escape zooms out, question mark lists all keys`,
      on: { keydown: (/** @type {KeyboardEvent} */ event) => this.onKey(event), focus: () => this.reveal(), blur: () => this.schedule() },
    });
    this.spacer = h("div", { class: "flame-spacer" }, this.canvas);
    this.scroller = h("div", { class: "flame-scroll", tabindex: "-1", on: { scroll: () => this.onScroll() } }, this.spacer);
    this.tip = h("div", { class: "flame-tip", hidden: true, "aria-hidden": "true" });
    this.element = h("div", { class: "flame" }, this.keys, this.scroller, this.tip);
    this.tree = new FrameTree(this.keys, (node) => describeFrame(this.graph, node, this.options.unit()));
    this.listen();
  }

  listen() {
    this.scroller.addEventListener("mousemove", (/** @type {MouseEvent} */ event) => this.onMove(event));
    this.scroller.addEventListener("mouseleave", () => this.hideTip());
    this.scroller.addEventListener("click", (/** @type {MouseEvent} */ event) => this.onClick(event));
    dark.addEventListener("change", () => this.recolour());
    new ResizeObserver(() => this.resize()).observe(this.scroller);
    this.context.font = FONT;
    this.glyph = this.context.measureText("MMMMMMMMMM").width / 10;
  }

  /** Show another graph; focus and zoom stay on the same path of names. @param {Graph} graph @param {{ keep?: boolean }} [options] */
  show(graph, { keep = true } = {}) {
    const zoomed = keep ? this.graph.namesTo(this.zoom) : [];
    const focused = keep ? this.graph.namesTo(this.focus) : [];
    this.graph = graph;
    this.zoom = graph.count ? graph.nodeAt(zoomed) : 0;
    this.focus = graph.count ? graph.nodeAt(focused) : 0;
    this.window = this.target();
    this.recolour();
    this.resize();
    this.tree.show(graph, this.focus);
  }

  /** @param {string} scheme */
  setScheme(scheme) {
    this.scheme = scheme;
    this.recolour();
  }

  /** @param {boolean} flip */
  setFlip(flip) {
    if (this.flip === flip) return;
    this.flip = flip;
    this.resize();
    this.scroller.scrollTop = flip ? this.scroller.scrollHeight : 0;
  }

  /** @param {boolean[] | null} matched by name */
  setMatched(matched) {
    this.matched = matched;
    this.schedule();
  }

  recolour() {
    this.colours = coloursOf(this.graph, this.scheme);
    const style = getComputedStyle(this.element);
    this.faint = style.getPropertyValue("--faint") || "#bbb";
    this.accent = style.getPropertyValue("--focus") || "#1556c4";
    this.schedule();
  }

  /** Zoom to a node, animated unless motion is unwanted. @param {number} node @param {{ quiet?: boolean }} [options] */
  zoomTo(node, { quiet = false } = {}) {
    if (node < 0 || node >= this.graph.count) return;
    this.zoom = node;
    if (!this.isInside(this.focus, node)) this.setFocus(node, { quiet: true });
    const from = this.window;
    const to = this.target();
    const start = performance.now();
    const step = (/** @type {number} */ now) => {
      const part = still.matches ? 1 : Math.min(1, (now - start) / ZOOM_MS);
      const eased = 1 - (1 - part) ** 3;
      this.window = { x0: from.x0 + (to.x0 - from.x0) * eased, width: from.width + (to.width - from.width) * eased };
      this.paint();
      this.frame = part < 1 ? requestAnimationFrame(step) : 0;
    };
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(step);
    if (!quiet) this.options.onZoom?.(node);
  }

  target() {
    const { graph, zoom } = this;
    return graph.count ? { x0: graph.x[zoom], width: graph.total[zoom] || 1 } : { x0: 0, width: 1 };
  }

  /** @param {number} node @param {{ quiet?: boolean }} [options] */
  setFocus(node, { quiet = false } = {}) {
    if (node < 0 || node >= this.graph.count) return;
    this.focus = node;
    this.tree.show(this.graph, node);
    if (!quiet) this.options.onFocus?.(node);
    this.schedule();
  }

  /** Scroll to the focused frame; zoom to its caller if it is outside. */
  reveal() {
    const { graph, focus } = this;
    if (!graph.count) return;
    this.schedule();
    if (!this.isInside(focus, this.zoom) && !this.isInside(this.zoom, focus)) this.zoomTo(graph.parent[focus] < 0 ? 0 : graph.parent[focus]);
    const top = this.rowOf(graph.levelOf(focus)) * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) this.scroller.scrollTop = top + ROW_HEIGHT - clientHeight;
  }

  /** Whether `node` lies in the column of `top`, at or below it. @param {number} node @param {number} top */
  isInside(node, top) {
    for (let each = node; each >= top && each >= 0; each = this.graph.parent[each]) if (each === top) return true;
    return false;
  }

  /** @param {number} level */
  rowOf(level) {
    return this.flip ? this.graph.depth - 1 - level : level;
  }

  onScroll() {
    this.hideTip();
    this.schedule();
  }

  resize() {
    const { clientWidth, clientHeight } = this.scroller;
    const ratio = Math.min(2, devicePixelRatio || 1);
    this.spacer.style.height = `${Math.max(this.graph.depth * ROW_HEIGHT, 1)}px`;
    this.canvas.width = Math.max(1, Math.round(clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(clientHeight * ratio));
    this.canvas.style.width = `${clientWidth}px`;
    this.canvas.style.height = `${clientHeight}px`;
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.paint();
  }

  schedule() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.paint();
    });
  }

  paint() {
    draw(this.context, this.scene(this.scroller.clientWidth, this.scroller.scrollTop, this.scroller.clientHeight));
  }

  /** @param {number} pixels @param {number} top @param {number} height @returns {import("./draw.js").Scene} */
  scene(pixels, top, height) {
    return {
      graph: this.graph,
      colours: this.colours,
      x0: this.window.x0,
      width: this.window.width,
      pixels,
      rowHeight: ROW_HEIGHT,
      top,
      height,
      flip: this.flip,
      matched: this.matched,
      focus: this.focus > 0 || document.activeElement === this.keys ? this.focus : -1,
      zoom: this.zoom,
      glyph: this.glyph,
      faint: this.faint,
      accent: this.accent,
    };
  }

  /** @param {MouseEvent} event */
  nodeUnder(event) {
    const box = this.scroller.getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top + this.scroller.scrollTop) / ROW_HEIGHT);
    const level = this.flip ? this.graph.depth - 1 - row : row;
    const value = this.window.x0 + ((event.clientX - box.left) / this.scroller.clientWidth) * this.window.width;
    return nodeAtValue(this.graph, level, value);
  }

  /** @param {MouseEvent} event */
  onMove(event) {
    const node = this.nodeUnder(event);
    if (node < 0) return this.hideTip();
    const [name, ...lines] = tooltipLines(this.graph, node, this.options.unit());
    this.tip.replaceChildren(h("strong", { class: "name", text: name }), ...lines.map((text) => h("div", { text })));
    this.tip.hidden = false;
    const box = this.element.getBoundingClientRect();
    const x = Math.max(4, Math.min(event.clientX - box.left + 14, box.width - this.tip.offsetWidth - 4));
    const below = event.clientY - box.top + 18;
    const y = below + this.tip.offsetHeight > box.height ? event.clientY - box.top - this.tip.offsetHeight - 10 : below;
    this.tip.style.transform = `translate(${x}px, ${Math.max(0, y)}px)`;
  }

  hideTip() {
    this.tip.hidden = true;
  }

  /** @param {MouseEvent} event */
  onClick(event) {
    const node = this.nodeUnder(event);
    if (node < 0) return;
    this.setFocus(node);
    this.open(node);
  }

  /** @param {number} node */
  open(node) {
    if (!this.options.onOpen?.(node)) this.zoomTo(node);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.graph.count) return;
    const next = keyAction(this.graph, this.focus, event.key, this.matched);
    if (next === null && !this.onOwnKey(event.key)) return;
    event.preventDefault();
    if (next === null) return;
    this.setFocus(next);
    this.reveal();
  }

  /** @param {string} key */
  onOwnKey(key) {
    if (key === "Enter" || key === " ") {
      this.open(this.focus);
      return true;
    }
    if (key === "Escape" && this.zoom > 0) {
      this.zoomTo(this.graph.parent[this.zoom]);
      announce(`Zoomed out to ${this.graph.nameOf(this.zoom)}`);
      return true;
    }
    return this.options.onKey?.(key, this.focus) ?? false;
  }
}
