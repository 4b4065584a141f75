// What can be done with a message or a person: the app's own commands, and the client's.
import { RefusedError, act, look, remove } from "./api.js";
import { avatar } from "./avatar.js";
import { perform } from "./interactions.js";
import { menu, toast } from "./overlay.js";
import { EPHEMERAL, channelById, localised, nameOf, store, tell } from "./store.js";

const ON_USERS = 2;
const ON_MESSAGES = 3;

/** The commands that are offered in a channel; none where they cannot be had. */
export async function commandsIn(channelId) {
  try {
    return (await look(`channels/${channelId}/commands`)).commands;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return [];
  }
}

/** Use a command, with a row that stands for it until the bot has answered. */
export async function use(channelId, name, path, body, { files = [], onTaken = null } = {}) {
  let key = null;
  const onStart = (id) => {
    key = id;
    onTaken?.();
    tell("pending", { id, channelId, name });
  };
  try {
    const told = await perform(`channels/${channelId}/${path}`, body, files, { onStart });
    tell(told.progress === "failed" ? "unanswered" : "drop", key);
    return true;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    toast(error.message, "bad");
    return false;
  }
}

async function apps(kind, channelId, target) {
  const commands = (await commandsIn(channelId)).filter((one) => one.type === kind);
  const entries = commands.map((command) => ({
    label: localised(command, "name"), icon: "bot",
    run: () => use(channelId, localised(command, "name"), "menu", { name: command.name, kind: kind === ON_MESSAGES ? "message" : "user", target }),
  }));
  return entries.length ? [{ title: "Apps" }, ...entries, null] : [];
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch {
    toast("The browser does not allow copying here.", "bad");
  }
}

async function quietly(work) {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    toast(error.message, "bad");
    return null;
  }
}

/** Open the menu of a message. */
export async function messageMenu(message, anchor, point) {
  const isHidden = Boolean(message.flags & EPHEMERAL);
  const mayDelete = !isHidden && (message.author.id === store.me.id || channelById(message.channel_id)?.may_manage);
  menu([
    ...(await apps(ON_MESSAGES, message.channel_id, message.id)),
    message.content ? { label: "Copy text", icon: "copy", run: () => copy(message.content) } : undefined,
    { label: "Copy message ID", icon: "hash", run: () => copy(message.id) },
    isHidden ? { label: "Dismiss message", icon: "close", run: () => tell("dismiss", message) } : undefined,
    mayDelete ? { label: "Delete message", icon: "trash", danger: true, run: () => quietly(remove(`channels/${message.channel_id}/messages/${message.id}`)) } : undefined,
  ].filter((entry) => entry !== undefined), { anchor, point, label: "Message actions" });
}

/** Open direct messages with somebody. */
export async function write(userId) {
  const told = await quietly(act("direct", { user: userId }));
  if (told) tell("go", told.id);
}

/** Open the menu of a person. */
export async function userMenu(user, channelId, anchor, point) {
  menu([
    { title: `${nameOf(user)} (${user.username})` },
    ...(await apps(ON_USERS, channelId, user.id)),
    user.id === store.me.id ? undefined : { label: "Message", icon: "chat", run: () => write(user.id), lead: avatar(user, nameOf(user), "is-small") },
    { label: "Mention", icon: "plus", run: () => tell("mention", user) },
    { label: "Copy user ID", icon: "hash", run: () => copy(user.id) },
  ].filter((entry) => entry !== undefined), { anchor, point, label: `Actions for ${nameOf(user)}` });
}
