// @ts-check
/** The tools above a flame graph: search, view, colours, orientation, export. */

import { closeOutside, fill, h, select, uniqueId } from "./dom.js";
import { usedModule } from "./loader.js";
import { diffColour } from "./palette.js";
import { navigate, state } from "./url_state.js";

const VIEWS = [
  ["flame", "Flame graph"],
  ["table", "Table"],
  ["both", "Both"],
];
const SEARCH_DELAY_MS = 120;

/** @param {{ exporting: Element | null }} settings `exporting`: the menu; null also hides the choice of views */
export function tools({ exporting }) {
  const problem = h("span", { class: "problem", id: uniqueId("problem"), role: "alert" });
  const search = searchField(problem.id);
  const views = h("div", { class: "segmented", role: "group", "aria-label": "View" }, VIEWS.map(([view, name]) => toggle(name, () => navigate({ view }, { replace: true }), { view })));
  const colour = select("Colour", [["package", "by package"], ["value", "by value"]], (value) => navigate({ colour: value }, { replace: true }));
  const flip = toggle("Flip", () => navigate({ flip: state().flip ? "" : "1" }, { replace: true }));
  const fold = toggle("Fold recursion", () => navigate({ fold: state().fold ? "" : "1", zoom: "" }, { replace: true }));
  const legend = h("span", { class: "legend" }, "less", [-1, -0.4, 0, 0.4, 1].map(swatch), "more");
  const summary = h("span", { class: "summary" });
  const matched = h("span", { class: "matched" });
  const element = h(
    "div",
    { class: "tools" },
    h("div", { class: "tools-group" }, search.element, matched, problem),
    h("div", { class: "tools-group" }, exporting ? views : null, colour.element, legend, flip, exporting ? fold : null, exporting),
    summary,
  );
  return {
    element,
    focusSearch: () => search.input.focus(),
    /** @param {string} text */
    searchError: (text) => {
      problem.textContent = text ? "Invalid regular expression" : "";
      problem.title = text;
      search.input.setAttribute("aria-invalid", String(Boolean(text)));
    },
    /** @param {string} whole @param {string} share */
    summary: (whole, share) => {
      summary.textContent = whole;
      matched.textContent = share;
    },
    /** @param {import("./url_state.js").State} now @param {boolean} isDiff */
    apply: (now, isDiff) => {
      if (document.activeElement !== search.input) search.input.value = now.search;
      for (const each of views.children) each.setAttribute("aria-pressed", String(each.dataset.view === now.view));
      flip.setAttribute("aria-pressed", String(now.flip === "1"));
      fold.setAttribute("aria-pressed", String(now.fold === "1"));
      colour.input.value = now.colour;
      colour.element.hidden = isDiff;
      legend.hidden = !isDiff;
    },
  };
}

/** The menu of exports. @param {() => import("./export.js").Exported | null} exported */
export function exportMenu(exported) {
  const body = h("div", { class: "menu-body" });
  const details = h("details", { class: "menu export-menu", on: { toggle: () => details.open && void list() } }, h("summary", { text: "Export" }), body);
  const list = async () => {
    const module = await usedModule(import("./export.js"));
    if (!module) details.open = false;
    else if (!body.childElementCount) fill(body, module.exportItems(exported, () => (details.open = false)));
  };
  closeOutside(details);
  return details;
}

/** Show the keys of the flame graph. */
export async function showKeys() {
  const help = await usedModule(import("./help.js"));
  help?.showKeys();
}

/** @param {string} problem the id of the search's error message */
function searchField(problem) {
  let timer = 0;
  const apply = () => navigate({ search: input.value }, { replace: true });
  const input = h("input", {
    type: "search",
    id: uniqueId("search"),
    placeholder: "Search functions, or /regex/",
    "aria-describedby": problem,
    spellcheck: "false",
    on: {
      input: () => {
        clearTimeout(timer);
        timer = setTimeout(apply, SEARCH_DELAY_MS);
      },
    },
  });
  return { input, element: h("div", { class: "search" }, h("label", { class: "visually-hidden", for: input.id, text: "Search functions" }), input) };
}

/** @param {string} label @param {() => void} action @param {Record<string, string>} [data] @returns {any} */
function toggle(label, action, data = {}) {
  return h("button", { type: "button", "aria-pressed": "false", data, on: { click: action } }, label);
}

/** @param {number} change */
function swatch(change) {
  const element = h("span", { class: "swatch" });
  element.style.backgroundColor = diffColour(change);
  return element;
}
