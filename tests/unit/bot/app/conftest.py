from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from .house import Studio, studio


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncGenerator[Studio]:
    """Return a place where the bot is not there yet."""
    async with studio(tmp_path) as place:
        yield place


@pytest.fixture
async def place(closed: Studio) -> Studio:
    """Return a place with the bot at work."""
    await closed.open()
    return closed
