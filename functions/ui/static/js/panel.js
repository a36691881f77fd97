// @ts-check
/** A flame graph with its table and tools, below the timeline of Single and Diff. */

import { announce, button, copy, fill, h, toast } from "./dom.js";
import { functionsOf, matcherOf, searchGraph } from "./flame/graph.js";
import { shownName, tooltipLines } from "./flame/names.js";
import { FlameView } from "./flame/view.js";
import { toastFailure, usedModule } from "./loader.js";
import { FunctionTable } from "./table.js";
import { exportMenu, showKeys, tools } from "./tools.js";
import { formatCount, formatShare, formatValue } from "./units.js";
import { navigate, state } from "./url_state.js";

/** @typedef {import("./flame/graph.js").Row} Row */
/** @typedef {import("./flame/graph.js").Graph} Graph */
/**
 * @typedef {{
 *   graph: Graph, answer: object, unit: string, stem: string,
 *   selections: import("./export.js").Selection[], exactRows: () => Promise<Row[]>,
 *   placeOf?: (name: string) => Promise<{ text: string, url: string } | null>, canOpenOther: boolean,
 * }} Content
 */

const SPLIT = "flamehouse.split";
const LEAST_SHARE = 15;
const MOST_SHARE = 75;

export class ProfilePanel {
  /** @param {{ label: string }} settings */
  constructor({ label }) {
    /** @type {Content | null} */
    this.content = null;
    /** @type {Row[] | null} */
    this.exact = null;
    this.unit = "";
    this.view = this.flameView(label);
    /** @type {import("./sandwich.js").Sandwich | null} */
    this.sandwich = null;
    /** @type {typeof import("./flame/merge.js") | null} */
    this.merge = null;
    this.table = new FunctionTable({
      onSelect: (row) => this.selectFunction(row),
      onSort: (sort) => navigate({ sort }, { replace: true }),
    });
    this.tools = tools({ exporting: exportMenu(() => this.exported()) });
    this.build();
  }

  build() {
    this.crumbs = h("nav", { class: "crumbs", "aria-label": "Zoomed to" });
    this.detail = h("div", { class: "detail" });
    this.note = h("div", { class: "exact-note" });
    this.sandwichSide = h("div", { class: "sandwich", hidden: true });
    this.flameSide = h("div", { class: "flame-side" }, this.view.element, this.sandwichSide);
    this.tableSide = h("div", { class: "table-side" }, this.table.element, this.note);
    this.body = h("div", { class: "panel-body" }, this.tableSide, splitter(() => this.body), this.flameSide);
    this.element = h("section", { class: "panel", "aria-label": "Profile", hidden: true }, this.tools.element, this.crumbs, this.detail, this.body);
  }

  /** @param {string} label */
  flameView(label) {
    /** @type {FlameView} */
    const view = new FlameView({
      label,
      unit: () => this.unit,
      onFocus: (node) => this.describe(view, node),
      onZoom: (node) => view === this.view && navigate({ zoom: view.graph.keyOf(node) }),
      onOpen: (node) => view === this.view && this.openOther(node),
      onKey: (key, node) => this.onKey(key, view.graph.nameOf(node)),
    });
    return view;
  }

  /** @param {Content} content */
  show(content) {
    this.content = content;
    this.unit = content.unit;
    this.exact = null;
    this.folded = null;
    this.apply();
  }

  /** Apply the URL's state: view, search, zoom, sandwich, colours, sorting. */
  apply() {
    const { content } = this;
    if (!content) return;
    const now = state();
    this.tools.apply(now, content.graph.isDiff);
    this.element.dataset.view = now.view;
    if (now.fold && !this.merge) return void this.fetchMerge();
    const graph = now.fold && this.merge ? (this.folded ??= this.merge.withoutRecursion(content.graph)) : content.graph;
    if (this.view.graph !== graph) {
      this.view.show(graph);
      this.rows = functionsOf(graph);
    }
    this.view.setScheme(now.colour);
    this.view.setFlip(now.flip === "1");
    this.zoomTo(graph.nodeOfKey(now.zoom));
    this.applySearch(now.search);
    this.applyTable(now);
    this.applySandwich(now);
    const callees = now.sandwich ? this.sandwich?.callees : null;
    const described = callees?.graph.count ? callees : this.view;
    this.describe(described, described.focus);
  }

  /** @param {number} node */
  zoomTo(node) {
    if (node !== this.view.zoom) this.view.zoomTo(node, { quiet: true });
    this.drawCrumbs();
  }

