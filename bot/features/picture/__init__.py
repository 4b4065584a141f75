"""Pictures and what can be done with them: the card of a job while it is worked on, and when it is over."""

from bot.features.picture._cog import PictureMenus
from bot.features.picture._figures import FIGURE_WORDS
from bot.features.picture._handlers import PictureHandlers, shared_text
from bot.features.picture._live import LiveState, cancelled_card, live_card, told
from bot.features.picture._looks import MISS_WORDS, PROMPT_WORDS
from bot.features.picture._outcome import details_text, outcome_card
from bot.features.picture._stages import STAGE_WORDS

__all__ = [
    "FIGURE_WORDS",
    "MISS_WORDS",
    "PROMPT_WORDS",
    "STAGE_WORDS",
    "LiveState",
    "PictureHandlers",
    "PictureMenus",
    "cancelled_card",
    "details_text",
    "live_card",
    "outcome_card",
    "shared_text",
    "told",
]
