"""The drawn world that the embedded models live in: people, shots, and their exact pictures.

A picture is `render(person, shot)`. A `Person` holds what identity means here; a `Shot` holds what may
change from picture to picture. Two art styles share one set of traits, so style and identity are separate
factors. Drawings come from DiceBear's avataaars and ToonHead styles (licences in `MODEL_CARD.md`); scenes,
toon glasses and tears are ours.

Knows nothing about words (see `captions`, `lexicon`) nor about models.
"""

import io
import json
import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources

import numpy as np
import resvg_py
from dicebear import Avatar, Style
from numpy.typing import NDArray
from PIL import Image

from synid_engine.tiny.scenes import scene_svg

IMAGE_SIZE = 256
STYLES = ("flat", "toon")

SKINS = {"pale": "#ffe0c8", "tan": "#e2a66f", "brown": "#a5673d", "dark": "#5b3a2b"}
HAIR_COLORS = {
    "black": "#221c1b",
    "brown": "#724133",
    "blond": "#e6bd62",
    "red": "#c9451c",
    "silver": "#cfd3d6",
    "pink": "#f07fb0",
    "blue": "#3f78d8",
    "green": "#4c9f55",
    "purple": "#8450b8",
}
CLOTHES_COLORS = {
    "black": "#2b2f36",
    "white": "#eef0f0",
    "red": "#d93b3b",
    "orange": "#f28a2e",
    "yellow": "#f4d03f",
    "green": "#3c9a58",
    "blue": "#3f74d1",
    "purple": "#8450b8",
    "pink": "#f285b5",
}
NATURAL_HAIR_COLORS = ("black", "brown", "blond", "red", "silver")

