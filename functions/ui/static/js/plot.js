// @ts-check
/** A timeline's plot: uPlot with keys, and a name and table for screen readers. */

import { announce, h } from "./dom.js";
import { dark, seriesColour } from "./palette.js";
import { formatTime } from "./time_range.js";
import { formatValue } from "./units.js";

/** @typedef {import("./time_range.js").Range} Range */
/** @typedef {import("./timeline.js").Line} Line */
/** @typedef {import("./timeline.js").Drawing} Drawing */

const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const VALUES_PX = 68;

const LIBRARY = "../vendor/uplot-1.6.32/uPlot";

/** @type {Promise<unknown> | null} */
let library = null;

/** Load uPlot and its styles with the first plot. @returns {Promise<unknown>} */
function loadLibrary() {
  library ??= Promise.all([
    loadElement(h("link", { rel: "stylesheet", href: new URL(`${LIBRARY}.min.css`, import.meta.url) })),
    loadElement(h("script", { src: new URL(`${LIBRARY}.iife.min.js`, import.meta.url) })),
  ]).catch((error) => {
    library = null;
    throw error;
  });
  return library;
}

/** @param {HTMLElement} element prepended to the head, so that the page's own styles prevail @returns {Promise<void>} */
function loadElement(element) {
  return new Promise((resolve, reject) => {
    element.addEventListener("load", () => resolve());
    element.addEventListener("error", () => {
      element.remove();
      reject(new Error("the timeline could not be loaded"));
    });
    document.head.prepend(element);
  });
}

export class Plot {
  /** @param {import("./timeline.js").Settings} settings */
  constructor(settings) {
    this.settings = settings;
    /** @type {any} */
    this.plot = null;
    /** @type {Drawing | null} */
    this.drawing = null;
    this.cursor = -1;
    this.anchor = -1;
    this.host = h("div", { class: "plot", "aria-hidden": "true" });
    this.readout = h("span", { class: "readout" });
    this.points = h("details", { class: "points" }, h("summary", { text: "Points as a table" }));
    this.points.addEventListener("toggle", () => this.listPoints());
    this.figure = h("div", {
      class: "timeline-figure",
      role: "figure",
      tabindex: "0",
      on: { keydown: (/** @type {KeyboardEvent} */ event) => this.onKey(event) },
    }, this.host);
    this.foot = h("div", { class: "timeline-foot" }, this.readout, this.points);
    new ResizeObserver(() => this.resize()).observe(this.host);
    dark.addEventListener("change", () => this.drawing && this.show(this.drawing));
  }

  /** @param {Drawing} drawing */
  show(drawing) {
    this.drawing = drawing;
    this.cursor = -1;
    this.anchor = -1;
    this.data = columnsOf(drawing);
    this.figure.setAttribute("aria-label", summaryOf(drawing));
    this.readout.textContent = drawing.lines.some((line) => line.points.length) ? "Drag to select a range" : "No profiles in this range";
    this.listPoints();
    loadLibrary().then(() => this.draw(drawing), () => {
      this.readout.textContent = "The timeline could not be loaded: reload the page";
    });
  }

  /** Draw, unless another drawing was requested while the library was loading. @param {Drawing} drawing */
  draw(drawing) {
    if (drawing !== this.drawing) return;
    this.plot?.destroy();
    this.plot = new /** @type {any} */ (globalThis).uPlot(this.options(drawing), this.data, this.host);
  }

