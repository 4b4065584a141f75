"""A running batch: every step is one forward pass over its rows, which may join and leave in between."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from synid_engine.errors import (
    BaseModelMismatchError,
    DeviceOutOfMemoryError,
    InvalidSettingError,
    PictureSizeMismatchError,
)
from synid_engine.identity.attention import install_identity_attention
from synid_engine.identity.bank import IdentityBank
from synid_engine.identity.condition import ConditionedContext, condition_rows, pad_contexts
from synid_engine.runtime.backbone import Backbone
from synid_engine.sampling.context_projections import ContextProjections
from synid_engine.sampling.few_steps import few_steps_acting
from synid_engine.sampling.guidance import guide
from synid_engine.sampling.pose_residuals import pose_residuals
from synid_engine.sampling.row import RenderRow
from synid_engine.sampling.row_state import RowState

_MOST_PROMPTS = 256
_MOST_BANKS = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Batch:
    """What stays the same from step to step while the same rows run with the same identities."""

    fingerprint: tuple[object, ...]
    prompt_embeds: Sequence[Float[Tensor, "_tokens context_dim"]]
    conditioned: ConditionedContext
    added: Mapping[str, Tensor] | None


class DenoiseRun:
    """Rows with their own steps, guidance, prompts and identities, denoised together.

    Only the picture size must agree. Not for use from several threads at once.
    """

    def __init__(self, backbone: Backbone) -> None:
        install_identity_attention(backbone.unet)
        self._backbone = backbone
        self._states: dict[int, RowState] = {}
        self._next_ticket = 0
        self._prompts: dict[str, Tensor] = {}
        self._banks: OrderedDict[IdentityBank, IdentityBank] = OrderedDict()
        self._projections = ContextProjections(backbone)
        self._batch: _Batch | None = None

    @property
    def tickets(self) -> tuple[int, ...]:
        """The rows that are under way."""
        return tuple(self._states)

    @property
    def steps_left(self) -> int:
        """Steps until the last row that is under way is done."""
        return max((state.steps_left for state in self._states.values()), default=0)

    @torch.no_grad()
    def add(self, row: RenderRow) -> int:
        """Let a row join at the next step.

        Returns:
            Its ticket.

        Raises:
            PictureSizeMismatchError: The rows under way have another size.
            BaseModelMismatchError: A bank is of another base model.
            InvalidSettingError: There are more steps than the model has timesteps, or it is to be drawn
                quickly and the base model has no few-step adapter.
            NoPoseControlError: It is posed, and the base model cannot hold a pose.
        """
        for bank in row.banks:
            self._check_bank(bank)
        if row.few_steps_scale and self._backbone.few_steps is None:
            raise InvalidSettingError(field="few_steps_scale", value=row.few_steps_scale, allowed="0")
        state = RowState(replace(row, banks=tuple(self._placed(bank) for bank in row.banks)), self._backbone)
        for other in self._states.values():
            if other.size != state.size:
                raise PictureSizeMismatchError(found=state.size, expected=other.size)
        ticket = self._next_ticket
        self._next_ticket += 1
        self._states[ticket] = state
        return ticket

    def cancel(self, ticket: int) -> None:
        """Let a row leave without a picture; one that has left already is ignored."""
        self._states.pop(ticket, None)

    def preview(self, ticket: int) -> Float[Tensor, "c h w"]:
        """Return the clean latents that a row's last step implies."""
        return self._states[ticket].preview[0]

    @torch.no_grad()
    def step(self, tickets: Sequence[int] | None = None) -> dict[int, Float[Tensor, "c h w"]]:
        """Take one step with these rows, or with every row.

        Returns:
            The latents of the rows that are now done, by ticket; they have left the run.

        Raises:
            DeviceOutOfMemoryError: The batch does not fit; no row has moved.
        """
        chosen = list(self._states) if tickets is None else tickets
        if not chosen:
            return {}
        states = [self._states[ticket] for ticket in chosen]
        guided = [state for state in states if state.row.is_guided]
        predictions = list(self._predict([*guided, *states], unconditional=len(guided))[:, None])
        noise_pred_uncond = dict(zip(guided, predictions[: len(guided)], strict=True))
        for state, noise_pred_text in zip(states, predictions[len(guided) :], strict=True):
            state.advance(_guided(state.row, noise_pred_text, noise_pred_uncond.get(state)))
        done = {
            ticket: self._states[ticket].latents[0]
            for ticket in chosen
            if self._states[ticket].steps_left == 0
        }
        for ticket in done:
            del self._states[ticket]
        return done

    def _predict(self, states: Sequence[RowState], *, unconditional: int) -> Float[Tensor, "batch c h w"]:
        """Run the UNet over the unconditional halves, which come first, and the conditional ones."""
        backbone = self._backbone
        latents = torch.cat([state.model_input() for state in states]).to(backbone.dtype)
        timesteps = torch.stack([state.model_timestep for state in states])
        try:
            batch = self._assembled(states, unconditional)
            with few_steps_acting(backbone, [state.row.few_steps_scale for state in states]) as is_quick:
                posed = pose_residuals(backbone, states, latents, timesteps, batch.prompt_embeds, batch.added)
                compiled = None if is_quick else backbone.compiled_unet  # it has no few-step adapter in it
                noise_pred = cast("Any", compiled or backbone.unet)(
                    latents,
                    timesteps,
                    encoder_hidden_states=batch.conditioned.context,
                    cross_attention_kwargs=batch.conditioned.cross_attention_kwargs,
                    added_cond_kwargs=batch.added,
                    return_dict=False,
                    **posed,
                )[0]
        except torch.OutOfMemoryError as error:
            raise DeviceOutOfMemoryError(rows=len(states)) from error
        return cast("Tensor", noise_pred).float()

    def _assembled(self, states: Sequence[RowState], unconditional: int) -> _Batch:
        """Stack prompts and identities, or return the last stack while nothing has changed."""
        fingerprint = (unconditional, *((state, state.identity_acts) for state in states))
        if self._batch is not None and self._batch.fingerprint == fingerprint:
            return self._batch
        halves = [(state, index < unconditional) for index, state in enumerate(states)]
        prompts = [state.row.negative_prompt if is_null else state.row.prompt for state, is_null in halves]
        encoded = [self._encode(prompt) for prompt in prompts]
        identities = [state.identity_row(is_null=is_null) for state, is_null in halves]
        conditioned = condition_rows(
            pad_contexts(encoded),
            identities,
            latent_size=states[0].size,
            levels=len(cast("Any", self._backbone.unet.config).block_out_channels),
            prompt_lengths=[len(states) for states in encoded],
        )
        added = _stack_added([_added(state.row, is_null=is_null) for state, is_null in halves])
        placed = {
            name: tensor.to(self._backbone.device, self._backbone.dtype) for name, tensor in added.items()
        }
        longest = max(len(states) for states in encoded)
        told = [(prompt, longest, *one.in_context()) for prompt, one in zip(prompts, identities, strict=True)]
        quickness = [state.row.few_steps_scale for state in states]
        projected = self._projections.put_into(conditioned, told, quickness)
        self._batch = _Batch(
            fingerprint=fingerprint,
            prompt_embeds=encoded,
            conditioned=projected,
            added=placed or None,
        )
        return self._batch

    def _encode(self, prompt: str) -> Float[Tensor, "tokens context_dim"]:
        """Encode a prompt alone, so that it depends on no other, and once."""
        if prompt not in self._prompts:
            while len(self._prompts) >= _MOST_PROMPTS:
                del self._prompts[next(iter(self._prompts))]
            self._prompts[prompt] = self._backbone.encode_prompts([prompt])[0]
        return self._prompts[prompt]

    def _placed(self, bank: IdentityBank) -> IdentityBank:
        """Return a bank where the models are and in their format: one for all rows that have it."""
        placed = self._banks.get(bank)
        if placed is None:
            placed = self._banks[bank] = bank.to(self._backbone.device, self._backbone.dtype)
            while len(self._banks) > _MOST_BANKS:
                self._banks.popitem(last=False)
        self._banks.move_to_end(bank)
        return placed

    def _check_bank(self, bank: IdentityBank) -> None:
        bank.check_base(model_hash=self._backbone.model_hash)
        widths = {layer: tensor.shape[1] for layer, tensor in bank.keys.items()}
        if widths != self._backbone.cross_attention_layers:
            raise BaseModelMismatchError(found=bank.model_hash, expected=self._backbone.model_hash)


def _guided(row: RenderRow, noise_pred_text: Tensor, noise_pred_uncond: Tensor | None) -> Tensor:
    if noise_pred_uncond is None:
        return noise_pred_text
    return guide(
        noise_pred_uncond,
        noise_pred_text,
        guidance_scale=row.guidance_scale,
        guidance_rescale=row.guidance_rescale,
    )


def _added(row: RenderRow, *, is_null: bool) -> Mapping[str, Tensor]:
    return (
        row.negative_added_conditions if is_null and row.negative_added_conditions else row.added_conditions
    )


def _stack_added(rows: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
