// Light, dark, or as the system is.
const KEY = "playground-theme";

/** What was chosen: auto, light or dark. */
export function theme() {
  return localStorage.getItem(KEY) ?? "auto";
}

/** Choose. */
export function setTheme(name) {
  localStorage.setItem(KEY, name);
  document.documentElement.dataset.theme = name;
}

document.documentElement.dataset.theme = theme();
