"""How alike two pictures are as a person: the face and the whole picture, each by its own encoder."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from synid_engine.perception.bundle import Perception


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureEmbeds:
    """Embeddings of pictures, unit length.

    Attributes:
        face_embeds: By the recogniser, of the aligned face.
        image_embeds: By CLIP, of the whole picture.
    """

    face_embeds: Float[Tensor, "pictures face_dim"]
    image_embeds: Float[Tensor, "pictures clip_dim"]

    def select(self, index: Tensor | list[int]) -> "PictureEmbeds":
        """Return some of them, in this order."""
        return PictureEmbeds(face_embeds=self.face_embeds[index], image_embeds=self.image_embeds[index])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IdentityReference:
    """What a character is compared with, unit length.

    Attributes:
        face_embed: Who it is.
        image_embed: What it looks like, hair and clothes included.
        face_weight: Weight of the face in a similarity; the picture has the rest.
    """

    face_embed: Float[Tensor, " face_dim"]
    image_embed: Float[Tensor, " clip_dim"]
    face_weight: float = 0.6

    def similarities(self, embeds: PictureEmbeds) -> Float[Tensor, " pictures"]:
        """Return each picture's similarity, at most 1; differentiable in the embeddings."""
        faces = embeds.face_embeds @ self.face_embed
        images = embeds.image_embeds @ self.image_embed
        return self.face_weight * faces + (1 - self.face_weight) * images


def embed_pictures(images: Float[Tensor, "pictures 3 height width"], perception: Perception) -> PictureEmbeds:
    """Embed pictures in 0..1 one by one, so that memory stays small; without gradients."""
    with torch.no_grad():
        faces = torch.cat([perception.face.face_embeds(image[None]).float().cpu() for image in images])
        clips = torch.cat([perception.clip.image_embeds(image[None]).float().cpu() for image in images])
    return PictureEmbeds(face_embeds=faces, image_embeds=clips)


def pairwise(embeds: PictureEmbeds, *, face_weight: float) -> Float[Tensor, "pictures pictures"]:
    """Return the similarity of every two pictures."""
    faces = embeds.face_embeds @ embeds.face_embeds.T
    images = embeds.image_embeds @ embeds.image_embeds.T
    return face_weight * faces + (1 - face_weight) * images


def fuse(
    embeds: PictureEmbeds, weights: Float[Tensor, " pictures"], *, face_weight: float
) -> IdentityReference:
    """Return the weighted mean of pictures of one person, at unit length again."""
    return IdentityReference(
        face_embed=functional.normalize(weights @ embeds.face_embeds, dim=0),
        image_embed=functional.normalize(weights @ embeds.image_embeds, dim=0),
        face_weight=face_weight,
    )
