"""Sentences about people and shots of the drawn world: many wordings, and never the whole truth.

A caption names a random subset of the traits, so a prompt leaves room for different people.

People words follow one rule, because a picture here has no sex and no age of its own:
- facial hair: man words (man, guy, gentleman, grandfather). Never boy or girl.
- a hijab or a dress, without facial hair: woman words.
- other hair of `world.LONG_HAIR`, without facial hair: mostly woman words, else person, now and then man.
- all else: man words half of the time, woman words a quarter, person a quarter.
- visible silver hair or a silver beard: old, elderly, grandmother, senior, half of the time; never young.
- any other visible colour, or none to be seen: young words (young, girl, boy, teenager, kid) in a quarter of
  them; not for the bald, the balding or the big-bearded. `boy` needs a bare face; `girl` is a woman word.
- brunette, redhead and blonde name the hair's colour, and stand only where hair can be seen on the head.
Hair that a hijab, a turban or a beanie covers has no colour word; the colour of those is that of the clothes.
The tilt is named as it is seen: a mirrored picture leans to the other side.

Knows nothing about models or files.
"""

import re
from dataclasses import dataclass, field

import numpy as np

from synid_engine.tiny import vocabulary as vocab
from synid_engine.tiny.world import COVERED_HAIR, LONG_HAIR, Person, Shot

MAX_TOKENS = 44
"""Words and marks of the longest caption; a start and an end token join them."""

_TAGS_P, _SENTENCES_P = 0.2, 0.15
_SHORT_P, _FULL_P = 0.12, 0.3
_NAMED_P = {"expression": 0.85, "background": 0.8, "style": 0.75, "framing": 0.8, "tilt": 0.8}
_IDENTITY_P = 0.6
_PLAIN_P, _LIKELY = 0.25, 0.5
_DEFAULT_P = 0.15
_DEFAULTS = {"framing": "portrait", "tilt": "straight"}
_NO_NOUN = ("clean", "without")
_ARTICLE = re.compile(r"\b(?:a|an) (?=([a-z]))")
_TOKEN = re.compile(r"[a-z]+|[0-9]|[^\sa-z0-9]+")


@dataclass(frozen=True, slots=True)
class _Words:
    """Chooses wordings: by chance, or always the plainest."""

    rng: np.random.Generator | None

    def pick(self, options: tuple[str, ...]) -> str:
        """Choose one wording; the first is the likeliest."""
        if self.rng is None or self.rng.random() < _PLAIN_P:
            return options[0]
        return options[int(self.rng.integers(len(options)))]

    def chance(self, probability: float) -> bool:
        """Toss a coin that, without chance, shows what is likelier."""
        return probability > _LIKELY if self.rng is None else bool(self.rng.random() < probability)

    def shuffle(self, items: list[str]) -> list[str]:
        """Order anew."""
        return items if self.rng is None else [items[int(i)] for i in self.rng.permutation(len(items))]


@dataclass(slots=True)
class _Parts:
    """The pieces of one caption before they are put in order."""

    kind: str = "person"
    adjectives: list[str] = field(default_factory=list[str])
    noun: str = "person"
    having: list[str] = field(default_factory=list[str])
    clothes: str = ""
    mood: str = ""
    background: str = ""
    background_tag: str = ""
    prefix: str = ""
    framing: str = ""
    tilt: str = ""
    style: str = ""
    named: dict[str, str] = field(default_factory=dict[str, str])


def caption(person: Person, shot: Shot, rng: np.random.Generator) -> str:
    """Describe a picture in words that leave something open."""
    return named_traits(person, shot, rng)[0]


def named_traits(person: Person, shot: Shot, rng: np.random.Generator) -> tuple[str, dict[str, str]]:
    """Describe a picture, and say which traits the words pin down.

    Returns:
        The caption, lower case, at most `MAX_TOKENS` words and marks, and the named traits with their values.
        `tilt` is as seen, so mirrored for mirrored shots. People words name nothing but a hair colour.
    """
    values = _values(person, shot)
    chosen = _choose(values, rng)
    words = _Words(rng)
    while True:
        parts = _build(person, values, chosen, words)
        text = _compose(parts, words)
        if count_tokens(text) <= MAX_TOKENS:
            return text, parts.named
        chosen.remove(sorted(chosen)[int(rng.integers(len(chosen)))])


def identity_caption(person: Person, rng: np.random.Generator | None = None) -> str:
    """Describe who it is, every identity trait and nothing else; without `rng` in the plainest words."""
    values = {**_values(person, Shot()), "style": person.style}
    identity = {"hair", "hair_color", "skin", "facial_hair", "glasses", "clothes", "clothes_color"}
    words = _Words(rng)
    return _compose(_build(person, values, identity, words), words)


