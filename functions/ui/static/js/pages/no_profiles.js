// @ts-check
/** The message in place of a flame graph if the range has no profiles. */

import { fetchStats } from "../api.js";
import { button, h } from "../dom.js";
import { formatAgo, formatTime } from "../time_range.js";
import { navigate } from "../url_state.js";

const HOUR_MS = 3_600_000;

/** @param {import("../query.js").Query | null} query @param {AbortSignal} [signal] */
export async function noProfiles(query, signal) {
  const { newest } = await fetchStats(signal);
  const what = query?.service ? `${query.service} has no profiles for this query.` : "No profiles in this range.";
  const latest = newest
    ? h("p", { text: `The newest profile on this server is from ${formatTime(newest)}, ${formatAgo(newest)}.` })
    : h("p", { text: "This server has no profiles yet." });
  const actions = [
    newest ? button("Go to the newest profile", () => navigate({ from: String(newest - HOUR_MS), until: String(newest + 1000) }), { class: "primary" }) : null,
    query ? button("All services", () => navigate({ page: "", query: "" })) : null,
  ];
  return h("div", { class: "empty-page" }, h("h2", { text: what }), latest, h("div", { class: "row" }, actions));
}
