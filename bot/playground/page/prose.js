// Markdown's blocks: headings, quotes, lists, fenced code; the lines themselves are in `markdown`.
import { h } from "./dom.js";
import { inline } from "./markdown.js";

const HEADING = /^(#{1,3})\s+(\S.*)$/;
const SMALL = /^-#\s+(\S.*)$/;
const BULLET = /^(\s*)(?:[-*]|(\d{1,9})\.)\s+(\S.*)$/;
const QUOTE = /^>\s(.*)$/;

function list(lines, start) {
  const ordered = BULLET.exec(lines[start])[2] !== undefined;
  const first = BULLET.exec(lines[start])[2];
  const root = h(ordered ? "ol" : "ul", ordered && first !== "1" ? { start: first } : {});
  let at = start;
  for (; at < lines.length; at++) {
    const found = BULLET.exec(lines[at]);
    if (!found || (found[2] !== undefined) !== ordered) break;
    root.append(h("li", { class: found[1].length > 1 ? "is-deep" : null }, inline(found[3])));
  }
  return { node: root, next: at };
}

function quote(lines, start) {
  let at = start;
  const inner = [];
  for (; at < lines.length && QUOTE.test(lines[at]); at++) inner.push(QUOTE.exec(lines[at])[1]);
  return { node: h("blockquote", {}, blocks(inner)), next: at };
}

function paragraph(lines, start) {
  let at = start;
  const isPlain = (line) => !HEADING.test(line) && !SMALL.test(line) && !BULLET.test(line) && !QUOTE.test(line);
  while (at < lines.length && isPlain(lines[at])) at++;
  const text = lines.slice(start, at).join("\n");
  return { node: text.trim() ? h("p", {}, inline(text)) : null, next: at };
}

function blocks(lines) {
  const nodes = [];
  for (let at = 0; at < lines.length; ) {
    const heading = HEADING.exec(lines[at]);
    const small = SMALL.exec(lines[at]);
    if (heading || small) {
      const tag = heading ? `h${heading[1].length + 2}` : "small";
      nodes.push(h(tag, { class: heading ? `size-${heading[1].length}` : "subtext" }, inline(heading ? heading[2] : small[1])));
      at++;
      continue;
    }
    const found = BULLET.test(lines[at]) ? list(lines, at) : QUOTE.test(lines[at]) ? quote(lines, at) : paragraph(lines, at);
    nodes.push(found.node);
    at = found.next;
  }
  return nodes;
}

/** Write a text as elements. */
export function prose(text) {
  const box = h("div", { class: "prose" });
  const parts = text.split("```");
  parts.forEach((part, index) => {
    const isCode = index % 2 === 1 && index < parts.length - 1;
    const rest = index % 2 === 1 && !isCode ? "```" + part : part;
    if (isCode) box.append(h("pre", {}, h("code", {}, part.replace(/^[\w+-]*\n/, "").replace(/\n$/, ""))));
    else if (rest.trim()) box.append(...blocks(rest.replace(/^\n|\n$/g, "").split("\n")).filter(Boolean));
  });
  return box;
}
