// Build elements. Strings become text nodes, always: nothing that anybody wrote is ever read as HTML.

/** Make an element: `on` holds listeners, `data` the dataset, `style` custom properties; the rest attributes. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "style") for (const [key, inner] of Object.entries(value)) element.style.setProperty(key, inner);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  put(element, children);
  return element;
}

/** Append children: elements, strings, lists of them; what is empty is left out. */
export function put(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** Replace what is inside an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  put(element, children);
  return element;
}

export const byId = (id) => document.getElementById(id);

let counter = 0;
/** Return an id that no other element has. */
export const uniqueId = (prefix) => `${prefix}-${++counter}`;

/** Return an address if it is one that a page may link to, else null. */
export function safeLink(text) {
  try {
    const url = new URL(text, location.href);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/** Make a link that opens elsewhere and tells nobody where it was. */
export function linkTo(address, ...children) {
  const href = safeLink(address);
  if (href === null) return h("span", {}, ...children);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow", class: "link" }, ...children);
}

/** Tell whether an address is one of the page's own files. */
export function isOwnFile(address) {
  const href = safeLink(address ?? "");
  return href !== null && new URL(href).origin === location.origin;
}

/** A number of bytes as people read it. */
export function fileSize(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
