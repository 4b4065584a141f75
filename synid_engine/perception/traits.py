"""Reading named traits from a picture. Which traits and values there are comes from the folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from synid_engine.errors import DamagedModelError
from synid_engine.perception.alignment import pad_to_square, resize_square
from synid_engine.perception.network_file import CONFIG_NAME, load_network
from synid_engine.runtime.device import choose_device


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TraitClassifier:
    """Names the value of every trait.

    Attributes:
        network: Pictures of `input_size` -> logits by trait.
        values: For each trait its values, in the order of the logits.
    """

    network: nn.Module
    values: Mapping[str, tuple[str, ...]]

    def logits(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> dict[str, Float[Tensor, "batch values"]]:
        """Return logits by trait; differentiable."""
        weight = next(self.network.parameters())
        side = cast("int", self.network.input_size)
        return self.network(resize_square(pad_to_square(images.to(weight)), side=side))

    @torch.no_grad()
    def classify(self, images: Float[Tensor, "batch 3 height width"]) -> list[dict[str, str]]:
        """Return the likeliest value of every trait, one mapping a picture."""
        best = {trait: logits.argmax(dim=1) for trait, logits in self.logits(images).items()}
        return [
            {trait: self.values[trait][int(rows[i])] for trait, rows in best.items()}
            for i in range(images.shape[0])
        ]


def load_trait_classifier(folder: str | Path, *, device: str | None = None) -> TraitClassifier:
    """Load the classifier.

    Raises:
        WeightsError: A file is missing, damaged or of another kind.
    """
    stored = load_network(folder, kinds=("trait_net",), device=choose_device(device))
    raw = stored.config.get("values")
    if not isinstance(raw, dict):
        raise DamagedModelError(folder=Path(folder), part=CONFIG_NAME, detail="no values")
    values = {trait: tuple(names) for trait, names in cast("dict[str, list[str]]", raw).items()}
    return TraitClassifier(network=stored.network, values=values)