# Trait value -> DiceBear options, a table a style; a value that a table lacks cannot be drawn in its style.
HAIR: dict[str, dict[str, dict[str, object]]] = {
    "flat": {
        "bald": {"topProbability": 0},
        "balding": {"topVariant": ["sides"]},
        "buzz cut": {"topVariant": ["theCaesar"]},
        "short": {"topVariant": ["shortFlat"]},
        "short curly": {"topVariant": ["shortCurly"]},
        "spiky": {"topVariant": ["dreads02"]},
        "undercut": {"topVariant": ["frizzle"]},
        "afro": {"topVariant": ["fro"]},
        "curly": {"topVariant": ["curly"]},
        "dreadlocks": {"topVariant": ["dreads"]},
        "bob": {"topVariant": ["bob"]},
        "shoulder-length": {"topVariant": ["longButNotTooLong"]},
        "long straight": {"topVariant": ["straight02"]},
        "long wavy": {"topVariant": ["bigHair"]},
        "bun": {"topVariant": ["bun"]},
        "mullet": {"topVariant": ["shaggyMullet"]},
        "hijab": {"topVariant": ["hijab"]},
        "turban": {"topVariant": ["turban"]},
        "beanie": {"topVariant": ["winterHat03"]},
    },
    "toon": {
        "bald": {"hairProbability": 0, "rearHairProbability": 0},
        "short": {"hairVariant": ["sideComed"], "rearHairProbability": 0},
        "spiky": {"hairVariant": ["spiky"], "rearHairProbability": 0},
        "undercut": {"hairVariant": ["undercut"], "rearHairProbability": 0},
        "bob": {"hairVariant": ["sideComed"], "rearHairVariant": ["neckHigh"], "rearHairProbability": 100},
        "shoulder-length": {
            "hairVariant": ["sideComed"],
            "rearHairVariant": ["shoulderHigh"],
            "rearHairProbability": 100,
        },
        "long straight": {
            "hairVariant": ["sideComed"],
            "rearHairVariant": ["longStraight"],
            "rearHairProbability": 100,
        },
        "long wavy": {
            "hairVariant": ["sideComed"],
            "rearHairVariant": ["longWavy"],
            "rearHairProbability": 100,
        },
        "bun": {"hairVariant": ["bun"], "rearHairProbability": 0},
    },
}
FACIAL_HAIR = {
    "flat": {
        "none": None,
        "moustache": "moustacheMagnum",
        "beard": "beardMedium",
        "big beard": "beardMajestic",
    },
    "toon": {
        "none": None,
        "moustache": "moustacheTwirl",
        "goatee": "chinMoustache",
        "beard": "fullBeard",
        "big beard": "longBeard",
    },
}
GLASSES = {
    "none": None,
    "round glasses": "round",
    "square glasses": "prescription02",
    "sunglasses": "sunglasses",
    "eyepatch": "eyepatch",
}
CLOTHES = {
    "flat": {
        "t-shirt": "shirtCrewNeck",
        "v-neck": "shirtVNeck",
        "jacket": "blazerAndShirt",
        "hoodie": "hoodie",
        "sweater": "collarAndSweater",
        "overalls": "overall",
    },
    "toon": {
        "t-shirt": "tShirt",
        "jacket": "openJacket",
        "shirt": "shirt",
        "turtleneck": "turtleNeck",
        "dress": "dress",
    },
}
# expression -> (mouth, eyes, brows); toon "crying" adds tears of our own
EXPRESSIONS: dict[str, dict[str, tuple[str, str, str]]] = {
    "flat": {
        "neutral": ("serious", "default", "default"),
        "smiling": ("twinkle", "default", "default"),
        "laughing": ("smile", "happy", "raisedExcited"),
        "sad": ("sad", "default", "sadConcerned"),
        "crying": ("sad", "cry", "sadConcerned"),
        "angry": ("grimace", "default", "angry"),
        "shouting": ("screamOpen", "squint", "angry"),
        "surprised": ("disbelief", "surprised", "raisedExcited"),
        "winking": ("smile", "wink", "default"),
        "sleepy": ("serious", "closed", "default"),
        "in love": ("smile", "hearts", "raisedExcited"),
        "dizzy": ("concerned", "xDizzy", "sadConcerned"),
        "annoyed": ("serious", "eyeRoll", "flatNatural"),
        "tongue out": ("tongue", "squint", "default"),
    },
    "toon": {
        "neutral": ("smile", "happy", "neutral"),
        "smiling": ("smile", "wide", "happy"),
        "laughing": ("laugh", "bow", "happy"),
        "sad": ("sad", "wide", "sad"),
        "crying": ("sad", "humble", "sad"),
        "angry": ("angry", "happy", "angry"),
        "shouting": ("laugh", "wide", "angry"),
        "surprised": ("agape", "wide", "raised"),
        "winking": ("laugh", "wink", "neutral"),
        "sleepy": ("smile", "humble", "neutral"),
    },
}
BACKGROUNDS = (
    "white",
    "grey",
    "blue",
    "yellow",
    "pink",
    "green",
    "beach",
    "forest",
    "city",
    "night",
    "mountains",
    "sunset",
    "snow",
)
FRAMINGS = {"close-up": 1.28, "portrait": 1.0, "wide": 0.78}
TILTS = {"straight": 0.0, "left": -9.0, "right": 9.0}

IDENTITY_TRAITS = ("hair", "hair_color", "skin", "facial_hair", "glasses", "clothes", "clothes_color")
FACE_TRAITS = ("hair", "hair_color", "skin", "facial_hair", "glasses")
FREE_TRAITS = ("expression", "background", "framing", "tilt")
COVERED_HAIR = ("hijab", "turban", "beanie")
LONG_HAIR = ("curly", "dreadlocks", "bob", "shoulder-length", "long straight", "long wavy", "bun", "hijab")

