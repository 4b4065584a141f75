// The messages of the channel that is open: drawn one by one, so that an edit touches nothing else.
import { RefusedError, look } from "./api.js";
import { forget } from "./controls.js";
import { byId, fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { reusing } from "./media.js";
import { dayLabel, dayOf, pendingRow, row } from "./message.js";
import { toast } from "./overlay.js";
import { channel, channelById, compareIds, hear, room, store, tell, titleOf } from "./store.js";

const NEAR_PX = 120;
const box = byId("timeline");
let isAtEnd = true;
let isReading = false;

const shown = () => [...room(store.channelId).messages.values()].filter((one) => !store.dismissed.has(one.id)).sort((one, other) => compareIds(one.id, other.id));
const rowOf = (id) => box.querySelector(`article[data-id="${CSS.escape(id)}"]`);
const toEnd = () => { box.scrollTop = box.scrollHeight; };

/** Do something that changes what is above, and stay where one reads. */
function steady(change) {
  const wasAtEnd = isAtEnd;
  const before = box.scrollTop;
  change();
  box.scrollTop = wasAtEnd ? box.scrollHeight : before;
}

function welcome() {
  const place = channel();
  if (!place) return h("div", { class: "welcome" }, h("h2", {}, "Nothing to see here"), h("p", {}, "Choose a channel on the left."));
  const isPrivate = place.guild_id === null;
  return h("div", { class: "welcome" }, h("span", { class: "welcome-icon" }, icon(isPrivate ? "chat" : "hash")),
    h("h2", {}, isPrivate ? titleOf(place) : `Welcome to #${titleOf(place)}`),
    h("p", {}, isPrivate ? `This is the beginning of your direct messages with ${titleOf(place)}.` : place.topic || "This is the beginning of the channel."));
}

const dayLine = (message) => h("div", { class: "day", role: "separator", data: { day: dayOf(message) } }, h("span", {}, dayLabel(message)));

/** Draw everything anew: a channel has been opened. */
export function redraw() {
  const list = shown();
  const known = room(store.channelId);
  const nodes = [known.hasMore ? h("div", { class: "older" }, "Reading older messages…") : welcome()];
  list.forEach((message, index) => {
    const before = list[index - 1];
    const isNewDay = !before || dayOf(before) !== dayOf(message);
    if (isNewDay) nodes.push(dayLine(message));
    nodes.push(row(message, isNewDay ? null : before));
  });
  nodes.push(...[...store.pending.values()].filter((one) => one.channelId === store.channelId).map(pendingRow));
  fill(box, nodes);
}

function focusKey() {
  const active = document.activeElement;
  return box.contains(active) ? active.dataset.key ?? null : null;
}

function redrawOne(message) {
  const old = rowOf(message.id);
  if (!old) return;
  const list = shown();
  const before = list[list.findIndex((one) => one.id === message.id) - 1];
  const key = old.contains(document.activeElement) ? focusKey() : null;
  const isNewDay = old.previousElementSibling?.classList.contains("day");
  const fresh = reusing(old, () => row(message, isNewDay ? null : before));
  steady(() => old.replaceWith(fresh));
  if (key) fresh.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

function add(message) {
  const list = shown();
  const before = list[list.findIndex((one) => one.id === message.id) - 1];
  if (list.at(-1)?.id !== message.id) return steady(redraw);
  const isNewDay = !before || dayOf(before) !== dayOf(message);
  const firstPending = box.querySelector(".is-pending");
  steady(() => {
    if (isNewDay) box.insertBefore(dayLine(message), firstPending);
    box.insertBefore(row(message, isNewDay ? null : before), firstPending);
  });
}

function dropPending(id) {
  if (id === null || !store.pending.delete(id)) return;
  const old = rowOf(id);
  if (old) steady(() => old.remove());
}

function take({ message, is_new: isNew }) {
  const known = room(message.channel_id);
  if (!channelById(message.channel_id)) tell("live:places");
  const wasThere = known.messages.has(message.id);
  if (!wasThere && !isNew) return;
  known.messages.set(message.id, message);
  if (!isNew) forget(message.id);
  const own = message.interaction_metadata?.id;
  if (message.channel_id !== store.channelId) {
    if (isNew && message.author.id !== store.me.id) { store.unread.add(message.channel_id); tell("unread"); }
    return;
  }
  if (own) dropPending(own);
  if (wasThere) redrawOne(message);
  else add(message);
}

function gone({ channel_id: channelId, id }) {
  room(channelId).messages.delete(id);
  const old = rowOf(id);
  if (old) steady(redraw);
}

/** Read a channel's newest messages. */
export async function open(channelId) {
  const userId = store.me.id;
  try {
    const told = await look(`channels/${channelId}/messages`);
    if (store.me.id !== userId) return;
    const known = room(channelId);
    known.messages = new Map(told.messages.map((one) => [one.id, one]));
    known.hasMore = told.has_more;
    known.isLoaded = true;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    toast(error.message, "bad");
  }
  if (channelId !== store.channelId) return;
  redraw();
  isAtEnd = true;
  toEnd();
}

async function readOlder() {
  const known = room(store.channelId);
  const oldest = shown()[0];
  if (isReading || !known.hasMore || !oldest) return;
  isReading = true;
  const channelId = store.channelId;
  try {
    const told = await look(`channels/${channelId}/messages?before=${oldest.id}`);
    known.messages = new Map([...told.messages.map((one) => [one.id, one]), ...known.messages]);
    known.hasMore = told.has_more;
    if (channelId !== store.channelId) return;
    const below = box.scrollHeight - box.scrollTop;
    redraw();
    box.scrollTop = box.scrollHeight - below;
  } finally {
    isReading = false;
  }
}

box.addEventListener("scroll", () => {
  isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
  if (box.scrollTop < NEAR_PX) readOlder();
});
new ResizeObserver(() => { if (isAtEnd) toEnd(); }).observe(box);

hear("live:message", take);
hear("live:gone", gone);
hear("redraw", (id) => { const message = room(store.channelId).messages.get(id); if (message) redrawOne(message); });
hear("dismiss", (message) => { store.dismissed.add(message.id); rowOf(message.id)?.remove(); });
hear("drop", dropPending);
hear("unanswered", (id) => {
  const pending = store.pending.get(id);
  if (!pending) return;
  pending.hasFailed = true;
  rowOf(id)?.replaceWith(pendingRow(pending));
});
hear("pending", (pending) => {
  const answered = [...room(pending.channelId).messages.values()].some((one) => one.interaction_metadata?.id === pending.id);
  if (answered) return;
  store.pending.set(pending.id, pending);
  if (pending.channelId === store.channelId) steady(() => box.append(pendingRow(pending)));
  toEnd();
});
hear("jump", (id) => {
  const found = rowOf(id);
  if (!found) return toast("That message is not here any more.");
  found.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  found.classList.remove("is-found");
  requestAnimationFrame(() => found.classList.add("is-found"));
});
hear("to-end", () => { isAtEnd = true; toEnd(); });
