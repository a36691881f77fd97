// @ts-check
/** Runs the requests of a page, one at a time, and shows waiting and errors. */

import { ApiError } from "./api.js";
import { announce, button, fill, h } from "./dom.js";

const SLOW_MS = 400;
const VERY_SLOW_MS = 4000;
const MOST_RETRY_S = 60;

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
      this.say("Cancelled", "Change something, or load again.", []);
    };
    const show = (/** @type {string} */ text) => this.say(text, "", [button("Cancel", cancel, { class: "small" })], true);
    this.timers.push(setTimeout(() => show("Loading…"), SLOW_MS));
    this.timers.push(setTimeout(() => show("Still loading: the range may be long, or the database is waking up…"), VERY_SLOW_MS));
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
      // A browser may remember that a module failed.
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
    return { title: "This query cannot be read", advice: error.message, code: "query", retryAfterS: 0 };
  }
  return {
    title: "The server's response cannot be shown",
    advice: String(/** @type {Error} */ (error)?.message ?? error).slice(0, 300),
    code: "rubbish",
    retryAfterS: 0,
  };
}
