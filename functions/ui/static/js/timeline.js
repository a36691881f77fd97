// @ts-check
/** A timeline, which is drawn after everything else: its modules and uPlot are a third of the page's bytes. */

import { fill, h } from "./dom.js";
import { moduleOf } from "./loader.js";

/** @typedef {import("./time_range.js").Range} Range */
/** @typedef {{ name: string, points: { time: number, value: number }[], colour?: number }} Line */
/** @typedef {{ name: string, range: Range, step: number, unit: string, lines: Line[], marked?: Range | null }} Drawing */
/** @typedef {{ height: number, onSelect: (range: Range) => void }} Settings */

const PLOT_PX = 120;

export class Timeline {
  /** @param {{ height?: number, onSelect: (range: Range) => void }} settings */
  constructor(settings) {
    this.settings = { height: PLOT_PX, ...settings };
    /** @type {Drawing | null} */
    this.drawing = null;
    /** @type {import("./plot.js").Plot | null} */
    this.plot = null;
    this.element = h("section", { class: "timeline", "aria-label": "Timeline" });
    // Reserves the height: nothing below moves when the plot is loaded.
    this.element.style.setProperty("--plot", `${this.settings.height}px`);
  }

  /** @param {Drawing} drawing */
  show(drawing) {
    this.drawing = drawing;
    if (this.plot) this.plot.show(drawing);
    else void this.load();
  }

  async load() {
    try {
      const { Plot } = await moduleOf(import("./plot.js"));
      if (this.plot || !this.drawing) return;
      this.plot = new Plot(this.settings);
      fill(this.element, this.plot.figure, this.plot.foot);
      this.plot.show(this.drawing);
    } catch {
      fill(this.element, h("p", { class: "hint", role: "alert", text: "The timeline could not be loaded: reload the page." }));
    }
  }
}
