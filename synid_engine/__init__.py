"""A character from words: described once, drawn the same in every expression, scene and style.

Importing this package imports no torch; each public name is fetched when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synid_engine.engine import Character, Engine
    from synid_engine.identity.bank import IdentityBank
    from synid_engine.identity.blend import blend_banks, stack_banks
    from synid_engine.runtime.backbone import Backbone, load_backbone
    from synid_engine.sampling.denoise import denoise, render
    from synid_engine.sampling.row import RenderRow
    from synid_engine.sampling.run import DenoiseRun

__all__ = [
    "Backbone",
    "Character",
    "DenoiseRun",
    "Engine",
    "IdentityBank",
    "RenderRow",
    "blend_banks",
    "denoise",
    "load_backbone",
    "render",
    "stack_banks",
]

_HOMES = {
    "Backbone": "runtime.backbone",
    "Character": "engine",
    "DenoiseRun": "sampling.run",
    "Engine": "engine",
    "IdentityBank": "identity.bank",
    "RenderRow": "sampling.row",
    "blend_banks": "identity.blend",
    "denoise": "sampling.denoise",
    "load_backbone": "runtime.backbone",
    "render": "sampling.denoise",
    "stack_banks": "identity.blend",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(name)
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
