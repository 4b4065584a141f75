// What one does to the bot, from the press to its answer: waiting, acknowledged, failed.
import { RefusedError, act } from "./api.js";
import { modal } from "./modal.js";
import { toast } from "./overlay.js";
import { hear } from "./store.js";

const heard = new Map();
const waiting = new Map();

hear("live:interaction", (told) => {
  if (told.progress === "waiting") return;
  const settle = waiting.get(told.id);
  waiting.delete(told.id);
  if (settle) settle(told);
  else heard.set(told.id, told);
});
hear("reconnected", () => {
  waiting.forEach((settle) => settle({ progress: "unknown" }));
  waiting.clear();
});
hear("switched", () => { waiting.clear(); heard.clear(); });

function outcome(id) {
  const told = heard.get(id);
  heard.delete(id);
  return told ?? new Promise((settle) => waiting.set(id, settle));
}

/** Do something and wait for the bot's first answer; a dialog that it opens is shown. */
export async function perform(path, body, files = [], { onStart = null } = {}) {
  const { interaction } = await act(path, body, files);
  onStart?.(interaction);
  const told = await outcome(interaction);
  if (told.modal) modal(told);
  return told;
}

/** The same for what a message offers; a refusal is said aloud. Returns whether the bot answered. */
export async function touch(path, body) {
  try {
    return (await perform(path, body)).progress !== "failed";
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    toast(error.message, "bad");
    return true;
  }
}
