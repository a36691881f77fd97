// @ts-check
/** The table of functions: a native table that has only the visible rows. */

import { h } from "./dom.js";
import { shortName, shownName } from "./flame/names.js";
import { formatChange, formatCount, formatPoints, formatRelative, formatShare, formatValue } from "./units.js";

/** @typedef {import("./flame/graph.js").Row} Row */
/**
 * @typedef {{ unit: string, total: number, leftTicks: number, rightTicks: number }} Scale
 * @typedef {{ key: string, title: string, value: (row: Row, scale: Scale) => number,
 *   text: (row: Row, scale: Scale) => string, bar?: (row: Row, scale: Scale) => number, hint?: (row: Row, scale: Scale) => string }} Column
 */

const ROW_PX = 28;
const SPARE_ROWS = 6;

/** @param {Row} row @param {Scale} scale */
const leftShare = (row, scale) => (scale.leftTicks ? row.leftTotal / scale.leftTicks : 0);
/** @param {Row} row @param {Scale} scale */
const rightShare = (row, scale) => (scale.rightTicks ? row.rightTotal / scale.rightTicks : 0);

/** @type {Column[]} */
const SINGLE = [
  {
    key: "self",
    title: "Self",
    value: (row) => row.self,
    text: (row, scale) => formatValue(row.self, scale.unit),
    bar: (row, scale) => row.self / scale.total,
    hint: (row, scale) => formatShare(row.self / scale.total),
  },
  {
    key: "total",
    title: "Total",
    value: (row) => row.total,
    text: (row, scale) => formatValue(row.total, scale.unit),
    bar: (row, scale) => row.total / scale.total,
    hint: (row, scale) => formatShare(row.total / scale.total),
  },
];
/** @type {Column[]} */
const DIFF = [
  {
    key: "left",
    title: "Left",
    value: leftShare,
    text: (row, scale) => formatShare(leftShare(row, scale)),
    hint: (row, scale) => formatValue(row.leftTotal, scale.unit),
  },
  {
    key: "right",
    title: "Right",
    value: rightShare,
    text: (row, scale) => formatShare(rightShare(row, scale)),
    hint: (row, scale) => formatValue(row.rightTotal, scale.unit),
  },
  {
    key: "change",
    title: "Change",
    value: (row, scale) => Math.abs(rightShare(row, scale) - leftShare(row, scale)),
    text: (row, scale) => formatPoints(rightShare(row, scale) - leftShare(row, scale)),
    hint: (row, scale) => formatChange(row.rightTotal - row.leftTotal, scale.unit),
  },
  {
    key: "relative",
    title: "Relative",
    value: (row, scale) => relative(leftShare(row, scale), rightShare(row, scale)),
    text: (row, scale) => formatRelative(leftShare(row, scale), rightShare(row, scale)),
  },
];

/** How far a share moved in either direction; new and gone shares rank highest. @param {number} left @param {number} right */
function relative(left, right) {
  if (left === right) return 0;
  return left === 0 || right === 0 ? Infinity : Math.abs(Math.log(right / left));
}

export class FunctionTable {
  /** @param {{ onSelect: (row: Row) => void, onSort: (sort: string) => void }} options */
  constructor(options) {
    this.options = options;
    /** @type {Row[]} */
    this.all = [];
    /** @type {Row[]} */
    this.rows = [];
    this.columns = SINGLE;
    this.sort = { key: "self", down: true };
    this.selected = "";
    /** @type {((name: string) => boolean) | null} */
    this.matches = null;
    /** @type {Scale} */
    this.scale = { unit: "", total: 1, leftTicks: 0, rightTicks: 0 };
    this.head = h("tr", {});
    this.body = h("tbody", {});
    this.table = h("table", { class: "functions" }, h("caption", { class: "visually-hidden", text: "Functions" }), h("thead", {}, this.head), this.body);
    this.scroller = h(
      "div",
      { class: "table-scroll", tabindex: "0", role: "group", "aria-label": "Functions, scrollable", on: { scroll: () => this.paint() } },
      this.table,
    );
    this.empty = h("p", { class: "empty-note", hidden: true });
    this.element = h("div", { class: "table-panel" }, this.scroller, this.empty);
    new ResizeObserver(() => this.paint()).observe(this.scroller);
  }

  /** @param {Row[]} rows @param {Scale} scale @param {boolean} isDiff */
  show(rows, scale, isDiff) {
    this.all = rows;
    this.scale = { ...scale, total: scale.total || 1 };
    const columns = isDiff ? DIFF : SINGLE;
    if (columns !== this.columns) {
      this.columns = columns;
      this.table.classList.toggle("of-diff", isDiff);
      if (!columns.some((each) => each.key === this.sort.key)) this.sort = { key: isDiff ? "change" : "self", down: true };
    }
    this.arrange();
  }

  /** @param {((name: string) => boolean) | null} matches */
  filter(matches) {
    this.matches = matches;
    this.arrange();
  }

