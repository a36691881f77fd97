// @ts-check
/** Callers and callees of a function, wherever it is called. */

import { button, fill, h } from "./dom.js";
import { callees, callers } from "./flame/merge.js";
import { shownName } from "./flame/names.js";
import { navigate } from "./url_state.js";

/** @typedef {import("./flame/view.js").FlameView} FlameView */

export class Sandwich {
  /** @param {HTMLElement} host @param {(label: string) => FlameView} flameView */
  constructor(host, flameView) {
    this.host = host;
    this.callers = flameView("Callers");
    this.callers.setFlip(true);
    this.callees = flameView("Callees");
  }

  /** @param {import("./flame/graph.js").Graph} graph @param {string} name @param {string} scheme of colours */
  show(graph, name, scheme) {
    const at = graph.names.indexOf(name);
    const heading = h("div", { class: "sandwich-head" }, h("strong", { class: "name", text: shownName(name) }), button("Back to the flame graph", () => navigate({ sandwich: "" }), { class: "small" }));
    if (at < 0) {
      fill(this.host, heading, h("p", { class: "empty-note", text: "This function is not in the flame graph of this range." }));
      return;
    }
    if (!this.host.contains(this.callers.element)) {
      fill(this.host, heading, h("h3", { text: "Callers" }), this.callers.element, h("h3", { text: "Callees" }), this.callees.element);
    } else this.host.firstElementChild?.replaceWith(heading);
    this.callers.show(callers(graph, at), { keep: false });
    this.callees.show(callees(graph, at), { keep: false });
    this.callers.scroller.scrollTop = this.callers.scroller.scrollHeight;
    for (const view of [this.callers, this.callees]) view.setScheme(scheme);
  }
}
