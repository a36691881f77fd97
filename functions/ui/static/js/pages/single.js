// @ts-check
/** Single: the timeline and the flame graph of one query. */

import { fetchFlamegraph, fetchProfile, fetchSeries, rpc } from "../api.js";
import { button, fill, h } from "../dom.js";
import { decode } from "../flame/graph.js";
import { ProfilePanel } from "../panel.js";
import { fileStem, mainQuery } from "../query.js";
import { Timeline } from "../timeline.js";
import { rangeName, stepOf } from "../time_range.js";
import { typeName, unitOf } from "../units.js";
import { navigate, state } from "../url_state.js";
import { noProfiles } from "./no_profiles.js";

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
    const [series, answer] = await Promise.all([fetchSeries({ ...query, step }, signal), fetchFlamegraph(query, signal)]);
    const points = series.flatMap((each) => each.points);
    const graph = decode(answer);
    this.timeline.show({
      name: `${query.service || "All services"}, ${typeName(query.type)}, ${rangeName(query.from, query.until)}`,
      range: query.range,
      step,
      unit: unitOf(query.type),
      lines: [{ name: typeName(query.type), points }],
    });
    const nothing = !graph.count || !graph.total[0];
    this.empty.hidden = !nothing;
    this.panel.element.hidden = nothing;
    if (nothing) fill(this.empty, await noProfiles(query, signal));
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
    const exact = once(() => import("../exact.js"));
    const places = once(async () => (await exact()).placesOf(await profile()));
    const repository = once(() => repositoryIn(query));
    return {
      graph,
      answer,
      unit: unitOf(query.type),
      stem: fileStem(query),
      maxNodes: query.maxNodes,
      title: query.service,
      selections: [{ label: "profile", query: query.query, from: query.range.start, until: query.range.end }],
      exactRows: async () => [...(await exact()).exactFunctions(await profile()).values()],
      placeOf: async (/** @type {string} */ name) => {
        const place = (await places()).get(name);
        if (!place) return null;
        const known = await repository();
        return { text: place.line ? `${place.file}:${place.line}` : place.file, url: known ? (await import("../source.js")).sourceUrl(known, place) : "" };
      },
      canOpenOther: true,
    };
  }

  /** @param {string[]} site */
  drawSite(site) {
    this.siteBar.hidden = site.length === 0;
    fill(this.siteBar, h("span", {}, "Only stacks through ", h("bdi", { class: "name", text: site[site.length - 1] ?? "" })), button("Show all stacks", () => navigate({ site: [], zoom: state().zoom }), { class: "small" }));
  }
}

/** The repository in the labels of the query's series. @param {Query} query */
async function repositoryIn(query) {
  const { range, selector, type } = query;
  const matchers = [selector === "{}" ? `{__profile_type__="${type}"}` : selector];
  const labelNames = ["service_repository", "service_git_ref", "service_root_path"];
  const answer = await rpc("Series", { matchers, labelNames, start: range.start, end: range.end });
  const { repositoryOf } = await import("../source.js");
  for (const { labels = [] } of answer.labelsSet ?? []) {
    const named = Object.fromEntries(labels.map((/** @type {any} */ pair) => [pair.name, pair.value]));
    const found = repositoryOf(named);
    if (found) return found;
  }
  return null;
}

/** Call `make` only the first time; a failure is not cached. @template T @param {() => Promise<T>} make @returns {() => Promise<T>} */
export function once(make) {
  /** @type {Promise<T> | null} */
  let made = null;
  return () => {
    if (!made) {
      made = make();
      made.catch(() => (made = null));
    }
    return made;
  };
}

