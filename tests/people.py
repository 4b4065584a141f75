"""Somebody of the drawn world; tests change what they are about."""

from synid_engine.tiny.world import Person

SOMEBODY = Person(
    style="flat",
    hair="bob",
    hair_color="red",
    skin="tan",
    facial_hair="none",
    glasses="none",
    clothes="hoodie",
    clothes_color="blue",
)
