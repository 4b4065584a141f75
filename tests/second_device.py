# ruff: noqa: ANN401 - what operators take and return is of any type
"""A second device, played by the processor: real numbers, and a GPU's strictness about whose they are.

A tensor made for `SECOND` says so, and computes on the processor. What a GPU refuses is refused here: mixing
its tensors with the processor's, handing it the processor's random numbers, or reading it as numpy's.
"""

import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing

SECOND = torch.device("cpu:1")
HOME = torch.device("cpu")

_aten = torch.ops.aten
_TAKES_INDICES_FROM_HOME = {_aten.index.Tensor, _aten.index_put.default, _aten.index_put_.default}
_CROSSES = {_aten.copy_.default, _aten._to_copy.default}


class MixedDevicesError(RuntimeError):
    """A GPU would have refused this operation."""


class There(Tensor):
    """A tensor of the second device: `here` holds its numbers."""

    here: Tensor

    @staticmethod
    def __new__(cls: type["There"], here: Tensor) -> "There":
        return torch.Tensor._make_wrapper_subclass(
            cls,
            here.size(),
            strides=here.stride(),
            storage_offset=here.storage_offset(),
            dtype=here.dtype,
            layout=here.layout,
            device=SECOND,
        )

    def __init__(self, here: Tensor) -> None:
        self.here = here

    def __repr__(self) -> str:
        return f"There({self.here!r})"

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        """Tell that a parameter of this kind replaces one of another, as it is not the same memory."""
        return ["here"], None

    @staticmethod
    def __tensor_unflatten__(
        parts: Mapping[str, Tensor], _told: object, _size: object, _stride: object
    ) -> Tensor:
        return There(parts["here"])

    def tolist(self) -> Any:
        return self.here.tolist()

    def numpy(self, *, force: bool = False) -> Any:
        raise MixedDevicesError("numpy reads the processor's memory alone")

    __array__ = numpy

    @classmethod
    def __torch_dispatch__(cls, func: OpOverload, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(func, args, kwargs or {})


class _Making(TorchFunctionMode):
    """Makes tensors of Python's numbers, which come to the dispatcher without their device."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in {torch.tensor, torch.as_tensor, torch.asarray} and kwargs.get("device") is not None:
            made = func(*args, **{name: value for name, value in kwargs.items() if name != "device"})
            return made.to(kwargs["device"])
        made = func(*args, **kwargs)
        return made.to(SECOND) if func is Tensor.new_tensor and isinstance(args[0], There) else made


class _Strict(TorchDispatchMode):
    """Computes what there is to compute, and makes tensors for the second device where they are asked for."""

    def __torch_dispatch__(self, func: OpOverload, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(func, args, kwargs or {})


@contextmanager
def second_device() -> Generator[None]:
    """Have a second device for the length of a `with` block, in threads that begin in it too."""
    run = threading.Thread.run

    def run_there(thread: threading.Thread) -> None:
        with _Making(), _Strict():
            run(thread)

    with patch.object(threading.Thread, "run", run_there), _Making(), _Strict():
        yield


def _compute(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    tensors = [one for one in pytree.tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
    away = any(isinstance(one, There) for one in tensors)
    asked = kwargs.get("device")
    asked = None if asked is None else torch.device(asked)
    goes = away if asked is None else asked == SECOND
    if func is _aten.copy_.default:
        goes = isinstance(args[0], There)
    _check(func, args, kwargs, tensors, goes=goes)
    own = dict(kwargs, device=HOME) if asked == SECOND else kwargs
    inner_args, inner_kwargs = pytree.tree_map_only(There, lambda one: one.here, (args, own))
    out = func(*inner_args, **inner_kwargs)
    if not away and not goes:
        return out
    wrapped = pytree.tree_map_only(Tensor, There, out) if goes else out
    if func in _CROSSES and not func._schema.is_mutable:
        return wrapped
    return return_and_correct_aliasing(func, args, kwargs, wrapped)


def _check(
    func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor], *, goes: bool
) -> None:
    if goes and kwargs.get("generator") is not None and not _is_drawn_by_diffusers():
        raise MixedDevicesError(f"{func}: random numbers of the processor for another device")
    if func in _CROSSES or not goes:
        return
    if func in _TAKES_INDICES_FROM_HOME and isinstance(args[0], There):
        tensors = [args[0], *args[2:3]]
    strangers = [one for one in tensors if not isinstance(one, There) and one.dim() > 0]
    if strangers and len(strangers) < len(tensors):
        raise MixedDevicesError(f"{func}: {len(strangers)} of {len(tensors)} tensors are the processor's")


def _is_drawn_by_diffusers() -> bool:
    """Tell whether `randn_tensor` asks, which draws at home for a device of another kind."""
    frame = sys._getframe()
    while frame is not None and frame.f_code.co_name != "randn_tensor":
        frame = frame.f_back
    return frame is not None
