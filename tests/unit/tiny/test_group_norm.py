import pytest
import torch
from torch import nn

from synid_engine.tiny.group_norm import FEW_CHANNELS, QuickGroupNorm, quicken


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 5e-2)])
def test_quick_norm_gives_the_same_pictures_and_gradients(dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(4)
    stock = nn.GroupNorm(4, 16)
    nn.init.normal_(stock.weight)
    nn.init.normal_(stock.bias)
    quick = QuickGroupNorm(4, 16)
    quick.load_state_dict(stock.state_dict())
    inputs = (2 * torch.randn(3, 16, 12, 10) + 1).to(dtype).contiguous(memory_format=torch.channels_last)
    wanted = torch.randn(3, 16, 12, 10)
    gradients: list[list[torch.Tensor]] = []
    for norm in (stock.to(torch.float32), quick):
        leaf = inputs.detach().to(torch.float32 if norm is stock else dtype, copy=True)
        leaf.requires_grad_(True)
        output = norm(leaf)
        (output.float() * wanted).sum().backward()
        gradients.append([output.detach(), leaf.grad, norm.weight.grad, norm.bias.grad])
    for one, other in zip(*gradients, strict=True):
        scale = float(one.abs().max())
        assert torch.allclose(one, other.float(), atol=tolerance * scale)


def test_only_norms_of_few_channels_change_and_weights_keep_their_names() -> None:
    module = nn.Sequential(nn.GroupNorm(8, 16), nn.Conv2d(16, 128, 1), nn.GroupNorm(8, 2 * FEW_CHANNELS))
    names = list(module.state_dict())
    quicken(module)
    assert [type(child) for child in module] == [QuickGroupNorm, nn.Conv2d, nn.GroupNorm]
    assert list(module.state_dict()) == names
