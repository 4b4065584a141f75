r"""Train the CLIP model on pictures and captions: contrastively, with the traits beside it to learn faster.

Readers of the traits, thrown away afterwards, sit on both projections: on the picture's for all traits,
on the caption's for those that it names. So both towers learn what words mean before contrast would tell.

Run: `python -m synid_engine.tiny.train_clip --data DATA --cache CACHE --tokenizer WEIGHTS/tokenizer \
--out WEIGHTS/perception/clip --figures FIGURES.json`
It resumes from the weights that lie in `--out`.

Source: CLIP, Radford et al. 2021, figure 3.
"""

import argparse
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

from synid_engine.perception.clip import TransformersClipScorer
from synid_engine.perception.clip_pixels import ClipPixels, normalize_pixels
from synid_engine.tiny.augment import Degradation, degrade
from synid_engine.tiny.captions import caption, named_traits
from synid_engine.tiny.perception_run import PerceptionRun, add_arguments
from synid_engine.tiny.picture_cache import TRAITS, PictureSet, open_held_out, open_pictures
from synid_engine.tiny.world import trait_values

_SIDE, _PATCH, _WIDTH, _TEXT_WIDTH, _PROJECTION = 96, 12, 192, 128, 128
_CAPTIONS_EACH = 2
_TEMPERATURE_FLOOR = 0.02
_DEGRADATION = Degradation(soft=0.5, noise=0.05, color=0.03, blocks=0.1)


def build_clip(tokenizer: CLIPTokenizer) -> CLIPModel:
    """Build the untrained model: four picture layers over 64 patches, three text layers."""
    config = CLIPConfig(
        vision_config={
            "image_size": _SIDE,
            "patch_size": _PATCH,
            "hidden_size": _WIDTH,
            "intermediate_size": 2 * _WIDTH,
            "num_hidden_layers": 4,
            "num_attention_heads": 3,
            "hidden_act": "gelu",
        },
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": _TEXT_WIDTH,
            "intermediate_size": 3 * _TEXT_WIDTH,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "max_position_embeddings": int(cast("Any", tokenizer).model_max_length),
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            "hidden_act": "gelu",
        },
        projection_dim=_PROJECTION,
        logit_scale_init_value=2.6592,
    )
    return CLIPModel(config)


