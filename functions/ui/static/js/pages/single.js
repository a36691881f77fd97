// @ts-check
/** Single: the timeline and the flame graph of one query. */

import { fetchFlamegraph, fetchProfile, fetchSeries } from "../api.js";
import { button, fill, h } from "../dom.js";
import { decode } from "../flame/graph.js";
import { awaitedLater, moduleOf, once } from "../loader.js";
import { ProfilePanel } from "../panel.js";
import { fileStem, mainQuery } from "../query.js";
import { Timeline } from "../timeline.js";
import { rangeName, stepOf } from "../time_range.js";
import { typeName, unitOf } from "../units.js";
import { navigate, state } from "../url_state.js";

/** @typedef {import("../query.js").Query} Query */

export class SinglePage {
  constructor() {
    this.title = "Single";
    this.timeline = new Timeline({ onSelect: ({ start, end }) => navigate({ from: String(start), until: String(end) }) });
    this.panel = new ProfilePanel({ label: "Flame graph" });
    this.siteBar = h("div", { class: "site-bar", hidden: true });
    this.empty = h("div", { hidden: true });
    this.element = h("div", { class: "page" }, this.timeline.element, this.siteBar, this.empty, this.panel.element);
  }

  /** @param {AbortSignal} signal */
  async load(signal) {
    const query = mainQuery(state());
    const step = stepOf(query.range);
    const requested = awaitedLater(fetchSeries({ ...query, step }, signal));
    await this.showGraph(query, await fetchFlamegraph(query, signal), signal);
    const series = await requested;
    this.timeline.show({
      name: `${query.service || "All services"}, ${typeName(query.type)}, ${rangeName(query.from, query.until)}`,
      range: query.range,
      step,
      unit: unitOf(query.type),
      lines: [{ name: typeName(query.type), points: series.flatMap((each) => each.points) }],
    });
  }

  /** @param {Query} query @param {object} answer @param {AbortSignal} signal */
  async showGraph(query, answer, signal) {
    const graph = decode(answer);
    const nothing = !graph.count || !graph.total[0];
    this.empty.hidden = !nothing;
    this.panel.element.hidden = nothing;
    if (nothing) fill(this.empty, await (await moduleOf(import("./no_profiles.js"))).noProfiles(query, signal));
    this.panel.show(this.content(query, graph, answer));
    this.drawSite(query.site);
  }

  /** Apply changes of the URL that need no request. */
  apply() {
    this.panel.apply();
  }

  /** Whether a new request is needed. @param {import("../url_state.js").State} now @param {import("../url_state.js").State} before */
  isOther(now, before) {
    return ["page", "query", "from", "until", "maxNodes"].some((name) => /** @type {any} */ (now)[name] !== /** @type {any} */ (before)[name]) || now.site.join("\n") !== before.site.join("\n");
  }

  /** @param {Query} query @param {import("../flame/graph.js").Graph} graph @param {object} answer */
  content(query, graph, answer) {
    const profile = once(() => fetchProfile(query));
    const finder = once(async () => (await moduleOf(import("../source.js"))).placeFinder(query, profile));
    return {
      graph,
      answer,
      unit: unitOf(query.type),
      stem: fileStem(query),
      selections: [{ label: "profile", query: query.query, from: query.range.start, until: query.range.end }],
      exactRows: async () => [...(await moduleOf(import("../exact.js"))).exactFunctions(await profile()).values()],
      placeOf: async (/** @type {string} */ name) => (await finder())(name),
      canOpenOther: true,
    };
  }

  /** @param {string[]} site */
  drawSite(site) {
    this.siteBar.hidden = site.length === 0;
    fill(this.siteBar, h("span", {}, "Only stacks through ", h("bdi", { class: "name", text: site[site.length - 1] ?? "" })), button("Show all stacks", () => navigate({ site: [], zoom: state().zoom }), { class: "small" }));
  }
}
