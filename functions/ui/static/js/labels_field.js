// @ts-check
/** The label query: a chip for each matcher, and a line that suggests names and values. */

import { fetchLabelNames, fetchLabelValues } from "./api.js";
import { Combobox } from "./combobox.js";
import { button, h, toast } from "./dom.js";
import { formatMatcher, formatSelector, parseMatchers, SERVICE } from "./selector.js";

/** @typedef {import("./selector.js").Matcher} Matcher */
/** @typedef {import("./time_range.js").Range} Range */

export class LabelsField {
  /**
   * @param {{ label?: string, context: () => { service: Matcher[], range: Range }, onChange: (matchers: Matcher[]) => void }} settings
   *   `service`: the matchers that suggestions are made within
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