def free_caption(shot: Shot, *, noun: str = "person", rng: np.random.Generator | None = None) -> str:
    """Describe only what a shot changes, about `noun`; default framing and tilt stay unsaid."""
    words = _Words(rng)
    values = {
        "expression": shot.expression,
        "background": shot.background,
        "framing": shot.framing,
        "tilt": seen_tilt(shot),
    }
    chosen = {trait for trait, value in values.items() if value != _DEFAULTS.get(trait)}
    parts = _Parts(noun=noun)
    _add_shot(parts, values, chosen, words)
    return _compose_phrase(parts, words)


def seen_tilt(shot: Shot) -> str:
    """Name the side to which the picture leans."""
    return {"left": "right", "right": "left"}.get(shot.tilt, shot.tilt) if shot.mirror else shot.tilt


def count_tokens(text: str) -> int:
    """Count words, digits and runs of marks as a CLIP tokenizer splits them before it merges."""
    return len(_TOKEN.findall(text.lower()))


def _values(person: Person, shot: Shot) -> dict[str, str]:
    return {
        "hair": person.hair,
        "hair_color": person.hair_color,
        "skin": person.skin,
        "facial_hair": person.facial_hair,
        "glasses": person.glasses,
        "clothes": person.clothes,
        "clothes_color": person.clothes_color,
        "style": person.style,
        "expression": shot.expression,
        "background": shot.background,
        "framing": shot.framing,
        "tilt": seen_tilt(shot),
    }


def _choose(values: dict[str, str], rng: np.random.Generator) -> set[str]:
    """Choose which traits a caption names."""
    length = rng.random()
    if length < _SHORT_P:
        return {str(trait) for trait in rng.choice(list(values), size=int(rng.integers(1, 4)), replace=False)}
    if length < _SHORT_P + _FULL_P:
        return set(values)
    return {
        trait
        for trait, value in values.items()
        if rng.random() < (_DEFAULT_P if value == _DEFAULTS.get(trait) else _NAMED_P.get(trait, _IDENTITY_P))
    }


def _build(person: Person, values: dict[str, str], chosen: set[str], words: _Words) -> _Parts:
    """Word every chosen trait; `named` receives what was really said."""
    parts = _Parts(kind=_kind(person, words))
    parts.noun = _noun(person, parts, words)
    _add_hair(parts, person, chosen, words)
    _add_face(parts, person, chosen, words)
    _add_clothes(parts, person, chosen, words)
    _add_shot(parts, values, chosen, words)
    if "style" in chosen:
        parts.style = words.pick(vocab.STYLE[values["style"]])
        parts.named["style"] = values["style"]
    return parts


def _kind(person: Person, words: _Words) -> str:
    if person.facial_hair != "none":
        return "man"
    if person.hair == "hijab" or person.clothes == "dress":
        return "woman"
    if words.rng is None:
        return "woman" if person.hair in LONG_HAIR else "man"
    shares = (0.8, 0.15, 0.05) if person.hair in LONG_HAIR else (0.25, 0.25, 0.5)
    return ("woman", "person", "man")[int(words.rng.choice(3, p=shares))]


def _noun(person: Person, parts: _Parts, words: _Words) -> str:
    if person.shows_hair_color and person.hair_color == "silver":
        return words.pick((vocab.OLD_PEOPLE if words.chance(0.5) else vocab.PEOPLE)[parts.kind])
    grown = person.hair in ("bald", "balding") or person.facial_hair == "big beard"
    if grown or not words.chance(0.25):
        return words.pick(vocab.PEOPLE[parts.kind])
    if parts.kind == "man" and person.facial_hair == "none" and words.chance(0.6):
        return words.pick(vocab.BOYS)
    return words.pick(vocab.YOUNG_PEOPLE[parts.kind])


def _fill(pattern: str, color: str = "") -> str:
    return " ".join(pattern.format(color).split())


