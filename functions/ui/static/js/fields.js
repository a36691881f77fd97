// @ts-check
/** The fields of a query: text with suggestions, labels, and a time range. */

import { fetchLabelNames, fetchLabelValues } from "./api.js";
import { button, closeOutside, h, toast, uniqueId } from "./dom.js";
import { formatMatcher, formatSelector, parseMatchers, SERVICE } from "./query.js";
import { editableTime, parseRange, parseTime, PRESETS, rangeName } from "./time_range.js";

/** @typedef {{ value: string, label?: string, note?: string }} Option */
/** @typedef {import("./query.js").Matcher} Matcher */
/** @typedef {import("./time_range.js").Range} Range */

const MOST_SHOWN = 60;

/** A text field with suggestions, by the ARIA pattern of an editable combobox with a listbox. */
export class Combobox {
  /**
   * @param {{ label: string, options: (text: string) => Promise<Option[]> | Option[], onChoose: (value: string) => void,
   *   placeholder?: string, free?: boolean, className?: string, shown?: (value: string) => string }} settings
   *   `free`: any text may be chosen with Enter
   */
  constructor(settings) {
    this.settings = settings;
    /** @type {Option[]} */
    this.options = [];
    this.active = -1;
    this.value = "";
    this.requests = 0;
    const list = uniqueId("options");
    this.input = h("input", {
      type: "text",
      role: "combobox",
      id: uniqueId("field"),
      "aria-expanded": "false",
      "aria-controls": list,
      "aria-autocomplete": "list",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: settings.placeholder ?? "",
      on: {
        input: () => this.suggest(),
        focus: () => this.input.select(),
        click: () => this.suggest(true),
        blur: () => this.close(),
        keydown: (/** @type {KeyboardEvent} */ event) => this.onKey(event),
      },
    });
    this.list = h("ul", { role: "listbox", id: list, "aria-label": settings.label, hidden: true });
    this.list.addEventListener("mousedown", (/** @type {Event} */ event) => event.preventDefault());
    this.element = h(
      "div",
      { class: `field ${settings.className ?? ""}` },
      h("label", { for: this.input.id, text: settings.label }),
      h("div", { class: "combobox" }, this.input, this.list),
    );
  }

  /** @param {string} value */
  set(value) {
    this.value = value;
    this.input.value = this.shown(value);
    this.input.title = value;
  }

  /** @param {string} value */
  shown(value) {
    return this.settings.shown ? this.settings.shown(value) : value;
  }

  /** @param {boolean} [everything] all, if the text is unedited */
  async suggest(everything = false) {
    const text = everything && this.input.value === this.shown(this.value) ? "" : this.input.value;
    this.requests += 1;
    const { requests } = this;
    const options = await this.settings.options(text);
    if (requests !== this.requests || document.activeElement !== this.input) return;
    this.open(this.settings.free ? options : options.filter((each) => contains(each, text)));
  }

  /** @param {Option[]} options */
  open(options) {
    this.options = options.slice(0, MOST_SHOWN);
    this.active = -1;
    this.list.replaceChildren(...this.options.map((option, at) => this.item(option, at)));
    this.list.hidden = this.options.length === 0;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.mark();
  }

  /** @param {Option} option @param {number} at */
  item(option, at) {
    return h(
      "li",
      {
        role: "option",
        id: `${this.list.id}-${at}`,
        "aria-selected": "false",
        class: option.value === this.value ? "current" : "",
        on: { click: () => this.choose(option.value) },
      },
      h("bdi", { text: option.label ?? option.value }),
      option.note ? h("span", { class: "note", text: option.note }) : null,
    );
  }

  close() {
    this.requests += 1;
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    if (!this.settings.free) this.input.value = this.shown(this.value);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (this.list.hidden) void this.suggest(true);
      else this.move(step);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.enter();
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.stopPropagation();
      this.close();
    }
  }

  enter() {
    const option = this.options[this.active];
    if (option && !this.list.hidden) this.choose(option.value);
    else if (this.settings.free) this.choose(this.input.value);
    else if (!this.list.hidden && this.options.length) this.choose(this.options[0].value);
  }

  /** @param {number} step */
  move(step) {
    this.active = (this.active + step + this.options.length) % this.options.length;
    this.mark();
  }

  mark() {
    [...this.list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === this.active)));
    const item = this.list.children[this.active];
    if (item) {
      this.input.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  /** @param {string} value */
  choose(value) {
    this.close();
    this.settings.onChoose(value);
  }
}

