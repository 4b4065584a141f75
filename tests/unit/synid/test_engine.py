import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from synid_engine.engine import Character, Engine, Subject, model_hash_of
from synid_engine.errors import (
    BaseModelMismatchError,
    CorruptTensorError,
    InvalidSettingError,
    JobCancelledError,
    MissingModelError,
    MissingTensorError,
    NotDeclaredError,
)
from synid_engine.identity.bank import IdentityBank
from synid_engine.synid.embeds import IdentityReference
from synid_engine.synid.library import FinishedCharacter, MovedTokens, build_library
from synid_engine.synid.pipeline import DistillConfig
from synid_engine.synid.projector import ProjectorConfig
from synid_engine.synid.repertoire import Repertoire, Shape
from synid_engine.synid.stage import Progress, StageModels
from synid_engine.synid.usual import usual_config
from synid_engine.synid.words import PlainWording
from synid_engine.tiny.lexicon import understand

DESCRIPTION = "a woman with red hair, wearing a green jacket, cyberpunk"


@pytest.fixture(scope="module")
def engine(models: StageModels) -> Engine:
    return Engine(models=models)


@pytest.fixture(scope="module")
def character(engine: Engine, tiny_config: DistillConfig) -> Character:
    return engine.create("Nova", DESCRIPTION, seed=7, config=tiny_config.ablated("B"))


def test_character_tells_what_was_made(character: Character, engine: Engine) -> None:
    assert character.name == "Nova"
    assert character.not_drawn == ("cyberpunk",)
    assert character.bank.model_hash == engine.model_hash
    assert len(character.anchors) == 2
    assert character.portrait in character.anchors
    assert all(tensor.dtype == torch.float16 for tensor in character.bank.tensors())


def test_saved_character_is_loaded_equal(character: Character, engine: Engine, tmp_path: Path) -> None:
    character.save(tmp_path / "nova")
    loaded = Character.load(tmp_path / "nova", model_hash=engine.model_hash)
    assert (loaded.name, loaded.description, loaded.seed) == ("Nova", DESCRIPTION, 7)
    assert (loaded.scores, loaded.report, loaded.not_drawn) == (
        character.scores,
        character.report,
        character.not_drawn,
    )
    for group in ("keys", "values", "null_keys", "null_values"):
        before, after = getattr(character.bank, group), getattr(loaded.bank, group)
        assert before.keys() == after.keys()
        assert all(torch.equal(before[layer], after[layer]) for layer in before)
    assert torch.equal(character.bank.identity_tokens, loaded.bank.identity_tokens)
    for before, after in zip(character.anchors, loaded.anchors, strict=True):
        assert np.array_equal(np.asarray(before), np.asarray(after))


def test_damaged_folders_are_refused(character: Character, engine: Engine, tmp_path: Path) -> None:
    model_hash = engine.model_hash
    with pytest.raises(MissingTensorError):
        Character.load(tmp_path / "nobody", model_hash=model_hash)
    character.save(tmp_path)
    with pytest.raises(BaseModelMismatchError):
        Character.load(tmp_path, model_hash="0" * 64)
    (tmp_path / "portrait.png").write_bytes(b"no picture")
    with pytest.raises(CorruptTensorError):
        Character.load(tmp_path, model_hash=model_hash)
    (tmp_path / "profile.json").write_text(json.dumps({"name": "Nova"}))
    with pytest.raises(CorruptTensorError):
        Character.load(tmp_path, model_hash=model_hash)


def test_pictures_depend_on_character_prompt_and_seed(character: Character, engine: Engine) -> None:
    def draw(who: Character | None, prompt: str = "smiling", **options: float) -> np.ndarray:
        seed = int(options.pop("seed", 1))
        scale = options.pop("scale", None)
        drawn = engine.render(who, prompt, seed=seed, identity_scale=scale, num_inference_steps=2)
        return np.asarray(drawn[0].image)

    base = draw(character)
    assert np.array_equal(base, draw(character))
    assert not np.array_equal(base, draw(character, seed=2))
    assert not np.array_equal(draw(None), draw(None, "angry"))  # the small model reads 16 tokens
    assert not np.array_equal(base, draw(None))
    assert not np.array_equal(base, draw(character, scale=0.0))


def test_rendering_counts_seeds_and_names_what_it_cannot_draw(character: Character, engine: Engine) -> None:
    seen: list[Progress] = []
    drawn = engine.render(
        character, "smiling, cyberpunk", count=2, seed=4, num_inference_steps=2, on_progress=seen.append
    )
    assert [one.seed for one in drawn] == [4, 5]
    assert drawn[0].not_drawn == ("cyberpunk",)
    assert "red" in drawn[0].prompt
    assert seen[-1].fraction == 1.0
    with pytest.raises(InvalidSettingError):
        engine.render(character, "smiling", count=0)


def test_what_the_description_left_open_is_drawn_as_the_portrait_was(
    character: Character, engine: Engine
) -> None:
    said = understand(engine.render(character, "smiling", num_inference_steps=1)[0].prompt).traits
    assert {"skin", "glasses", "style"} <= said.keys()
    assert (said["hair_color"], said["clothes"], said["clothes_color"]) == ("red", "jacket", "green")
    words = character.bank.metadata["words"]
    without = replace(character, bank=replace(character.bank, metadata={}))
    assert "skin" not in understand(engine.render(without, "smiling", num_inference_steps=1)[0].prompt).traits
    plain = Engine(models=engine.models, wording=PlainWording())
    assert words not in plain.render(character, "smiling", num_inference_steps=1)[0].prompt


