// Faces of people and marks of servers: a colour from the id, and the first letters.
import { h } from "./dom.js";

const HUES = [252, 205, 162, 28, 344, 292, 120, 48];

function hue(id) {
  let sum = 0;
  for (const digit of id) sum = (sum * 31 + digit.charCodeAt(0)) % 9973;
  return HUES[sum % HUES.length];
}

/** The first letters of up to two words. */
export function initials(name) {
  const words = name.trim().split(/\s+/).slice(0, 2);
  return words.map((word) => [...word][0]?.toUpperCase() ?? "").join("") || "?";
}

/** A round picture of somebody. */
export function avatar(user, name, size = "") {
  const letters = [...(name ?? user.global_name ?? user.username)][0]?.toUpperCase() ?? "?";
  return h("span", { class: `avatar ${size} ${user.bot ? "is-bot" : ""}`, "aria-hidden": "true", style: { "--hue": hue(user.id) } }, letters);
}
