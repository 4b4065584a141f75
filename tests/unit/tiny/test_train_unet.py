import numpy as np
import torch

from synid_engine.tiny.dataset import Labelled
from synid_engine.tiny.train_unet import Latents
from synid_engine.tiny.world import Person, Shot

PERSON = Person(
    style="flat",
    hair="bob",
    hair_color="red",
    skin="tan",
    facial_hair="none",
    glasses="none",
    clothes="hoodie",
    clothes_color="blue",
)


def test_errors_in_the_face_count_more_and_a_picture_counts_as_before() -> None:
    labels = [
        Labelled(person_id=0, person=PERSON, shot=Shot(framing=framing)) for framing in ("wide", "close-up")
    ]
    latents = Latents(values=torch.zeros(2, 16, 16, 16), labels=labels)
    weights = latents.face_weights(np.array([0, 1]))
    assert torch.allclose(weights.mean(dim=(1, 2, 3)), torch.ones(2))
    corners, middles = weights[:, 0, 0, 0], weights[:, 0, 7, 8]
    assert bool((middles > 2 * corners).all())
    assert int((weights[1] > 1).sum()) > int((weights[0] > 1).sum())
