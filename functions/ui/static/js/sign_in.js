// @ts-check
/** The dialog for a credential and a tenant. */

import { session, SESSION } from "./api.js";
import { button, h, uniqueId } from "./dom.js";

/** Open the dialog; calls `onDone` after a change. @param {() => void} onDone @param {string} [reason] */
export function openSignIn(onDone, reason = "") {
  if (document.querySelector("dialog.sign-in")) return;
  const now = session();
  const fields = {
    kind: choice("Credential", [["none", "None"], ["basic", "User and password"], ["bearer", "Bearer token"]], now.kind === "none" ? "basic" : now.kind),
    user: field("User", "text", now.user, "username"),
    secret: field("Password or token", "password", now.secret, "current-password"),
    tenant: field("Tenant (X-Scope-OrgID)", "text", now.tenant, "off"),
  };
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    const chosen = fields.kind.input.value;
    const isEmpty = !fields.user.input.value && !fields.secret.input.value;
    const kind = /** @type {any} */ (isEmpty ? "none" : chosen);
    const signedIn = { kind, user: fields.user.input.value, secret: kind === "none" ? "" : fields.secret.input.value, tenant: fields.tenant.input.value.trim() };
    sessionStorage.setItem(SESSION, JSON.stringify(signedIn));
    dialog.close();
    onDone();
  };
  const forget = () => {
    sessionStorage.removeItem(SESSION);
    dialog.close();
    onDone();
  };
  const dialog = h(
    "dialog",
    { class: "dialog sign-in", "aria-label": "Sign in" },
    h(
      "form",
      { on: { submit: save } },
      h("h2", { text: "Sign in" }),
      reason ? h("p", { class: "problem", text: reason }) : null,
      h("p", { class: "hint", text: "For this tab only: nothing is stored on this computer or added to links." }),
      Object.values(fields).map((each) => each.element),
      h("div", { class: "dialog-foot" }, h("button", { type: "submit", class: "primary", text: "Sign in" }), button("Sign out", forget), button("Cancel", () => dialog.close())),
    ),
  );
  const adapt = () => {
    fields.user.element.hidden = fields.kind.input.value !== "basic";
    fields.secret.element.hidden = fields.kind.input.value === "none";
  };
  fields.kind.input.addEventListener("change", adapt);
  adapt();
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {string} label @param {string} type @param {string} value @param {string} autocomplete */
function field(label, type, value, autocomplete) {
  const input = h("input", { type, id: uniqueId("sign-in"), autocomplete, spellcheck: "false" });
  input.value = value;
  return { input, element: h("div", { class: "field" }, h("label", { for: input.id, text: label }), input) };
}

/** @param {string} label @param {string[][]} options @param {string} value */
function choice(label, options, value) {
  const input = h("select", { id: uniqueId("sign-in") }, options.map(([key, name]) => h("option", { value: key, text: name })));
  input.value = value;
  return { input, element: h("div", { class: "field" }, h("label", { for: input.id, text: label }), input) };
}