class TraitReaders(nn.Module):
    """One linear reader a trait."""

    def __init__(self) -> None:
        super().__init__()
        self.readers = nn.ModuleList(nn.Linear(_PROJECTION, len(trait_values(trait))) for trait in TRAITS)

    def forward(self, embeds: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy over the traits that are known, -1 being unknown."""
        losses = [
            F.cross_entropy(reader(embeds), labels[:, i], ignore_index=-1, reduction="sum")
            / (labels[:, i] >= 0).sum().clamp(min=1)
            for i, reader in enumerate(self.readers)
        ]
        return torch.stack(losses).mean()


def write_captions(pictures: PictureSet, tokenizer: CLIPTokenizer, seed: int) -> tuple[Tensor, Tensor]:
    """Describe each picture twice.

    Returns:
        Token ids (pictures, captions, length), and named traits (pictures, captions, traits), -1 if unnamed.
    """
    numbers = {trait: {value: i for i, value in enumerate(trait_values(trait))} for trait in TRAITS}
    rng = np.random.default_rng(seed)
    texts: list[str] = []
    named: list[list[int]] = []
    for item in pictures.labels:
        for _ in range(_CAPTIONS_EACH):
            text, traits = named_traits(item.person, item.shot, rng)
            texts.append(text)
            named.append([numbers[t].get(traits.get(t, ""), -1) for t in TRAITS])
    shape = (len(pictures), _CAPTIONS_EACH, -1)
    return tokenize(tokenizer, texts).view(*shape), torch.tensor(named).view(*shape)


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Return padded ids of the full length."""
    encode = cast("Any", tokenizer)
    return encode(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids


def text_features(model: CLIPModel, ids: Tensor, end: int) -> Tensor:
    """Project captions; columns in which all have ended are left out."""
    ends = (ids == end).int().argmax(dim=1)
    cut = ids[:, : int(ends.max()) + 1]
    mask = torch.arange(cut.shape[1], device=ids.device)[None] <= ends[:, None]
    return model.text_projection(
        cast("Any", model.text_model)(input_ids=cut, attention_mask=mask.long()).pooler_output
    )


def picture_features(model: CLIPModel, pictures: Tensor) -> Tensor:
    """Project pictures of 128 pixels."""
    pixels = normalize_pixels(F.interpolate(pictures, size=(_SIDE, _SIDE), mode="area"))
    return model.visual_projection(cast("Any", model.vision_model)(pixel_values=pixels).pooler_output)


def contrast(pictures: Tensor, texts: Tensor, log_scale: Tensor) -> Tensor:
    """Tell each picture's caption from all others, and each caption's picture."""
    scale = log_scale.exp().clamp(max=1 / _TEMPERATURE_FLOOR)
    logits = scale * F.normalize(pictures, dim=1) @ F.normalize(texts, dim=1).T
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


class ClipRun(PerceptionRun):
    """Saves in transformers' layout, with the tokenizer."""

    tokenizer: CLIPTokenizer

    def save(self, network: nn.Module, config: object) -> None:
        """Write model and tokenizer in fp16."""
        model = cast("Any", network)
        state = {name: value.detach().clone() for name, value in model.state_dict().items()}
        model.half().save_pretrained(self.arguments.out, safe_serialization=True)
        (self.arguments.out / "model.safetensors").chmod(0o644)  # transformers leaves it to its owner alone
        model.float().load_state_dict(state)
        cast("Any", self.tokenizer).save_pretrained(self.arguments.out)


def train(arguments: argparse.Namespace) -> None:
    """Run the recipe, then measure on people outside the training set."""
    run = cast("ClipRun", ClipRun.start(arguments))
    tokenizer = cast("CLIPTokenizer", cast("Any", CLIPTokenizer).from_pretrained(str(arguments.tokenizer)))
    run.tokenizer = tokenizer
    end = int(cast("Any", tokenizer).eos_token_id)
    pictures = open_pictures(arguments.data, arguments.cache)
    labels = pictures.trait_labels()
    everyone = np.arange(len(pictures))
    ids, named = write_captions(pictures, tokenizer, arguments.seed)
    resumed = (arguments.out / "config.json").exists()
    model = _resumed(arguments.out) if resumed else build_clip(tokenizer)
    model = cast("CLIPModel", cast("Any", model).to(run.device))
    seeing, reading = TraitReaders().to(run.device), TraitReaders().to(run.device)
    run.heads = nn.ModuleList([seeing, reading])
    for _step in run.steps(model.train(), {}):
        rows = run.rows(everyone)
        which = torch.randint(_CAPTIONS_EACH, (len(rows),), generator=run.generator)
        with run.precision():
            seen = picture_features(
                model, degrade(pictures.batch(rows, run.device), _DEGRADATION, run.generator)
            )
            read = text_features(model, ids[rows, which].to(run.device), end)
        seen, read = seen.float(), read.float()
        traits = seeing(seen, labels[rows].to(run.device)) + reading(read, named[rows, which].to(run.device))
        run.learn(contrast(seen, read, model.logit_scale) + (1.5 - run.fraction) * traits)
    scorer = TransformersClipScorer(model=model.eval(), tokenizer=tokenizer, pixels=ClipPixels(side=_SIDE))
    run.finish(model, {}, measure(scorer, arguments.cache))


@torch.no_grad()
def measure(scorer: TransformersClipScorer, cache: Path) -> dict[str, float]:
    """Measure the search among 64, with two pictures never of one person, in both directions."""
    held_out = open_held_out(cache)
    device = next(scorer.model.parameters()).device
    rng = np.random.default_rng(9)
    rates: dict[str, list[float]] = {"caption_to_picture": [], "picture_to_caption": [], "full_caption": []}
    for _ in range(16):
        people = rng.choice(int(held_out.person_ids().max()) + 1, size=64, replace=False)
        rows = [int(person) * 4 + int(rng.integers(4)) for person in people]
        seen = scorer.image_embeds(held_out.batch(rows, device))
        items = [held_out.labels[row] for row in rows]
        brief = [caption(item.person, item.shot, rng) for item in items]
        long = [max((caption(i.person, i.shot, rng) for _ in range(8)), key=len) for i in items]
        cosines = scorer.text_embeds(brief) @ seen.T
        own = torch.arange(64, device=device)
        rates["caption_to_picture"].append(float((cosines.argmax(dim=1) == own).float().mean()))
        rates["picture_to_caption"].append(float((cosines.argmax(dim=0) == own).float().mean()))
        full = scorer.text_embeds(long) @ seen.T
        rates["full_caption"].append(float((full.argmax(dim=1) == own).float().mean()))
    return {f"top1_of_64_{name}": float(np.mean(values)) for name, values in rates.items()}


def _resumed(folder: Path) -> CLIPModel:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config["vision_config"]["patch_size"] != _PATCH:
        raise ValueError(f"{folder} holds another CLIP model")
    return cast("CLIPModel", cast("Any", CLIPModel).from_pretrained(str(folder), dtype=torch.float32))


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser, minutes=8, batch=96, learning_rate=1e-3, seed=61)
    parser.add_argument("--tokenizer", type=Path, required=True)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