def test_cancelled_rendering_stops_at_once(character: Character, engine: Engine) -> None:
    calls: list[Progress] = []

    def stop(progress: Progress) -> None:
        calls.append(progress)
        raise JobCancelledError

    with pytest.raises(JobCancelledError):
        engine.render(character, "smiling", on_progress=stop)
    assert len(calls) == 1


def test_nothing_cannot_be_described(engine: Engine) -> None:
    with pytest.raises(InvalidSettingError):
        engine.create("Nobody", "  ")


def test_warm_start_begins_elsewhere_and_only_from_the_same_base(
    character: Character, engine: Engine, tiny_config: DistillConfig
) -> None:
    config = tiny_config.ablated("B")
    cold = engine.create("Vera", "a woman with blue hair", seed=8, config=config)
    warm = engine.create("Vera", "a woman with blue hair", seed=8, config=config, library=[character])
    assert not torch.allclose(cold.bank.identity_tokens, warm.bank.identity_tokens, atol=1e-3)
    foreign = replace(character, bank=replace(character.bank, model_hash="0" * 64))
    with pytest.raises(BaseModelMismatchError):
        engine.create("Vera", "a woman with blue hair", config=config, library=[foreign])


def test_library_listens_to_the_nearest_face() -> None:
    movements = torch.stack([torch.full((2, 3), 1.0), torch.full((2, 3), -1.0)])
    reference = IdentityReference(face_embed=torch.tensor([1.0, 0.0]), image_embed=torch.tensor([1.0]))
    library = MovedTokens(movements=movements, face_embeds=torch.eye(2), temperature=0.01)
    assert torch.allclose(library.warmed(torch.zeros(2, 3), reference), movements[0])
    even = replace(library, temperature=1e6)
    assert torch.allclose(even.warmed(torch.ones(2, 3), reference), torch.ones(2, 3), atol=1e-5)


def test_library_passes_over_those_with_other_tokens(models: StageModels) -> None:
    other = FinishedCharacter(prompt="a man", tokens=torch.zeros(5, 24), portrait=torch.rand(3, 64, 64))
    assert build_library([other], models, ProjectorConfig(tokens=3)) is None


def test_hash_is_known_without_loading(engine: Engine, small_folder: Path, tmp_path: Path) -> None:
    assert model_hash_of(small_folder) == engine.model_hash
    with pytest.raises(MissingModelError):
        model_hash_of(tmp_path)
    with pytest.raises(MissingModelError):
        Engine.load(tmp_path / "nowhere")


def test_several_people_in_one_picture_keep_their_words_and_banks(
    engine: Engine, make_bank: Callable[..., IdentityBank]
) -> None:
    people = [
        Subject(description="a woman with red hair, wearing a green jacket", style="", bank=make_bank(1)),
        Subject(description="a man with a beard and glasses", style="", bank=make_bank(2)),
    ]
    row = engine.request(people, "smiling, wearing a white t-shirt", negative_prompt="blurry")
    assert row.banks == (people[0].bank, people[1].bank)
    assert row.prompt.index("red") < row.prompt.index(" and ") < row.prompt.index("beard")
    assert "green" in row.negative_prompt
    weight = engine.wording.bank_weight
    assert row.identity_scale == weight * engine.config.changed_clothes_scale
    alone = engine.request(people[:1], "smiling")
    assert alone.identity_scale == weight * engine.config.identity_scale
    assert engine.request((), "smiling").banks == ()
    for strength in (0.0, 0.4):
        row = engine.request(people, "smiling", identity_scale=strength)
        assert (row.identity_scale, row.token_scale) == (weight * strength, weight * strength)


def test_pose_wins_over_the_prompt(engine: Engine, make_bank: Callable[..., IdentityBank]) -> None:
    nova = Subject(description="a woman with red hair", style="", bank=make_bank(1))
    row = engine.request([nova], "smiling, wide shot, tilted to the right", pose="head tilted left")
    assert understand(row.prompt).traits == {
        "hair_color": "red",
        "expression": "smiling",
        "framing": "wide",
        "tilt": "left",
    }
    row = engine.request((), "smiling, wide shot", pose="close-up")
    assert understand(row.prompt).traits == {"expression": "smiling", "framing": "close-up"}
    [drawn] = engine.render(None, "smiling, wide shot", pose="close-up", num_inference_steps=1)
    assert (drawn.prompt, drawn.not_drawn) == (row.prompt, ("wide shot",))


def test_shape_is_a_size_in_latent_cells(models: StageModels) -> None:
    cell = models.backbone.vae_scale_factor
    shapes = (
        Shape(name="square", width=8 * cell, height=8 * cell),
        Shape(name="portrait", width=8 * cell, height=12 * cell),
    )
    engine = Engine(models=models, wording=PlainWording(repertoire=Repertoire(shapes=shapes)))
    assert engine.request((), "smiling").latent_size is None
    assert engine.request((), "smiling", shape="portrait").latent_size == (12, 8)
    [drawn] = engine.render(None, "smiling", shape="portrait", num_inference_steps=1)
    assert drawn.image.size == (8 * cell, 12 * cell)


@pytest.mark.parametrize("wish", [{"pose": "handstand"}, {"shape": "round"}])
def test_what_is_not_declared_is_refused(engine: Engine, wish: dict[str, str]) -> None:
    with pytest.raises(NotDeclaredError):
        engine.request((), "smiling", **wish)


def test_embedded_model_reads_portraits() -> None:
    """Without its encoder it would quietly make characters by all stages, and worse ones."""
    engine = Engine.load(device="cpu")
    encoder = engine.models.identity_encoder
    assert encoder is not None
    assert encoder.token_count == ProjectorConfig().tokens
    assert usual_config(engine.models).stages == ("anchors", "projector", "drift")
