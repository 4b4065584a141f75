"""The keys and values of prompts in every layer, worked out once for each, whatever batch its rows are in."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from synid_engine.identity.attention import with_context_projected
from synid_engine.identity.condition import ConditionedContext, IdentityCondition
from synid_engine.runtime.backbone import Backbone
from synid_engine.sampling.few_steps import few_steps_acting

_BATCHES = 4
"""For how many batches as large as the present one there is room; rows that take turns find theirs again."""


@dataclass(frozen=True, slots=True, eq=False)
class _Projected:
    """The keys and values of one row's context, by layer."""

    keys: Mapping[str, Tensor]
    values: Mapping[str, Tensor]


class ContextProjections:
    """Those of the rows that were seen last. Not for use from several threads at once."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._rows: OrderedDict[Hashable, _Projected] = OrderedDict()

    def put_into(
        self, conditioned: ConditionedContext, rows: Sequence[Hashable], few_steps_scales: Sequence[float]
    ) -> ConditionedContext:
        """Return a batch with its prompts' keys and values; without an identity, the same object.

        Args:
            conditioned: The batch.
            rows: What each row's context, and its change of the projections, follow from.
            few_steps_scales: Weight of the few-step adapter in each row.
        """
        identity = conditioned.identity
        if identity is None:
            return conditioned
        size = tuple(conditioned.context.shape[1:])
        parts: list[_Projected] = []
        for place, key in enumerate(zip(rows, few_steps_scales, strict=True)):
            found = self._rows.pop((key, size), None)
            if found is None:
                with few_steps_acting(self._backbone, [few_steps_scales[place]]):
                    found = self._work_out(conditioned.context, identity, place)
            self._rows[key, size] = found
            parts.append(found)
        while len(self._rows) > _BATCHES * len(rows):
            self._rows.popitem(last=False)
        whole = replace(
            identity,
            context_keys=_stacked([part.keys for part in parts]),
            context_values=_stacked([part.values for part in parts]),
        )
        return replace(conditioned, identity=whole)

    def _work_out(self, context: Tensor, identity: IdentityCondition, place: int) -> _Projected:
        """Project a row alone, so that it depends on no other."""
        one = slice(place, place + 1)
        alone = IdentityCondition(
            keys={},
            values={},
            scale=identity.scale[one],
            downs={name: down[one] for name, down in identity.downs.items()},
            ups={name: up[one] for name, up in identity.ups.items()},
        )
        told = with_context_projected(
            self._backbone.unet, ConditionedContext(context=context[one], identity=alone)
        )
        projected = cast("IdentityCondition", told.identity)
        return _Projected(
            keys={layer: keys[0] for layer, keys in projected.context_keys.items()},
            values={layer: values[0] for layer, values in projected.context_values.items()},
        )


def _stacked(rows: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {layer: torch.stack([row[layer] for row in rows]) for layer in rows[0]}
