"""What a character is trained by. Each loss is a mean over its rows, 0 at best."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from synid_engine.perception.protocols import ClipScorer, FaceEncoder


def diffusion_loss(
    noise_pred: Float[Tensor, "batch c h w"],
    target: Float[Tensor, "batch c h w"],
    weights: Float[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Return the squared error of the prediction, each row with the weight of its timestep.

    Source: Hang et al. 2023, min-SNR weighting.
    """
    errors = functional.mse_loss(noise_pred.float(), target, reduction="none").mean(dim=(1, 2, 3))
    return (weights * errors).mean()


def face_loss(
    images: Float[Tensor, "batch 3 height width"], face_embed: Float[Tensor, " face_dim"], face: FaceEncoder
) -> Float[Tensor, ""]:
    """Return how far the faces are from a person's; differentiable in the pictures.

    Source: InstantID and PuLID, ArcFace loss on the predicted clean picture.
    """
    embeds = face.face_embeds(images)
    return 1 - (embeds @ face_embed.to(embeds)).mean()


def clip_loss(
    images: Float[Tensor, "batch 3 height width"],
    image_embed: Float[Tensor, " clip_dim"],
    text_embeds: Float[Tensor, "batch clip_dim"],
    clip: ClipScorer,
    *,
    text_weight: float,
) -> Float[Tensor, ""]:
    """Return how far pictures are from a person's looks and from their own prompts.

    Args:
        images: In 0..1; gradients flow to them.
        image_embed: The person's looks, unit length.
        text_embeds: One for each picture, unit length.
        clip: The encoder of all three.
        text_weight: In [0, 1]; the looks have the rest.
    """
    embeds = clip.image_embeds(images)
    looks = 1 - embeds @ image_embed.to(embeds)
    words = 1 - (embeds * text_embeds.to(embeds)).sum(dim=1)
    return ((1 - text_weight) * looks + text_weight * words).mean()


def diversity_loss(tokens: Float[Tensor, "tokens context_dim"]) -> Float[Tensor, ""]:
    """Return the mean squared cosine of different tokens: 1 when all say the same."""
    count = tokens.shape[0]
    if count == 1:
        return tokens.new_zeros(())
    unit = functional.normalize(tokens, dim=1)
    cosines = unit @ unit.T
    others = 1 - torch.eye(count, device=tokens.device)
    return (cosines * others).square().sum() / (count * (count - 1))
