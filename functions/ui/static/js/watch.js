// @ts-check
/** Whether the page is visible: a tab in the background must not keep the database awake. */

const IDLE_MS = 10 * 60 * 1000;
let lastInput = Date.now();

for (const event of ["pointerdown", "pointermove", "keydown", "wheel", "focus"]) {
  addEventListener(event, () => (lastInput = Date.now()), { passive: true, capture: true });
}

/** The reason why the page is not visible; empty if it is. */
export function whyUnwatched() {
  if (document.hidden) return "paused: tab hidden";
  return Date.now() - lastInput > IDLE_MS ? "paused: no input for 10 min" : "";
}

export function isWatched() {
  return whyUnwatched() === "";
}
