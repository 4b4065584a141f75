"""The characters that benches create: described as people write, on no list that any stage was tuned with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A character to be created.

    Attributes:
        name: For people.
        description: Its words.
        seed: Seed of its creation.
        like_synid: Whether it is described like one of the five of SynID's own benchmark.
    """

    name: str
    description: str
    seed: int
    like_synid: bool = False


MEASURED: tuple[Described, ...] = (
    Described(
        name="Woman (brunette)",
        description="a young brunette woman with long hair",
        seed=9101,
        like_synid=True,
    ),
    Described(
        name="Elderly man",
        description="an elderly man with a grey beard and square glasses",
        seed=9102,
        like_synid=True,
    ),
    Described(
        name="Anime girl",
        description="a girl with a pink bob in comic style, blue dress",
        seed=9103,
        like_synid=True,
    ),
    Described(
        name="Young man",
        description="a young man with short black hair, brown eyes",
        seed=9104,
        like_synid=True,
    ),
    Described(
        name="Woman (redhead)",
        description="a redhead woman with wavy hair and pale skin",
        seed=9105,
        like_synid=True,
    ),
    Described(name="Pirate", description="a bald man with an eyepatch and a big red beard", seed=9106),
    Described(
        name="Singer", description="a person with pink spiky hair and sunglasses, black jacket", seed=9107
    ),
    Described(name="Drummer", description="a woman with dark skin and an afro, yellow sweater", seed=9108),
    Described(name="Teacher", description="a tanned woman in a purple hijab with round glasses", seed=9109),
    Described(
        name="Gardener", description="an old man with silver hair, a moustache and green overalls", seed=9110
    ),
    Described(name="Dancer", description="someone with a blue bun and brown skin, comic style", seed=9111),
    Described(name="Skater", description="a boy with curly brown hair and an orange hoodie", seed=9112),
)
"""For `bench identity`; the first two have different sex, age, hair and glasses."""

DEVELOPED: tuple[Described, ...] = (
    Described(name="Baker", description="a man with a brown moustache and a white t-shirt", seed=8101),
    Described(name="Witch", description="a woman with long straight green hair and a black dress", seed=8102),
    Described(name="Runner", description="a young woman with dark skin and a bun, red t-shirt", seed=8103),
)
"""For trying changes of the stages; never for figures that are told."""

ABLATED: tuple[Described, ...] = (
    Described(name="Painter", description="a woman with a blue bob and square glasses", seed=9201),
    Described(name="Sailor", description="an old man with a big silver beard and a beanie", seed=9202),
    Described(name="Chess player", description="a young man with tan skin and an undercut", seed=9203),
    Described(name="Florist", description="a person with short curly red hair, purple jacket", seed=9204),
)
"""For the ablation's figures, measured once."""
