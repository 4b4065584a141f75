"""The whole engine behind one class: make a character from words, draw it, save it, load it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from PIL import Image

from synid_engine.errors import InvalidSettingError, MissingModelError, NoPoseEstimatorError
from synid_engine.identity.bank import IdentityBank
from synid_engine.perception.bundle import load_identity_encoder, load_perception
from synid_engine.perception.layout import LAYOUT_NAME
from synid_engine.pose.body import Body
from synid_engine.pose.estimator import PoseEstimator, load_pose_estimator, read_bodies
from synid_engine.pose.estimator_folder import ESTIMATOR
from synid_engine.runtime.backbone import load_backbone
from synid_engine.runtime.device import choose_device
from synid_engine.runtime.memory_plan import WAITING_PARTS
from synid_engine.runtime.model_folder import hash_model
from synid_engine.sampling.denoise import StepProgress, render
from synid_engine.sampling.row import RenderRow
from synid_engine.synid.character import Character
from synid_engine.synid.checkpoint_file import CheckpointKeeper, FileKeeper, NoKeeper, fingerprint
from synid_engine.synid.images import to_picture, to_tensor
from synid_engine.synid.library import FinishedCharacter, build_library
from synid_engine.synid.memory import follow, memory_plan_of
from synid_engine.synid.pipeline import DistillConfig, Distilled, distill
from synid_engine.synid.posing import posed_row
from synid_engine.synid.projector import TokenLibrary
from synid_engine.synid.repertoire import folder_repertoire, posed
from synid_engine.synid.request import WORDS, RenderConfig, Subject, request_row
from synid_engine.synid.stage import OnProgress, Progress, StageModels
from synid_engine.synid.usual import usual_config
from synid_engine.synid.words import PlainWording, Wording
from synid_engine.tiny.wording import WorldWording

__all__ = [
    "Character",
    "Engine",
    "Progress",
    "RenderConfig",
    "Rendered",
    "Subject",
    "model_hash_of",
    "subject_of",
    "to_picture",
]

EMBEDDED_MODEL = Path(__file__).parent / "tiny" / "weights"
_MOST_PICTURES = 1000


def _ignore_part(part: str) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendered:
    """One picture.

    Attributes:
        image: The picture.
        seed: Draws it again.
        prompt: What the base model was told.
        not_drawn: Words of the request that the base model cannot draw.
    """

    image: Image.Image
    seed: int
    prompt: str
    not_drawn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Engine:
    """A base model with its perception and its words.

    Attributes:
        models: Frozen; what draws and what judges.
        wording: Reads people's words for the base model.
        config: Defaults of drawing.
        pose_estimator: Reads poses from pictures; None where nothing can.
    """

    models: StageModels
    wording: Wording = field(default_factory=WorldWording)
    config: RenderConfig = field(default_factory=RenderConfig)
    pose_estimator: PoseEstimator | None = None

    @classmethod
    def load(
        cls,
        folder: str | Path | None = None,
        *,
        device: str | None = None,
        memory_gb: float | None = None,
        on_part: Callable[[str], None] = _ignore_part,
    ) -> "Engine":
        """Load a model of the drawn world, or one with a ControlNet, which is told ordinary English.

        Args:
            folder: In diffusers' layout, with `perception` beside the models, and perhaps `pose_estimator`;
                None takes the embedded model.
            device: For example `cpu` or `cuda:0`; None chooses the fastest.
            memory_gb: What it may take of the device, in units of 2**30 bytes; None is what is free, and all
                of a processor's.
            on_part: Told the name of each part before it is loaded.

        Raises:
            WeightsError: A part is missing, damaged or of another kind, or there is too little memory.
        """
        root = EMBEDDED_MODEL if folder is None else Path(folder)
        on_part("base model")
        place = choose_device(device)
        memory = memory_plan_of(root, device=place, memory_gb=memory_gb)
        reading, looking = (memory.device_of(part, str(place)) for part in WAITING_PARTS)
        backbone = load_backbone(root, device=device, text_device=reading)
        follow(memory, backbone)
        on_part("perception")
        perception = load_perception(root / "perception", device=looking)
        encoder = load_identity_encoder(root / "identity_encoder", device=device)
        return cls(
            models=StageModels(
                backbone=backbone, perception=perception, identity_encoder=encoder, memory=memory
            ),
            wording=_wording_of(root),
            config=RenderConfig(max_rows=min(RenderConfig().max_rows, memory.most_pictures)),
            pose_estimator=load_pose_estimator(root / ESTIMATOR, device=looking),
        )

    @property
    def model_hash(self) -> str:
        """SHA-256 of the base model; characters belong to one."""
        return self.models.backbone.model_hash

    def read_pose(self, picture: Image.Image) -> Body:
        """Read the pose of the person in a picture, or of the largest; errors as in `read_bodies`."""
        return self.read_bodies(picture)[0]

    def read_bodies(self, picture: Image.Image) -> list[Body]:
        """Read the poses of the people in a picture, the one who takes the most room first.

        Raises:
            NoPoseControlError: The base model cannot be held to a pose.
            NoPoseEstimatorError: Nothing here can read one.
            NobodyFoundError: There is nobody.
            WeightsError: The estimator's weights are missing, or cannot be used here.
        """
        self.wording.repertoire.require_pose_maps()
        if self.pose_estimator is None:
            raise NoPoseEstimatorError
        return read_bodies(self.pose_estimator, picture)

    def not_drawn(self, text: str) -> tuple[str, ...]:
        """Return the words of a text that the base model cannot draw."""
        return self.wording.not_drawn(text)

    def create(  # noqa: PLR0913  (options that a caller names)
        self,
        name: str,
        description: str,
        *,
        seed: int = 0,
        style: str | None = None,
        pick: Callable[[Sequence[Image.Image]], int] | None = None,
        on_progress: OnProgress | None = None,
        config: DistillConfig | None = None,
        resume_file: Path | None = None,
        library: Sequence[Character] = (),
        keeper: CheckpointKeeper | None = None,
    ) -> Character:
        """Learn a character from words.

        Args:
            name: For people.
            description: Ordinary English.
            seed: All chance follows from it.
            style: Art style; None leaves it to the description.
            pick: Shown up to four pictures, of different people where the description leaves open who it is;
                returns the index of the portrait. None takes the most typical.
            on_progress: Told of every step; may raise JobCancelledError, which passes through.
            config: Budgets and stages; None takes the defaults.
            resume_file: Keeps how far it is, and is where the same creation goes on after a crash; deleted at
                the end.
            library: Finished characters of the same base model to begin from (warm start).
            keeper: Does the same in another place than a file.

        Raises:
            BaseModelMismatchError: A character of the library was made with another base model.
            InvalidSettingError: The description is empty, or the style or what was picked does not exist.
            DistillationError: The character could not be learnt.
        """
        if not description.strip():
            raise InvalidSettingError(field="description", value=description, allowed="a few words")
        started = time.monotonic()
        settings = config or usual_config(self.models, warm=bool(library))
        if pick is not None:
            settings = settings.with_choice()
        kept = fingerprint(
            description=description, style=style, seed=seed, config=settings, model_hash=self.model_hash
        )
        warm = self._library(library, settings)
        if keeper is None:
            keeper = NoKeeper() if resume_file is None else FileKeeper(resume_file)
        distilled = distill(
            self.wording.identity(description, style),
            self.models,
            settings,
            seed=seed,
            pick=None if pick is None else lambda images: pick([to_picture(image) for image in images]),
            on_progress=on_progress,
            checkpoint=keeper.load(kept),
            on_checkpoint=partial(keeper.keep, kept),
            is_due=keeper.is_due,
            library=warm,
        )
        keeper.finish()
        character = self._character(distilled, name=name, description=description, style=style, seed=seed)
        return replace(character, scores={**character.scores, "seconds": time.monotonic() - started})

    def render(  # noqa: PLR0913  (likewise)
        self,
        character: Character | None,
        prompt: str,
        *,
        count: int = 1,
        seed: int = 0,
        negative_prompt: str = "",
        pose: str = "",
        body: Body | None = None,
        pose_strength: float | None = None,
        shape: str = "",
        identity_scale: float | None = None,
        num_inference_steps: int = 20,
        guidance_scale: float = 5.0,
        on_progress: OnProgress | None = None,
    ) -> list[Rendered]:
        """Draw a character in a scene.

        Args:
            character: Whom to draw; None draws the prompt alone.
            prompt: Expression, scene, framing; other clothes, if the character shall change them.
            count: How many pictures, with seeds that count up.
            seed: Of the first picture.
            negative_prompt: What to steer away from.
            pose: One that the base model declares; it wins over the prompt. Empty leaves it to that.
            body: A pose of one's own, such as `read_pose` returns, in place of a declared one.
            pose_strength: Weight of the pose; None takes the configured one, 0 leaves it to the prompt.
            shape: As `pose`; empty takes the usual one.
            identity_scale: How strongly the bank acts; None takes the configured one. 0 leaves the identity
                to the words and the bank's tokens out.
            num_inference_steps: Denoising steps.
            guidance_scale: 1 draws without guidance, in half the time.
            on_progress: Told of every step; may raise JobCancelledError, which passes through.

        Raises:
            InvalidSettingError: A number is outside its range.
            NotDeclaredError: The base model has no such pose or shape.
            NoPoseControlError: It cannot be held to a body.
            BaseModelMismatchError: The character was made with another base model.
        """
        if not 1 <= count <= _MOST_PICTURES:
            raise InvalidSettingError(field="count", value=count, allowed=f"1 to {_MOST_PICTURES}")
        request = self.request(
            () if character is None else (subject_of(character),),
            prompt,
            negative_prompt=negative_prompt,
            pose=pose,
            body=body,
            pose_strength=pose_strength,
            shape=shape,
            identity_scale=identity_scale,
        )
        seeds = range(seed, seed + count)
        rows = [
            replace(request, seed=one, num_inference_steps=num_inference_steps, guidance_scale=guidance_scale)
            for one in seeds
        ]
        pictures = render(
            self.models.backbone, rows, max_rows=self.config.max_rows, on_step=_stepper(on_progress)
        )
        not_drawn = self.not_drawn(posed(prompt, pose))
        return [
            Rendered(image=Image.fromarray(picture), seed=one, prompt=request.prompt, not_drawn=not_drawn)
            for picture, one in zip(pictures, seeds, strict=True)
        ]

    def request(
        self,
        subjects: Sequence[Subject],
        prompt: str,
        *,
        negative_prompt: str = "",
        pose: str = "",
        body: Body | None = None,
        pose_strength: float | None = None,
        shape: str = "",
        identity_scale: float | None = None,
    ) -> RenderRow:
        """Put a request into the base model's words: see `request_row`, and `render` for pose and shape."""
        repertoire, cell = self.wording.repertoire, self.models.backbone.vae_scale_factor
        repertoire.require(pose=pose, shape=shape)
        form = repertoire.shape(shape)
        row = request_row(
            subjects,
            posed(prompt, pose),
            wording=self.wording,
            config=self.config,
            negative_prompt=negative_prompt,
            identity_scale=identity_scale,
        )
        if form is not None:
            row = replace(row, latent_size=(form.height // cell, form.width // cell))
        return self._posed(row, pose=pose, body=body, strength=pose_strength)

    def _posed(self, row: RenderRow, *, pose: str, body: Body | None, strength: float | None) -> RenderRow:
        """Hold a row to a body, or to a declared pose if that is a map."""
        backbone = self.models.backbone
        wanted = self.wording.repertoire.wanted_body(pose=pose, body=body, strength=strength)
        if wanted is None:
            return row
        cells = row.latent_size or backbone.latent_shape[1:]
        height, width = (side * backbone.vae_scale_factor for side in cells)
        chosen = self.config.pose_strength if strength is None else strength
        return posed_row(row, wanted, size=(width, height), strength=chosen)

    def _library(self, finished: Sequence[Character], config: DistillConfig) -> TokenLibrary | None:
        """Read finished characters for a warm start."""
        for character in finished:
            character.bank.check_base(model_hash=self.model_hash)
        scene = config.anchors.scene
        return build_library(
            [
                FinishedCharacter(
                    prompt=self.wording.identity(one.description, one.style or None).prompt(scene),
                    tokens=one.bank.identity_tokens,
                    portrait=to_tensor(one.portrait),
                )
                for one in finished
            ],
            self.models,
            config.projector,
        )

    def _character(
        self, distilled: Distilled, *, name: str, description: str, style: str | None, seed: int
    ) -> Character:
        backbone = self.models.backbone
        anchors = tuple(to_picture(image) for image in distilled.anchors.images)
        bank = distilled.bank.to("cpu", torch.float16)
        report: Mapping[str, object] = {**distilled.report, "portrait": distilled.anchors.portrait}
        return Character(
            name=name,
            description=description,
            bank=_labelled(bank, name=name, words=distilled.words),
            portrait=anchors[distilled.anchors.portrait],
            anchors=anchors,
            scores=distilled.scores,
            report=report,
            not_drawn=self.not_drawn(description),
            style=style or "",
            seed=seed,
            model_id=backbone.model_id,
        )


def model_hash_of(folder: str | Path | None) -> str:
    """Return the hash of a folder's base model without loading it; None means the embedded model.

    Raises:
        MissingModelError: There is no such model.
    """
    root = EMBEDDED_MODEL if folder is None else Path(folder)
    if not (root / "model_index.json").is_file():
        raise MissingModelError(folder=root, part="model_index.json")
    return hash_model(root)


def _wording_of(folder: Path) -> Wording:
    """Choose ordinary English for models from elsewhere: they hold poses, or name their perception."""
    repertoire = folder_repertoire(folder)
    is_named = (folder / "perception" / LAYOUT_NAME).is_file()
    return PlainWording(repertoire=repertoire) if repertoire.has_pose_maps or is_named else WorldWording()


def subject_of(character: Character) -> Subject:
    """Return a character as somebody in a picture."""
    return Subject(description=character.description, style=character.style, bank=character.bank)


def _labelled(bank: IdentityBank, *, name: str, words: str) -> IdentityBank:
    return replace(bank, metadata={**bank.metadata, "name": name, WORDS: words})


def _stepper(on_progress: OnProgress | None) -> Callable[[StepProgress], None]:
    started = time.monotonic()

    def on_step(step: StepProgress) -> None:
        if on_progress is None:
            return
        elapsed = time.monotonic() - started
        eta_s = elapsed * (1 - step.fraction) / step.fraction
        detail = f"picture {step.rows_done} of {step.rows}"
        on_progress(Progress(stage="render", fraction=step.fraction, detail=detail, eta_s=eta_s))

    return on_step
