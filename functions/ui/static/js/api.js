// @ts-check
/** A client of Pyroscope's public Connect API in JSON; converts every failure to an ApiError. */

/** @typedef {import("./time_range.js").Range} Range */
/** @typedef {{ kind: "none" | "basic" | "bearer", user: string, secret: string, tenant: string }} Session */

const SERVICE = "querier.v1.QuerierService";
const LINE_LIMIT = 400;
export const SESSION = "flamehouse.session";
/** @type {Session} */
const NOBODY = { kind: "none", user: "", secret: "", tenant: "" };

/** A failure as the page shows it: a title, and advice. */
export class ApiError extends Error {
  /** @param {{ title: string, advice: string, code?: string, retryAfterS?: number }} words */
  constructor({ title, advice, code = "", retryAfterS = 0 }) {
    super(title);
    this.title = title;
    this.advice = advice;
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

/** The URL of the API: the page's folder, unless the deployment sets another server. */
export function apiBase() {
  const configured = document.querySelector('meta[name="flamehouse-api"]')?.getAttribute("content");
  return new URL(configured ? `${configured.replace(/\/+$/, "")}/` : "./", location.href.split(/[?#]/)[0]);
}

/** The signed-in user: only for this tab, never in the URL or on disk. @returns {Session} */
export function session() {
  try {
    return { ...NOBODY, ...JSON.parse(sessionStorage.getItem(SESSION) ?? "{}") };
  } catch {
    return NOBODY;
  }
}

/** The headers of a request. @returns {Record<string, string>} */
function sessionHeaders() {
  const { kind, user, secret, tenant } = session();
  /** @type {Record<string, string>} */
  const headers = {};
  if (kind === "basic") headers.Authorization = `Basic ${base64(`${user}:${secret}`)}`;
  if (kind === "bearer") headers.Authorization = `Bearer ${secret}`;
  if (tenant) headers["X-Scope-OrgID"] = tenant;
  return headers;
}

/** @param {string} text */
function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** Call an RPC of the querier. @param {string} method @param {object} request @param {AbortSignal} [signal] @returns {Promise<any>} */
export function rpc(method, request, signal) {
  return call(`${SERVICE}/${method}`, request, signal);
}

/** @param {Range} range @param {AbortSignal} [signal] @returns {Promise<{ service: string, type: string }[]>} */
export async function fetchServices({ start, end }, signal) {
  const answer = await rpc("Series", { start, end, labelNames: ["service_name", "__profile_type__"] }, signal);
  return list(answer.labelsSet).map((/** @type {any} */ each) => {
    const labels = labelsOf(each);
    return { service: labels.service_name ?? "", type: labels.__profile_type__ ?? "" };
  });
}

/** @param {{ type: string, selector: string, range: Range, step: number, groupBy?: string[] }} query @param {AbortSignal} [signal] */
export async function fetchSeries({ type, selector, range, step, groupBy = [] }, signal) {
  const answer = await rpc(
    "SelectSeries",
    { profile_typeID: type, labelSelector: selector, start: range.start, end: range.end, step, groupBy },
    signal,
  );
  return list(answer.series).map((/** @type {any} */ each) => ({
    labels: labelsOf(each),
    points: list(each.points).map((/** @type {any} */ point) => ({
      time: Number(point.timestamp),
      value: Number(point.value ?? 0),
    })),
  }));
}

/** @param {{ type: string, selector: string, range: Range, maxNodes: number, site?: string[] }} query */
function stacktraces({ type, selector, range, maxNodes, site = [] }) {
  const request = { profile_typeID: type, labelSelector: selector, start: range.start, end: range.end, maxNodes };
  if (!site.length) return request;
  return { ...request, stackTraceSelector: { callSite: site.map((name) => ({ name })) } };
}

/** @param {Parameters<typeof stacktraces>[0]} query @param {AbortSignal} [signal] */
export async function fetchFlamegraph(query, signal) {
  const answer = await rpc("SelectMergeStacktraces", stacktraces(query), signal);
  return answer.flamegraph ?? {};
}

/** @param {Parameters<typeof stacktraces>[0]} left @param {Parameters<typeof stacktraces>[0]} right @param {AbortSignal} [signal] */
export async function fetchDiff(left, right, signal) {
  const answer = await rpc("Diff", { left: stacktraces(left), right: stacktraces(right) }, signal);
  return answer.flamegraph ?? {};
}

/** The merged profile of a query, as google.v1.Profile in JSON. @param {Parameters<typeof stacktraces>[0]} query @param {AbortSignal} [signal] */
export function fetchProfile(query, signal) {
  const { maxNodes: _, ...request } = /** @type {any} */ (stacktraces(query));
  return rpc("SelectMergeProfile", request, signal);
}

/** @param {string} name @param {string} selector @param {Range} range @param {AbortSignal} [signal] @returns {Promise<string[]>} */
export async function fetchLabelValues(name, selector, range, signal) {
  const matchers = selector === "{}" ? [] : [selector];
  const answer = await rpc("LabelValues", { name, matchers, start: range.start, end: range.end }, signal);
  return list(answer.names).map(String);
}

/** The names of public labels. @param {string} selector @param {Range} range @param {AbortSignal} [signal] @returns {Promise<string[]>} */
export async function fetchLabelNames(selector, range, signal) {
  const matchers = selector === "{}" ? [] : [selector];
  const answer = await rpc("LabelNames", { matchers, start: range.start, end: range.end }, signal);
  return list(answer.names).map(String).filter((name) => !/^__.*__$/.test(name));
}

/** @param {AbortSignal} [signal] */
export async function fetchStats(signal) {
  const answer = await rpc("GetProfileStats", {}, signal);
  return {
    ingested: Boolean(answer.dataIngested),
    oldest: Number(answer.oldestProfileTime ?? 0),
    newest: Number(answer.newestProfileTime ?? 0),
  };
}

/** The merged profile as a pprof file. @param {{ query: string, from: number, until: number }} query */
export async function fetchPprof(query) {
  const response = await send(renderUrl(query), { headers: sessionHeaders() });
  return response.blob();
}

/** The URL of the pprof for any client. @param {{ query: string, from: number, until: number }} query */
export function renderUrl({ query, from, until }) {
  const url = new URL("pyroscope/render", apiBase());
  url.search = new URLSearchParams({ query, from: String(from), until: String(until), format: "pprof" }).toString();
  return url.href;
}

/** @param {string} path @param {object} body @param {AbortSignal} [signal] */
async function call(path, body, signal) {
  const headers = { "Content-Type": "application/json", "Connect-Protocol-Version": "1", ...sessionHeaders() };
  const url = new URL(path, apiBase()).href;
  const response = await send(url, { method: "POST", headers, body: JSON.stringify(body), signal });
  const text = await response.text();
  try {
    const answer = JSON.parse(text);
    if (answer !== null && typeof answer === "object" && !Array.isArray(answer)) return answer;
  } catch {
    // Reported below.
  }
  throw rubbish(text);
}

/** @param {string} url @param {RequestInit} init */
async function send(url, init) {
  let response;
  try {
    // Without credentials, a 401 opens this page's dialog instead of the browser's.
    response = await fetch(url, { ...init, credentials: "omit", referrerPolicy: "no-referrer" });
  } catch (error) {
    if (/** @type {Error} */ (error).name === "AbortError") throw error;
    throw new ApiError({
      title: "The server cannot be reached",
      advice: "Check that it is running and that this computer is online, then try again.",
      code: "unreachable",
    });
  }
  if (!response.ok) throw await failure(response);
  return response;
}

/** @param {Response} response */
async function failure(response) {
  let code = "";
  let message = "";
  const text = await response.text().catch(() => "");
  try {
    ({ code = "", message = "" } = JSON.parse(text));
  } catch {
    message = "";
  }
  return inWords(response, String(code), String(message).slice(0, LINE_LIMIT));
}

/** @param {Response} response @param {string} code @param {string} message */
function inWords(response, code, message) {
  const reason = message ? `The server says: ${message}` : `It returned status ${response.status}.`;
  const retryAfterS = Number(response.headers.get("Retry-After")) || 0;
  if (response.status === 401) {
    return new ApiError({ title: "Sign in to see profiles", advice: reason, code: "unauthenticated" });
  }
  if (response.status === 403) {
    return new ApiError({
      title: "This credential cannot read profiles",
      advice: `Sign in with another one. ${reason}`,
      code: "permission_denied",
    });
  }
  const known = WORDS.find(([test]) => test(response.status, code, message));
  const [title, advice] = known ? [known[1], known[2]] : ["The server failed", "Try again; if the error persists, check the server's log."];
  return new ApiError({ title, advice: `${advice} ${reason}`, code: code || String(response.status), retryAfterS });
}

/** @type {[(status: number, code: string, message: string) => boolean, string, string][]} */
const WORDS = [
  [
    (_, code, message) => code === "invalid_argument" && /range|query length|exceeds/i.test(message),
    "This time range is too long",
    "Choose a shorter one.",
  ],
  [(_, code) => code === "invalid_argument", "This query is invalid", "Correct the labels or the range."],
  [
    (status, code) => code === "resource_exhausted" || status === 413,
    "The response is too large",
    "Choose a shorter range, or add a label.",
  ],
  [
    (status, code) => code === "unavailable" || [502, 503, 504].includes(status),
    "The database is waking up",
    "This can take a few minutes; the page retries automatically.",
  ],
  [
    (_, code) => code === "deadline_exceeded" || code === "canceled",
    "The query took too long",
    "Choose a shorter range, or add a label.",
  ],
  [(status) => status === 429, "Too many requests", "Wait a moment, then try again."],
  [
    (status, code) => code === "unimplemented" || code === "not_found" || status === 404,
    "This server does not support this request",
    "Check that a recent version of a profiling server is running at this address.",
  ],
];

/** @param {string} text */
function rubbish(text) {
  const start = text.trim().slice(0, 60);
  return new ApiError({
    title: "The server's response cannot be read",
    advice: start ? `It begins with “${start}”. Is something else running at this address?` : "It is empty.",
    code: "rubbish",
  });
}

/** @param {any} value @returns {any[]} */
function list(value) {
  return Array.isArray(value) ? value : [];
}

/** @param {any} holder @returns {Record<string, string>} */
function labelsOf(holder) {
  return Object.fromEntries(list(holder?.labels).map((/** @type {any} */ pair) => [String(pair.name), String(pair.value ?? "")]));
}
