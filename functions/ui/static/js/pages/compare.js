// @ts-check
/** Compare: two flame graphs side by side, zoomed and searched together by names. */

import { fetchFlamegraph } from "../api.js";
import { announce, button, fill, h } from "../dom.js";
import { decode, matcherOf, searchGraph } from "../flame/graph.js";
import { shownName, tooltipLines } from "../flame/names.js";
import { FlameView } from "../flame/view.js";
import { awaitedLater } from "../loader.js";
import { sideQuery } from "../query.js";
import { isOtherComparison, Sides } from "../sides.js";
import { showKeys, tools } from "../tools.js";
import { formatShare, formatValue, unitOf } from "../units.js";
import { navigate, state } from "../url_state.js";

/** @typedef {import("../query.js").SideName} SideName */

export class ComparePage {
  constructor() {
    this.title = "Compare";
    this.unit = "";
    this.sides = new Sides();
    this.tools = tools({ exporting: null });
    this.left = this.pane("left", "Flame graph, left");
    this.right = this.pane("right", "Flame graph, right");
    this.reset = button("Reset zoom", () => navigate({ zoom: "" }), { class: "small" });
    this.tools.element.append(this.reset);
    this.panel = h(
      "section",
      { class: "panel compare", "aria-label": "Profiles", hidden: true },
      this.tools.element,
      h("div", { class: "panes" }, this.left.element, this.right.element),
    );
    this.element = h("div", { class: "page" }, this.sides.element, this.panel);
  }

  /** @param {SideName} side @param {string} label */
  pane(side, label) {
    const detail = h("div", { class: "detail" });
    const note = h("p", { class: "empty-note", hidden: true, text: "No profiles here: choose another range or other labels." });
    const view = new FlameView({
      label,
      unit: () => this.unit,
      onFocus: (node) => this.onFocus(side, node),
      onZoom: (node) => navigate({ zoom: view.graph.keyOf(node) }),
      onKey: (key) => this.onKey(key),
    });
    return { view, detail, note, element: h("div", { class: "pane" }, detail, note, view.element) };
  }

  /** @param {AbortSignal} signal */
  async load(signal) {
    const left = sideQuery(state(), "left");
    const right = sideQuery(state(), "right");
    this.unit = unitOf(left.type);
    const requested = awaitedLater(this.sides.fetch(signal));
    const [before, after] = await Promise.all([fetchFlamegraph(left, signal), fetchFlamegraph(right, signal)]);
    this.panel.hidden = false;
    this.show(this.left, before);
    this.show(this.right, after);
    this.apply();
    this.sides.show(await requested);
  }

  /** @param {ReturnType<ComparePage["pane"]>} pane @param {object} answer */
  show(pane, answer) {
    pane.view.show(decode(answer));
    const nothing = pane.view.graph.count === 0 || !pane.view.graph.total[0];
    pane.note.hidden = !nothing;
    pane.view.element.hidden = nothing;
  }

  apply() {
    const now = state();
    this.tools.apply(now, false);
    this.reset.hidden = !now.zoom;
    let matches = null;
    try {
      matches = matcherOf(now.search);
      this.tools.searchError("");
    } catch (error) {
      this.tools.searchError(/** @type {Error} */ (error).message);
    }
    const shares = [this.left, this.right].map((pane) => {
      const found = searchGraph(pane.view.graph, matches);
      pane.view.setMatched(found.names);
      pane.view.setScheme(now.colour);
      pane.view.setFlip(now.flip === "1");
      const node = pane.view.graph.nodeOfKey(now.zoom);
      if (node !== pane.view.zoom) pane.view.zoomTo(node, { quiet: true });
      this.describe(pane, pane.view.focus);
      return formatShare(found.share);
    });
    const matched = matches ? `${shares[0]} left, ${shares[1]} right matched` : "";
    this.tools.summary("", matched);
    if (matches) announce(matched);
  }

  /** @param {import("../url_state.js").State} now @param {import("../url_state.js").State} before */
  isOther(now, before) {
    return isOtherComparison(now, before);
  }

  /** Focus the same frame on both sides. @param {SideName} side @param {number} node */
  onFocus(side, node) {
    const [own, other] = side === "left" ? [this.left, this.right] : [this.right, this.left];
    const names = own.view.graph.namesTo(node);
    const twin = other.view.graph.nodeAt(names);
    this.describe(own, node);
    if (other.view.graph.namesTo(twin).length === names.length) {
      other.view.setFocus(twin, { quiet: true });
      this.describe(other, twin);
    } else fill(other.detail, h("span", { class: "numbers", text: `${shownName(names[names.length - 1] ?? "")} is not on this side` }));
  }

  /** @param {ReturnType<ComparePage["pane"]>} pane @param {number} node */
  describe(pane, node) {
    const { graph } = pane.view;
    if (!graph.count) return fill(pane.detail);
    const [name, ...lines] = tooltipLines(graph, node, this.unit);
    const whole = node === 0 ? [`total ${formatValue(graph.total[0], this.unit)}`] : lines;
    fill(pane.detail, h("strong", { class: "name", text: name }), h("span", { class: "numbers", text: whole.join(" · ") }));
  }

  /** @param {string} key */
  onKey(key) {
    if (key === "/") this.tools.focusSearch();
    else if (key === "?") void showKeys();
    return key === "/" || key === "?";
  }
}
