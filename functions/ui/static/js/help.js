// @ts-check
/** The keys of the flame graph, in a dialog. */

import { button, h } from "./dom.js";
import { KEYS } from "./flame/keys.js";

export function showKeys() {
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
