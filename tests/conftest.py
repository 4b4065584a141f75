"""Fixtures around small real models, which `small_models` makes."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from .torchvision_operators import declare_missing_operators

declare_missing_operators()  # before diffusers, which imports torchvision where it is installed

from diffusers import StableDiffusionPipeline as Pipeline
from diffusers import UNet2DConditionModel
from hypothesis import HealthCheck, settings
from transformers import CLIPTokenizer

from synid_engine.identity.bank import IdentityBank
from synid_engine.runtime.backbone import Backbone, load_backbone

from .clip_vocabulary import make_clip_tokenizer
from .small_models import (
    save_posed_model,
    save_preview_vae,
    save_small_models,
    save_whole_model,
    small_unet,
)

# No test asserts a time: a busy machine is no fault of the code. What passed once passes again; new examples
# are sought by `pytest --hypothesis-profile=seeking`.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("seeking", settings.get_profile("patient"), derandomize=False, max_examples=3000)
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small matrices gain nothing from threads, and figures stay the same on every machine."""
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _same_chance() -> None:
    """Let what a test draws without a seed of its own be the same in each run and in any order."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold a pipeline folder of small random models: AutoencoderTiny, v-prediction."""
    return save_small_models(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="session")
def whole_model(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold the same models, and small random perception: all that an engine process loads."""
    return save_whole_model(small_folder, tmp_path_factory.mktemp("models") / "whole")


@pytest.fixture(scope="session")
def epsilon_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold a pipeline folder of small random models: AutoencoderKL, epsilon."""
    return save_small_models(tmp_path_factory.mktemp("models") / "kl", prediction_type="epsilon", kl=True)


@pytest.fixture(scope="session")
def posed_folder(epsilon_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold the same models, and a ControlNet beside them."""
    return save_posed_model(epsilon_folder, tmp_path_factory.mktemp("models") / "posed")


@pytest.fixture(scope="session")
def preview_folder(epsilon_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold the same models, and a small VAE beside them."""
    folder = Path(shutil.copytree(epsilon_folder, tmp_path_factory.mktemp("models") / "preview"))
    save_preview_vae(folder / "preview")
    return folder


@pytest.fixture(scope="session")
def preview_backbone(preview_folder: Path) -> Backbone:
    """Load the models with the small VAE in float32 on the CPU."""
    return load_backbone(preview_folder, device="cpu", dtype=torch.float32)


@pytest.fixture(scope="session")
def posed_backbone(posed_folder: Path) -> Backbone:
    """Load the models with the ControlNet in float32 on the CPU."""
    return load_backbone(posed_folder, device="cpu", dtype=torch.float32)


@pytest.fixture(scope="session")
def backbone(small_folder: Path) -> Backbone:
    """Load the small models in float32 on the CPU."""
    return load_backbone(small_folder, device="cpu", dtype=torch.float32)


@pytest.fixture
def stock_pipeline(small_folder: Path) -> Iterator[Pipeline]:
    """Load the same folder with diffusers alone."""
    pipeline = Pipeline.from_pretrained(small_folder, safety_checker=None, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture
def make_unet() -> Callable[..., UNet2DConditionModel]:
    """Return a maker of small random UNets with other settings."""
    return small_unet


@pytest.fixture(scope="session")
def make_bank(backbone: Backbone) -> Callable[..., IdentityBank]:
    """Return a maker of random banks that are strong enough to be seen in a random model's picture."""

    def make(seed: int, *, tokens: int = 3, null: bool = True, strength: float = 3.0) -> IdentityBank:
        generator = torch.Generator().manual_seed(seed)

        def draw(count: int, width: int) -> torch.Tensor:
            return torch.randn(count, width, generator=generator) * strength

        layers = backbone.cross_attention_layers
        keys = {layer: draw(tokens, width) for layer, width in layers.items()}
        values = {layer: draw(tokens, width) for layer, width in layers.items()}
        null_scale = 1.0 if null else 0.0
        return IdentityBank(
            keys=keys,
            values=values,
            null_keys={layer: draw(tokens, width) * null_scale for layer, width in layers.items()},
            null_values={layer: draw(tokens, width) * null_scale for layer, width in layers.items()},
            identity_tokens=draw(tokens, backbone.context_dim),
            null_tokens=draw(tokens if null else 0, backbone.context_dim),
            model_hash=backbone.model_hash,
            metadata={"name": f"character {seed}"},
        )

    return make


@pytest.fixture(scope="session")
def clip_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> CLIPTokenizer:
    """Load the tokenizer of Stable Diffusion 1.5 from a folder, with CLIP's real vocabulary."""
    folder = tmp_path_factory.mktemp("tokenizer")
    make_clip_tokenizer().save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
