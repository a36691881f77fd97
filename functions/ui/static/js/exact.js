// @ts-check
/** A merged profile in JSON: exact sums by function, and each function's source. */

import { emptyRow } from "./flame/graph.js";

/** @typedef {import("./flame/graph.js").Row} Row */
/** @typedef {{ file: string, line: number }} Place */

/** The functions of all stacks, uncut; each stack counts once towards a function. @param {any} profile @returns {Map<string, Row>} */
export function exactFunctions(profile) {
  const frames = framesOf(profile);
  /** @type {Map<string, Row>} */
  const rows = new Map();
  const rowOf = (/** @type {string} */ name) => {
    let row = rows.get(name);
    if (!row) rows.set(name, (row = emptyRow(name)));
    return row;
  };
  for (const sample of profile.sample ?? []) {
    const value = Number(sample.value?.[0] ?? 0);
    const names = (sample.locationId ?? []).flatMap((/** @type {string} */ id) => frames.get(id) ?? []);
    if (names.length) rowOf(names[0]).self += value;
    for (const name of new Set(names)) rowOf(name).total += value;
  }
  return rows;
}

/** Both sides as the rows of a diff. @param {Map<string, Row>} left @param {Map<string, Row>} right @returns {Row[]} */
export function exactDiff(left, right) {
  return [...new Set([...left.keys(), ...right.keys()])].map((name) => {
    const before = left.get(name) ?? emptyRow(name);
    const after = right.get(name) ?? emptyRow(name);
    return {
      name,
      self: before.self + after.self,
      total: before.total + after.total,
      leftSelf: before.self,
      leftTotal: before.total,
      rightSelf: after.self,
      rightTotal: after.total,
    };
  });
}

/** Source places of functions, by name: the file, and the start line or the least one seen. @param {any} profile @returns {Map<string, Place>} */
export function placesOf(profile) {
  const texts = profile.stringTable ?? [];
  const lines = firstLines(profile);
  const places = new Map();
  for (const each of profile.function ?? []) {
    const file = texts[Number(each.filename ?? 0)] ?? "";
    const name = texts[Number(each.name ?? 0)] ?? "";
    const line = Number(each.startLine ?? 0) || lines.get(each.id) || 0;
    if (file && !places.has(name)) places.set(name, { file, line });
  }
  return places;
}

/** Names by location, the innermost first. @param {any} profile @returns {Map<string, string[]>} */
function framesOf(profile) {
  const texts = profile.stringTable ?? [];
  const names = new Map((profile.function ?? []).map((/** @type {any} */ each) => [each.id, String(texts[Number(each.name ?? 0)] ?? "")]));
  return new Map(
    (profile.location ?? []).map((/** @type {any} */ each) => [
      each.id,
      (each.line ?? []).map((/** @type {any} */ line) => names.get(line.functionId) ?? ""),
    ]),
  );
}

/** @param {any} profile @returns {Map<string, number>} */
function firstLines(profile) {
  const first = new Map();
  for (const location of profile.location ?? []) {
    for (const line of location.line ?? []) {
      const number = Number(line.line ?? 0);
      if (number && number < (first.get(line.functionId) ?? Infinity)) first.set(line.functionId, number);
    }
  }
  return first;
}
