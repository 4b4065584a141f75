"""Models as shapes alone, on devices that need not be there: what they take is counted, not computed."""

import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from synid_engine.runtime.backbone import Backbone

M = TypeVar("M", bound=nn.Module)


def imagined(backbone: Backbone, mode: FakeTensorMode, *, device: str, text_device: str) -> Backbone:
    """Return a backbone of the same shapes; the one given stays as it is.

    Args:
        backbone: On whichever device, `meta` included.
        mode: What knows of every operation which shape it returns, and refuses to mix devices. The models
            work inside it.
        device: Where all but the text encoders are.
        text_device: Where those are.
    """
    control = backbone.pose_control
    if control is not None:
        network, embedding = (imagine(part, mode, device) for part in (control.network, control.embedding))
        control = replace(control, network=network, embedding=embedding)
    return replace(
        backbone,
        unet=imagine(backbone.unet, mode, device),
        vae=imagine(backbone.vae, mode, device),
        text_encoders=tuple(imagine(one, mode, text_device) for one in backbone.text_encoders),
        pose_control=control,
        device=torch.device(device),
        compiled_unet=None,
    )


def imagine(module: M, mode: FakeTensorMode, device: str) -> M:
    """Return a module of the same shapes on a device, frozen."""
    shaped = copy.deepcopy(module)
    with mode:
        for part in shaped.modules():
            for name, tensor in part.named_parameters(recurse=False):
                setattr(part, name, nn.Parameter(_like(tensor, device), requires_grad=False))
            for name, tensor in part.named_buffers(recurse=False):
                setattr(part, name, _like(tensor, device))
    return shaped


def tensors_of(backbone: Backbone) -> Iterable[Tensor]:
    """Yield every weight and constant."""
    modules: list[nn.Module] = [backbone.unet, backbone.vae, *backbone.text_encoders]
    if backbone.pose_control is not None:
        modules += [backbone.pose_control.network, backbone.pose_control.embedding]
    for module in modules:
        yield from module.parameters()
        yield from module.buffers()


def _like(tensor: Tensor, device: str) -> Tensor:
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device)
