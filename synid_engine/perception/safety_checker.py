"""How near a picture is to what Stable Diffusion's own safety checker withholds.

Knows nothing about who asks, or what is done with the answer.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor

from synid_engine.errors import DamagedModelError, JudgeNotInstalledError
from synid_engine.perception.clip_pixels import PREPROCESSOR_NAME, ClipPixels, read_pixels
from synid_engine.runtime.model_folder import quiet_libraries

_CHECKER, _EXTRACTOR = "safety_checker", "feature_extractor"
_UNREADABLE = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, SafetensorError)
_SPECIAL_CARE = 0.01
_SPAN = 0.2  # of cosines, from a score of 0 to a score of 1


class SafetyCheckerJudge:
    """The diffusers `StableDiffusionSafetyChecker` with a margin for an answer.

    Seventeen concepts each have a cosine from which on the checker withholds a picture, which is lower by a
    hundredth for pictures near one of three more. The score is 0.5 there, and a tenth of a cosine on either
    side reaches 0 and 1.

    Source: Rombach et al. 2022, Stable Diffusion; CompVis/stable-diffusion-safety-checker.
    Deviation: the checker answers yes or no, and blackens the picture.
    """

    def __init__(self, folder: Path, *, device: torch.device) -> None:
        """Load `safety_checker` and `feature_extractor` of a base model's folder, fp32 and frozen.

        Raises:
            JudgeNotInstalledError: The folder lacks them.
            DamagedModelError: A file cannot be read or lacks weights.
            UnsupportedModelError: Its pictures are made in a way that is not known here.
        """
        for part in (f"{_CHECKER}/config.json", f"{_EXTRACTOR}/{PREPROCESSOR_NAME}"):
            if not (folder / part).is_file():
                raise JudgeNotInstalledError(judge=_CHECKER, folder=folder, part=part)
        self._device = device
        self._checker = cast("Any", _load(folder, device=device))
        side = int(self._checker.config.vision_config.image_size)
        self._pixels: ClipPixels = read_pixels(folder / _EXTRACTOR, side=side)

    @torch.no_grad()
    def score(self, picture: Image.Image) -> float:
        """See `PictureJudge`; 0.5 is where the checker itself withholds."""
        array = np.asarray(picture.convert("RGB"), dtype=np.float32) / 255
        pixels = self._pixels.of(torch.as_tensor(array).permute(2, 0, 1)[None].to(self._device))
        embed = self._checker.visual_projection(self._checker.vision_model(pixels)[1])
        margin = self._margin(F.normalize(embed.float(), dim=1)[0])
        return min(1.0, max(0.0, 0.5 + margin / _SPAN))

    def _margin(self, embed: Tensor) -> float:
        """Return the cosine beyond the limit of the concept that is nearest to it, or passes it furthest."""
        checker = self._checker
        special = self._beyond(embed, checker.special_care_embeds, checker.special_care_embeds_weights)
        concepts = self._beyond(embed, checker.concept_embeds, checker.concept_embeds_weights)
        return float(concepts.max()) + (_SPECIAL_CARE if float(special.max()) > 0 else 0.0)

    @staticmethod
    def _beyond(embed: Tensor, concepts: Tensor, limits: Tensor) -> Tensor:
        """Return each concept's cosine less its limit, in thousandths as the checker counts."""
        cosines = F.normalize(concepts.float(), dim=1) @ embed
        return (cosines - limits.float()).round(decimals=3)


def _load(folder: Path, *, device: torch.device) -> StableDiffusionSafetyChecker:
    root = folder / _CHECKER
    plain, short = root / "model.safetensors", root / "model.fp16.safetensors"
    if not plain.is_file() and not short.is_file():
        raise JudgeNotInstalledError(judge=_CHECKER, folder=folder, part=f"{_CHECKER}/{plain.name}")
    try:
        with quiet_libraries():
            loaded = cast("Any", StableDiffusionSafetyChecker).from_pretrained(
                str(root),
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                variant=None if plain.is_file() else "fp16",
                dtype=torch.float32,
            )
    except _UNREADABLE as error:
        detail = (str(error) or type(error).__name__).splitlines()[0]
        raise DamagedModelError(folder=folder, part=_CHECKER, detail=detail) from error
    checker, info = cast("tuple[StableDiffusionSafetyChecker, Mapping[str, Any]]", loaded)
    wrong = [*info.get("missing_keys", ()), *info.get("mismatched_keys", ())]
    if wrong:
        detail = f"{len(wrong)} weights missing, such as {wrong[0]}"
        raise DamagedModelError(folder=folder, part=_CHECKER, detail=detail)
    checker.eval().requires_grad_(requires_grad=False)
    return cast("StableDiffusionSafetyChecker", cast("Any", checker).to(device))
