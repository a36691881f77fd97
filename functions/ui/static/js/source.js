// @ts-check
/** Source places of functions, linked if labels name the repository. Nothing is fetched from it. */

import { rpc } from "./api.js";
import { placesOf } from "./exact.js";
import { once } from "./loader.js";

/** @typedef {import("./query.js").Query} Query */
/** @typedef {{ repository: string, ref: string, root: string }} Repository */
/** @typedef {import("./exact.js").Place} Place */

const PUBLIC = { "github.com": "github", "gitlab.com": "gitlab", "codeberg.org": "gitea", "bitbucket.org": "bitbucket" };
/** @type {Record<string, (ref: string, file: string, line: number) => string>} */
const SHAPES = {
  github: (ref, file, line) => `/blob/${ref}/${file}${line ? `#L${line}` : ""}`,
  gitlab: (ref, file, line) => `/-/blob/${ref}/${file}${line ? `#L${line}` : ""}`,
  gitea: (ref, file, line) => `/src/commit/${ref}/${file}${line ? `#L${line}` : ""}`,
  bitbucket: (ref, file, line) => `/src/${ref}/${file}${line ? `#lines-${line}` : ""}`,
};

/** Finds the place of a function of a query, and its URL if it has one. @param {Query} query @param {() => Promise<any>} profile of the query */
export function placeFinder(query, profile) {
  const places = once(async () => placesOf(await profile()));
  const repository = once(() => repositoryIn(query));
  return async (/** @type {string} */ name) => {
    const place = (await places()).get(name);
    if (!place) return null;
    const known = await repository();
    return { text: place.line ? `${place.file}:${place.line}` : place.file, url: known ? sourceUrl(known, place) : "" };
  };
}

/** The repository in the labels of the query's series. @param {Query} query */
async function repositoryIn(query) {
  const { range, selector, type } = query;
  const matchers = [selector === "{}" ? `{__profile_type__="${type}"}` : selector];
  const labelNames = ["service_repository", "service_git_ref", "service_root_path"];
  const answer = await rpc("Series", { matchers, labelNames, start: range.start, end: range.end });
  for (const { labels = [] } of answer.labelsSet ?? []) {
    const named = Object.fromEntries(labels.map((/** @type {any} */ pair) => [pair.name, pair.value]));
    const found = repositoryOf(named);
    if (found) return found;
  }
  return null;
}

/** The repository that labels name, if its host is known. @param {Record<string, string>} labels @returns {Repository | null} */
function repositoryOf(labels) {
  const repository = (labels.service_repository ?? "").replace(/\/+$/, "").replace(/\.git$/, "");
  const ref = labels.service_git_ref ?? "";
  if (!ref || !shapeOf(repository)) return null;
  return { repository, ref, root: labels.service_root_path ?? "" };
}

/** The URL of a place, or an empty text if the file does not seem to be in the repository. @param {Repository} repository @param {Place} place */
function sourceUrl(repository, { file, line }) {
  const shape = shapeOf(repository.repository);
  const path = pathWithin(repository, file);
  if (!shape || !path) return "";
  const escaped = path.split("/").map(encodeURIComponent).join("/");
  return repository.repository + shape(repository.ref.split("/").map(encodeURIComponent).join("/"), escaped, line);
}

/** @param {Repository} repository @param {string} file */
function pathWithin({ repository, root }, file) {
  const clean = file.replaceAll("\\", "/");
  if (clean.split("/").includes("..")) return "";
  const module = new URL(repository).host + new URL(repository).pathname;
  const at = clean.indexOf(module);
  if (at >= 0) return clean.slice(at + module.length).replace(/^@[^/]*/, "").replace(/^\/+/, "");
  if (root && clean.startsWith(`${root.replace(/\/+$/, "")}/`)) return clean.slice(root.replace(/\/+$/, "").length + 1);
  return /^([A-Za-z]:)?\/|^<|:\/\//.test(clean) ? "" : clean.replace(/^\.\//, "");
}

/** @param {string} repository */
function shapeOf(repository) {
  let url;
  try {
    url = new URL(repository);
  } catch {
    return null;
  }
  if (url.protocol !== "https:" || url.username || url.search || url.hash) return null;
  return SHAPES[hosts()[url.host]] ?? null;
}

/** @returns {Record<string, string>} */
function hosts() {
  const configured = document.querySelector('meta[name="flamehouse-source-hosts"]')?.getAttribute("content") ?? "";
  const own = configured
    .split(",")
    .map((pair) => pair.trim().split("="))
    .filter((pair) => pair.length === 2);
  return { ...PUBLIC, ...Object.fromEntries(own) };
}
