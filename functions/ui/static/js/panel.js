// @ts-check
/** A flame graph with its table and tools, below the timeline of Single and Diff. */

import { announce, button, copy, fill, h, toast } from "./dom.js";
import { exportMenu } from "./export.js";
import { shownName, tooltipLines } from "./flame/describe.js";
import { functionsOf, matcherOf, searchGraph } from "./flame/functions.js";
import { callees, callers, withoutRecursion } from "./flame/merge.js";
import { FlameView } from "./flame/view.js";
import { showKeys } from "./help.js";
import { navigate, state } from "./url_state.js";
import { formatCount, formatShare, formatValue } from "./units.js";
import { splitter } from "./splitter.js";
import { FunctionTable } from "./table.js";
import { tools } from "./tools.js";

/** @typedef {import("./flame/functions.js").Row} Row */
/** @typedef {import("./flame/graph.js").Graph} Graph */
/**
 * @typedef {{
 *   graph: Graph, answer: object, unit: string, stem: string, maxNodes: number, title: string,
 *   selections: import("./export.js").Selection[], exactRows: () => Promise<Row[]>,
 *   placeOf?: (name: string) => Promise<{ text: string, url: string } | null>, canOpenOther: boolean,
 * }} Content
 */

export class ProfilePanel {
  /** @param {{ label: string }} settings */
  constructor({ label }) {
    /** @type {Content | null} */
    this.content = null;
    /** @type {Row[] | null} */
    this.exact = null;
    this.unit = "";
    this.view = this.flameView(label);
    this.callersView = this.flameView("Callers");
    this.callersView.setFlip(true);
    this.calleesView = this.flameView("Callees");
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
    this.sandwich = h("div", { class: "sandwich", hidden: true });
    this.flameSide = h("div", { class: "flame-side" }, this.view.element, this.sandwich);
    this.tableSide = h("div", { class: "table-side" }, this.table.element, this.note);
    this.body = h("div", { class: "panel-body" }, this.tableSide, splitter(() => this.body), this.flameSide);
    this.element = h("section", { class: "panel", "aria-label": "Profile" }, this.tools.element, this.crumbs, this.detail, this.body);
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

  /** Follow the URL's state: view, search, zoom, sandwich, colours, sorting. */
  apply() {
    const { content } = this;
    if (!content) return;
    const now = state();
    this.tools.apply(now, content.graph.isDiff);
    this.element.dataset.view = now.view;
    const graph = now.fold ? (this.folded ??= withoutRecursion(content.graph)) : content.graph;
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
    const isSandwich = Boolean(now.sandwich) && this.calleesView.graph.count > 0;
    this.describe(isSandwich ? this.calleesView : this.view, isSandwich ? this.calleesView.focus : this.view.focus);
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
    for (const view of [this.view, this.callersView, this.calleesView]) view.setMatched(found.names);
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
      const text = this.exact ? "Exact sums of every function." : "Fetching every function…";
      fill(this.note, text, button("Use the flame graph's", () => navigate({ exact: "" }, { replace: true }), { class: "link" }));
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
      toast(`Exact sums: ${/** @type {any} */ (error).title ?? error}. ${/** @type {any} */ (error).advice ?? ""}`);
      navigate({ exact: "" }, { replace: true });
    } finally {
      this.fetching = null;
    }
  }

  /** @param {import("./url_state.js").State} now */
  applySandwich(now) {
    const { graph } = this.view;
    const name = now.sandwich ? graph.names.indexOf(now.sandwich) : -1;
    this.sandwich.hidden = !now.sandwich;
    this.view.element.hidden = Boolean(now.sandwich);
    if (!now.sandwich) return;
    const heading = h("div", { class: "sandwich-head" }, h("strong", { class: "name", text: shownName(now.sandwich) }), button("Back to the flame graph", () => navigate({ sandwich: "" }), { class: "small" }));
    if (name < 0) {
      fill(this.sandwich, heading, h("p", { class: "empty-note", text: "This function is not in the flame graph of this range." }));
      return;
    }
    if (!this.sandwich.contains(this.callersView.element)) {
      fill(this.sandwich, heading, h("h3", { text: "Callers" }), this.callersView.element, h("h3", { text: "Callees" }), this.calleesView.element);
    } else this.sandwich.firstElementChild?.replaceWith(heading);
    this.callersView.show(callers(graph, name), { keep: false });
    this.calleesView.show(callees(graph, name), { keep: false });
    this.callersView.scroller.scrollTop = this.callersView.scroller.scrollHeight;
    for (const view of [this.callersView, this.calleesView]) view.setScheme(now.colour);
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
      if (!place) host.textContent = "The profile does not say where this function is written.";
      else if (place.url) fill(host, h("a", { href: place.url, target: "_blank", rel: "noopener noreferrer", text: place.text }));
      else fill(host, h("bdi", { text: place.text }));
    } catch (error) {
      host.textContent = `${/** @type {any} */ (error).title ?? "That failed"}. ${/** @type {any} */ (error).advice ?? ""}`;
    }
  }

  /** Query the content of “other”: only the stacks through its caller, with as many nodes as a whole graph. @param {number} node */
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
