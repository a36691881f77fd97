// @ts-check
/** Runs a page's requests one at a time, shows waiting and errors, and loads modules on first use. */

import { ApiError } from "./api.js";
import { announce, button, fill, h, toast } from "./dom.js";

const SLOW_MS = 400;
const VERY_SLOW_MS = 4000;
const MOST_RETRY_S = 60;
const IDLE_MS = 10 * 60 * 1000;
let lastInput = Date.now();

export class Loader {
  /** @param {{ onSignIn: (reason: string) => void }} settings */
  constructor(settings) {
    this.settings = settings;
    this.element = h("div", { class: "status", hidden: true });
    /** @type {AbortController | null} */
    this.controller = null;
    this.failed = false;
    /** @type {number[]} */
    this.timers = [];
  }

  /**
   * Run `work`, and cancel the previous one. Resolves to true if it completed.
   * @param {(signal: AbortSignal) => Promise<void>} work @param {{ quiet?: boolean }} [options] `quiet`: waiting is not shown
   */
  async run(work, { quiet = false } = {}) {
    this.stop();
    const controller = new AbortController();
    this.controller = controller;
    const again = () => void this.run(work, { quiet });
    if (!quiet) this.wait(controller);
    try {
      await work(controller.signal);
      if (this.controller !== controller) return false;
      this.clear();
      return true;
    } catch (error) {
      if (this.controller === controller && /** @type {Error} */ (error).name !== "AbortError") this.fail(error, again);
      return false;
    }
  }

  stop() {
    this.controller?.abort();
    this.controller = null;
    this.clearTimers();
  }

  clear() {
    this.clearTimers();
    this.failed = false;
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  /** @param {AbortController} controller */
  wait(controller) {
    const cancel = () => {
      controller.abort();
      this.say("Cancelled", "Change the query, or refresh.", []);
    };
    const show = (/** @type {string} */ text) => this.say(text, "", [button("Cancel", cancel, { class: "small" })], true);
    this.timers.push(setTimeout(() => show("Loading…"), SLOW_MS));
    this.timers.push(setTimeout(() => show("Still loading: the range may be long, or the database may be waking up…"), VERY_SLOW_MS));
  }

  /** @param {unknown} error @param {() => void} again */
  fail(error, again) {
    this.clearTimers();
    this.failed = true;
    const { title, advice, code, retryAfterS } = inWords(error);
    if (code === "unauthenticated" || code === "permission_denied") {
      this.settings.onSignIn(code === "permission_denied" ? title : "");
      this.say(title, advice, [button("Sign in…", () => this.settings.onSignIn(""), { class: "primary" })]);
    } else if (code === "unloadable") {
      // A browser may cache a module's failure.
      this.say(title, advice, [button("Reload", () => location.reload())]);
    } else {
      this.say(title, advice, [button("Try again", again)]);
    }
    announce(`${title}. ${advice}`);
    if (code === "unavailable" || retryAfterS) {
      this.timers.push(setTimeout(again, Math.min(retryAfterS || 10, MOST_RETRY_S) * 1000));
    }
  }

  /** @param {string} title @param {string} advice @param {Node[]} actions @param {boolean} [busy] */
  say(title, advice, actions, busy = false) {
    this.element.hidden = false;
    this.element.className = busy ? "status busy" : "status";
    fill(this.element, h("div", {}, h("strong", { text: title }), advice ? h("p", { text: advice }) : null), ...actions);
  }

  clearTimers() {
    this.timers.forEach(clearTimeout);
    this.timers = [];
  }
}

/** @param {unknown} error */
function inWords(error) {
  if (error instanceof ApiError) return error;
  if (error instanceof RangeError || error instanceof SyntaxError) {
    return { title: "This query is invalid", advice: error.message, code: "query", retryAfterS: 0 };
  }
  return {
    title: "The server's response cannot be shown",
    advice: String(/** @type {Error} */ (error)?.message ?? error).slice(0, 300),
    code: "rubbish",
    retryAfterS: 0,
  };
}

/** A module that is loaded on first use. @template T @param {Promise<T>} importing @returns {Promise<T>} */
export function moduleOf(importing) {
  return importing.catch((error) => {
    // It is missing, or its version differs from those in use.
    throw new ApiError({
      title: "This page cannot be loaded",
      advice: `The server cannot be reached or has a new version: reload the page. (${error.message.slice(0, 200)})`,
      code: "unloadable",
    });
  });
}

/** The same for a control: shows a failure and returns null. @template T @param {Promise<T>} importing @returns {Promise<T | null>} */
export function usedModule(importing) {
  return moduleOf(importing).catch((error) => {
    toastFailure("", error);
    return null;
  });
}

/** @param {string} what @param {any} error */
export function toastFailure(what, error) {
  toast(`${what}${error.title ?? error}. ${error.advice ?? ""}`);
}

/** A promise that is awaited later and reports a failure only then. @template T @param {Promise<T>} promise */
export function awaitedLater(promise) {
  promise.catch(() => {});
  return promise;
}

/** Cache what `make` returns, unless it fails. @template T @param {() => Promise<T>} make @returns {() => Promise<T>} */
export function once(make) {
  /** @type {Promise<T> | null} */
  let made = null;
  return () => {
    if (!made) {
      made = make();
      made.catch(() => (made = null));
    }
    return made;
  };
}

for (const event of ["pointerdown", "pointermove", "keydown", "wheel", "focus"]) {
  addEventListener(event, () => (lastInput = Date.now()), { passive: true, capture: true });
}

/** Why the page does not refresh, or an empty text: a background tab must not keep the database awake. */
export function whyUnwatched() {
  if (document.hidden) return "paused: tab hidden";
  return Date.now() - lastInput > IDLE_MS ? "paused: no input for 10 min" : "";
}

export function isWatched() {
  return whyUnwatched() === "";
}
