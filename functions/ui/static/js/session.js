// @ts-check
/** The signed-in user: only for this tab, never in the URL or on disk. */

const KEY = "flamehouse.session";

/** @typedef {{ kind: "none" | "basic" | "bearer", user: string, secret: string, tenant: string }} Session */

/** @type {Session} */
const NOBODY = { kind: "none", user: "", secret: "", tenant: "" };

/** @returns {Session} */
export function session() {
  try {
    return { ...NOBODY, ...JSON.parse(sessionStorage.getItem(KEY) ?? "{}") };
  } catch {
    return NOBODY;
  }
}

/** @param {Session} signedIn */
export function saveSession(signedIn) {
  sessionStorage.setItem(KEY, JSON.stringify(signedIn));
}

export function forgetSession() {
  sessionStorage.removeItem(KEY);
}

/** The headers that a request carries. @returns {Record<string, string>} */
export function sessionHeaders() {
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
