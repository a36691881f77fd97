// @ts-check
/** The bar between table and flame graph; this browser remembers its position. */

import { h } from "./dom.js";

const KEY = "flamehouse.split";
const LEAST = 15;
const MOST = 75;

/** @param {() => HTMLElement} body the element that the bar divides */
export function splitter(body) {
  let share = clamp(Number(localStorage.getItem(KEY)) || 34);
  const bar = h("div", {
    class: "splitter",
    role: "separator",
    tabindex: "0",
    "aria-label": "Width of the table",
    "aria-orientation": "vertical",
    "aria-valuemin": LEAST,
    "aria-valuemax": MOST,
  });
  const set = (/** @type {number} */ value) => {
    share = clamp(value);
    bar.setAttribute("aria-valuenow", String(Math.round(share)));
    bar.parentElement?.style.setProperty("--table-share", `${share}%`);
    localStorage.setItem(KEY, String(share));
  };
  bar.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => bar.setPointerCapture(event.pointerId));
  bar.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const box = body().getBoundingClientRect();
    set(((event.clientX - box.left) / box.width) * 100);
  });
  bar.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
    if (step) set(share + step);
  });
  queueMicrotask(() => set(share));
  return bar;
}

/** @param {number} share */
function clamp(share) {
  return Math.max(LEAST, Math.min(MOST, share));
}
