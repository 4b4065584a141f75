"""What people would do otherwise: each learns, changes only a copy, and changes what is drawn."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from synid_engine.evaluation.cast import Described
from synid_engine.evaluation.comparison import Outcome, comparison_figures
from synid_engine.evaluation.rivals.inversion import VECTORS, NewWords, invert
from synid_engine.evaluation.rivals.learning import LearningConfig
from synid_engine.evaluation.rivals.lesson import Lesson
from synid_engine.evaluation.rivals.lora import RANK, LowRank, adapt_low_rank
from synid_engine.evaluation.rivals.published import (
    TOKENS,
    BlockAdapter,
    PublishedConfig,
    TokenedBackbone,
    attach,
    inject,
)
from synid_engine.runtime.backbone import Backbone
from synid_engine.sampling.denoise import denoise
from synid_engine.sampling.row import RenderRow
from synid_engine.synid.embeds import IdentityReference
from synid_engine.synid.stage import ignore_report
from synid_engine.synid.training_pictures import TrainingPictures
from synid_engine.synid.words import PlainIdentityWords

SHORT = LearningConfig(steps=3, batch_size=2, learning_rate=1e-2)


@pytest.fixture(scope="module")
def lesson(backbone: Backbone) -> Lesson:
    generator = torch.Generator().manual_seed(8)
    channels, height, width = backbone.latent_shape
    words = PlainIdentityWords(description="a woman with red hair")
    return Lesson(
        who=Described(name="Nova", description=words.description, seed=3),
        words=words,
        portrait=Image.new("RGB", (16, 16)),
        portrait_seed=4,
        reference=IdentityReference(face_embed=torch.eye(8)[0], image_embed=torch.eye(12)[1]),
        pictures=TrainingPictures(
            latents=torch.randn(3, channels, height, width, generator=generator),
            prompts=("a woman with red hair, smiling",) * 3,
            bare_prompts=("a woman, smiling",) * 3,
            weights=torch.ones(3) / 3,
        ),
        seconds=1.0,
    )


def _weights(backbone: Backbone) -> list[Tensor]:
    parts = (backbone.unet, *backbone.text_encoders)
    return [value.detach().clone() for part in parts for value in part.state_dict().values()]


def _draw(backbone: Backbone, prompt: str) -> Tensor:
    return denoise(backbone, [RenderRow(prompt=prompt, seed=1, num_inference_steps=2, guidance_scale=3.0)])


def _is_untouched(before: list[Tensor], backbone: Backbone) -> bool:
    return all(torch.equal(one, other) for one, other in zip(before, _weights(backbone), strict=True))


def test_new_words_learn_and_known_words_stay(lesson: Lesson, backbone: Backbone) -> None:
    before = _weights(backbone)
    learnt = invert(lesson, backbone, config=SHORT, report=ignore_report)
    assert len(learnt.name.split()) == VECTORS
    assert learnt.byte_count == 2 * VECTORS * backbone.context_dim
    same = torch.equal(backbone.encode_prompts(["a woman"]), learnt.backbone.encode_prompts(["a woman"]))
    assert same
    told = learnt.backbone.encode_prompts([f"{learnt.name}, a woman"])
    assert not torch.equal(told, learnt.backbone.encode_prompts(["a woman"]))
    again = invert(lesson, backbone, config=replace(SHORT, steps=1), report=ignore_report)
    assert not torch.equal(told, again.backbone.encode_prompts([f"{again.name}, a woman"]))
    assert _is_untouched(before, backbone)


def test_only_the_vectors_of_new_words_have_gradients() -> None:
    known = nn.Embedding(5, 3).requires_grad_(requires_grad=False)
    words = NewWords(known, 5, torch.ones(2, 3))
    states = words(torch.tensor([[1, 5, 6, 4]]))
    assert torch.equal(states[0, 0], known.weight[1])
    assert torch.equal(states[0, 1], torch.ones(3))
    states.sum().backward()
    assert known.weight.grad is None
    assert words.vectors.grad is not None
    assert bool((words.vectors.grad != 0).all())


def test_low_rank_change_begins_as_none() -> None:
    weight = torch.randn(6, 4)
    change = LowRank(weight, 2, torch.Generator().manual_seed(0))
    assert torch.equal(change(weight), weight)
    change(weight).sum().backward()
    assert change.up.grad is not None
    assert bool((change.up.grad != 0).any())


def test_low_rank_adapter_changes_a_copy(lesson: Lesson, backbone: Backbone) -> None:
    before, stock = _weights(backbone), _draw(backbone, "a woman")
    learnt = adapt_low_rank(lesson, backbone, config=SHORT, report=ignore_report)
    assert not torch.equal(_draw(learnt.backbone, "a woman"), stock)
    assert set(learnt.backbone.unet.state_dict()) == set(backbone.unet.state_dict())
    assert learnt.byte_count % (2 * RANK) == 0
    assert _is_untouched(before, backbone)
    assert torch.equal(_draw(backbone, "a woman"), stock)


def test_published_adapter_begins_as_none_and_gives_every_row_all_tokens() -> None:
    torch.manual_seed(2)
    adapter = BlockAdapter(16, 8, 0.5)
    states, tokens = torch.randn(2, 5, 16), torch.randn(TOKENS, 8)
    start = adapter(states, tokens)
    nothing = adapter.contract(torch.nn.functional.gelu(adapter.expand(torch.zeros(16))))
    assert torch.allclose(start, states + 0.5 * nothing, atol=1e-6)
    nn.init.normal_(adapter.attention.out_proj.weight)
    together = adapter(states, tokens)
    assert torch.allclose(together[1:], adapter(states[1:], tokens), atol=1e-5)
    assert not torch.allclose(together, adapter(states, tokens[:2]), atol=1e-3)


def test_published_tokens_stand_in_the_padding_and_half_of_them_is_taken_from_the_negative(
    lesson: Lesson, backbone: Backbone
) -> None:
    before = _weights(backbone)
    config = PublishedConfig(learning=SHORT, token_scale=0.5)
    learnt = inject(lesson, backbone, config=config, report=ignore_report)
    assert isinstance(learnt.backbone, TokenedBackbone)
    for prompt, sign in (("a woman", 1.0), ("", -0.5)):
        added = learnt.backbone.encode_prompts([prompt]) - backbone.encode_prompts([prompt])
        assert torch.equal(added[0, :-TOKENS], torch.zeros_like(added[0, :-TOKENS]))
        assert torch.allclose(added[0, -TOKENS:].float(), sign * learnt.backbone.tokens, atol=0.1)
    assert not torch.equal(_draw(learnt.backbone, "a woman"), _draw(backbone, "a woman"))
    assert _is_untouched(before, backbone)


def test_published_adapters_stand_behind_every_transformer_block(
    make_unet: Callable[..., nn.Module],
) -> None:
    unet = make_unet()
    blocks = [name for name, _ in unet.named_modules() if name.endswith("transformer_blocks.0")]
    adapters = attach(unet, torch.zeros(TOKENS, 8))  # pyright: ignore[reportArgumentType]
    assert len(adapters) == len(blocks)
    assert {adapter.scale for adapter in adapters} <= {0.25, 0.375, 0.5}


def test_every_way_is_told_with_what_it_costs() -> None:
    one = Outcome(face_same=[1.0, 0.0], all_same=[0.0, 0.0], follows=[1.0], seconds=3.0, byte_count=2000)
    other = Outcome(face_same=[1.0, 1.0], all_same=[1.0, 0.0], follows=[0.0], seconds=5.0, byte_count=1000)
    figures = {figure.name: figure for figure in comparison_figures({"bank": [one, other]})}
    assert figures["bank: same character, face traits"].value == 75
    assert figures["bank: same character, clothes too"].value == 25
    assert figures["bank: expressions and scenes followed"].value == 50
    assert figures["bank: learning"].value == 4
    assert figures["bank: kept"].value == 2
