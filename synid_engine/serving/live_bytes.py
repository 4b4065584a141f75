"""How many bytes of tensors are alive, and how many were at most: counted the same way on every device.

Counts what an allocator hands out, storage by storage: neither what it rounds up or keeps back, nor what
kernels use by themselves, nor the device's own context.
"""

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Counts while it is entered; tensors that were there before count once they are held.

    Attributes:
        current: Bytes that are alive now.
        peak: The most that were at once, since the start or the last `restart`.
    """

    def __init__(self, device: torch.device | str | None = None) -> None:
        """Count nothing yet.

        Args:
            device: Whose tensors count; None counts all.
        """
        cast("Any", super()).__init__()
        self._device = None if device is None else torch.device(device)
        self._alive: dict[int, int] = {}
        self.current = self.peak = 0

    def hold(self, tensors: Iterable[Tensor]) -> None:
        """Count tensors that are there already, such as weights."""
        for tensor in tensors:
            self._count(tensor)

    def restart(self) -> None:
        """Forget the peak: it is what is alive now."""
        self.peak = self.current

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> object:
        """Run an operation, and count the storages of what it returns."""
        result = func(*args, **(kwargs or {}))
        self.hold(leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor))
        return result

    def _count(self, tensor: Tensor) -> None:
        if self._device is not None and tensor.device != self._device:
            return
        storage = tensor.untyped_storage()
        key, size = int(cast("Any", storage)._cdata), storage.nbytes()  # noqa: SLF001  (its address)
        if key in self._alive:
            return
        self._alive[key] = size
        self.current += size
        self.peak = max(self.peak, self.current)
        weakref.finalize(storage, self._release, key)

    def _release(self, key: int) -> None:
        self.current -= self._alive.pop(key)
