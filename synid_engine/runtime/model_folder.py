"""Reading models from a folder in diffusers' layout: every weight present, none of them a pickle.

The embedded model and Stable Diffusion 1.5 go through the same code. Nothing is fetched from a network.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError
from torch import nn
from transformers.models.clip.modeling_clip import CLIPTextModel
from transformers.models.clip.tokenization_clip import CLIPTokenizer
from transformers.utils import logging as transformers_logging

from synid_engine.errors import DamagedModelError, MissingModelError, UnsupportedModelError
from synid_engine.runtime.device import choose_memory_format

_AUTOENCODERS = {"AutoencoderTiny": AutoencoderTiny, "AutoencoderKL": AutoencoderKL}
_PREDICTIONS = frozenset({"epsilon", "v_prediction"})
_HASHED = frozenset({".safetensors", ".json", ".txt"})
_PARTS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")
_LIBRARIES: tuple[Any, ...] = (diffusers_logging, transformers_logging)
_UNREADABLE = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError)


def hash_model(folder: str | Path) -> str:
    """Return the SHA-256 over the name and content of every weight and configuration file of the models."""
    root = Path(folder)
    digest = hashlib.sha256()
    paths = (path for part in _PARTS for path in (root / part).glob("*") if path.suffix in _HASHED)
    for path in sorted(paths):
        digest.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


class ModelFolder:
    """A folder of models, and where and in which format they shall live.

    Its methods raise MissingModelError, DamagedModelError and UnsupportedModelError.
    """

    def __init__(self, root: Path, *, device: torch.device, dtype: torch.dtype) -> None:
        self._root = root
        self._device = device
        self._dtype = dtype

    def model(self, part: str, kind: type[nn.Module]) -> nn.Module:
        """Load a model with all of its weights, frozen, in evaluation mode."""
        folder = self._root / part
        if not any(folder.glob("*.safetensors")):
            raise MissingModelError(folder=self._root, part=f"{part}/*.safetensors")
        settings: dict[str, object] = {"use_safetensors": True, "local_files_only": True}
        settings |= {"output_loading_info": True, "variant": _variant(folder)}
        if kind is CLIPTextModel:
            settings["dtype"] = self._dtype
        else:
            settings |= {"torch_dtype": self._dtype, "low_cpu_mem_usage": False}
        loaded = self._read(part, lambda: cast("Any", kind).from_pretrained(str(folder), **settings))
        model, info = cast("tuple[nn.Module, Mapping[str, Any]]", loaded)
        wrong = [*info.get("missing_keys", ()), *info.get("mismatched_keys", ())]
        if wrong:
            detail = f"{len(wrong)} weights missing, such as {wrong[0]}"
            raise DamagedModelError(folder=self._root, part=part, detail=detail)
        placed = model.eval().requires_grad_(requires_grad=False).to(self._device, self._dtype)
        return cast("Any", placed).to(memory_format=choose_memory_format(self._dtype))

    def tokenizer(self, part: str) -> CLIPTokenizer:
        """Load a tokenizer."""
        folder = self._root / part
        if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
            raise MissingModelError(folder=self._root, part=part)
        load = cast("Any", CLIPTokenizer).from_pretrained
        return cast("CLIPTokenizer", self._read(part, lambda: load(str(folder), local_files_only=True)))

    def autoencoder(self) -> AutoencoderTiny | AutoencoderKL:
        """Load the VAE, of whichever of the two classes its configuration names."""
        name = str(self.json("vae/config.json").get("_class_name"))
        if name not in _AUTOENCODERS:
            raise UnsupportedModelError(folder=self._root, feature=f"vae {name}")
        return cast("AutoencoderTiny | AutoencoderKL", self.model("vae", _AUTOENCODERS[name]))

    def text_encoder_parts(self) -> tuple[str, ...]:
        """Return the folders of the one or two text encoders."""
        parts = tuple(part for part in ("text_encoder", "text_encoder_2") if (self._root / part).is_dir())
        if "text_encoder" not in parts:
            raise MissingModelError(folder=self._root, part="text_encoder")
        return parts

    def noise_scheduler_config(self) -> Mapping[str, object]:
        """Read the configuration of the noise schedule."""
        config = self.json("scheduler/scheduler_config.json")
        prediction = str(config.get("prediction_type", "epsilon"))
        if prediction not in _PREDICTIONS:
            raise UnsupportedModelError(folder=self._root, feature=f"prediction_type {prediction}")
        return config

    def json(self, part: str) -> dict[str, object]:
        """Read a JSON object."""
        return _read_json(self._root, part)

    def _read(self, part: str, load: Callable[[], object]) -> object:
        try:
            return load()
        except _UNREADABLE as error:
            detail = (str(error) or type(error).__name__).splitlines()[0]
            raise DamagedModelError(folder=self._root, part=part, detail=detail) from error


def _read_json(root: Path, part: str) -> dict[str, object]:
    path = root / part
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingModelError(folder=root, part=part) from error
    except (OSError, ValueError) as error:
        raise DamagedModelError(folder=root, part=part, detail=str(error)) from error
    if not isinstance(value, dict):
        raise DamagedModelError(folder=root, part=part, detail="not a JSON object")
    return cast("dict[str, object]", value)


def _variant(folder: Path) -> str | None:
    plain = any(".fp16." not in path.name for path in folder.glob("*.safetensors"))
    return None if plain else "fp16"


@contextmanager
def quiet_libraries() -> Generator[None]:
    """Keep the libraries' progress bars and loading reports off the terminal; ours are errors."""
    loggers = [logging.getLogger("diffusers"), logging.getLogger("transformers")]
    levels = [logger.level for logger in loggers]
    noisy = [library for library in _LIBRARIES if library.is_progress_bar_enabled()]
    for library in noisy:
        library.disable_progress_bar()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        for library in noisy:
            library.enable_progress_bar()