  /** @param {string} text */
  applySearch(text) {
    let matches = null;
    try {
      matches = matcherOf(text);
      this.tools.searchError("");
    } catch (error) {
      this.tools.searchError(/** @type {Error} */ (error).message);
    }
    const found = searchGraph(this.view.graph, matches);
    this.matches = matches;
    for (const view of [this.view, this.sandwich?.callers, this.sandwich?.callees]) view?.setMatched(found.names);
    this.table.filter(matches);
    const { graph } = this.view;
    const whole = `${formatValue(graph.total[0] ?? 0, this.unit)} total · ${formatCount(graph.count, "frame")} · ${formatCount(this.rows?.length ?? 0, "function")}`;
    const matched = matches ? `${formatShare(found.share)} matched in ${formatCount(found.nodes, "frame")}` : "";
    this.tools.summary(this.content?.graph.isDiff ? diffSummary(graph, this.unit) : whole, matched);
    if (matches) announce(`${matched}, ${this.table.countText}`);
  }

  /** @param {import("./url_state.js").State} now */
  applyTable(now) {
    const { graph } = this.view;
    const rows = now.exact && this.exact ? this.exact : (this.rows ?? []);
    this.table.show(rows, { unit: this.unit, total: graph.total[0], leftTicks: graph.leftTicks, rightTicks: graph.rightTicks }, graph.isDiff);
    this.table.setSort(now.sort);
    this.drawNote(now);
    if (now.exact && !this.exact) void this.fetchExact();
  }

  /** Explain the table's sums if the graph is cut. @param {import("./url_state.js").State} now */
  drawNote(now) {
    const cut = this.view.graph.names.includes("other");
    this.note.hidden = !cut && !now.exact;
    if (now.exact) {
      const text = this.exact ? "Exact sums for all functions." : "Fetching exact sums…";
      fill(this.note, text, button("Use the flame graph's sums", () => navigate({ exact: "" }, { replace: true }), { class: "link" }));
    } else {
      fill(this.note, "Sums of the frames shown; the rest is in “other”.", button("Exact sums", () => navigate({ exact: "1" }, { replace: true }), { class: "link" }));
    }
  }

  async fetchExact() {
    const { content } = this;
    if (!content || this.fetching === content) return;
    this.fetching = content;
    try {
      const rows = await content.exactRows();
      if (this.content !== content) return;
      this.exact = rows;
      this.applyTable(state());
    } catch (error) {
      if (/** @type {Error} */ (error).name === "AbortError") return;
      toastFailure("Exact sums: ", error);
      navigate({ exact: "" }, { replace: true });
    } finally {
      this.fetching = null;
    }
  }

  /** @param {import("./url_state.js").State} now */
  applySandwich(now) {
    this.sandwichSide.hidden = !now.sandwich;
    this.view.element.hidden = Boolean(now.sandwich);
    if (!now.sandwich) return;
    if (this.sandwich) this.sandwich.show(this.view.graph, now.sandwich, now.colour);
    else void this.fetchSandwich();
  }

  async fetchSandwich() {
    const module = await usedModule(import("./sandwich.js"));
    if (!module) return navigate({ sandwich: "" }, { replace: true });
    this.sandwich ??= new module.Sandwich(this.sandwichSide, (label) => this.flameView(label));
    this.apply();
  }

  async fetchMerge() {
    this.merge = await usedModule(import("./flame/merge.js"));
    if (this.merge) this.apply();
    else navigate({ fold: "" }, { replace: true });
  }

  drawCrumbs() {
    const { graph, zoom } = this.view;
    const path = graph.count ? graph.pathTo(zoom) : [];
    this.crumbs.hidden = path.length <= 1;
    const shown = path.length > 7 ? [path[0], -1, ...path.slice(-5)] : path;
    const crumb = (/** @type {number} */ node) => {
      if (node < 0) return h("li", { text: "…" });
      const name = shownName(graph.nameOf(node));
      return h("li", {}, node === zoom ? h("span", { class: "name", "aria-current": "true", title: name, text: name }) : button(name, () => navigate({ zoom: graph.keyOf(node) }), { class: "link name", title: name }));
    };
    fill(this.crumbs, h("ol", {}, shown.map(crumb)), button("Reset zoom", () => navigate({ zoom: "" }), { class: "small" }));
  }

  /** Show a frame's numbers and actions. @param {FlameView} view @param {number} node */
  describe(view, node) {
    const { graph } = view;
    if (!graph.count) return fill(this.detail);
    const [name, ...lines] = tooltipLines(graph, node, this.unit);
    if (view === this.view) this.table.select(graph.nameOf(node));
    this.showDetail(graph.nameOf(node), name, lines, () => graph.namesTo(node).join(";"), node > 0);
  }

