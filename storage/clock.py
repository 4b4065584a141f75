"""The time as a parameter, so that whoever asks for it can be given another."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns seconds since 1970."""

wall_clock: Clock = time.time
