// @ts-check
/** Links from a function to its source, if labels have the repository. Nothing is fetched. */

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

/** The repository in labels, if its host is known. @param {Record<string, string>} labels @returns {Repository | null} */
export function repositoryOf(labels) {
  const repository = (labels.service_repository ?? "").replace(/\/+$/, "").replace(/\.git$/, "");
  const ref = labels.service_git_ref ?? "";
  if (!ref || !shapeOf(repository)) return null;
  return { repository, ref, root: labels.service_root_path ?? "" };
}

/** The URL of a place, or an empty text if the file does not seem to be in the repository. @param {Repository} repository @param {Place} place */
export function sourceUrl(repository, { file, line }) {
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