  /** @param {Row} row */
  selectFunction(row) {
    this.table.select(row.name);
    const { graph } = this.view;
    const name = graph.names.indexOf(row.name);
    let node = -1;
    for (let each = 1; each < graph.count; each += 1) if (graph.name[each] === name && (node < 0 || graph.total[each] > graph.total[node])) node = each;
    if (node >= 0) {
      this.view.setFocus(node, { quiet: true });
      this.view.reveal();
    }
    const lines = graph.isDiff ? [] : [`total ${formatValue(row.total, this.unit)}`, `self ${formatValue(row.self, this.unit)}`];
    const path = () => (node >= 0 ? graph.namesTo(node).join(";") : row.name);
    this.showDetail(row.name, shownName(row.name), lines, path, true);
    if (state().sandwich) navigate({ sandwich: row.name });
  }

  /** @param {string} raw @param {string} name @param {string[]} lines @param {() => string} path @param {boolean} isFunction */
  showDetail(raw, name, lines, path, isFunction) {
    const source = h("span", { class: "place" });
    fill(
      this.detail,
      h("strong", { class: "name", title: name }, h("bdi", { text: name })),
      h("span", { class: "numbers", text: lines.join(" · ") }),
      h(
        "span",
        { class: "actions" },
        isFunction && raw !== "other" ? button("Callers & callees", () => navigate({ sandwich: raw }), { class: "small" }) : null,
        isFunction && raw !== "other" && this.content?.placeOf ? button("Source", () => void this.showPlace(raw, source), { class: "small" }) : null,
        button("Copy name", () => copy(raw, "the name"), { class: "small" }),
        button("Copy path", () => copy(path(), "the path"), { class: "small" }),
      ),
      source,
    );
  }

  /** @param {string} name @param {HTMLElement} host */
  async showPlace(name, host) {
    host.textContent = "Looking it up…";
    try {
      const place = await this.content?.placeOf?.(name);
      if (!place) host.textContent = "The profile does not record where this function is defined.";
      else if (place.url) fill(host, h("a", { href: place.url, target: "_blank", rel: "noopener noreferrer", text: place.text }));
      else fill(host, h("bdi", { text: place.text }));
    } catch (error) {
      host.textContent = `${/** @type {any} */ (error).title ?? "The lookup failed"}. ${/** @type {any} */ (error).advice ?? ""}`;
    }
  }

  /** Query what “other” contains: only stacks through its caller, with as many nodes as a whole graph. @param {number} node */
  openOther(node) {
    const { graph } = this.view;
    if (graph.nameOf(node) !== "other" || !this.content?.canOpenOther) return false;
    const site = graph.namesTo(graph.parent[node]);
    if (site.length === 0 || site.join(";") === state().site.join(";")) {
      toast("Choose a shorter range or add a label to see more of this.");
      return true;
    }
    navigate({ site, zoom: graph.keyOf(graph.parent[node]) });
    return true;
  }

  /** @param {string} key @param {string} name */
  onKey(key, name) {
    /** @type {Record<string, () => unknown>} */
    const actions = {
      "/": () => this.tools.focusSearch(),
      f: () => navigate({ view: "flame" }, { replace: true }),
      t: () => navigate({ view: "table" }, { replace: true }),
      b: () => navigate({ view: "both" }, { replace: true }),
      s: () => navigate({ sandwich: state().sandwich ? "" : name }),
      c: () => copy(name, "the name"),
      "?": () => showKeys(),
    };
    actions[key]?.();
    return key in actions;
  }

  /** @returns {import("./export.js").Exported | null} */
  exported() {
    const { content, view } = this;
    return content && view.graph.count ? { stem: content.stem, answer: content.answer, view, selections: content.selections } : null;
  }
}

/** @param {Graph} graph @param {string} unit */
function diffSummary(graph, unit) {
  return `left ${formatValue(graph.leftTicks, unit)} · right ${formatValue(graph.rightTicks, unit)} · ${formatCount(graph.count, "frame")}`;
}

/** The bar between table and flame graph; the browser stores its position. @param {() => HTMLElement} body the element that it divides */
function splitter(body) {
  let share = clamp(Number(localStorage.getItem(SPLIT)) || 34);
  const bar = h("div", {
    class: "splitter",
    role: "separator",
    tabindex: "0",
    "aria-label": "Width of the table",
    "aria-orientation": "vertical",
    "aria-valuemin": LEAST_SHARE,
    "aria-valuemax": MOST_SHARE,
  });
  const set = (/** @type {number} */ value) => {
    share = clamp(value);
    bar.setAttribute("aria-valuenow", String(Math.round(share)));
    bar.parentElement?.style.setProperty("--table-share", `${share}%`);
    localStorage.setItem(SPLIT, String(share));
  };
  bar.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => bar.setPointerCapture(event.pointerId));
  bar.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const box = body().getBoundingClientRect();
    set(((event.clientX - box.left) / box.width) * 100);
  });
  bar.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
    if (step) set(share + step);
  });
  queueMicrotask(() => set(share));
  return bar;
}

/** @param {number} share */
function clamp(share) {
  return Math.max(LEAST_SHARE, Math.min(MOST_SHARE, share));
}
