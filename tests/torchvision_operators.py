"""Let torchvision be imported where its wheel was built for another torch than the one that is here.

The only wheels of torchvision at the package index are built for CUDA: beside a torch for CPUs their
operators cannot be loaded, and importing the package fails at the first one that it describes. Here those
operators are declared, without anything that could run; what is written in Python then works as it is.
"""

from importlib.util import find_spec
from pathlib import Path

import torch

_BOXES = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_DECLARED: list[torch.library.Library] = []  # a declaration lasts as long as its library


def declare_missing_operators() -> None:
    """Declare what `import torchvision` describes, unless its own library can be loaded or it is absent."""
    found = find_spec("torchvision")
    if found is None or found.origin is None or _DECLARED:
        return
    try:
        torch.ops.load_library(str(Path(found.origin).parent / "_C.so"))
    except (ImportError, OSError):
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}{_BOXES}")
        _DECLARED.append(library)
