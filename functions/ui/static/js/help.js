// @ts-check
/** The keys of the flame graph, in a dialog. */

import { button, h } from "./dom.js";

const KEYS = [
  ["↓", "largest callee"],
  ["↑", "caller"],
  ["← →", "previous, next callee of the same caller"],
  ["Home, End", "first, last callee of the same caller"],
  ["Enter", "zoom in; open “other”"],
  ["Esc", "zoom out one level"],
  ["/", "search"],
  ["n, N", "next, previous match"],
  ["f, t, b", "flame graph, table, both"],
  ["s", "callers and callees of the function"],
  ["c", "copy the name"],
  ["?", "this list"],
];

export function showKeys() {
  if (document.querySelector("dialog[open]")) return;
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-label": "Keyboard shortcuts" },
    h("h2", { text: "Keyboard shortcuts" }),
    h("dl", { class: "keys" }, KEYS.flatMap(([keys, what]) => [h("dt", {}, h("kbd", { text: keys })), h("dd", { text: what })])),
    button("Close", () => dialog.close(), { class: "primary" }),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
