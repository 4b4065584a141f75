"""A network on disk: `model.safetensors` beside a `config.json` that names its architecture.

Matrices and kernels are kept in fp16, vectors in fp32; in memory all is fp32.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors_torch
from torch import Tensor, nn

from synid_engine.errors import DamagedModelError, MissingModelError, UnsupportedModelError
from synid_engine.perception.identity_encoder import IdentityEncoder
from synid_engine.perception.networks import (
    LandmarkNet,
    LatentReader,
    PlainEmbedder,
    ResidualEmbedder,
    TraitNet,
)

WEIGHTS_NAME, CONFIG_NAME = "model.safetensors", "config.json"
ARCHITECTURES: Mapping[str, type[nn.Module]] = {
    "landmark_net": LandmarkNet,
    "residual_embedder": ResidualEmbedder,
    "plain_embedder": PlainEmbedder,
    "trait_net": TraitNet,
    "identity_encoder": IdentityEncoder,
    "latent_reader": LatentReader,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredNetwork:
    """A network, frozen and in evaluation mode, with the configuration it was stored with."""

    network: nn.Module
    config: Mapping[str, object]


def load_network(folder: str | Path, *, kinds: tuple[str, ...], device: torch.device) -> StoredNetwork:
    """Load a network of one of the named architectures.

    Raises:
        MissingModelError: The folder or one of its two files is not there.
        DamagedModelError: A file cannot be read, or the weights do not fit the configuration.
        UnsupportedModelError: The architecture is none of `kinds`.
    """
    root = Path(folder)
    config = read_config(root)
    architecture = str(config.get("architecture"))
    if architecture not in kinds or architecture not in ARCHITECTURES:
        raise UnsupportedModelError(folder=root, feature=f"architecture {architecture}")
    if not (root / WEIGHTS_NAME).is_file():
        raise MissingModelError(folder=root, part=WEIGHTS_NAME)
    try:
        arguments = cast("Mapping[str, object]", config.get("arguments", {}))
        network = ARCHITECTURES[architecture](**arguments)
        weights = safetensors_torch.load((root / WEIGHTS_NAME).read_bytes())
        network.load_state_dict({name: _restored(value) for name, value in weights.items()})
    except (OSError, SafetensorError, RuntimeError, TypeError, ValueError, KeyError) as error:
        detail = (str(error) or type(error).__name__).splitlines()[0]
        raise DamagedModelError(folder=root, part=WEIGHTS_NAME, detail=detail) from error
    network.eval().requires_grad_(requires_grad=False)
    return StoredNetwork(network=network.to(device), config=config)


def save_network(folder: str | Path, network: nn.Module, config: Mapping[str, object]) -> None:
    """Write the weights and `config`, which must hold `architecture` and, where it has any, `arguments`."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    weights = {name: _stored(value) for name, value in network.state_dict().items()}
    partial = root / f"{WEIGHTS_NAME}.part"
    partial.write_bytes(safetensors_torch.save(weights))
    partial.replace(root / WEIGHTS_NAME)
    (root / CONFIG_NAME).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def read_config(folder: Path) -> Mapping[str, object]:
    """Read `config.json`.

    Raises:
        MissingModelError: It is not there.
        DamagedModelError: It is no JSON object.
    """
    path = folder / CONFIG_NAME
    try:
        config: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingModelError(folder=folder, part=CONFIG_NAME) from error
    except (OSError, ValueError) as error:
        raise DamagedModelError(folder=folder, part=CONFIG_NAME, detail=str(error)) from error
    if not isinstance(config, dict):
        raise DamagedModelError(folder=folder, part=CONFIG_NAME, detail="not a JSON object")
    return cast("Mapping[str, object]", config)


def _stored(value: Tensor) -> Tensor:
    value = value.detach().cpu().contiguous().clone()
    return value.half() if value.is_floating_point() and value.ndim > 1 else value


def _restored(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