def _add_hair(parts: _Parts, person: Person, chosen: set[str], words: _Words) -> None:
    """Say hair and its colour, on the head where it is seen there, else on the beard (`_add_face`)."""
    visible = person.hair not in (*COVERED_HAIR, "bald")
    color = words.pick(vocab.HAIR_COLOR[person.hair_color]) if "hair_color" in chosen and visible else ""
    if color:
        parts.named["hair_color"] = person.hair_color
        color = _as_person(parts, person, color, words)
    if "hair" not in chosen:
        if color and words.chance(0.25) and " " not in color and color != "brunette":
            parts.adjectives.append(f"{color}-haired")
        elif color:
            parts.having.append(f"{color} hair")
        return
    parts.named["hair"] = person.hair
    adjectives = vocab.HAIR_ADJECTIVES.get(person.hair)
    if adjectives and not color and words.chance(0.4):
        parts.adjectives.append(words.pick(adjectives))
        return
    if person.hair in COVERED_HAIR and "clothes_color" in chosen and words.chance(0.7):
        color = words.pick(vocab.CLOTHES_COLOR[person.clothes_color])
        parts.named["clothes_color"] = person.clothes_color
    options = vocab.HAIR[person.hair]
    if color:
        options = tuple(option for option in options if "{}" in option)
    parts.having.append(_fill(words.pick(options), color))


def _as_person(parts: _Parts, person: Person, color: str, words: _Words) -> str:
    """Sometimes turn the colour into the noun: `redhead`. Returns the colour that is still to be said."""
    nouns = vocab.HAIR_COLOR_PEOPLE[parts.kind].get(person.hair_color)
    if nouns and parts.noun in vocab.PEOPLE[parts.kind] and words.chance(0.2):
        parts.noun = words.pick(nouns)
        return ""
    return color


def _add_face(parts: _Parts, person: Person, chosen: set[str], words: _Words) -> None:
    if "skin" in chosen:
        parts.named["skin"] = person.skin
        if words.chance(0.35):
            parts.adjectives.append(words.pick(vocab.SKIN_ADJECTIVES[person.skin]))
        else:
            parts.having.append(words.pick(vocab.SKIN[person.skin]))
    _add_facial_hair(parts, person, chosen, words)
    if "glasses" in chosen and (person.glasses != "none" or words.chance(0.25)):
        parts.having.append(words.pick(vocab.GLASSES[person.glasses]))
        parts.named["glasses"] = person.glasses


def _add_facial_hair(parts: _Parts, person: Person, chosen: set[str], words: _Words) -> None:
    if person.facial_hair == "none":
        if "facial_hair" in chosen and parts.kind == "man" and words.chance(0.35):
            parts.having.append(words.pick(vocab.FACIAL_HAIR["none"]))
            parts.named["facial_hair"] = "none"
        return
    color_open = "hair_color" in chosen and "hair_color" not in parts.named
    if "facial_hair" not in chosen and not color_open:
        return
    color = ""
    if color_open or ("hair_color" in chosen and words.chance(0.3)):
        color = words.pick(vocab.HAIR_COLOR[person.hair_color])
        parts.named["hair_color"] = person.hair_color
    parts.having.append(_fill(words.pick(vocab.FACIAL_HAIR[person.facial_hair]), color))
    parts.named["facial_hair"] = person.facial_hair


def _add_clothes(parts: _Parts, person: Person, chosen: set[str], words: _Words) -> None:
    color = ""
    if "clothes_color" in chosen and ("clothes_color" not in parts.named or words.chance(0.5)):
        color = words.pick(vocab.CLOTHES_COLOR[person.clothes_color])
        parts.named["clothes_color"] = person.clothes_color
    if "clothes" in chosen:
        parts.clothes = _fill(words.pick(vocab.CLOTHES[person.clothes]), color)
        parts.named["clothes"] = person.clothes
    elif color:
        parts.clothes = _fill(words.pick(vocab.CLOTHES_COLOR_ALONE), color)


def _add_shot(parts: _Parts, values: dict[str, str], chosen: set[str], words: _Words) -> None:
    for trait in ("expression", "background", "framing", "tilt"):
        if trait in chosen:
            parts.named[trait] = values[trait]
    if "expression" in chosen:
        if words.chance(0.25):
            parts.adjectives.insert(0, words.pick(vocab.EXPRESSION_ADJECTIVES[values["expression"]]))
        else:
            parts.mood = words.pick(vocab.EXPRESSION[values["expression"]])
    if "background" in chosen:
        parts.background = words.pick(vocab.BACKGROUND[values["background"]])
        parts.background_tag = words.pick(vocab.BACKGROUND_TAGS[values["background"]])
    _add_framing(parts, values, chosen, words)
    if "tilt" in chosen:
        parts.tilt = words.pick(vocab.TILT[values["tilt"]])


def _add_framing(parts: _Parts, values: dict[str, str], chosen: set[str], words: _Words) -> None:
    if "framing" not in chosen:
        return
    if words.chance(0.6):
        parts.prefix = words.pick(vocab.FRAMING_PREFIXES[values["framing"]])
    else:
        parts.framing = words.pick(vocab.FRAMING[values["framing"]])