/** @param {Option} option @param {string} text */
function contains({ value, label = "" }, text) {
  const part = text.trim().toLowerCase();
  return value.toLowerCase().includes(part) || label.toLowerCase().includes(part);
}

/** The label query: a chip for each matcher, and a line that suggests names and values. */
export class LabelsField {
  /**
   * @param {{ label?: string, context: () => { service: Matcher[], range: Range }, onChange: (matchers: Matcher[]) => void }} settings
   *   `service`: the matchers that limit suggestions
   */
  constructor(settings) {
    this.settings = settings;
    /** @type {Matcher[]} */
    this.matchers = [];
    /** @type {Map<string, Promise<string[]>>} */
    this.known = new Map();
    this.chips = h("span", { class: "chips" });
    this.box = new Combobox({
      label: settings.label ?? "Labels",
      placeholder: 'region="eu"',
      free: true,
      className: "labels-field",
      options: (text) => this.suggestions(text),
      onChoose: (text) => this.choose(text),
    });
    this.box.element.querySelector(".combobox")?.before(this.chips);
    this.box.input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Backspace" && !this.box.input.value && this.matchers.length) this.settings.onChange(this.matchers.slice(0, -1));
    });
    this.element = this.box.element;
  }

  /** @param {Matcher[]} matchers */
  set(matchers) {
    this.matchers = matchers;
    this.box.input.value = "";
    this.known.clear();
    this.chips.replaceChildren(...matchers.map((matcher, at) => this.chip(matcher, at)));
  }

  /** @param {Matcher} matcher @param {number} at */
  chip(matcher, at) {
    const text = formatMatcher(matcher);
    const remove = () => {
      this.settings.onChange(this.matchers.filter((_, other) => other !== at));
      this.box.input.focus();
    };
    return h("span", { class: "chip", title: text }, h("bdi", { text }), button("×", remove, { "aria-label": `Remove ${text}` }));
  }

  /** Complete a name with its operator, and add a complete matcher. @param {string} text */
  choose(text) {
    if (!text.trim()) return;
    if (!/[=~]/.test(text)) {
      this.box.input.value = `${text}=`;
      void this.box.suggest();
      return;
    }
    try {
      this.settings.onChange([...this.matchers, ...parseMatchers(text)]);
    } catch (error) {
      this.box.input.value = text;
      toast(/** @type {Error} */ (error).message);
    }
  }

  /** @param {string} text */
  async suggestions(text) {
    const { service, range } = this.settings.context();
    const selector = formatSelector(service);
    const parts = /^\s*("(?:[^"\\]|\\.)*"|[^=!~]+?)\s*(=~|!~|!=|=)\s*"?(.*?)"?\s*$/.exec(text);
    try {
      if (!parts) {
        const names = await this.remember(`names ${selector}`, () => fetchLabelNames(selector, range));
        return names.filter((name) => name !== SERVICE && name.includes(text.trim())).map((value) => ({ value, note: "label" }));
      }
      const [, name, op, begun] = parts;
      const plain = name.replaceAll('"', "");
      const values = await this.remember(`values ${plain} ${selector}`, () => fetchLabelValues(plain, selector, range));
      return values.filter((value) => value.includes(begun)).map((value) => ({ value: formatMatcher({ name: plain, op, value }) }));
    } catch {
      // The page shows the error in place of the graph.
      return [];
    }
  }

  /** @param {string} key @param {() => Promise<string[]>} fetch */
  remember(key, fetch) {
    const known = this.known.get(key);
    if (known) return known;
    const fetched = fetch();
    this.known.set(key, fetched);
    fetched.catch(() => this.known.delete(key));
    return fetched;
  }
}

/** Selects a time range: a preset, or two typed times. */
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
