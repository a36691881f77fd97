// @ts-check
/** Exports: files that this browser creates, and commands for a terminal. Nothing is sent to a third party. */

import { fetchPprof, renderUrl } from "./api.js";
import { button, copy, h, toast } from "./dom.js";
import { session } from "./session.js";
import { draw, ROW_HEIGHT } from "./flame/draw.js";
import { closeOutside } from "./time_field.js";

/** @typedef {import("./flame/view.js").FlameView} FlameView */
/** @typedef {{ label: string, query: string, from: number, until: number }} Selection */
/** @typedef {{ stem: string, answer: object, view: FlameView, selections: Selection[] }} Exported */

const MOST_PNG_PX = 12_000;

/** The menu; `exported` is called when an item is chosen. @param {() => Exported | null} exported */
export function exportMenu(exported) {
  const run = (/** @type {(what: Exported) => unknown} */ action) => async () => {
    const what = exported();
    details.open = false;
    if (!what) return toast("There is nothing to export yet");
    try {
      await action(what);
    } catch (error) {
      toast(`${/** @type {any} */ (error).title ?? "The export failed"}. ${/** @type {any} */ (error).advice ?? ""}`);
    }
  };
  const item = (/** @type {string} */ name, /** @type {(what: Exported) => unknown} */ action) => button(name, () => void run(action)(), { class: "quiet" });
  const details = h(
    "details",
    { class: "menu export-menu" },
    h("summary", { text: "Export" }),
    h(
      "div",
      { class: "menu-body" },
      item("Download pprof", savePprof),
      item("Download JSON", saveJson),
      item("Download collapsed stacks", saveCollapsed),
      item("Download PNG", savePng),
      item("Copy go tool pprof command", copyGoTool),
      item("Copy curl command", copyCurl),
      item("Copy link to this view", () => copy(location.href, "the link")),
    ),
  );
  closeOutside(details);
  return details;
}

/** @param {Exported} what */
async function savePprof({ selections, stem }) {
  for (const selection of selections) {
    const name = selections.length > 1 ? `${stem}-${selection.label}` : stem;
    save(await fetchPprof(selection), `${name}.pprof`);
  }
}

/** @param {Exported} what */
function saveJson({ answer, stem }) {
  save(new Blob([JSON.stringify(answer)], { type: "application/json" }), `${stem}.json`);
}

/** @param {Exported} what */
function saveCollapsed({ view, stem }) {
  save(new Blob([collapsed(view.graph)], { type: "text/plain" }), `${stem}.collapsed.txt`);
}

/** The stacks, root first, a line each; of a diff with the left and the right value. @param {import("./flame/graph.js").Graph} graph */
export function collapsed(graph) {
  const lines = [];
  /** @type {string[]} */
  const stacks = [];
  for (let node = 1; node < graph.count; node += 1) {
    const parent = graph.parent[node];
    const name = graph.nameOf(node).replaceAll(";", ":").replaceAll("\n", " ");
    stacks[node] = parent > 0 ? `${stacks[parent]};${name}` : name;
    if (!graph.self[node]) continue;
    const value = graph.left && graph.right ? `${graph.left.self[node]} ${graph.right.self[node]}` : graph.self[node];
    lines.push(`${stacks[node]} ${value}\n`);
  }
  return lines.join("");
}

/** The whole graph at its present zoom. @param {Exported} what */
async function savePng({ view, stem }) {
  const width = Math.max(320, view.scroller.clientWidth);
  const height = Math.min(MOST_PNG_PX, view.graph.depth * ROW_HEIGHT);
  const canvas = h("canvas", { width: width * 2, height: height * 2 });
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  draw(context, { ...view.scene(width, 0, height), focus: -1 });
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob) save(blob, `${stem}.png`);
}

/** @param {Exported} what */
function copyGoTool({ selections }) {
  return copy(selections.map((each) => `go tool pprof ${shellQuoted(renderUrl(each))}`).join("\n"), "the command");
}

/** @param {Exported} what */
function copyCurl({ selections, stem }) {
  const { kind, tenant } = session();
  const credential = { none: "", basic: `--user ":$API_CREDENTIAL" `, bearer: `--header "Authorization: Bearer $API_CREDENTIAL" ` }[kind];
  const options = credential + (tenant ? `--header ${shellQuoted(`X-Scope-OrgID: ${tenant}`)} ` : "");
  const lines = selections.map((each) => `curl --fail ${options}--output ${shellQuoted(`${stem}.pprof`)} ${shellQuoted(renderUrl(each))}`);
  return copy(lines.join("\n"), "the command");
}

/** @param {string} text */
export function shellQuoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name.replaceAll(/[^\w.-]+/g, "_") }).click();
  setTimeout(() => URL.revokeObjectURL(url), 30_000);
}
