// @ts-check
/** A text field with suggestions, by the ARIA pattern of an editable combobox with a listbox. */

import { h, uniqueId } from "./dom.js";

/** @typedef {{ value: string, label?: string, note?: string }} Option */

const MOST_SHOWN = 60;

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

  /** @param {boolean} [everything] whatever the field holds */
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
