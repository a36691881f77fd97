// @ts-check
/** The bar of service, profile type, labels, range and live refresh. */

import { fetchServices } from "./api.js";
import { button, h, icon, select } from "./dom.js";
import { Combobox, LabelsField, TimeField } from "./fields.js";
import { formatQuery, parseQuery, serviceOf, SERVICE, withoutService, withService } from "./query.js";
import { parseRange } from "./time_range.js";
import { typeName } from "./units.js";
import { navigate, state } from "./url_state.js";

/** @typedef {import("./query.js").Matcher} Matcher */

const REFRESH = [["", "Off"], ["5", "5 s"], ["10", "10 s"], ["30", "30 s"], ["60", "1 min"]];
const RELOAD = "M13.6 2.4v3.8H9.8M13.2 6.2A5.6 5.6 0 1 0 13.6 9";
/** Preferred profile types: a service opens with the first it has. */
const PREFERRED = ["process_cpu:cpu:", "process_cpu:", "wall:wall:", "memory:alloc_space:", "memory:inuse_space:"];
const SERVICES_FOR_MS = 30_000;

export class QueryBar {
  /** @param {{ onReload: () => void }} settings */
  constructor(settings) {
    this.service = new Combobox({
      label: "Service",
      placeholder: "choose a service",
      options: async () => [...new Set((await this.services()).map((each) => each.service))].toSorted().map((value) => ({ value, label: value || "(no service)" })),
      onChoose: (value) => void this.chooseService(value),
    });
    this.type = new Combobox({
      label: "Profile type",
      placeholder: "choose a type",
      className: "type-field",
      shown: typeName,
      options: async () => (await this.typesOf(this.service.value)).map((value) => ({ value, label: typeName(value), note: value.split(":").slice(2, 3).join("") })),
      onChoose: (type) => navigate({ query: formatQuery(type, this.matchers()), leftQuery: "", rightQuery: "" }),
    });
    this.labels = new LabelsField({
      context: () => ({ service: this.serviceMatchers(), range: parseRange(state().from, state().until) }),
      onChange: (matchers) => navigate({ query: formatQuery(this.type.value, withService(this.service.value, matchers)) }),
    });
    this.time = new TimeField({
      onChange: (from, until) => navigate({ from, until, leftFrom: "", leftUntil: "", rightFrom: "", rightUntil: "" }),
    });
    this.live = select("Live", REFRESH, (refresh) => navigate({ refresh }, { replace: true }));
    this.paused = h("span", { class: "paused", hidden: true });
    const reload = button("", settings.onReload, { class: "icon-button", "aria-label": "Refresh", title: "Refresh" });
    reload.append(icon(RELOAD));
    this.element = h(
      "section",
      { class: "query-bar", "aria-label": "Query" },
      this.service.element,
      this.type.element,
      this.labels.element,
      h("div", { class: "bar-end" }, this.time.element, this.live.element, this.paused, reload),
    );
    /** @type {{ key: string, at: number, list: Promise<{ service: string, type: string }[]> } | null} */
    this.fetched = null;
  }

  /** @param {import("./url_state.js").State} now */
  apply(now) {
    this.time.set(now.from, now.until);
    this.live.input.value = now.refresh;
    const hasSides = now.page === "compare" || now.page === "diff";
    this.service.element.hidden = !now.page;
    this.type.element.hidden = !now.page;
    this.labels.element.hidden = !now.page || hasSides;
    try {
      const { type, matchers } = parseQuery(now.query || now.leftQuery);
      this.service.set(serviceOf(matchers));
      this.type.set(type);
      this.labels.set(withoutService(matchers));
    } catch {
      // The page shows the error of the query.
    }
  }

  /** @param {string} why empty if refreshing goes on */
  setPaused(why) {
    this.paused.hidden = !why;
    this.paused.textContent = why;
  }

  matchers() {
    return withService(this.service.value, this.labels.matchers);
  }

  /** @returns {Matcher[]} */
  serviceMatchers() {
    return this.service.value ? [{ name: SERVICE, op: "=", value: this.service.value }] : [];
  }

  /** The services and types of the range; requested at most twice a minute. */
  services() {
    const { from, until } = state();
    const key = `${from} ${until}`;
    if (!this.fetched || this.fetched.key !== key || Date.now() - this.fetched.at > SERVICES_FOR_MS) {
      const list = fetchServices(parseRange(from, until));
      this.fetched = { key, at: Date.now(), list };
      list.catch(() => (this.fetched = null));
    }
    return this.fetched.list.catch(() => []);
  }

  /** @param {string} service */
  async typesOf(service) {
    const all = await this.services();
    const types = all.filter((each) => !service || each.service === service).map((each) => each.type);
    return [...new Set(types)].toSorted((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  }

  /** The query of the first service and its first type; empty without services. */
  async firstQuery() {
    const [first] = (await this.services()).toSorted((a, b) => rank(a.type) - rank(b.type) || a.service.localeCompare(b.service));
    return first ? formatQuery(first.type, withService(first.service, [])) : "";
  }

  /** Change the service: labels are reset; the type stays if the new service has it. @param {string} service */
  async chooseService(service) {
    const types = await this.typesOf(service);
    const type = types.includes(this.type.value) ? this.type.value : (types[0] ?? this.type.value);
    navigate({ query: formatQuery(type, withService(service, [])), leftQuery: "", rightQuery: "" });
  }
}

/** @param {string} type */
export function rank(type) {
  const at = PREFERRED.findIndex((start) => type.startsWith(start));
  return at < 0 ? PREFERRED.length : at;
}
