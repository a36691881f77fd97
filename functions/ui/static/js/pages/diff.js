// @ts-check
/** Diff: two selections in one flame graph, coloured by the difference of their shares. */

import { fetchDiff, fetchProfile } from "../api.js";
import { fill, h } from "../dom.js";
import { decode } from "../flame/graph.js";
import { awaitedLater, moduleOf } from "../loader.js";
import { ProfilePanel } from "../panel.js";
import { fileStem, sideQuery } from "../query.js";
import { isOtherComparison, Sides } from "../sides.js";
import { unitOf } from "../units.js";
import { state } from "../url_state.js";

/** @typedef {import("../query.js").Query} Query */

export class DiffPage {
  constructor() {
    this.title = "Diff";
    this.sides = new Sides();
    this.panel = new ProfilePanel({ label: "Flame graph of the difference" });
    this.empty = h("div", { hidden: true });
    this.oneSided = h("p", { class: "site-bar", hidden: true });
    this.element = h("div", { class: "page" }, this.sides.element, this.oneSided, this.empty, this.panel.element);
  }

  /** @param {AbortSignal} signal */
  async load(signal) {
    const left = sideQuery(state(), "left");
    const right = sideQuery(state(), "right");
    const requested = awaitedLater(this.sides.fetch(signal));
    await this.showGraph(left, right, await fetchDiff(left, right, signal), signal);
    this.sides.show(await requested);
  }

  /** @param {Query} left @param {Query} right @param {object} answer @param {AbortSignal} signal */
  async showGraph(left, right, answer, signal) {
    const graph = decode(answer, true);
    const nothing = !graph.count || !graph.total[0];
    this.empty.hidden = !nothing;
    this.panel.element.hidden = nothing;
    if (nothing) fill(this.empty, await (await moduleOf(import("./no_profiles.js"))).noProfiles(right, signal));
    const missing = !graph.leftTicks ? "left" : "right";
    this.oneSided.hidden = nothing || (graph.leftTicks > 0 && graph.rightTicks > 0);
    this.oneSided.textContent = `The ${missing} side has no profiles in its range: every frame differs. Choose another range or other labels.`;
    this.panel.show(content(left, right, graph, answer));
  }

  apply() {
    this.panel.apply();
  }

  /** @param {import("../url_state.js").State} now @param {import("../url_state.js").State} before */
  isOther(now, before) {
    return isOtherComparison(now, before);
  }
}

/** @param {Query} left @param {Query} right @param {import("../flame/graph.js").Graph} graph @param {object} answer */
function content(left, right, graph, answer) {
  const selection = (/** @type {string} */ label, /** @type {Query} */ query) => ({ label, query: query.query, from: query.range.start, until: query.range.end });
  return {
    graph,
    answer,
    unit: unitOf(left.type),
    stem: `diff-${fileStem(right)}`,
    selections: [selection("left", left), selection("right", right)],
    exactRows: async () => {
      const [exact, before, after] = await Promise.all([moduleOf(import("../exact.js")), fetchProfile(left), fetchProfile(right)]);
      return exact.exactDiff(exact.exactFunctions(before), exact.exactFunctions(after));
    },
    canOpenOther: false,
  };
}
