// @ts-check
/** Label selectors: `process_cpu:cpu:nanoseconds:cpu:nanoseconds{service_name="checkout"}` and their parts. */

/** @typedef {{ name: string, op: string, value: string }} Matcher */

export const SERVICE = "service_name";
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*"|[^\s=!~,{}"]+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|`[^`]*`|[^\s,{}"]+)?)\s*(,|$)/y;

/** Split a query into its profile type and its matchers; throws SyntaxError with the position of an error.
 * @param {string} query @returns {{ type: string, matchers: Matcher[] }} */
export function parseQuery(query) {
  const brace = query.indexOf("{");
  if (brace < 0) return { type: query.trim(), matchers: [] };
  return { type: query.slice(0, brace).trim(), matchers: parseMatchers(query.slice(brace)) };
}

/** The matchers of `{a="b", c=~"d"}`, with or without braces. @param {string} text @returns {Matcher[]} */
export function parseMatchers(text) {
  const inner = text.trim().replace(/^\{/, "").replace(/\}$/, "").replace(/,\s*$/, "");
  /** @type {Matcher[]} */
  const matchers = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < inner.length) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(inner);
    if (!found || found[3] === undefined) {
      throw new SyntaxError(`cannot read “${inner.slice(at).trim()}”: write label="value", or !=, =~, !~`);
    }
    matchers.push({ name: unquote(found[1]), op: found[2], value: unquote(found[3]) });
    if (!found[4]) break;
  }
  return matchers;
}

/** @param {string} type @param {Matcher[]} matchers */
export function formatQuery(type, matchers) {
  return `${type}${formatSelector(matchers)}`;
}

/** @param {Matcher[]} matchers */
export function formatSelector(matchers) {
  return `{${matchers.map(formatMatcher).join(", ")}}`;
}

/** @param {Matcher} matcher */
export function formatMatcher({ name, op, value }) {
  return `${PLAIN_NAME.test(name) ? name : quote(name)}${op}${quote(value)}`;
}

/** The service in the matchers, or an empty text. @param {Matcher[]} matchers */
export function serviceOf(matchers) {
  return matchers.find(isService)?.value ?? "";
}

/** All matchers except the service's. @param {Matcher[]} matchers */
export function withoutService(matchers) {
  return matchers.filter((each) => !isService(each));
}

/** @param {string} service @param {Matcher[]} others @returns {Matcher[]} */
export function withService(service, others) {
  return service ? [{ name: SERVICE, op: "=", value: service }, ...others] : others;
}

/** The matchers with the one of this name replaced. @param {Matcher[]} matchers @param {string} name @param {string} value */
export function withLabel(matchers, name, value) {
  return [...matchers.filter((each) => each.name !== name), { name, op: "=", value }];
}

/** @param {Matcher} matcher */
function isService({ name, op }) {
  return name === SERVICE && op === "=";
}

/** @param {string} text */
function quote(text) {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** @param {string} text */
function unquote(text) {
  if (text.startsWith("`")) return text.slice(1, -1);
  if (!text.startsWith('"')) return text;
  return text.slice(1, -1).replace(/\\(.)/g, (_, char) => (char === "n" ? "\n" : char === "t" ? "\t" : char));
}