def _compose(parts: _Parts, words: _Words) -> str:
    form = 1.0 if words.rng is None else words.rng.random()
    if form < _TAGS_P:
        return _compose_tags(parts, words)
    if form < _TAGS_P + _SENTENCES_P:
        return _compose_sentences(parts, words)
    return _compose_phrase(parts, words)


def _compose_phrase(parts: _Parts, words: _Words) -> str:
    """One flowing phrase: `a woman with red hair, wearing a green hoodie, laughing on a beach`."""
    head = _head(parts, words)
    having = words.shuffle(parts.having)
    clothes = f"{words.pick(('wearing', 'in', 'dressed in'))} {parts.clothes}" if parts.clothes else ""
    if clothes and words.chance(0.3):
        head, clothes = f"{head} {clothes}", ""
    if having:
        head += _with(having)
    mood = parts.mood
    scene = parts.background
    if mood and scene and not mood.startswith("with") and words.chance(0.6):
        mood, scene = f"{mood} {scene}", ""
    tail = words.shuffle([piece for piece in (clothes, mood, scene, parts.tilt, parts.framing) if piece])
    if parts.style and words.chance(0.3):
        return _finish([parts.style, head, *tail])
    return _finish([head, *tail, parts.style])


def _compose_sentences(parts: _Parts, words: _Words) -> str:
    """Short sentences: `a laughing man on a beach. he has a red beard. he is wearing a jacket`."""
    pronoun, has, is_ = vocab.PRONOUNS[parts.kind]
    first = " ".join(piece for piece in (_head(parts, words), parts.background) if piece)
    sentences: list[str] = []
    owned = [item for item in parts.having if not item.startswith(_NO_NOUN)]
    rest = [item for item in parts.having if item not in owned]
    if owned:
        sentences.append(f"{pronoun} {has} {_and(words.shuffle(owned))}")
    if parts.clothes:
        sentences.append(f"{pronoun} {words.pick((f'{is_} wearing', f'{is_} dressed in'))} {parts.clothes}")
    doing = [piece for piece in (parts.mood, parts.tilt, *rest) if piece]
    if doing:
        sentences.append(f"{pronoun} {is_} {', '.join(doing)}")
    ends = [piece for piece in (parts.framing, parts.style) if piece]
    return _article(". ".join([first, *words.shuffle(sentences), *ends]))


def _compose_tags(parts: _Parts, words: _Words) -> str:
    """Tags in any order: `woman, long wavy red hair, round glasses, green hoodie, laughing, beach`."""
    prefix = re.sub(r"^an? | of$", "", parts.prefix)
    clothes = re.sub(r"^an? ", "", parts.clothes)
    having = [re.sub(r"^an? ", "", item) for item in parts.having]
    mood = re.sub(r"^with (?:an? |the )?", "", parts.mood) if words.chance(0.7) else parts.mood
    tilt = re.sub(r"^with the ", "", parts.tilt)
    rest = [
        *parts.adjectives,
        *having,
        clothes,
        mood,
        parts.background_tag,
        tilt,
        parts.framing,
        prefix,
        parts.style,
    ]
    tags = words.shuffle([tag for tag in rest if tag])
    tags.insert(0 if words.chance(0.7) else len(tags), parts.noun)
    return ", ".join(tags)


def _head(parts: _Parts, words: _Words) -> str:
    """Say who: `a close-up of a smiling tanned woman`."""
    article = "" if parts.noun == "someone" and not parts.adjectives else "a "
    noun = "person" if parts.noun == "someone" and parts.adjectives else parts.noun
    who = article + " ".join([*parts.adjectives, noun])
    prefix = parts.prefix or (
        words.pick(vocab.OPENINGS) if words.rng is not None and words.chance(0.12) else ""
    )
    return f"{prefix} {who}".strip()


def _with(items: list[str]) -> str:
    """Join what somebody has, ready to follow the person; what is no noun stands apart."""
    nouns = [item for item in items if not item.startswith(_NO_NOUN)]
    apart = [f", {item}" for item in items if item.startswith(_NO_NOUN)]
    return "".join([f" with {_and(nouns)}" if nouns else "", *apart])


def _and(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _finish(pieces: list[str]) -> str:
    return _article(", ".join(piece for piece in pieces if piece))


def _article(text: str) -> str:
    return _ARTICLE.sub(lambda match: "an " if match[1] in "aeiou" else "a ", text)
