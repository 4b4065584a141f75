import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["bot.loopback.driver", "bot.loopback.client_settings"])
def test_loopback_needs_neither_the_engine_nor_the_library_that_it_serves(module: str) -> None:
    heavy = ("torch", "numpy", "PIL.Image", "discord", "storage", "synid_engine")
    code = f"import sys, {module}; print(*(name for name in {heavy} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
