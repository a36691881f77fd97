// @ts-check
/** Tags: a timeline for each value of a label, the ten largest and the rest. */

import { fetchLabelNames, fetchSeries } from "../api.js";
import { button, fill, h, select } from "../dom.js";
import { moduleOf } from "../loader.js";
import { seriesColour } from "../palette.js";
import { formatQuery, mainQuery, withLabel } from "../query.js";
import { Timeline } from "../timeline.js";
import { stepOf } from "../time_range.js";
import { formatShare, formatValue, typeName, unitOf } from "../units.js";
import { navigate, state } from "../url_state.js";

/** @typedef {{ time: number, value: number }} Point */
/** @typedef {{ value: string, points: Point[], total: number, peak: number, rest: boolean }} Group */

const TOP = 10;
/** Labels that are poor for grouping: others are preferred. */
const DULL = new Set(["service_name", "pyroscope_spy", "service_repository", "service_git_ref", "service_root_path"]);

export class TagsPage {
  constructor() {
    this.title = "Tags";
    /** @type {string[]} */
    this.chosen = [];
    this.timeline = new Timeline({ height: 220, onSelect: ({ start, end }) => navigate({ from: String(start), until: String(end) }) });
    this.groupBy = select("Group by", [], (groupBy) => navigate({ groupBy }));
    this.compare = button("Compare the two", () => this.compareChosen(), { class: "primary" });
    this.hint = h("span", { class: "hint", text: "Choose two values to compare them." });
    this.body = h("div", {});
    this.element = h("div", { class: "page" }, h("div", { class: "tags-bar" }, this.groupBy.element, this.compare, this.hint), this.timeline.element, this.body);
  }

  /** @param {AbortSignal} signal */
  async load(signal) {
    const query = mainQuery(state());
    const names = (await fetchLabelNames(query.selector, query.range, signal)).toSorted();
    const label = state().groupBy || names.find((name) => !DULL.has(name)) || names[0] || "service_name";
    this.offer(names, label);
    const step = stepOf(query.range, 120);
    const series = await fetchSeries({ ...query, step, groupBy: [label] }, signal);
    const groups = topGroups(series.map((each) => groupOf(each.labels[label] ?? "", each.points)));
    this.chosen = this.chosen.filter((value) => groups.some((group) => group.value === value && !group.rest));
    this.timeline.show({
      name: `${typeName(query.type)} by ${label}`,
      range: query.range,
      step,
      unit: unitOf(query.type),
      lines: groups.map((group, at) => ({ name: nameOf(group), points: group.points, colour: group.rest ? TOP : at })),
    });
    if (!groups.length) return fill(this.body, await (await moduleOf(import("./no_profiles.js"))).noProfiles(query, signal));
    fill(this.body, this.table(groups, label, unitOf(query.type)));
    this.drawChosen();
  }

  apply() {}

  /** @param {import("../url_state.js").State} now @param {import("../url_state.js").State} before */
  isOther(now, before) {
    return ["page", "query", "from", "until", "groupBy"].some((name) => /** @type {any} */ (now)[name] !== /** @type {any} */ (before)[name]);
  }

  /** @param {string[]} names @param {string} label */
  offer(names, label) {
    const all = names.includes(label) ? names : [label, ...names];
    fill(this.groupBy.input, all.map((name) => h("option", { value: name, text: name })));
    this.groupBy.input.value = label;
    this.label = label;
  }

  /** @param {Group[]} groups @param {string} label @param {string} unit */
  table(groups, label, unit) {
    const whole = groups.reduce((sum, group) => sum + group.total, 0) || 1;
    const headings = ["Compare", label, "Total", "Share", "Peak", ""];
    return h(
      "div",
      { class: "card" },
      h(
        "table",
        { class: "tags" },
        h("caption", { class: "visually-hidden", text: `Values of ${label}` }),
        h("thead", {}, h("tr", {}, headings.map((text) => (text ? h("th", { scope: "col" }, h("bdi", { text })) : h("td", {}))))),
        h("tbody", {}, groups.map((group, at) => this.row(group, at, label, unit, whole))),
      ),
    );
  }

  /** @param {Group} group @param {number} at @param {string} label @param {string} unit @param {number} whole */
  row(group, at, label, unit, whole) {
    const swatch = h("span", { class: "swatch" });
    swatch.style.backgroundColor = seriesColour(group.rest ? TOP : at);
    const name = nameOf(group);
    const filter = () => navigate({ page: "single", query: this.queryWith(group.value) });
    const box = h("input", { type: "checkbox", "aria-label": `Compare ${label} ${name}`, on: { change: () => this.choose(group.value, box.checked) } });
    box.checked = this.chosen.includes(group.value);
    return h(
      "tr",
      {},
      h("td", {}, group.rest ? null : box),
      h("th", { scope: "row" }, h("span", { class: "tag-name" }, swatch, h("bdi", { class: "name", text: name }))),
      h("td", { text: formatValue(group.total, unit) }),
      h("td", { text: formatShare(group.total / whole) }),
      h("td", { text: formatValue(group.peak, unit) }),
      h("td", {}, group.rest ? null : button("Flame graph", filter, { class: "small", "aria-label": `Flame graph of ${label} ${name}` })),
    );
  }

  /** @param {string} value @param {boolean} checked */
  choose(value, checked) {
    this.chosen = checked ? [...this.chosen, value].slice(-2) : this.chosen.filter((each) => each !== value);
    for (const box of this.body.querySelectorAll("input")) box.checked = this.chosen.some((each) => box.getAttribute("aria-label") === `Compare ${this.label} ${each || "(none)"}`);
    this.drawChosen();
  }

  drawChosen() {
    this.compare.disabled = this.chosen.length !== 2;
    this.hint.textContent = this.chosen.length === 2 ? `${this.chosen[0]} against ${this.chosen[1]}` : "Choose two values to compare them.";
  }

  compareChosen() {
    const { from, until } = state();
    const times = { leftFrom: from, leftUntil: until, rightFrom: from, rightUntil: until };
    navigate({ page: "diff", leftQuery: this.queryWith(this.chosen[0]), rightQuery: this.queryWith(this.chosen[1]), ...times });
  }

  /** @param {string} value */
  queryWith(value) {
    const { type, matchers } = mainQuery(state());
    return formatQuery(type, withLabel(matchers, this.label ?? "", value));
  }
}

/** @param {string} value @param {Point[]} points @returns {Group} */
function groupOf(value, points) {
  const total = points.reduce((sum, point) => sum + point.value, 0);
  return { value, points, total, peak: Math.max(0, ...points.map((point) => point.value)), rest: false };
}

/** The largest groups, and the rest as one. @param {Group[]} groups @returns {Group[]} */
function topGroups(groups) {
  const sorted = groups.toSorted((a, b) => b.total - a.total);
  const rest = sorted.slice(TOP);
  if (rest.length <= 1) return sorted;
  const sums = new Map();
  for (const group of rest) for (const { time, value } of group.points) sums.set(time, (sums.get(time) ?? 0) + value);
  const points = [...sums].map(([time, value]) => ({ time, value }));
  return [...sorted.slice(0, TOP), { ...groupOf(`${rest.length} others`, points), rest: true }];
}

/** @param {Group} group */
function nameOf({ value, rest }) {
  return rest ? `the rest (${value})` : value || "(none)";
}
