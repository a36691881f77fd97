// @ts-check
/** Exports: files that this browser creates, and commands for a terminal. Nothing is sent to a third party. */

import { fetchPprof, renderUrl, session } from "./api.js";
import { button, copy, h, toast } from "./dom.js";
import { draw, ROW_HEIGHT } from "./flame/draw.js";
import { toastFailure } from "./loader.js";

/** @typedef {import("./flame/view.js").FlameView} FlameView */
/** @typedef {{ label: string, query: string, from: number, until: number }} Selection */
/** @typedef {{ stem: string, answer: object, view: FlameView, selections: Selection[] }} Exported */

const MOST_PNG_PX = 12_000;

/** The items of the menu. @param {() => Exported | null} exported called when an item is chosen @param {() => void} close */
export function exportItems(exported, close) {
  const run = async (/** @type {(what: Exported) => unknown} */ action) => {
    const what = exported();
    close();
    if (!what) return toast("There is nothing to export yet");
    try {
      await action(what);
    } catch (error) {
      toastFailure("", error);
    }
  };
  const items = /** @type {[string, (what: Exported) => unknown][]} */ ([
    ["Download pprof", savePprof],
    ["Download JSON", saveJson],
    ["Download collapsed stacks", saveCollapsed],
    ["Download PNG", savePng],
    ["Copy go tool pprof command", copyGoTool],
    ["Copy curl command", copyCurl],
    ["Copy link to this view", () => copy(location.href, "the link")],
  ]);
  return items.map(([name, action]) => button(name, () => void run(action), { class: "quiet" }));
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

/** The stacks, root first, one a line; in a diff with left and right values. @param {import("./flame/graph.js").Graph} graph */
function collapsed(graph) {
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

/** The whole graph at its current zoom. @param {Exported} what */
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
function shellQuoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name.replaceAll(/[^\w.-]+/g, "_") }).click();
  setTimeout(() => URL.revokeObjectURL(url), 30_000);
}
