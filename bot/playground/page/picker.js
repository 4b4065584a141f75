// The slash picker: every command that is offered here, its subcommands by their full names.
import { avatar } from "./avatar.js";
import { commandsIn } from "./menus.js";
import { suggest } from "./dock.js";
import { localised, store } from "./store.js";

const SLASH = 1;
const SUBCOMMAND = 1;
const GROUP = 2;
let cache = { key: "", list: [] };

function flat(command, part, path, shown) {
  const inner = (part.options ?? []).filter((one) => one.type === SUBCOMMAND || one.type === GROUP);
  if (inner.length) return inner.flatMap((one) => flat(command, one, `${path} ${one.name}`, `${shown} ${localised(one, "name")}`));
  return [{ command, path, shown, description: localised(part, "description"), options: part.options ?? [] }];
}

/** Read the commands of a channel. */
export async function slashCommands(channelId) {
  const key = `${store.me.id}/${channelId}`;
  const list = (await commandsIn(channelId)).filter((one) => one.type === SLASH);
  cache = { key, list: list.flatMap((one) => flat(one, one, one.name, localised(one, "name"))).sort((one, other) => one.shown.localeCompare(other.shown)) };
  return cache.list;
}

const cached = (channelId) => (cache.key === `${store.me.id}/${channelId}` ? cache.list : null);

function ranked(list, typed) {
  const starts = list.filter((one) => one.shown.startsWith(typed));
  const holds = list.filter((one) => !starts.includes(one) && one.shown.includes(typed));
  return [...starts, ...holds];
}

/** Show the commands that fit what is typed; `onPick` gets one, at once where a space ends its whole name. */
export async function pickCommand(input, channelId, onPick) {
  const isFirst = input.value === "/";
  const list = (isFirst ? null : cached(channelId)) ?? (await slashCommands(channelId));
  const text = input.value;
  if (!text.startsWith("/")) return;
  const typed = text.slice(1).toLowerCase();
  const whole = typed.endsWith(" ") ? list.find((one) => one.shown === typed.trim()) : null;
  if (whole) return onPick(whole);
  const found = ranked(list, typed.trim()).map((one) => ({
    ...one, label: `/${one.shown}`, side: store.bot.global_name || store.bot.username, lead: () => avatar(store.bot, null, "is-small"),
    tags: one.options.filter((option) => option.required).map((option) => localised(option, "name")),
  }));
  suggest(input, { heading: typed ? `Commands matching /${typed}` : "Commands", found, none: "No command matches.", onPick });
}
