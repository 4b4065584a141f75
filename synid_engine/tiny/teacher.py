"""What a reader of traits adds to the UNet's loss: a guess of the picture must read as the picture does."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from synid_engine.perception.network_file import load_network
from synid_engine.tiny.dataset import Labelled
from synid_engine.tiny.picture_cache import trait_numbers
from synid_engine.tiny.train_traits import trait_errors
from synid_engine.tiny.training import autocast

LESSON = 0.02
"""What a nat of the reader's cross-entropy counts beside the squared error of the velocity."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Teacher:
    """A frozen reader, and what it should read in each picture of the training.

    A squared error over a picture hardly feels a mouth of two cells, and a moustache that is half there costs
    as little as one that is missing. What the reader takes a guess for tells them apart.

    Attributes:
        reader: What `train_reader` made.
        truth: (pictures, traits) numbers of the traits' values, -1 where one cannot be seen.
    """

    reader: nn.Module
    truth: Tensor

    @classmethod
    def load(cls, folder: Path, labels: list[Labelled], device: torch.device) -> "Teacher":
        """Read the reader.

        Raises:
            MissingModelError: It is not in the folder.
        """
        reader = load_network(folder, kinds=("latent_reader",), device=device).network
        return cls(reader=reader, truth=trait_numbers(labels))

    def loss(
        self,
        guesses: Float[Tensor, "rows channels h w"],
        alpha_bar: Float[Tensor, " rows"],
        rows: NDArray[np.int64],
    ) -> Float[Tensor, ""]:
        """Return the cross-entropy of the traits, each guess weighing as much as it could know.

        Args:
            guesses: Of the clean latents.
            alpha_bar: Of their timesteps: nearly 0 where a guess was made from noise alone.
            rows: The pictures that they are guesses of.
        """
        with autocast(guesses.device):
            logits = self.reader(guesses.contiguous(memory_format=torch.channels_last))
        truth = self.truth[rows].to(guesses.device)
        errors = trait_errors(logits, truth, reduction="none").sum(dim=0)
        return LESSON * (errors * alpha_bar.sqrt()).mean()
