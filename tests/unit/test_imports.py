import subprocess
import sys

import pytest

HEAVY = ("torch", "diffusers", "transformers", "onnxruntime", "PIL.Image", "numpy")


@pytest.mark.parametrize(
    "module",
    [
        "synid_engine",
        "bot.cli",
        "bot.errors",
        "bot.roster",
        "bot.console",
        "bot.control.client",
        "bot.control.server",
        "bot.coordinator.opening",
        "bot.serve",
        "storage.profiles",
        "storage.archive",
        "storage.jobs",
        "storage.memory.jobs",
        "storage.backup",
        "storage.diagnosis",
        "synid_engine.serving.messages",
        "synid_engine.serving.forecast",
        "synid_engine.serving.link",
        "synid_engine.serving.supervisor",
        "synid_engine.serving.engine_process",
    ],
)
def test_import_stays_light(module: str) -> None:
    code = f"import sys, {module}; print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
