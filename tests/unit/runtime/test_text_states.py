"""Prompts of any length, with weights, through CLIP's own vocabulary and a small text encoder."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from synid_engine.identity.bank import IdentityBank
from synid_engine.runtime.backbone import Backbone
from synid_engine.runtime.text_states import text_states
from synid_engine.sampling.denoise import denoise
from synid_engine.sampling.row import RenderRow

LONG = "a woman with long red hair and green eyes, standing in a misty forest at dawn, " * 8


@pytest.fixture(scope="module")
def encoder() -> CLIPTextModel:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        config = CLIPTextConfig(
            vocab_size=49408,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            bos_token_id=49406,
            eos_token_id=49407,
        )
        model = CLIPTextModel(config).eval().requires_grad_(requires_grad=False)
        model.final_layer_norm.weight.normal_()
        return model


@pytest.fixture
def encode(clip_tokenizer: CLIPTokenizer, encoder: CLIPTextModel) -> Callable[..., Tensor]:
    return lambda *prompts: text_states(prompts, [clip_tokenizer], [encoder])


def stock(prompt: str, tokenizer: CLIPTokenizer, encoder: CLIPTextModel) -> Tensor:
    inputs = tokenizer([prompt], padding="max_length", max_length=77, truncation=True, return_tensors="pt")
    return encoder(inputs.input_ids).last_hidden_state


def test_vocabulary_is_clips(clip_tokenizer: CLIPTokenizer) -> None:
    assert clip_tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]


def test_vocabulary_and_merges_alone_read_the_same(
    clip_tokenizer: CLIPTokenizer, encoder: CLIPTextModel, tmp_path: Path
) -> None:
    clip_tokenizer.save_pretrained(tmp_path / "whole")
    model = json.loads((tmp_path / "whole" / "tokenizer.json").read_text("utf-8"))["model"]
    (tmp_path / "vocab.json").write_text(json.dumps(model["vocab"]), "utf-8")
    merges = ["#version: 0.2", *(" ".join(pair) for pair in model["merges"]), ""]
    (tmp_path / "merges.txt").write_text("\n".join(merges), "utf-8")
    alone = CLIPTokenizer.from_pretrained(tmp_path, local_files_only=True)
    prompts = ("", "unbelievablesses, naïve CAFÉ 12:30 :) 日本", "It's <|endoftext|> a  (b:1.2)", LONG)
    for prompt in prompts:
        assert alone(prompt).input_ids == clip_tokenizer(prompt).input_ids
    expected = text_states(prompts, [clip_tokenizer], [encoder])
    assert torch.equal(text_states(prompts, [alone], [encoder]), expected)


@pytest.mark.parametrize("prompt", ["", "a woman :) with Red  hair, naïve", "cat " * 75])
def test_prompt_that_fits_is_the_stock_one_bit_for_bit(
    prompt: str, encode: Callable[..., Tensor], clip_tokenizer: CLIPTokenizer, encoder: CLIPTextModel
) -> None:
    assert torch.equal(encode(prompt), stock(prompt, clip_tokenizer, encoder))


def test_chunks_have_their_own_beginning_and_end(
    encode: Callable[..., Tensor], clip_tokenizer: CLIPTokenizer, encoder: CLIPTextModel
) -> None:
    states = encode("cat " * 75 + "dog")
    assert states.shape == (1, 154, 16)
    assert torch.allclose(states[:, :77], stock("cat " * 75, clip_tokenizer, encoder), atol=1e-6)
    assert torch.allclose(states[:, 77:], stock("dog", clip_tokenizer, encoder), atol=1e-6)


def test_cut_comes_after_a_pause_or_a_word(
    encode: Callable[..., Tensor], clip_tokenizer: CLIPTokenizer, encoder: CLIPTextModel
) -> None:
    kept = "cat " * 60 + ","
    paused = encode(kept + " red dog" * 10)
    assert torch.allclose(paused[:, :77], stock(kept, clip_tokenizer, encoder), atol=1e-6)
    assert len(clip_tokenizer("unbelievablesses", add_special_tokens=False).input_ids) == 3
    worded = encode("cat " * 73 + "unbelievablesses")
    assert torch.allclose(worded[:, 77:], stock("unbelievablesses", clip_tokenizer, encoder), atol=1e-6)
    endless = encode("x" * 2000)  # one word longer than a chunk is cut where the chunk ends
    assert endless.shape[1] % 77 == 0
    assert endless.shape[1] > 77


def test_shorter_prompts_of_a_batch_get_empty_chunks(encode: Callable[..., Tensor]) -> None:
    both = encode(LONG, "a cat")
    assert both.shape[1] == encode(LONG).shape[1] > 77
    assert torch.allclose(both[1, :77], encode("a cat")[0], atol=1e-6)
    assert torch.allclose(both[1, 77:154], encode("")[0], atol=1e-6)


def test_weight_multiplies_its_words_and_keeps_the_loudness(encode: Callable[..., Tensor]) -> None:
    plain, weighed = encode("a red cat")[0], encode("a (red:1.5) cat")[0]
    ratio = (weighed / plain).mean(dim=1)
    restored = ratio[0]
    assert float(ratio[2] / restored) == pytest.approx(1.5, rel=1e-4)
    others = torch.cat([ratio[:2], ratio[3:]])
    assert torch.allclose(others, restored.expand(76), rtol=1e-4)
    assert float(weighed.abs().mean()) == pytest.approx(float(plain.abs().mean()), rel=1e-5)
    assert torch.equal(encode("a (red:1.0) cat")[0], plain)


def test_weights_follow_their_words_into_later_chunks(encode: Callable[..., Tensor]) -> None:
    plain, weighed = encode("cat " * 75 + "dog"), encode("cat " * 75 + "(dog:2)")
    assert torch.equal(weighed[:, :77], plain[:, :77])
    ratio = (weighed / plain)[0, 77:].mean(dim=1)
    assert float(ratio[1] / ratio[0]) == pytest.approx(2, rel=1e-4)


def test_brackets_in_brackets_leave_the_states_finite(encode: Callable[..., Tensor]) -> None:
    loudest, one = encode("a " + "(" * 60 + "red" + ":10)" * 60 + " cat"), encode("a (red:10) cat")
    assert loudest.half().isfinite().all()
    assert torch.equal(loudest, one)


def test_weight_goes_on_behind_a_cut(encode: Callable[..., Tensor]) -> None:
    before, inside, after = "cat " * 70, "dog " * 10, "hen"
    plain, weighed = encode(before + inside + after), encode(f"{before}({inside}:1.5){after}")
    ratios = (weighed / plain)[0].mean(dim=1).view(2, 77)
    for ratio, first, last in ((ratios[0], 71, 75), (ratios[1], 1, 5)):
        assert (ratio[first : last + 1] / ratio[0]).tolist() == pytest.approx([1.5] * 5, rel=1e-4)
        assert float(ratio[last + 1] / ratio[0]) == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("field", ["prompt", "negative_prompt"])
def test_weights_act_beside_a_character_and_in_both_halves(
    backbone: Backbone, make_bank: Callable[..., IdentityBank], field: str
) -> None:
    row = RenderRow(
        prompt="a woman with red hair",
        negative_prompt="a man with grey hair",
        seed=4,
        num_inference_steps=3,
        banks=(make_bank(1),),
    )
    words = getattr(row, field).replace(" hair", "")
    weighed = replace(row, **{field: f"({words}:3) hair"})
    plain, drawn = denoise(backbone, [row, weighed])
    assert not torch.allclose(plain, drawn, atol=1e-3)
    assert torch.allclose(denoise(backbone, [weighed])[0], drawn, atol=1e-4)
    stock = replace(weighed, banks=())
    assert not torch.allclose(denoise(backbone, [stock])[0], drawn, atol=1e-3)
    alike = replace(row, **{field: f"({words}:1.0) hair"})
    assert torch.allclose(denoise(backbone, [alike])[0], plain, atol=1e-4)


def test_row_does_not_depend_on_longer_neighbours(
    backbone: Backbone, make_bank: Callable[..., IdentityBank]
) -> None:
    short = RenderRow(prompt="a woman", seed=4, num_inference_steps=3)
    long = replace(short, prompt="an old man with a grey beard, in a forest at night, " * 3)
    assert backbone.encode_prompts([long.prompt]).shape[1] > backbone.encode_prompts([short.prompt]).shape[1]
    rows = [short, long, replace(short, banks=(make_bank(1),)), replace(long, banks=(make_bank(2),))]
    together = denoise(backbone, rows)
    for row, latents in zip(rows, together, strict=True):
        assert torch.allclose(denoise(backbone, [row])[0], latents, atol=1e-4)
    cut = replace(long, prompt=long.prompt[: len(long.prompt) // 2])
    assert not torch.allclose(denoise(backbone, [cut])[0], together[1], atol=1e-3)


def test_embedded_model_reads_captions_as_before() -> None:
    folder = Path(__file__).parents[3] / "synid_engine" / "tiny" / "weights"
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    encoder = CLIPTextModel.from_pretrained(folder / "text_encoder", local_files_only=True).eval()
    caption = "a woman with long red hair, wearing a blue hoodie, smiling, close-up, on a beach, flat style"
    inputs = tokenizer([caption], padding="max_length", max_length=48, truncation=True, return_tensors="pt")
    with torch.no_grad():
        expected = encoder(inputs.input_ids).last_hidden_state
        assert torch.equal(text_states([caption], [tokenizer], [encoder]), expected)
