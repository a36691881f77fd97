// @ts-check
/** The keys of the flame graph, in a dialog. */

import { button, h } from "./dom.js";

const KEYS = [
  ["↓", "largest callee"],
  ["↑", "caller"],
  ["← →", "previous, next callee of the same caller"],
  ["Home, End", "first, last of them"],
  ["Enter", "zoom in; opens “other”"],
  ["Esc", "zoom out by one"],
  ["/", "search"],
  ["n, N", "next, previous match"],
  ["f, t, b", "flame graph, table, both"],
  ["s", "callers and callees of the function"],
  ["c", "copy the name"],
  ["?", "these keys"],
];

export function showKeys() {
  if (document.querySelector("dialog[open]")) return;
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-label": "Keys of the flame graph" },
    h("h2", { text: "Keys of the flame graph" }),
    h("dl", { class: "keys" }, KEYS.flatMap(([keys, what]) => [h("dt", {}, h("kbd", { text: keys })), h("dd", { text: what })])),
    button("Close", () => dialog.close(), { class: "primary" }),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
