// @ts-check
/** Times as typed and in URLs: `now-1h`, milliseconds, or a date. */

const UNITS = { s: 1e3, m: 60e3, h: 3_600e3, d: 86_400e3, w: 604_800e3, M: 2_592_000e3, y: 31_536_000e3 };
export const PRESETS = [
  ["now-5m", "Last 5 minutes"],
  ["now-15m", "Last 15 minutes"],
  ["now-30m", "Last 30 minutes"],
  ["now-1h", "Last hour"],
  ["now-3h", "Last 3 hours"],
  ["now-6h", "Last 6 hours"],
  ["now-12h", "Last 12 hours"],
  ["now-24h", "Last 24 hours"],
  ["now-2d", "Last 2 days"],
  ["now-7d", "Last 7 days"],
  ["now-30d", "Last 30 days"],
];

/** @typedef {{ start: number, end: number }} Range both in milliseconds */

/** The time in `text` in milliseconds, or NaN. @param {string} text @param {number} [now] */
export function parseTime(text, now = Date.now()) {
  const relative = /^now(?:\s*([-+])\s*(\d{1,6})\s*([smhdwMy]))?$/.exec(text.trim());
  if (relative) {
    const [, sign, count, unit] = relative;
    const offset = count ? Number(count) * UNITS[/** @type {keyof typeof UNITS} */ (unit)] : 0;
    return now + (sign === "-" ? -offset : offset);
  }
  if (/^\d{1,11}$/.test(text)) return Number(text) * 1000;
  if (/^\d{12,14}$/.test(text)) return Number(text);
  return Date.parse(text.trim().replace(" ", "T"));
}

/** @param {string} from @param {string} until @returns {Range} */
export function parseRange(from, until) {
  const now = Date.now();
  const start = Math.floor(parseTime(from, now));
  const end = Math.ceil(parseTime(until, now));
  if (Number.isNaN(start) || Number.isNaN(end)) {
    throw new RangeError(`“${Number.isNaN(start) ? from : until}” is not a time: write now-1h, or 2026-11-22 20:30`);
  }
  if (start >= end) throw new RangeError("The range ends before it starts: choose a later end or an earlier start.");
  return { start, end };
}

/** Whether the range moves with the clock. @param {string} from @param {string} until */
export function isRelative(from, until) {
  return from.startsWith("now") || until.startsWith("now");
}

/** The name of a range. @param {string} from @param {string} until */
export function rangeName(from, until) {
  const preset = until === "now" && PRESETS.find(([value]) => value === from);
  if (preset) return preset[1];
  return `${timeName(from)} – ${timeName(until)}`;
}

/** @param {string} text */
function timeName(text) {
  return text.startsWith("now") ? text : formatTime(parseTime(text));
}

/** A moment as `22 Nov 20:30` in the viewer's zone; with seconds unless they are zero. @param {number} ms */
export function formatTime(ms) {
  if (Number.isNaN(ms)) return "?";
  const date = new Date(ms);
  const day = date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  const clock = date.toTimeString().slice(0, date.getSeconds() ? 8 : 5);
  return `${day} ${clock}`;
}

/** A moment as in `datetime-local` inputs: `2026-11-22 20:30:00`. @param {number} ms */
export function editableTime(ms) {
  const date = new Date(ms);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** How long ago: `3 min ago`. @param {number} ms @param {number} [now] */
export function formatAgo(ms, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} days ago`;
}

const STEPS = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];
/** The step of a timeline in seconds, for at most `points` points. @param {Range} range @param {number} [points] */
export function stepOf(range, points = 260) {
  const least = (range.end - range.start) / 1000 / points;
  return STEPS.find((step) => step >= least) ?? Math.ceil(least / 86_400) * 86_400;
}
