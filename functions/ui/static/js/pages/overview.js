// @ts-check
/** The start page: the services, their activity, and their last uploads. */

import { fetchSeries, fetchServices, fetchStats } from "../api.js";
import { fill, h } from "../dom.js";
import { moduleOf } from "../loader.js";
import { rank } from "../query_bar.js";
import { formatQuery, SERVICE, withService } from "../query.js";
import { formatAgo, formatTime, parseRange, stepOf } from "../time_range.js";
import { formatCount, formatValue, typeName, unitOf } from "../units.js";
import { hrefOf, navigate, state } from "../url_state.js";

/** @typedef {{ type: string, total: number, last: number }} Volume */
/** @typedef {{ name: string, types: Volume[], last: number, points: { time: number, value: number }[] }} Service */

const AT_ONCE = 4;
const SILENT_MS = 600_000;
const COARSE_STEP_S = 60;
const FINE_POINTS = 240;
const POINTS = 60;

export class OverviewPage {
  constructor() {
    this.title = "Services";
    this.element = h("div", { class: "page overview" });
  }

  /** @param {AbortSignal} signal */
  async load(signal) {
    const range = parseRange(state().from, state().until);
    const step = stepOf(range, POINTS);
    const pairs = await fetchServices(range, signal);
    if (!pairs.length) return this.showNone(signal);
    const services = await volumes(pairs, range, step, signal);
    if (!services.length) return this.showNone(signal);
    if (step > COARSE_STEP_S) await refineLast(services, step, signal);
    fill(this.element, h("h2", { text: formatCount(services.length, "service") }), table(services, range, step));
  }

  /** @param {AbortSignal} signal */
  async showNone(signal) {
    const stats = await fetchStats(signal);
    if (stats.ingested) fill(this.element, await (await moduleOf(import("./no_profiles.js"))).noProfiles(null, signal));
    else fill(this.element, (await moduleOf(import("./first_minute.js"))).firstMinute());
  }

  apply() {}

  /** @param {import("../url_state.js").State} now @param {import("../url_state.js").State} before */
  isOther(now, before) {
    return now.page !== before.page || now.from !== before.from || now.until !== before.until;
  }
}

/** Query each type, grouped by service. @param {{ service: string, type: string }[]} pairs @param {import("../time_range.js").Range} range
 * @param {number} step @param {AbortSignal} signal @returns {Promise<Service[]>} */
async function volumes(pairs, range, step, signal) {
  /** @type {Map<string, Service>} */
  const services = new Map();
  const types = [...new Set(pairs.map((pair) => pair.type))];
  const work = async () => {
    for (let type = types.shift(); type !== undefined; type = types.shift()) {
      const series = await fetchSeries({ type, selector: "{}", range, step, groupBy: [SERVICE] }, signal);
      for (const { labels, points } of series) add(services, labels[SERVICE] ?? "", type, points);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  for (const service of services.values()) service.types.sort((a, b) => rank(a.type) - rank(b.type) || a.type.localeCompare(b.type));
  return [...services.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}

/**
 * A point covers its step, which may be hours: query each service's last one more precisely.
 * @param {Service[]} services @param {number} step @param {AbortSignal} signal
 */
async function refineLast(services, step, signal) {
  /** @type {Map<string, Service[]>} */
  const byQuery = new Map();
  for (const service of services) {
    const newest = service.types.find((each) => each.last === service.last);
    const key = JSON.stringify([newest?.type, service.last]);
    byQuery.set(key, [...(byQuery.get(key) ?? []), service]);
  }
  const fine = Math.max(1, Math.ceil(step / FINE_POINTS));
  for (const [key, alike] of byQuery) {
    const [type, last] = JSON.parse(key);
    const range = { start: last - step * 1000, end: last };
    const series = await fetchSeries({ type, selector: "{}", range, step: fine, groupBy: [SERVICE] }, signal);
    for (const { labels, points } of series) {
      const service = alike.find((each) => each.name === (labels[SERVICE] ?? ""));
      if (service && points.length) service.last = Math.max(...points.map((point) => point.time));
    }
  }
}

/** @param {Map<string, Service>} services @param {string} name @param {string} type @param {{ time: number, value: number }[]} points */
function add(services, name, type, points) {
  if (!points.length) return;
  const service = services.get(name) ?? { name, types: [], last: 0, points: [] };
  services.set(name, service);
  const last = Math.max(...points.map((point) => point.time));
  service.types.push({ type, total: points.reduce((sum, point) => sum + point.value, 0), last });
  service.last = Math.max(service.last, last);
  if (!service.points.length || rank(type) === 0) service.points = points;
}

/** @param {Service[]} services @param {import("../time_range.js").Range} range @param {number} step */
function table(services, range, step) {
  const headings = ["Service", "Activity", "Profile types", "Last upload"];
  return h(
    "div",
    { class: "card" },
    h(
      "table",
      { class: "services" },
      h("caption", { class: "visually-hidden", text: "Services with profiles in this range" }),
      h("thead", {}, h("tr", {}, headings.map((text) => h("th", { scope: "col", text })))),
      h("tbody", {}, services.map((service) => row(service, range, step))),
    ),
  );
}

/** @param {Service} service @param {import("../time_range.js").Range} range @param {number} step */
function row(service, range, step) {
  const silent = range.end - service.last > SILENT_MS;
  const ago = Math.abs(Date.now() - range.end) < 120_000 ? formatAgo(service.last) : formatTime(service.last);
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, link(service.types[0]?.type ?? "", service.name, service.name || "(no service)")),
    h("td", { class: "spark-cell" }, spark(service, range, step)),
    h(
      "td",
      {},
      h(
        "ul",
        { class: "type-list" },
        service.types.map(({ type, total }) => h("li", {}, link(type, service.name, typeName(type)), h("span", { class: "volume", text: formatValue(total, unitOf(type)) }))),
      ),
    ),
    h("td", { class: silent ? "silent" : "" }, h("span", { title: formatTime(service.last), text: ago }), silent ? h("span", { class: "badge", text: "silent" }) : null),
  );
}

/** @param {string} type @param {string} service @param {string} text */
function link(type, service, text) {
  const changes = { ...state(), page: "single", query: formatQuery(type, withService(service, [])) };
  const open = (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    navigate(changes);
  };
  return h("a", { href: hrefOf(changes), class: "name", on: { click: open } }, h("bdi", { text }));
}

/** The service's first type over the range. @param {Service} service @param {import("../time_range.js").Range} range @param {number} step */
function spark({ points }, range, step) {
  const width = 160;
  const height = 28;
  const most = Math.max(...points.map((point) => point.value), 1);
  const scale = width / (range.end - range.start);
  const bar = Math.max(1, step * 1000 * scale - 0.5);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("class", "spark");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", points.map(({ time, value }) => {
    const x = Math.max(0, (time - step * 1000 - range.start) * scale);
    const tall = Math.max(1, (value / most) * height);
    return `M${x.toFixed(1)} ${height}v${(-tall).toFixed(1)}h${bar.toFixed(1)}v${tall.toFixed(1)}z`;
  }).join(""));
  svg.append(path);
  return svg;
}

