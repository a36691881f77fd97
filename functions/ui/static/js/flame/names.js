// @ts-check
/** Function names: the package that colours them, and how much of one fits. */

const GREY_PACKAGES = /^(runtime|syscall|internal|sync|reflect|GC|java|javax|jdk|sun|libc|libpthread|\[kernel\]|node:|native)([./:[]|$)/;

/** The package of a function in Go, Java, Rust, Node.js or Python; empty if unknown. @param {string} name */
export function packageOf(name) {
  const path = name.lastIndexOf("/");
  if (path >= 0) {
    const dot = name.indexOf(".", path);
    return dot < 0 ? name.slice(0, path) : name.slice(0, dot);
  }
  if (name.includes("::")) return name.slice(0, name.indexOf("::"));
  const parts = name.split(".");
  if (parts.length > 3) return parts.slice(0, -2).join(".");
  return parts.length > 1 ? parts[0] : "";
}

/** Whether a function belongs to the language more than to the program. @param {string} name */
export function isRuntime(name) {
  return GREY_PACKAGES.test(name);
}

/** The name without its import path. @param {string} name */
export function shortName(name) {
  const path = name.lastIndexOf("/");
  return path > 0 && path < name.length - 1 && !name.includes(" ") ? name.slice(path + 1) : name;
}

/** As much of a name as `room` characters take: first the path goes, then the beginning. @param {string} name @param {number} room */
export function fitName(name, room) {
  if (name.length <= room) return name;
  const short = shortName(name);
  if (short.length <= room) return short;
  if (room < 3) return "";
  return `…${Array.from(short.slice(-(room - 1) * 2)).slice(-(room - 1)).join("")}`;
}
