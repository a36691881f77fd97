// @ts-check
/** Selects a time range: a preset, or two typed times. */

import { button, h, toast, uniqueId } from "./dom.js";
import { editableTime, parseRange, parseTime, PRESETS, rangeName } from "./time_range.js";

export class TimeField {
  /** @param {{ label?: string, onChange: (from: string, until: string) => void }} settings */
  constructor(settings) {
    this.settings = settings;
    this.from = "now-1h";
    this.until = "now";
    const label = uniqueId("range");
    this.name = h("span", {});
    this.summary = h("summary", { "aria-labelledby": `${label} ${label}-value` }, this.name);
    this.name.id = `${label}-value`;
    this.start = h("input", { type: "text", id: uniqueId("from"), spellcheck: "false", autocomplete: "off" });
    this.end = h("input", { type: "text", id: uniqueId("until"), spellcheck: "false", autocomplete: "off" });
    this.details = h("details", { class: "menu time-menu" }, this.summary, h("div", { class: "menu-body" }, this.presets(), this.form()));
    this.element = h("div", { class: "field" }, h("span", { class: "label", id: label, text: settings.label ?? "Range" }), this.details);
    closeOutside(this.details);
  }

  presets() {
    return h(
      "div",
      { class: "presets" },
      PRESETS.map(([from, name]) => button(name, () => this.choose(from, "now"), { class: "quiet" })),
    );
  }

  form() {
    const apply = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.choose(whole(this.start.value), whole(this.end.value));
    };
    return h(
      "form",
      { class: "absolute", on: { submit: apply } },
      h("label", { for: this.start.id, text: "From" }),
      this.start,
      h("label", { for: this.end.id, text: "Until" }),
      this.end,
      h("p", { class: "hint", text: "now-90m, or 2026-11-22 20:30" }),
      h("button", { type: "submit", class: "primary", text: "Apply" }),
    );
  }

  /** @param {string} from @param {string} until */
  set(from, until) {
    this.from = from;
    this.until = until;
    this.name.textContent = rangeName(from, until);
    this.start.value = editable(from);
    this.end.value = editable(until);
  }

  /** @param {string} from @param {string} until */
  choose(from, until) {
    try {
      parseRange(from, until);
    } catch (error) {
      toast(/** @type {Error} */ (error).message);
      return;
    }
    this.details.open = false;
    this.summary.focus();
    this.settings.onChange(from, until);
  }
}

/** Close an open menu at a click elsewhere and at Escape. @param {HTMLDetailsElement} details */
export function closeOutside(details) {
  document.addEventListener("click", (event) => {
    if (details.open && !details.contains(/** @type {Node} */ (event.target))) details.open = false;
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    event.stopPropagation();
    details.open = false;
    details.querySelector("summary")?.focus();
  });
}

/** A typed time for the URL: relative times unchanged, dates in milliseconds. @param {string} text */
function whole(text) {
  const trimmed = text.trim();
  if (trimmed.startsWith("now") || /^\d+$/.test(trimmed)) return trimmed;
  const ms = parseTime(trimmed);
  return Number.isNaN(ms) ? trimmed : String(ms);
}

/** @param {string} text */
function editable(text) {
  if (text.startsWith("now")) return text;
  const ms = parseTime(text);
  return Number.isNaN(ms) ? text : editableTime(ms);
}
