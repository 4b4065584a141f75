// Start, move from place to place, become somebody else.
import "./theme.js";
import { RefusedError, look, people } from "./api.js";
import { redrawComposer } from "./composer.js";
import { listenAs } from "./live.js";
import { closePopover, toast } from "./overlay.js";
import { drawer, redrawPlaces } from "./sidebar.js";
import { channelById, channels, hear, store, tell } from "./store.js";
import { open, redraw } from "./timeline.js";

const ROOM_KINDS = [0, 5, 1, 3];

function remember() {
  history.replaceState(null, "", `#/${store.me.id}/${store.channelId ?? ""}`);
}

async function readHome(userId) {
  const told = await look("home", userId);
  Object.assign(store, told);
}

const firstIn = (guildId) => {
  const inside = guildId === null ? store.direct : store.guilds.find((one) => one.id === guildId)?.channels ?? [];
  return [...inside].filter((one) => ROOM_KINDS.includes(one.type)).sort((one, other) => one.position - other.position)[0] ?? null;
};

async function go(channelId) {
  if (!channelById(channelId)) await readHome(store.me.id);
  const place = channelById(channelId);
  store.channelId = place?.id ?? null;
  if (place) store.guildId = place.guild_id;
  store.unread.delete(store.channelId);
  drawer(null);
  redrawPlaces();
  redrawComposer();
  remember();
  tell("moved");
  if (place) await open(place.id);
  else redraw();
}

function enter(guildId) {
  store.guildId = guildId;
  const place = firstIn(guildId);
  if (place) return go(place.id).then(() => { if (matchMedia("(max-width: 720px)").matches) drawer("left"); });
  store.channelId = null;
  redrawPlaces();
  redrawComposer();
  redraw();
}

async function become(userId, channelId = store.channelId) {
  closePopover();
  store.unread.clear();
  store.pending.clear();
  store.rooms.clear();
  tell("switched");
  await readHome(userId);
  listenAs(userId);
  const place = channelById(channelId) ?? firstIn(store.guilds[0]?.id ?? null) ?? channels()[0];
  await go(place?.id ?? null);
}

let isReading = false;
async function rereadPlaces() {
  if (isReading) return;
  isReading = true;
  await new Promise((settle) => setTimeout(settle, 100));
  isReading = false;
  await readHome(store.me.id);
  if (store.channelId && !channelById(store.channelId)) return go(firstIn(store.guildId)?.id ?? null);
  redrawPlaces();
  redrawComposer();
}

async function start() {
  store.people = (await people()).people;
  const [, userId, channelId] = location.hash.split("/");
  const first = store.people.find((one) => one.id === userId) ?? store.people[0];
  if (!first) return toast("There is nobody here.", "bad");
  await become(first.id, channelId);
}

async function again() {
  store.people = (await people()).people;
  if (!store.people.some((one) => one.id === store.me.id)) return start();
  await readHome(store.me.id);
  await go(store.channelId);
}

const guarded = (work) => (...given) => Promise.resolve(work(...given)).catch((error) => {
  if (!(error instanceof RefusedError)) throw error;
  toast(error.message, "bad");
});

hear("go", guarded(go));
hear("enter", guarded(enter));
hear("become", guarded(become));
hear("live:places", guarded(rereadPlaces));
hear("reconnected", guarded(again));
guarded(start)();
