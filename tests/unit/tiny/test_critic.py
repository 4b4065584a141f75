import pytest
import torch
from torch import Tensor, nn

from synid_engine.tiny.critic import SHARE, Adversary, PatchCritic, Verdict, critic_loss, decoder_loss

CPU = torch.device("cpu")


def squares(*, blurred: bool, count: int = 4) -> Tensor:
    """Draw upright lines at random places."""
    chance = torch.Generator().manual_seed(5 + blurred)
    lines = (torch.rand(count, 1, 1, 32, generator=chance) > 0.7).float().expand(-1, 3, 32, -1)
    return nn.functional.avg_pool2d(lines, 5, stride=1, padding=2) if blurred else lines


def verdict(score: float, feature: float) -> Verdict:
    return Verdict(scores=torch.full((1, 1, 2, 2), score), features=[torch.full((1, 2, 4, 4), feature)])


def test_every_place_of_38_pixels_has_a_verdict() -> None:
    torch.manual_seed(0)
    critic = PatchCritic(8).eval()
    picture = torch.zeros(1, 3, 64, 64, requires_grad=True)
    scores = critic(picture).scores
    assert scores.shape == (1, 1, 8, 8)
    scores[0, 0, 4, 4].backward()
    assert picture.grad is not None
    touched = picture.grad.abs().sum(dim=(0, 1)).nonzero()
    assert (touched.amax(dim=0) - touched.amin(dim=0) + 1).tolist() == [38, 38]


def test_critic_that_is_sure_learns_nothing_more() -> None:
    assert float(critic_loss(verdict(2, 0), verdict(-2, 0))) == 0
    assert float(critic_loss(verdict(0, 0), verdict(0, 0))) == 2


def test_decoder_wants_a_good_verdict_and_the_same_features() -> None:
    liked, disliked = decoder_loss(verdict(1, 0), verdict(1, 0)), decoder_loss(verdict(1, 0), verdict(-1, 0))
    assert liked < disliked
    assert liked < decoder_loss(verdict(1, 0), verdict(1, 0.5))


def test_critic_pulls_by_its_share_whatever_the_size_of_its_loss() -> None:
    torch.manual_seed(0)
    last = nn.Parameter(torch.randn(3, 3))
    target = torch.rand(2, 3, 32, 32)
    decoded = torch.einsum("ij,bjhw->bihw", last, target)
    reconstruction = 1000 * (decoded - target).square().mean()
    joined = Adversary(CPU, PatchCritic(8)).join(reconstruction, decoded, target, last)
    alone = torch.autograd.grad(reconstruction, last, retain_graph=True)[0]
    both = torch.autograd.grad(joined, last)[0]
    assert float((both - alone).norm() / alone.norm()) == pytest.approx(SHARE, rel=0.02)


def test_critic_learns_to_tell_blurred_lines() -> None:
    torch.manual_seed(0)
    critic = PatchCritic(8)
    adversary = Adversary(CPU, critic)
    first = adversary.learn(squares(blurred=True), squares(blurred=False), rate=3e-3)
    for _ in range(60):
        last = adversary.learn(squares(blurred=True), squares(blurred=False), rate=3e-3)
    assert last < 0.5 * first
    seen = [float(critic(squares(blurred=one)).scores.detach().mean()) for one in (True, False)]
    assert seen[0] < seen[1]


def test_what_the_decoder_learns_does_not_reach_the_critic() -> None:
    critic = PatchCritic(8)
    decoded = squares(blurred=True).requires_grad_()
    last = nn.Parameter(torch.ones(()))
    adversary = Adversary(CPU, critic)
    adversary.join((decoded * last).mean(), decoded * last, squares(blurred=False), last).backward()
    assert decoded.grad is not None
    assert all(weight.grad is None and weight.requires_grad for weight in critic.parameters())
