// @ts-check
/** Writes values in their units. */

const DURATIONS = [
  [86_400e9, "d"],
  [3_600e9, "h"],
  [60e9, "min"],
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];
const BYTES = [
  [2 ** 40, "TiB"],
  [2 ** 30, "GiB"],
  [2 ** 20, "MiB"],
  [2 ** 10, "KiB"],
  [1, "B"],
];
const COUNTS = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
  [1, ""],
];
/** @type {Record<string, [number, [number, string][]]>} */
const SCALES = {
  nanoseconds: [1, /** @type {any} */ (DURATIONS)],
  microseconds: [1e3, /** @type {any} */ (DURATIONS)],
  milliseconds: [1e6, /** @type {any} */ (DURATIONS)],
  seconds: [1e9, /** @type {any} */ (DURATIONS)],
  bytes: [1, /** @type {any} */ (BYTES)],
};

/** A value of a unit as `12.9 s`. @param {number} value @param {string} unit */
export function formatValue(value, unit) {
  const [factor, scale] = SCALES[unit] ?? [1, COUNTS];
  const scaled = Math.abs(value * factor);
  const [size, suffix] = scale.find(([least]) => scaled >= least) ?? scale[scale.length - 1];
  const sign = value < 0 ? "−" : "";
  return `${sign}${digits(scaled / size)}${suffix ? ` ${suffix}` : ""}`;
}

/** A signed value: `+1.2 s`. @param {number} value @param {string} unit */
export function formatChange(value, unit) {
  return value > 0 ? `+${formatValue(value, unit)}` : formatValue(value, unit);
}

/** A share as `14.3 %`. @param {number} share */
export function formatShare(share) {
  if (!Number.isFinite(share)) return "–";
  const percent = share * 100;
  const places = Math.abs(percent) >= 9.95 ? 1 : 2;
  return `${percent < 0 ? "−" : ""}${Math.abs(percent).toFixed(places)} %`;
}

/** A signed difference of shares in percentage points. @param {number} share */
export function formatPoints(share) {
  const text = formatShare(share).replace(" %", " pp");
  return share > 0 ? `+${text}` : text;
}

/** A relative change: `+25 %`, `new`, `gone`. @param {number} left @param {number} right */
export function formatRelative(left, right) {
  if (left === right) return "0 %";
  if (left === 0) return "new";
  if (right === 0) return "gone";
  const percent = (right / left - 1) * 100;
  const text = Math.abs(percent) >= 100 ? Math.abs(percent).toFixed(0) : Math.abs(percent).toFixed(1);
  return `${percent < 0 ? "−" : "+"}${text} %`;
}

/** `1 frame`, `1,234 frames`. @param {number} count @param {string} noun */
export function formatCount(count, noun) {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

/** The display name of a profile type: `process_cpu · cpu`. @param {string} type */
export function typeName(type) {
  const [name, sample] = type.split(":");
  return sample ? `${name} · ${sample}` : type;
}

/** The unit of a profile type's values. @param {string} type */
export function unitOf(type) {
  return type.split(":")[2] ?? "";
}

/** @param {number} number */
function digits(number) {
  if (number === 0) return "0";
  if (Number.isInteger(number) && number < 1000) return String(number);
  if (number >= 100) return number.toFixed(0);
  return number >= 10 ? number.toFixed(1) : number.toFixed(2);
}