# The canonical face in a 256-pixel canvas before framing: eyes, nose tip, mouth corners, as (x, y).
_LANDMARKS = {
    "flat": ((106.1, 109.7), (149.9, 109.7), (128.0, 123.4), (113.4, 142.6), (142.6, 142.6)),
    "toon": ((104.3, 138.0), (151.7, 138.0), (128.0, 153.3), (112.0, 169.3), (144.0, 169.3)),
}
_FACE_BOX = {"flat": (68.0, 34.0, 188.0, 172.0), "toon": (66.0, 50.0, 190.0, 194.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What stays the same: one value of every identity trait, drawn in one art style."""

    style: str
    hair: str
    hair_color: str
    skin: str
    facial_hair: str
    glasses: str
    clothes: str
    clothes_color: str

    @property
    def shows_hair_color(self) -> bool:
        """Whether any hair can be seen, and with it its colour."""
        return self.hair not in (*COVERED_HAIR, "bald") or self.facial_hair != "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """What changes from picture to picture."""

    expression: str = "neutral"
    background: str = "white"
    framing: str = "portrait"
    tilt: str = "straight"
    mirror: bool = False
    zoom: float = 1.0
    dx: float = 0.0
    dy: float = 0.0


def trait_values(trait: str, style: str | None = None) -> tuple[str, ...]:
    """Name every value that a trait can take, in one style or in any."""
    by_style: dict[str, dict[str, tuple[str, ...]]] = {
        s: {
            "hair": tuple(HAIR[s]),
            "facial_hair": tuple(FACIAL_HAIR[s]),
            "clothes": tuple(CLOTHES[s]),
            "expression": tuple(EXPRESSIONS[s]),
        }
        for s in STYLES
    }
    shared: dict[str, tuple[str, ...]] = {
        "style": STYLES,
        "hair_color": tuple(HAIR_COLORS),
        "skin": tuple(SKINS),
        "glasses": tuple(GLASSES),
        "clothes_color": tuple(CLOTHES_COLORS),
        "background": BACKGROUNDS,
        "framing": tuple(FRAMINGS),
        "tilt": tuple(TILTS),
    }
    if trait in shared:
        return shared[trait]
    styles = STYLES if style is None else (style,)
    return tuple(dict.fromkeys(value for s in styles for value in by_style[s][trait]))


def sample_person(rng: np.random.Generator, style: str | None = None) -> Person:
    """Draw a random person: common combinations often, unusual ones now and then."""
    style = style or ("flat" if rng.random() < 0.6 else "toon")

    def pick(values: tuple[str, ...]) -> str:
        return values[int(rng.integers(len(values)))]

    hair = pick(trait_values("hair", style))
    bearded = rng.random() < (0.06 if hair in LONG_HAIR else 0.45)
    return Person(
        style=style,
        hair=hair,
        hair_color=pick(NATURAL_HAIR_COLORS if rng.random() < 0.6 else tuple(HAIR_COLORS)),
        skin=pick(tuple(SKINS)),
        facial_hair=pick(trait_values("facial_hair", style)[1:]) if bearded else "none",
        glasses=pick(tuple(GLASSES)[1:]) if rng.random() < 0.4 else "none",
        clothes=pick(trait_values("clothes", style)),
        clothes_color=pick(tuple(CLOTHES_COLORS)),
    )


def sample_shot(rng: np.random.Generator, style: str) -> Shot:
    """Draw random free traits, with a little jitter that no caption names."""
    expressions = trait_values("expression", style)
    return Shot(
        expression=expressions[int(rng.integers(len(expressions)))],
        background=BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))],
        framing=("portrait", "close-up", "wide")[int(rng.choice(3, p=(0.6, 0.2, 0.2)))],
        tilt=("straight", "left", "right")[int(rng.choice(3, p=(0.7, 0.15, 0.15)))],
        mirror=bool(rng.random() < 0.25),
        zoom=float(rng.uniform(0.97, 1.03)),
        dx=float(rng.uniform(-4, 4)),
        dy=float(rng.uniform(-3, 3)),
    )


def render(person: Person, shot: Shot, *, size: int = IMAGE_SIZE) -> NDArray[np.uint8]:
    """Draw the picture.

    Returns:
        RGB, uint8, `size` x `size` x 3.
    """
    png = resvg_py.svg_to_bytes(
        svg_string=to_svg(person, shot), width=size, height=size, skip_system_fonts=True
    )
    return np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGB"))


def to_svg(person: Person, shot: Shot) -> str:
    """Compose scene and person into one SVG of 256 units."""
    a, b, c, d, e, f = _transform(shot)
    unit = IMAGE_SIZE / (280 if person.style == "flat" else 768)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {IMAGE_SIZE} {IMAGE_SIZE}">'
        f"{scene_svg(shot.background)}"
        f'<g transform="matrix({a:.5f} {b:.5f} {c:.5f} {d:.5f} {e:.4f} {f:.4f}) scale({unit:.6f})">'
        f"{_figure_svg(person, shot.expression)}</g></svg>"
    )


def landmarks(person: Person, shot: Shot, *, size: int = IMAGE_SIZE) -> NDArray[np.float32]:
    """Say where the eyes, the nose and the mouth corners are.

    Returns:
        (5, 2) pixels: the eye on the picture's left, the other eye, nose, the two mouth corners, left first.
    """
    points = np.array(_LANDMARKS[person.style], dtype=np.float64)
    moved = _apply(points, shot)
    if shot.mirror:  # the names follow the picture, not the person
        moved = moved[[1, 0, 2, 4, 3]]
    return (moved * size / IMAGE_SIZE).astype(np.float32)


def face_box(person: Person, shot: Shot, *, size: int = IMAGE_SIZE) -> NDArray[np.float32]:
    """Give the box around the face as (x0, y0, x1, y1) pixels, clipped to the picture."""
    x0, y0, x1, y1 = _FACE_BOX[person.style]
    moved = _apply(np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]), shot)
    box = np.concatenate([moved.min(axis=0), moved.max(axis=0)]).clip(0, IMAGE_SIZE)
    return (box * size / IMAGE_SIZE).astype(np.float32)


def mouth_box(person: Person, shot: Shot, *, size: int = IMAGE_SIZE) -> tuple[int, int, int, int]:
    """Give the box around the mouth as whole pixels (x0, y0, x1, y1), clipped to the picture."""
    corners = landmarks(person, shot, size=size)[3:]
    center, width = corners.mean(axis=0), float(np.linalg.norm(corners[1] - corners[0]))
    low = np.clip(center - 0.75 * width, 0, size - 1).round().astype(int)
    high = np.clip(center + 0.75 * width, 1, size).round().astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _transform(shot: Shot) -> tuple[float, float, float, float, float, float]:
    """Build the affine map from the canonical canvas to the picture, as SVG's (a, b, c, d, e, f)."""
    scale = FRAMINGS[shot.framing] * shot.zoom
    angle = math.radians(TILTS[shot.tilt])
    pivot_y = IMAGE_SIZE if scale < 1.1 else 130.0  # small people stand on the edge
    sink = 16.0 * scale if shot.tilt != "straight" else 4.0  # hides the cut edge of the shoulders
    a, b = scale * math.cos(angle), scale * math.sin(angle)
    c, d = -b, a
    half = IMAGE_SIZE / 2
    e = half - a * half - c * pivot_y + shot.dx
    f = pivot_y - b * half - d * pivot_y + shot.dy + sink
    if shot.mirror:
        return -a, b, -c, d, IMAGE_SIZE - e, f
    return a, b, c, d, e, f


def _apply(points: NDArray[np.float64], shot: Shot) -> NDArray[np.float64]:
    a, b, c, d, e, f = _transform(shot)
    x, y = points[:, 0], points[:, 1]
    return np.stack([a * x + c * y + e, b * x + d * y + f], axis=1)


@lru_cache(maxsize=4)
def _style(name: str) -> Style:
    file = {"flat": "avataaars.json", "toon": "toon-head.json"}[name]
    return Style(json.loads(resources.files("dicebear_styles").joinpath(file).read_text(encoding="utf-8")))


@lru_cache(maxsize=4096)
def _figure_svg(person: Person, expression: str) -> str:
    """Draw the person alone, in the units of its style's own canvas."""
    options = (
        _flat_options(person, expression) if person.style == "flat" else _toon_options(person, expression)
    )
    svg = Avatar(_style(person.style), {"seed": "synid", **options}).to_string()
    inner = re.sub(r"<metadata.*?</metadata>", "", svg, flags=re.DOTALL)
    inner = inner[inner.index(">") + 1 : inner.rindex("</svg>")]
    if person.style == "toon":
        inner += _toon_overlay(person.glasses, crying=expression == "crying")
    return inner


def _flat_options(person: Person, expression: str) -> dict[str, object]:
    mouth, eyes, brows = EXPRESSIONS["flat"][expression]
    beard = FACIAL_HAIR["flat"][person.facial_hair]
    glasses = GLASSES[person.glasses]
    return {
        "topProbability": 100,
        **HAIR["flat"][person.hair],
        "hairColor": [HAIR_COLORS[person.hair_color]],
        "hatColor": [CLOTHES_COLORS[person.clothes_color]],
        "skinColor": [SKINS[person.skin]],
        "facialHairProbability": 100 if beard else 0,
        **({"facialHairVariant": [beard]} if beard else {}),
        "facialHairColor": [HAIR_COLORS[person.hair_color]],
        "accessoriesProbability": 100 if glasses else 0,
        **({"accessoriesVariant": [glasses]} if glasses else {}),
        "accessoriesColor": ["#262e33"],
        "clothesVariant": [CLOTHES["flat"][person.clothes]],
        "clothesColor": [CLOTHES_COLORS[person.clothes_color]],
        "mouthVariant": [mouth],
        "eyesVariant": [eyes],
        "eyebrowsVariant": [brows],
    }


def _toon_options(person: Person, expression: str) -> dict[str, object]:
    mouth, eyes, brows = EXPRESSIONS["toon"][expression]
    beard = FACIAL_HAIR["toon"][person.facial_hair]
    return {
        "hairProbability": 100,
        **HAIR["toon"][person.hair],
        "hairColor": [HAIR_COLORS[person.hair_color]],
        "skinColor": [SKINS[person.skin]],
        "beardProbability": 100 if beard else 0,
        **({"beardVariant": [beard]} if beard else {}),
        "clothesVariant": [CLOTHES["toon"][person.clothes]],
        "clothesColor": [CLOTHES_COLORS[person.clothes_color]],
        "mouthVariant": [mouth],
        "eyesVariant": [eyes],
        "eyebrowsVariant": [brows],
    }


def _toon_overlay(glasses: str, *, crying: bool) -> str:
    """Draw what ToonHead lacks: glasses, an eyepatch and tears, in its 768-unit canvas."""
    ink = "#262e33"
    bridge = f'<path d="M372 408q12-10 24 0M252 404l-40-10M516 404l40-10" stroke="{ink}" stroke-width="9" fill="none"/>'
    parts = {
        "none": "",
        "round glasses": f'<g stroke="{ink}" stroke-width="10" fill="#fff" fill-opacity=".18">'
        f'<circle cx="313" cy="412" r="60"/><circle cx="455" cy="412" r="60"/></g>{bridge}',
        "square glasses": f'<g stroke="{ink}" stroke-width="12" fill="#fff" fill-opacity=".18">'
        '<rect x="251" y="366" width="122" height="92" rx="16"/>'
        f'<rect x="395" y="366" width="122" height="92" rx="16"/></g>{bridge}',
        "sunglasses": f'<g stroke="{ink}" stroke-width="10" fill="{ink}" fill-opacity=".88">'
        '<path d="M250 368h123v50q-6 46-60 46-56 0-63-52z"/>'
        f'<path d="M395 368h123v44q-7 52-63 52-54 0-60-46z"/></g>{bridge}',
        "eyepatch": f'<path d="M200 300L560 380" stroke="{ink}" stroke-width="10"/>'
        f'<path d="M258 372q55-28 110 14q8 74-54 80q-62-12-56-94z" fill="{ink}"/>',
    }
    tears = '<g fill="#57c1f2"><path d="M300 452q-22 34 0 44q24-8 0-44z"/><path d="M468 452q-22 34 0 44q24-8 0-44z"/></g>'
    return parts[glasses] + (tears if crying else "")


def with_traits(person: Person, **traits: str) -> Person:
    """Change some traits of a person; a value that its style cannot draw is refused.

    Raises:
        ValueError: for a value outside the style.
    """
    for trait, value in traits.items():
        if value not in trait_values(trait, person.style):
            raise ValueError(f"{trait} {value!r} cannot be drawn in style {person.style!r}")
    return replace(person, **traits)
