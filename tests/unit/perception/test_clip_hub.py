"""A folder with the files of `openai/clip-vit-large-patch14`, made small and filled at random."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPConfig, CLIPModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from synid_engine.errors import DamagedModelError, UnsupportedModelError
from synid_engine.perception.clip import TransformersClipScorer, load_clip
from synid_engine.perception.clip_pixels import PREPROCESSOR_NAME, ClipPixels, read_pixels

from ...clip_vocabulary import make_clip_tokenizer  # noqa: TID252  (tests are no package)

CPU = torch.device("cpu")
PREPROCESSOR = {
    "crop_size": 224,
    "do_center_crop": True,
    "do_normalize": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "size": 224,
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the files under their names on the hub, with its old names of weights among them."""
    folder = tmp_path_factory.mktemp("clip-vit-large-patch14")
    tokenizer = make_clip_tokenizer()
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}  # as on the hub, where they are wrong
    config = CLIPConfig(
        text_config={**small, **ends, "vocab_size": 49408, "max_position_embeddings": 77},
        vision_config={**small, "image_size": 224, "patch_size": 56},
        projection_dim=8,
    )
    with torch.random.fork_rng():
        torch.manual_seed(2)
        CLIPModel(config).save_pretrained(folder)
    weights = load_file(folder / "model.safetensors")
    weights["text_model.embeddings.position_ids"] = torch.arange(77)[None]
    weights["vision_model.embeddings.position_ids"] = torch.arange(17)[None]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save_pretrained(folder)
    model = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]), "utf-8")
    merges = ["#version: 0.2", *(" ".join(pair) for pair in model["merges"])]
    (folder / "merges.txt").write_text("\n".join(merges) + "\n", "utf-8")
    (folder / PREPROCESSOR_NAME).write_text(json.dumps(PREPROCESSOR), "utf-8")
    return folder


@pytest.fixture(scope="module")
def scorer(hub: Path) -> TransformersClipScorer:
    return load_clip(hub, device=CPU)


def smooth_picture(height: int, width: int) -> Tensor:
    coarse = torch.rand(1, 3, 9, 7, generator=torch.Generator().manual_seed(1))
    picture = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1)
    return (picture * 255).round() / 255


@pytest.mark.parametrize("size", [(512, 512), (768, 512), (200, 300)])
def test_pixels_equal_those_of_clips_own_preprocessing(
    scorer: TransformersClipScorer, hub: Path, size: tuple[int, int]
) -> None:
    picture = smooth_picture(*size)
    array = (picture[0].permute(1, 2, 0) * 255).byte().numpy()
    processor = CLIPImageProcessorPil.from_pretrained(hub)
    expected = np.asarray(processor(Image.fromarray(array))["pixel_values"][0])
    found = scorer.pixels.of(picture)[0]
    assert found.shape == (3, 224, 224)
    torch.testing.assert_close(found, torch.as_tensor(expected).float(), atol=0.03, rtol=0)


def test_picture_vector_has_unit_length_and_gives_gradients(scorer: TransformersClipScorer) -> None:
    picture = smooth_picture(256, 256).requires_grad_()
    seen = scorer.image_embeds(picture)
    torch.testing.assert_close(seen.norm(dim=1), torch.ones(1))
    (seen @ scorer.text_embeds(["a woman"]).T).sum().backward()
    assert picture.grad is not None
    assert float((picture.grad.abs().sum(dim=1) > 0).float().mean()) > 0.9


def test_texts_are_cut_at_seventy_seven_tokens_of_the_real_vocabulary(scorer: TransformersClipScorer) -> None:
    long = "portrait of a red-haired woman, " * 30
    cut = scorer.tokenizer([long], max_length=77, truncation=True).input_ids[0]
    assert (len(cut), cut[0], cut[-1]) == (77, 49406, 49407)
    assert scorer.tokenizer(["a photo of a cat"]).input_ids == [[49406, 320, 1125, 539, 320, 2368, 49407]]
    torch.testing.assert_close(scorer.text_embeds([long]).norm(dim=1), torch.ones(1))


def test_text_vector_is_read_at_the_end_of_the_text(scorer: TransformersClipScorer) -> None:
    encoding = scorer.tokenizer(["a man"], padding="max_length", max_length=77, return_tensors="pt")
    states = scorer.model.text_model(**encoding).last_hidden_state[0]
    end = encoding.input_ids[0].tolist().index(49407)
    expected = torch.nn.functional.normalize(scorer.model.text_projection(states[end]), dim=0)
    torch.testing.assert_close(scorer.text_embeds(["a man"])[0], expected, atol=1e-5, rtol=0)


def test_folder_without_preprocessing_is_padded_and_averaged(tmp_path: Path) -> None:
    assert read_pixels(tmp_path, side=64) == ClipPixels(side=64)


def test_sizes_in_the_newer_form_are_read(tmp_path: Path) -> None:
    newer = {**PREPROCESSOR, "size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}}
    (tmp_path / PREPROCESSOR_NAME).write_text(json.dumps(newer), "utf-8")
    assert read_pixels(tmp_path, side=224) == ClipPixels(side=224, is_cut=True)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"size": 336}, DamagedModelError),
        ({"image_mean": [0.5]}, DamagedModelError),
        ({"resample": 2}, UnsupportedModelError),
        ({"do_center_crop": False}, UnsupportedModelError),
    ],
)
def test_preprocessing_for_another_tower_is_refused(
    tmp_path: Path, change: dict[str, object], error: type[Exception]
) -> None:
    (tmp_path / PREPROCESSOR_NAME).write_text(json.dumps({**PREPROCESSOR, **change}), "utf-8")
    with pytest.raises(error):
        read_pixels(tmp_path, side=224)
