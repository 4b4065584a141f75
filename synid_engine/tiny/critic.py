# pyright: basic, reportPrivateImportUsage=false, reportCallIssue=false
"""What tells a decoder's squares from rendered ones, and so teaches it clean lines.

Where a latent leaves open where a line runs, the picture of least error is blurred. A critic that sees small
places takes a blurred line for what it is, wherever it runs.

Source: PatchGAN, Isola et al. 2017, section 3.2; feature matching, Wang et al. 2018, equation 4; the weight
    of the critic's loss, Esser et al. 2021, equation 7.
"""

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from synid_engine.tiny.training import autocast, set_rate

SHARE = 0.5
"""How large the critic's gradient is beside that of the reconstruction, at the decoder's last layer."""
FEATURES = 10.0
"""What a difference in the critic's features counts beside its verdict."""
_SLOPE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verdict:
    """What the critic says of pictures.

    Attributes:
        scores: (batch, 1, h / 8, w / 8); higher where a place looks rendered.
        features: Of each layer but the last.
    """

    scores: Tensor
    features: list[Tensor]


class PatchCritic(nn.Module):
    """Judges places of 38 pixels."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        widths = (3, width, 2 * width, 4 * width)
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(before, after, 4, stride=2, padding=1))
            for before, after in itertools.pairwise(widths)
        )
        self.verdict = spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, pictures: Tensor) -> Verdict:
        """Judge (batch, 3, h, w) pictures in 0..1."""
        seen, features = pictures * 2 - 1, list[Tensor]()
        for layer in self.layers:
            seen = F.leaky_relu(layer(seen), _SLOPE)
            features.append(seen)
        return Verdict(scores=self.verdict(seen), features=features)


def critic_loss(rendered: Verdict, decoded: Verdict) -> Tensor:
    """Return what the critic learns from: a hinge on both sides."""
    return (F.relu(1 - rendered.scores.float()) + F.relu(1 + decoded.scores.float())).mean()


def decoder_loss(rendered: Verdict, decoded: Verdict) -> Tensor:
    """Return what the decoder learns from: a good verdict, by looking as the rendered square does."""
    apart = [
        F.l1_loss(mine.float(), theirs.detach().float())
        for mine, theirs in zip(decoded.features, rendered.features, strict=True)
    ]
    return FEATURES * torch.stack(apart).mean() - decoded.scores.float().mean()


class Adversary:
    """A critic that learns beside the decoder."""

    def __init__(self, device: torch.device, critic: PatchCritic | None = None) -> None:
        self._critic = (critic or PatchCritic()).to(device, memory_format=torch.channels_last)
        self._optimizer = torch.optim.AdamW(self._critic.parameters(), lr=0, betas=(0.5, 0.9))

    def join(self, reconstruction: Tensor, decoded: Tensor, target: Tensor, last: nn.Parameter) -> Tensor:
        """Add what the critic says, so that it pulls `SHARE` times as strongly as the reconstruction.

        Args:
            reconstruction: The other loss.
            decoded: (batch, 3, h, w) squares in 0..1, with their history.
            target: What they should be.
            last: The decoder's last weight, at which the two are compared.
        """
        self._critic.requires_grad_(requires_grad=False)
        with autocast(target.device):
            criticism = decoder_loss(self._critic(target), self._critic(decoded))
        self._critic.requires_grad_(requires_grad=True)
        wanted, given = (
            torch.autograd.grad(loss, last, retain_graph=True)[0].norm()
            for loss in (reconstruction, criticism)
        )
        return reconstruction + SHARE * wanted / given.clamp(min=1e-6) * criticism

    def learn(self, decoded: Tensor, target: Tensor, *, rate: float) -> float:
        """Take one step, and return the critic's loss: 2 where it cannot tell them apart, 0 where it can."""
        set_rate(self._optimizer, rate)
        with autocast(target.device):
            loss = critic_loss(self._critic(target), self._critic(decoded.detach()))
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._optimizer.step()
        return float(loss.detach())
