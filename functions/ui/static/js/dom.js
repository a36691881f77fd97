// @ts-check
/** Builds elements. Text is untrusted, so it is only ever set as text. */

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, any>} Props
 */

/**
 * Make an element. Of `props`, `class` and `text` set those, `on` adds listeners, `data` sets data attributes, functions
 * are rejected and the rest are attributes: `true` is an empty one, `false` and `null` are omitted.
 * @param {string} tag
 * @param {Props} [props]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) setProp(element, name, value);
  append(element, children);
  return element;
}

/** Replace the children of `element`. @param {Element} element @param {...(Child | Child[])} children */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** An icon of one path in a square of 16. @param {string} path */
export function icon(path) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  const shape = document.createElementNS(namespace, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

/** A `<button type=button>`. @param {string} label @param {() => void} action @param {Props} [props] @returns {any} */
export function button(label, action, props = {}) {
  return h("button", { type: "button", on: { click: action }, ...props }, label);
}

/** A `<select>` with its label. @param {string} label @param {string[][]} options @param {(value: string) => void} onChange */
export function select(label, options, onChange) {
  const input = h(
    "select",
    { id: uniqueId("select"), on: { change: () => onChange(input.value) } },
    options.map(([value, name]) => h("option", { value, text: name })),
  );
  return { input, element: h("div", { class: "field inline" }, h("label", { for: input.id, text: label }), input) };
}

/** Close a menu on Escape or a click elsewhere. @param {HTMLDetailsElement} details */
export function closeOutside(details) {
  document.addEventListener("click", (event) => {
    if (details.open && !details.contains(/** @type {Node} */ (event.target))) details.open = false;
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    event.stopPropagation();
    details.open = false;
    details.querySelector("summary")?.focus();
  });
}

let ids = 0;
/** A unique element id. @param {string} stem */
export function uniqueId(stem) {
  ids += 1;
  return `${stem}-${ids}`;
}

/** Announce text to screen readers. @param {string} text */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (region && region.textContent !== text) region.textContent = text;
}

/** Copy text to the clipboard and confirm it. @param {string} text @param {string} what */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text);
  }
  toast(`Copied ${what}`);
}

/** Show text for three seconds. @param {string} text */
export function toast(text) {
  const host = document.getElementById("toasts");
  if (!host) return;
  const line = h("div", { class: "toast", text });
  host.append(line);
  setTimeout(() => line.remove(), 3000);
}

/** Without HTTPS there is no clipboard API. @param {string} text */
function copyBySelection(text) {
  const field = h("textarea", { class: "offscreen", "aria-hidden": "true" });
  field.value = text;
  document.body.append(field);
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  field.select();
  document.execCommand("copy");
  field.remove();
  before?.focus();
}

/** @param {Element} element @param {string} name @param {any} value */
function setProp(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "class") element.className = value;
  else if (name === "text") element.textContent = value;
  else if (name === "on") {
    for (const [event, listener] of Object.entries(value)) element.addEventListener(event, /** @type {any} */ (listener));
  } else if (name === "data") Object.assign(/** @type {HTMLElement} */ (element).dataset, value);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** @param {Element} element @param {(Child | Child[])[]} children */
function append(element, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}