  /** @param {string} text `self` or `-self` for the smallest first */
  setSort(text) {
    const key = text.replace(/^-/, "") || (this.columns === DIFF ? "change" : "self");
    this.sort = { key, down: !text.startsWith("-") };
    this.arrange();
  }

  /** @param {string} name */
  select(name) {
    this.selected = name;
    this.paint();
  }

  arrange() {
    const { matches, scale } = this;
    const { key, down } = this.sort;
    const column = this.columns.find((each) => each.key === key);
    const rows = matches ? this.all.filter((row) => matches(row.name)) : this.all.slice();
    const sign = down ? -1 : 1;
    rows.sort((a, b) => {
      const order = column ? compare(column.value(a, scale), column.value(b, scale)) : a.name.localeCompare(b.name);
      return sign * order || b.total - a.total || a.name.localeCompare(b.name);
    });
    this.rows = rows;
    this.table.setAttribute("aria-rowcount", String(rows.length + 1));
    this.empty.hidden = rows.length > 0;
    this.empty.textContent = this.all.length ? "No function matches the search." : "No functions in this range.";
    this.drawHead();
    this.paint();
  }

  drawHead() {
    const focused = this.head.contains(document.activeElement) ? document.activeElement?.getAttribute("data-key") : null;
    const columns = [{ key: "name", title: "Function" }, ...this.columns];
    this.head.replaceChildren(...columns.map((column) => this.headCell(column)));
    this.head.setAttribute("aria-rowindex", "1");
    if (focused) /** @type {HTMLElement | null} */ (this.head.querySelector(`[data-key="${focused}"]`))?.focus();
  }

  /** @param {{ key: string, title: string }} column */
  headCell({ key, title }) {
    const sorted = this.sort.key === key;
    const arrow = sorted ? (this.sort.down ? " ↓" : " ↑") : "";
    // Values begin with the largest, names with A.
    const down = sorted ? !this.sort.down : key !== "name";
    const order = () => this.options.onSort(down ? key : `-${key}`);
    return h(
      "th",
      { scope: "col", "aria-sort": sorted ? (this.sort.down ? "descending" : "ascending") : "none" },
      h("button", { type: "button", data: { key }, on: { click: order } }, title, h("span", { "aria-hidden": "true", text: arrow })),
    );
  }

  paint() {
    const { scrollTop, clientHeight } = this.scroller;
    const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - SPARE_ROWS);
    const last = Math.min(this.rows.length, Math.ceil((scrollTop + clientHeight) / ROW_PX) + SPARE_ROWS);
    const active = this.body.contains(document.activeElement) ? document.activeElement?.getAttribute("data-name") : null;
    const rows = this.rows.slice(first, last).map((row, at) => this.row(row, first + at));
    this.body.replaceChildren(gap(first), ...rows, gap(this.rows.length - last));
    if (active) for (const each of this.body.querySelectorAll("button")) if (each.dataset.name === active) each.focus({ preventScroll: true });
  }

  /** @param {Row} row @param {number} index */
  row(row, index) {
    const name = shownName(row.name);
    const cells = this.columns.map((column) => this.cell(column, row));
    return h(
      "tr",
      { "aria-rowindex": String(index + 2), class: row.name === this.selected ? "selected" : "" },
      h(
        "th",
        { scope: "row" },
        h("button", { type: "button", class: "name", title: name, data: { name: row.name }, on: { click: () => this.options.onSelect(row) } }, ...nameParts(name)),
      ),
      ...cells,
    );
  }

  /** @param {Column} column @param {Row} row */
  cell(column, row) {
    const cell = h("td", { title: column.hint?.(row, this.scale) ?? null }, h("span", { text: column.text(row, this.scale) }));
    const share = column.bar?.(row, this.scale) ?? 0;
    if (share > 0) cell.style.setProperty("--share", `${Math.min(100, share * 100)}%`);
    if (column.key === "change") cell.className = rightShare(row, this.scale) > leftShare(row, this.scale) ? "rose" : "fell";
    return cell;
  }

  get countText() {
    return formatCount(this.rows.length, "function");
  }
}

/** The name in two parts; the first shrinks: names are cut from the left. @param {string} name */
function nameParts(name) {
  const tail = shortName(name);
  const path = name.slice(0, name.length - tail.length);
  return [path ? h("span", { class: "path" }, h("bdi", { dir: "ltr", text: path })) : null, h("span", { class: "tail" }, h("bdi", { text: tail }))];
}

/** A row as tall as the rows that it replaces. @param {number} rows */
function gap(rows) {
  const row = h("tr", { class: "gap", "aria-hidden": "true" });
  row.style.height = `${rows * ROW_PX}px`;
  row.hidden = rows <= 0;
  return row;
}

/** @param {number} a @param {number} b */
function compare(a, b) {
  return a === b ? 0 : a < b ? -1 : 1;
}
