// The message box: words, files, commands.
import { RefusedError, act } from "./api.js";
import { commandForm } from "./command_form.js";
import { dockBox, dockKey, hush, isSuggesting, suggest } from "./dock.js";
import { byId, fileSize, fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { people } from "./offers.js";
import { pickCommand } from "./picker.js";
import { toast } from "./overlay.js";
import { audience, channel, hear, store, tell, titleOf } from "./store.js";
import { typingLine } from "./typing.js";

const MOST_FILES = 10;
const MOST_TEXT = 2000;
const TELL_TYPING_MS = 8000;
const box = byId("composer");
const drafts = new Map();
let files = [];
let lastTyped = 0;
let isSending = false;

const input = h("textarea", { id: "composer-input", rows: 1, maxlength: 4000, role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-label": "Message", autocomplete: "off" });
const picks = h("div", { class: "file-picks is-row" });
const chooser = h("input", { type: "file", class: "file-input", multiple: true, tabindex: "-1", "aria-hidden": "true", on: { change: () => { addFiles(chooser.files); chooser.value = ""; } } });
const attach = h("button", { class: "icon-button", type: "button", "aria-label": "Attach files", on: { click: () => chooser.click() } }, icon("plus"));
const slash = h("button", { class: "icon-button", type: "button", "aria-label": "Commands", on: { click: () => { input.value = "/"; input.focus(); typed(); } } }, icon("slash"));
const count = h("span", { class: "composer-count" });
const send = h("button", { class: "icon-button is-send", type: "submit", "aria-label": "Send message" }, icon("send"));
const chat = h("form", { class: "composer-box", on: { submit: (event) => { event.preventDefault(); sendMessage(); } } }, attach, chooser, input, count, slash, send);
const holder = h("div", { class: "composer-holder" }, picks, chat);

fill(box, dockBox, holder, typingLine);

function grow() {
  input.style.setProperty("height", "auto");
  input.style.setProperty("height", `${Math.min(input.scrollHeight, innerHeight * 0.4)}px`);
  const left = MOST_TEXT - [...input.value].length;
  fill(count, left < 200 ? String(left) : null);
  count.classList.toggle("is-over", left < 0);
  send.disabled = (!input.value.trim() && !files.length) || left < 0;
}

function drawPicks() {
  const card = (file) => h("div", { class: "pick-card" },
    file.type.startsWith("image/") ? h("img", { src: URL.createObjectURL(file), alt: "", on: { load: (event) => URL.revokeObjectURL(event.target.src) } }) : icon("file"),
    h("span", { class: "file-name" }, file.name), h("span", { class: "file-size" }, fileSize(file.size)),
    h("button", { class: "icon-button", type: "button", "aria-label": `Remove ${file.name}`, on: { click: () => { files = files.filter((one) => one !== file); drawPicks(); } } }, icon("close")));
  fill(picks, files.map(card));
  grow();
}

function addFiles(list) {
  const place = channel();
  for (const file of list) {
    if (!place?.may_attach) return toast("You may not attach files here.", "bad");
    if (files.length >= MOST_FILES) return toast(`At most ${MOST_FILES} files.`, "bad");
    if (file.size > place.upload_limit) toast(`${file.name} is larger than ${fileSize(place.upload_limit)}.`, "bad");
    else files.push(file);
  }
  drawPicks();
  input.focus();
}

/** Replace `@name` by what Discord reads as a mention. */
function withMentions(text) {
  const known = new Map(audience(channel()).map((user) => [user.username, user.id]));
  return text.replace(/@([\w.]{2,32})/g, (whole, name) => (known.has(name) ? `<@${known.get(name)}>` : whole));
}

/** Send what is written; the box is free for the next words at once, and a refused message comes back to it. */
async function sendMessage() {
  const text = input.value.trim();
  if (isSending || (!text && !files.length)) return;
  const sent = files;
  isSending = true;
  input.value = "";
  files = [];
  drawPicks();
  try {
    await act(`channels/${store.channelId}/messages`, { content: withMentions(text) }, sent);
    lastTyped = 0;
    tell("to-end");
  } catch (error) {
    if (!input.value && !files.length) {
      input.value = text;
      files = sent;
      drawPicks();
    }
    if (!(error instanceof RefusedError)) throw error;
    toast(error.message, "bad");
  } finally {
    isSending = false;
    grow();
    if (holder.contains(chat)) input.focus();
  }
}

function leave(text) {
  hush();
  fill(holder, picks, chat);
  input.value = text;
  grow();
  input.focus();
  if (text) typed();
}

function fillIn(entry) {
  hush();
  input.value = "";
  const form = commandForm(entry, store.channelId, leave);
  fill(holder, form.element);
  form.focus();
}

function offerPeople() {
  const found = /(?:^|\s)@([\w.]*)$/.exec(input.value.slice(0, input.selectionStart));
  if (!found) return hush();
  const fitting = people(channel()).filter((one) => `${one.label} ${one.description}`.toLowerCase().includes(found[1].toLowerCase()));
  if (!fitting.length) return hush();
  suggest(input, { heading: "Members", found: fitting, onPick: (item) => {
    const end = input.selectionStart;
    input.setRangeText(`@${item.description} `, end - found[1].length - 1, end, "end");
    hush();
    grow();
  } });
}

function typed() {
  grow();
  if (channel()?.may_use_commands && /^\/[^\n]*$/.test(input.value) && !files.length) pickCommand(input, store.channelId, fillIn);
  else offerPeople();
  if (input.value && !input.value.startsWith("/") && Date.now() - lastTyped > TELL_TYPING_MS) {
    lastTyped = Date.now();
    act(`channels/${store.channelId}/typing`).catch(() => {});
  }
}

input.addEventListener("input", typed);
input.addEventListener("blur", () => { if (!isSuggesting()) hush(); else setTimeout(() => { if (document.activeElement !== input && holder.contains(chat) && input.isConnected) hush(); }, 150); });
input.addEventListener("keydown", (event) => {
  if (dockKey(event)) return;
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    sendMessage();
  }
});
input.addEventListener("paste", (event) => { if (event.clipboardData.files.length) { event.preventDefault(); addFiles(event.clipboardData.files); } });
for (const name of ["dragover", "drop"]) {
  byId("main").addEventListener(name, (event) => {
    if (!event.dataTransfer.types.includes("Files") || event.defaultPrevented) return;
    event.preventDefault();
    if (name === "drop") addFiles(event.dataTransfer.files);
  });
}

let openId = null;
/** Show the box for the channel that is open, with what was begun there. */
export function redrawComposer() {
  const place = channel();
  const id = place ? `${store.me.id}/${place.id}` : null;
  box.hidden = !place;
  if (!place) return;
  if (id !== openId) {
    if (openId) drafts.set(openId, input.value);
    openId = id;
    files = [];
    hush();
    fill(holder, picks, chat);
    input.value = drafts.get(id) ?? "";
    drawPicks();
  }
  const isOpen = place.may_send;
  input.disabled = !isOpen && !place.may_use_commands;
  attach.hidden = !place.may_attach;
  slash.hidden = !place.may_use_commands;
  input.placeholder = isOpen ? `Message ${place.guild_id ? "#" : "@"}${titleOf(place)}` : "You cannot write in this channel.";
  grow();
}

hear("mention", (user) => {
  input.value += `${input.value && !input.value.endsWith(" ") ? " " : ""}@${user.username} `;
  input.focus();
  grow();
});
