import sys

import pytest

from bot.settings import Settings


def test_display_is_where_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not Settings().has_display
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert Settings().has_display