  /** @param {Drawing} drawing */
  options({ range, lines, unit }) {
    const style = getComputedStyle(document.documentElement);
    const grid = { stroke: style.getPropertyValue("--line"), width: 1 };
    const axis = { stroke: style.getPropertyValue("--muted"), font: FONT, grid, ticks: { show: false } };
    const single = lines.length <= 1;
    return {
      width: Math.max(80, this.host.clientWidth),
      height: this.settings.height,
      padding: [8, 22, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false }, y: false },
      scales: { x: { time: true, range: () => [range.start / 1000, range.end / 1000] }, y: { range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ most) => [0, most || 1] } },
      axes: [
        { ...axis, size: 22, space: 90, values: clockTimes },
        { ...axis, size: VALUES_PX, space: 26, incrs: incrementsOf(unit), values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map((tick) => formatValue(tick, unit)) },
      ],
      series: [{}, ...lines.map((line, at) => seriesOf(line, single, line.colour ?? at))],
      hooks: { ready: [() => this.mark(this.drawing?.marked ?? null)], setSelect: [() => this.onSelected()], setCursor: [() => this.onCursor()] },
    };
  }

  resize() {
    const width = this.host.clientWidth;
    if (this.plot && width > 0 && width !== this.plot.width) {
      this.plot.setSize({ width, height: this.settings.height });
      this.mark(this.drawing?.marked ?? null);
    }
  }

  /** Shade a range. @param {Range | null} range */
  mark(range) {
    if (!this.plot) return;
    if (!range) return this.plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    const left = this.plot.valToPos(range.start / 1000, "x");
    const right = this.plot.valToPos(range.end / 1000, "x");
    this.plot.setSelect({ left, width: Math.max(1, right - left), top: 0, height: this.plot.over.clientHeight }, false);
  }

  onSelected() {
    const { left, width } = this.plot.select;
    if (width < 3) return this.mark(this.drawing?.marked ?? null);
    const start = Math.round(this.plot.posToVal(left, "x") * 1000);
    const end = Math.round(this.plot.posToVal(left + width, "x") * 1000);
    this.settings.onSelect({ start, end });
  }

  onCursor() {
    const at = this.plot?.cursor.idx;
    if (at === null || at === undefined || !this.drawing) return;
    this.readout.textContent = this.textAt(at);
  }

  /** @param {number} at */
  textAt(at) {
    const { drawing, data } = this;
    if (!drawing || !data || data[0][at] === undefined) return "";
    const time = formatTime(data[0][at] * 1000);
    const values = drawing.lines
      .map((line, series) => ({ name: line.name, value: data[series + 1][at] }))
      .filter((each) => each.value !== null && each.value !== undefined)
      .toSorted((a, b) => b.value - a.value)
      .slice(0, 3)
      .map(({ name, value }) => `${drawing.lines.length > 1 ? `${name} ` : ""}${formatValue(value, drawing.unit)}`);
    return `${time}: ${values.join(", ") || "none"}`;
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    const count = this.data?.[0].length ?? 0;
    if (step !== undefined && count) {
      event.preventDefault();
      const before = this.cursor < 0 ? (step > 0 ? -1 : count) : this.cursor;
      this.cursor = Math.max(0, Math.min(count - 1, before + step));
      if (!event.shiftKey) this.anchor = -1;
      else if (this.anchor < 0) this.anchor = Math.max(0, Math.min(count - 1, before));
      this.point();
    } else if (event.key === "Enter" && this.anchor >= 0) {
      event.preventDefault();
      this.settings.onSelect(this.keyRange());
    }
  }

  point() {
    if (!this.plot || !this.data) return;
    this.plot.setCursor({ left: this.plot.valToPos(this.data[0][this.cursor], "x"), top: 10 }, false);
    let text = this.textAt(this.cursor);
    if (this.anchor >= 0) {
      const range = this.keyRange();
      this.mark(range);
      text = `${formatTime(range.start)} to ${formatTime(range.end)}: press Enter to apply`;
    }
    this.readout.textContent = text;
    announce(text);
  }

  /** @returns {Range} */
  keyRange() {
    const times = [this.data?.[0][this.anchor] ?? 0, this.data?.[0][this.cursor] ?? 0].map((time) => time * 1000);
    const step = (this.drawing?.step ?? 0) * 1000;
    return { start: Math.min(...times) - step, end: Math.max(...times) };
  }

  listPoints() {
    this.points.querySelector("table")?.remove();
    if (!this.points.open || !this.drawing || !this.data) return;
    const { lines, unit } = this.drawing;
    const [times, ...values] = this.data;
    this.points.append(
      h(
        "table",
        {},
        h("caption", { class: "visually-hidden", text: summaryOf(this.drawing) }),
        h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "Time" }), ...lines.map((line) => h("th", { scope: "col", text: line.name })))),
        h(
          "tbody",
          {},
          times.map((/** @type {number} */ time, /** @type {number} */ at) =>
            h("tr", {}, h("th", { scope: "row", text: formatTime(time * 1000) }), ...values.map((/** @type {any[]} */ column) => h("td", { text: column[at] === null ? "–" : formatValue(column[at], unit) }))),
          ),
        ),
      ),
    );
  }
}

/** Ticks in the viewer's zone: the date at midnight, else the time. @param {any} _ @param {number[]} ticks */
function clockTimes(_, ticks) {
  return ticks.map((tick) => {
    const date = new Date(tick * 1000);
    const text = date.toTimeString().slice(0, date.getSeconds() ? 8 : 5);
    return text === "00:00" ? date.toLocaleDateString("en-GB", { day: "numeric", month: "short" }) : text;
  });
}

/** Readable steps between values of a unit. @param {string} unit */
function incrementsOf(unit) {
  const decimal = [];
  for (let size = 1e-3; size < 1e18; size *= 10) decimal.push(size, 2 * size, 5 * size);
  if (unit === "bytes") return Array.from({ length: 60 }, (_, power) => 2 ** power);
  if (unit !== "nanoseconds") return decimal;
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1440, 2880, 7200, 14_400].map((count) => count * 60e9);
  return [...decimal.filter((size) => size < 15e9), 15e9, 30e9, ...minutes, ...minutes.map((size) => size * 1000)];
}

/** @param {Line} line @param {boolean} single @param {number} colour */
function seriesOf(line, single, colour) {
  const { uPlot } = /** @type {any} */ (globalThis);
  const stroke = seriesColour(colour);
  if (!single) return { label: line.name, stroke, width: 1.5, spanGaps: true, points: { show: line.points.length < 40, size: 4, fill: stroke } };
  return { label: line.name, stroke, fill: stroke, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.86, 24, 1], align: -1 }) };
}

/** One column of times in seconds and one of values for each line. @param {Drawing} drawing @returns {any[][]} */
function columnsOf({ lines, range, step }) {
  const times = new Set();
  const stepMs = step * 1000;
  for (let time = range.start + stepMs; time < range.end + stepMs; time += stepMs) times.add(time);
  if (lines.some((line) => line.points.length)) times.clear();
  for (const line of lines) for (const point of line.points) times.add(point.time);
  const sorted = [...times].toSorted((a, b) => a - b);
  const columns = lines.map((line) => {
    const values = new Map(line.points.map((point) => [point.time, point.value]));
    return sorted.map((time) => values.get(time) ?? null);
  });
  return [sorted.map((time) => time / 1000), ...columns];
}

/** The figure's name: `CPU, last hour, peak 84 s at 10:40`. @param {Drawing} drawing */
function summaryOf({ name, lines, unit }) {
  let peak = { time: 0, value: -1 };
  for (const line of lines) for (const point of line.points) if (point.value > peak.value) peak = point;
  const most = peak.value < 0 ? "no profiles" : `peak ${formatValue(peak.value, unit)} at ${formatTime(peak.time)}`;
  return `${name}, ${most}. Arrow keys read the values; with Shift, they select a range`;
}
