// @ts-check
/** The two sides of Compare and Diff: labels, range and timeline of each, presets, and the swap. */

import { fetchSeries } from "./api.js";
import { button, h, select } from "./dom.js";
import { LabelsField, TimeField } from "./fields.js";
import { againstBefore, formatQuery, SERVICE, sideQuery, sideTimes, wholeRange, withoutService, withService } from "./query.js";
import { stepOf } from "./time_range.js";
import { Timeline } from "./timeline.js";
import { typeName, unitOf } from "./units.js";
import { navigate, state } from "./url_state.js";

/** @typedef {import("./query.js").SideName} SideName */
/** @typedef {import("./timeline.js").Drawing} Drawing */
/** @typedef {import("./url_state.js").State} State */

const HOUR = 3_600_000;
/** @type {[string, string, (now: State) => Partial<State>][]} */
const BASELINES = [
  ["", "Compare with…", () => ({})],
  ["halves", "The first half of the range", () => ({ leftFrom: "", leftUntil: "", rightFrom: "", rightUntil: "" })],
  ["hour", "The previous hour", (now) => againstBefore(now, HOUR)],
  ["day", "The previous day", (now) => againstBefore(now, 24 * HOUR)],
  ["week", "The previous week", (now) => againstBefore(now, 7 * 24 * HOUR)],
  ["same", "The same time (other labels)", (now) => againstBefore(now, 0)],
];
const PARTS = /** @type {const} */ (["Query", "From", "Until"]);
const TIMELINE_PX = 84;

export class Sides {
  constructor() {
    this.left = new SideBox("left", "Left (baseline)");
    this.right = new SideBox("right", "Right");
    this.baseline = select("Baseline", BASELINES.map(([value, name]) => [value, name]), (value) => {
      const chosen = BASELINES.find(([name]) => name === value);
      this.baseline.input.value = "";
      if (chosen) navigate(chosen[2](state()));
    });
    this.baseline.element.querySelector("label")?.classList.add("visually-hidden");
    const bar = h("div", { class: "sides-bar" }, this.baseline.element, button("Swap sides", swap));
    this.element = h("div", { class: "sides" }, bar, this.left.element, this.right.element);
  }

  /** Fetch both timelines. @param {AbortSignal} signal @returns {Promise<[Drawing, Drawing]>} */
  fetch(signal) {
    return Promise.all([this.left.fetch(signal), this.right.fetch(signal)]);
  }

  /** @param {[Drawing, Drawing]} timelines */
  show([left, right]) {
    this.left.timeline.show(left);
    this.right.timeline.show(right);
  }

  apply() {
    this.left.apply();
    this.right.apply();
  }
}

class SideBox {
  /** @param {SideName} side @param {string} title */
  constructor(side, title) {
    this.side = side;
    this.timeline = new Timeline({
      height: TIMELINE_PX,
      onSelect: ({ start, end }) => navigate({ [`${side}From`]: String(start), [`${side}Until`]: String(end) }),
    });
    this.timeline.element.setAttribute("aria-label", `${title}, timeline`);
    this.labels = new LabelsField({
      label: "Labels",
      context: () => {
        const { matchers, range } = sideQuery(state(), side);
        return { service: matchers.filter((each) => each.name === SERVICE), range };
      },
      onChange: (matchers) => {
        const { type, service } = sideQuery(state(), side);
        navigate({ [`${side}Query`]: formatQuery(type, withService(service, matchers)) });
      },
    });
    this.time = new TimeField({
      label: "Range",
      onChange: (from, until) => navigate({ [`${side}From`]: from, [`${side}Until`]: until }),
    });
    this.element = h(
      "section",
      { class: `side ${side}`, "aria-label": title },
      h("div", { class: "side-head" }, h("h2", { text: title }), this.labels.element, this.time.element),
      this.timeline.element,
    );
  }

  apply() {
    const now = state();
    const { from, until } = sideTimes(now, this.side);
    this.time.set(from, until);
    try {
      this.labels.set(withoutService(sideQuery(now, this.side).matchers));
    } catch {
      // The page shows the error of the query.
    }
  }

  /** @param {AbortSignal} signal @returns {Promise<Drawing>} */
  async fetch(signal) {
    this.apply();
    const now = state();
    const query = sideQuery(now, this.side);
    const range = wholeRange(now);
    const step = stepOf(range, 130);
    const series = await fetchSeries({ ...query, range, step }, signal);
    return {
      name: `${this.side}, ${typeName(query.type)}`,
      range,
      step,
      unit: unitOf(query.type),
      lines: [{ name: typeName(query.type), points: series.flatMap((each) => each.points), colour: this.side === "left" ? 1 : 0 }],
      marked: query.range,
    };
  }
}

function swap() {
  const now = state();
  const sides = { left: sideTimes(now, "left"), right: sideTimes(now, "right") };
  /** @type {Record<string, string>} */
  const changes = {};
  for (const [side, other] of /** @type {[SideName, SideName][]} */ ([["left", "right"], ["right", "left"]])) {
    changes[`${side}From`] = sides[other].from;
    changes[`${side}Until`] = sides[other].until;
    changes[`${side}Query`] = now[`${other}Query`];
  }
  navigate(changes);
}

/** Whether a page of two sides needs a new request. @param {State} now @param {State} before */
export function isOtherComparison(now, before) {
  const names = ["page", "query", "from", "until", "maxNodes", ...["left", "right"].flatMap((side) => PARTS.map((part) => side + part))];
  return names.some((name) => /** @type {any} */ (now)[name] !== /** @type {any} */ (before)[name]);
}
