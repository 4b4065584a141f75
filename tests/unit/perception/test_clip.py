from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from synid_engine.errors import DamagedModelError, MissingModelError
from synid_engine.perception import ClipScorer, TransformersClipScorer
from synid_engine.perception.clip import load_clip
from synid_engine.runtime.backbone import Backbone

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory, backbone: Backbone) -> Path:
    """Hold a small random CLIPModel beside the tokenizer of the small models."""
    folder = tmp_path_factory.mktemp("clip")
    tokenizer: CLIPTokenizer = backbone.tokenizers[0]
    small = {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {"vocab_size": len(tokenizer), "max_position_embeddings": int(tokenizer.model_max_length), **small}
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = CLIPConfig(
        text_config={**text, **ends, "pad_token_id": tokenizer.pad_token_id},
        vision_config={"image_size": 32, "patch_size": 8, **small},
        projection_dim=16,
    )
    with torch.random.fork_rng():
        torch.manual_seed(2)
        CLIPModel(config).half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def scorer(clip_folder: Path) -> TransformersClipScorer:
    return load_clip(clip_folder, device=CPU)


def test_scorer_keeps_its_protocol(scorer: TransformersClipScorer) -> None:
    assert isinstance(scorer, ClipScorer)


def test_picture_and_text_vectors_have_unit_length(scorer: TransformersClipScorer, pictures: Tensor) -> None:
    seen = scorer.image_embeds(pictures)
    read = scorer.text_embeds(["a woman on a beach", "a man", ""])
    assert seen.shape == read.shape
    torch.testing.assert_close(seen.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(read.norm(dim=1), torch.ones(3))


def test_gradient_of_a_picture_vector_reaches_the_picture(
    scorer: TransformersClipScorer, pictures: Tensor
) -> None:
    leaf = pictures.clone().requires_grad_()
    (scorer.image_embeds(leaf) @ scorer.text_embeds(["a man"]).T).sum().backward()
    assert leaf.grad is not None
    assert all(bool(row.abs().sum() > 0) for row in leaf.grad)


def test_a_text_does_not_depend_on_its_neighbours(scorer: TransformersClipScorer) -> None:
    together = scorer.text_embeds(["a man", "a woman with red hair and round glasses, smiling, on a beach"])
    torch.testing.assert_close(together[:1], scorer.text_embeds(["a man"]), atol=1e-5, rtol=0)


def test_features_equal_those_of_transformers(scorer: TransformersClipScorer) -> None:
    encoding = scorer.tokenizer(["a man"], padding="max_length", max_length=16, return_tensors="pt")
    expected = scorer.model.text_projection(scorer.model.text_model(**encoding).pooler_output)
    expected = torch.nn.functional.normalize(expected, dim=1)
    torch.testing.assert_close(scorer.text_embeds(["a man"]), expected, atol=1e-5, rtol=0)


def test_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError):
        load_clip(tmp_path, device=CPU)


def test_damaged_model_is_refused(clip_folder: Path, tmp_path: Path) -> None:
    for path in clip_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(DamagedModelError):
        load_clip(tmp_path, device=CPU)
