"""The words of the drawn world: for every value of every trait, the ways in which captions say it.

The first wording of a value is its plainest. `{}` in a wording is where a colour may stand, or nothing.
Keys are the values of `world.py`, written out here so that words can be had without the renderer.
"""

from collections.abc import Mapping
from typing import TypeAlias

Wordings: TypeAlias = Mapping[str, tuple[str, ...]]

STYLE: Wordings = {
    "flat": (
        "flat style",
        "flat cartoon style",
        "flat vector art",
        "flat avatar",
        "flat design",
        "vector avatar",
    ),
    "toon": ("toon style", "toon drawing", "comic style", "toon character", "comic book style", "toon art"),
}

HAIR: Wordings = {
    "bald": ("a bald head", "no hair", "a shaved head"),
    "balding": (
        "a balding head with {} hair",
        "{} hair on the sides only",
        "thinning {} hair",
        "a receding hairline",
    ),
    "buzz cut": ("a {} buzz cut", "buzzed {} hair", "very short {} hair", "a {} crew cut", "cropped {} hair"),
    "short": ("short {} hair", "short straight {} hair", "a short {} haircut", "neat short {} hair"),
    "short curly": ("short curly {} hair", "short {} curls", "tight {} curls", "a short curly {} haircut"),
    "spiky": ("spiky {} hair", "{} spikes", "spiked {} hair", "messy spiky {} hair"),
    "undercut": ("a {} undercut", "{} hair with shaved sides", "an undercut with {} hair", "a {} quiff"),
    "afro": ("a {} afro", "a big {} afro", "a round {} afro", "afro {} hair"),
    "curly": ("curly {} hair", "long curly {} hair", "{} curls", "big curly {} hair"),
    "dreadlocks": ("{} dreadlocks", "{} dreads", "long {} dreadlocks", "{} braids", "{} locs"),
    "bob": ("a {} bob", "a {} bob cut", "chin-length {} hair", "{} hair in a bob"),
    "shoulder-length": (
        "shoulder-length {} hair",
        "medium-length {} hair",
        "{} hair to the shoulders",
        "medium {} hair",
    ),
    "long straight": (
        "long straight {} hair",
        "straight long {} hair",
        "long smooth {} hair",
        "long sleek {} hair",
    ),
    "long wavy": (
        "long wavy {} hair",
        "flowing {} waves",
        "wavy {} hair",
        "long flowing {} hair",
        "long {} waves",
    ),
    "bun": ("a {} bun", "{} hair in a bun", "{} hair tied up", "a {} topknot", "{} hair up in a bun"),
    "mullet": ("a {} mullet", "a shaggy {} mullet", "shaggy {} hair", "a {} mullet haircut"),
    "hijab": ("a {} hijab", "a {} headscarf", "a {} head scarf", "a {} veil"),
    "turban": ("a {} turban", "a wrapped {} turban", "a {} head wrap"),
    "beanie": ("a {} beanie", "a {} knit hat", "a {} winter hat", "a {} woolly hat", "a {} knitted cap"),
}
HAIR_ADJECTIVES: Wordings = {
    "bald": ("bald", "bald-headed"),
    "balding": ("balding",),
    "curly": ("curly-haired",),
    "spiky": ("spiky-haired",),
    "short": ("short-haired",),
    "long straight": ("straight-haired",),
    "long wavy": ("wavy-haired",),
}

HAIR_COLOR: Wordings = {
    "black": ("black", "jet black", "raven", "raven black", "dark"),
    "brown": ("brown", "chestnut", "dark brown", "chocolate brown", "brunette"),
    "blond": ("blond", "blonde", "golden", "golden blond", "yellow"),
    "red": ("red", "ginger", "auburn", "copper", "orange"),
    "silver": ("silver", "grey", "gray", "white", "silvery"),
    "pink": ("pink", "bright pink", "bubblegum pink", "hot pink"),
    "blue": ("blue", "bright blue", "azure", "deep blue"),
    "green": ("green", "bright green", "emerald", "emerald green"),
    "purple": ("purple", "violet", "lilac", "lavender"),
}
HAIR_COLOR_PEOPLE: Mapping[str, Wordings] = {
    "woman": {"brown": ("brunette",), "red": ("redhead",), "blond": ("blonde",)},
    "man": {"red": ("redhead",), "blond": ("blond",)},
    "person": {"red": ("redhead",)},
}

SKIN: Wordings = {
    "pale": ("pale skin", "fair skin", "light skin", "white skin", "a fair complexion", "porcelain skin"),
    "tan": (
        "tan skin",
        "tanned skin",
        "olive skin",
        "light brown skin",
        "golden skin",
        "a tanned complexion",
    ),
    "brown": ("brown skin", "medium brown skin", "warm brown skin", "bronze skin", "a brown complexion"),
    "dark": (
        "dark skin",
        "black skin",
        "dark brown skin",
        "deep brown skin",
        "ebony skin",
        "a dark complexion",
    ),
}
SKIN_ADJECTIVES: Wordings = {
    "pale": ("pale", "fair-skinned", "light-skinned", "pale-skinned"),
    "tan": ("tanned", "tan", "olive-skinned", "tan-skinned"),
    "brown": ("brown-skinned",),
    "dark": ("dark-skinned",),
}

FACIAL_HAIR: Wordings = {
    "none": ("clean-shaven", "no beard", "a shaved face", "no facial hair"),
    "moustache": ("a {} moustache", "a {} mustache", "a thick {} moustache", "a {} handlebar moustache"),
    "goatee": ("a {} goatee", "a {} chin beard", "a small {} goatee"),
    "beard": ("a {} beard", "a short {} beard", "a full {} beard", "a trimmed {} beard", "a neat {} beard"),
    "big beard": (
        "a big {} beard",
        "a long {} beard",
        "a bushy {} beard",
        "a huge {} beard",
        "a thick {} beard",
    ),
}

GLASSES: Wordings = {
    "none": ("no glasses", "without glasses"),
    "round glasses": (
        "round glasses",
        "round spectacles",
        "circular glasses",
        "round eyeglasses",
        "round-rimmed glasses",
    ),
    "square glasses": (
        "square glasses",
        "glasses",
        "rectangular glasses",
        "square spectacles",
        "thick-framed glasses",
    ),
    "sunglasses": ("sunglasses", "dark sunglasses", "shades", "dark glasses", "black sunglasses"),
    "eyepatch": ("an eyepatch", "an eye patch", "a black eyepatch", "a patch over one eye"),
}

CLOTHES: Wordings = {
    "t-shirt": ("a {} t-shirt", "a {} tee", "a {} tee shirt", "a plain {} t-shirt", "a {} crew neck t-shirt"),
    "v-neck": ("a {} v-neck", "a {} v-neck shirt", "a {} v-neck t-shirt", "a {} v-neck top"),
    "jacket": ("a {} jacket", "a {} blazer", "a {} coat", "an open {} jacket", "a {} suit jacket"),
    "hoodie": ("a {} hoodie", "a {} hooded sweatshirt", "a {} sweatshirt", "a comfy {} hoodie"),
    "sweater": (
        "a {} sweater",
        "a {} jumper",
        "a {} pullover",
        "a {} knit sweater",
        "a {} sweater with a collar",
    ),
    "overalls": ("{} overalls", "{} dungarees", "a pair of {} overalls"),
    "shirt": ("a {} shirt", "a {} button-up shirt", "a {} collared shirt", "a {} dress shirt"),
    "turtleneck": ("a {} turtleneck", "a {} turtleneck sweater", "a {} polo neck", "a {} roll neck sweater"),
    "dress": ("a {} dress", "a {} gown", "a {} summer dress", "a pretty {} dress"),
}
CLOTHES_COLOR: Wordings = {
    "black": ("black", "dark", "jet black", "charcoal"),
    "white": ("white", "cream", "ivory", "snow white"),
    "red": ("red", "crimson", "scarlet", "bright red"),
    "orange": ("orange", "bright orange", "tangerine"),
    "yellow": ("yellow", "bright yellow", "mustard", "lemon yellow"),
    "green": ("green", "forest green", "emerald green", "olive green"),
    "blue": ("blue", "navy", "navy blue", "royal blue", "denim blue"),
    "purple": ("purple", "violet", "lavender", "plum"),
    "pink": ("pink", "rose", "hot pink", "light pink"),
}
CLOTHES_COLOR_ALONE = ("{} clothes", "a {} top", "a {} outfit", "{} clothing")

EXPRESSION: Wordings = {
    "neutral": (
        "with a neutral expression",
        "looking calm",
        "with a calm face",
        "with a serious face",
        "with a blank expression",
        "looking serious",
    ),
    "smiling": (
        "smiling",
        "with a smile",
        "looking happy",
        "with a gentle smile",
        "with a happy face",
        "smiling softly",
    ),
    "laughing": (
        "laughing",
        "laughing out loud",
        "grinning",
        "with a big grin",
        "with a big laugh",
        "with a big smile",
    ),
    "sad": ("looking sad", "with a sad face", "frowning", "feeling sad", "with a frown", "looking unhappy"),
    "crying": (
        "crying",
        "in tears",
        "weeping",
        "with tears in the eyes",
        "sobbing",
        "with tears on the cheeks",
    ),
    "angry": ("looking angry", "with an angry face", "scowling", "looking furious", "glaring", "looking mad"),
    "shouting": ("shouting", "screaming", "yelling", "shouting loudly", "with an open mouth, shouting"),
    "surprised": (
        "looking surprised",
        "with a surprised face",
        "looking shocked",
        "looking amazed",
        "looking astonished",
    ),
    "winking": ("winking", "with a wink", "giving a wink", "winking at the viewer", "winking with one eye"),
    "sleepy": (
        "looking sleepy",
        "with closed eyes",
        "sleeping",
        "with eyes closed",
        "asleep",
        "looking tired",
    ),
    "in love": (
        "in love",
        "with heart eyes",
        "with hearts in the eyes",
        "looking in love",
        "with heart-shaped eyes",
    ),
    "dizzy": (
        "looking dizzy",
        "with x eyes",
        "looking dazed",
        "feeling dizzy",
        "knocked out",
        "looking confused",
    ),
    "annoyed": ("looking annoyed", "rolling the eyes", "rolling eyes", "with an eye roll", "looking bored"),
    "tongue out": (
        "with the tongue out",
        "sticking out the tongue",
        "with tongue out",
        "making a silly face",
        "sticking the tongue out",
    ),
}
EXPRESSION_ADJECTIVES: Wordings = {
    "neutral": ("calm", "serious"),
    "smiling": ("smiling", "happy", "cheerful"),
    "laughing": ("laughing", "grinning", "very happy", "joyful"),
    "sad": ("sad", "unhappy", "gloomy"),
    "crying": ("crying", "weeping"),
    "angry": ("angry", "furious", "mad"),
    "shouting": ("shouting", "screaming", "yelling"),
    "surprised": ("surprised", "shocked", "astonished", "amazed"),
    "winking": ("winking",),
    "sleepy": ("sleepy", "tired", "sleeping"),
    "in love": ("lovestruck",),
    "dizzy": ("dizzy", "dazed"),
    "annoyed": ("annoyed", "bored", "irritated"),
    "tongue out": ("silly", "playful"),
}

WALL_COLORS: Wordings = {
    "white": ("white",),
    "grey": ("grey", "gray"),
    "blue": ("blue", "light blue", "sky blue"),
    "yellow": ("yellow", "light yellow"),
    "pink": ("pink", "light pink"),
    "green": ("green", "light green"),
}
WALLS = (
    "on a {} background",
    "in front of a {} background",
    "in front of a {} wall",
    "against a plain {} background",
    "with a {} background",
    "against a {} wall",
    "with a plain {} backdrop",
)
SCENES: Wordings = {
    "beach": (
        "on a beach",
        "at the beach",
        "by the sea",
        "by the ocean",
        "on a sandy beach",
        "at the seaside",
    ),
    "forest": ("in a forest", "in the woods", "in the forest", "among the trees", "surrounded by trees"),
    "city": (
        "in a city",
        "in the city",
        "downtown",
        "on a city street",
        "in front of skyscrapers",
        "in town",
    ),
    "night": ("at night", "under a starry sky", "under the stars", "under the night sky", "in the moonlight"),
    "mountains": ("in the mountains", "in front of mountains", "on a mountain", "with mountains behind"),
    "sunset": (
        "at sunset",
        "in front of a sunset",
        "at dusk",
        "at golden hour",
        "in the evening sun",
        "at sunrise",
    ),
    "snow": ("in the snow", "in winter", "on a snowy day", "in a snowy landscape", "in falling snow"),
}
BACKGROUND: Wordings = {
    **{
        wall: tuple(pattern.format(color) for pattern in WALLS for color in colors)
        for wall, colors in WALL_COLORS.items()
    },
    **SCENES,
}
BACKGROUND_TAGS: Wordings = {
    **{wall: tuple(f"{color} background" for color in colors) for wall, colors in WALL_COLORS.items()},
    "beach": ("beach background", "beach", "sea", "ocean background"),
    "forest": ("forest background", "forest", "woods", "trees"),
    "city": ("city background", "city", "city street", "skyline"),
    "night": ("night background", "night", "starry sky", "night sky"),
    "mountains": ("mountain background", "mountains"),
    "sunset": ("sunset background", "sunset", "dusk", "golden hour"),
    "snow": ("snowy background", "snow", "winter"),
}

FRAMING_PREFIXES: Wordings = {
    "close-up": (
        "a close-up of",
        "close-up portrait of",
        "close up of",
        "an extreme close-up of",
        "a close shot of",
    ),
    "portrait": ("a portrait of", "portrait of", "a head and shoulders portrait of", "a medium shot of"),
    "wide": ("a wide shot of", "wide shot of", "a long shot of", "a distant shot of", "a full shot of"),
}
FRAMING: Wordings = {
    "close-up": ("close-up", "close up", "zoomed in", "face close-up"),
    "portrait": ("portrait", "head and shoulders"),
    "wide": ("wide shot", "from afar", "seen from a distance", "zoomed out", "from far away"),
}
TILT: Wordings = {
    "straight": ("upright", "looking straight ahead", "with a straight head"),
    "left": ("leaning to the left", "tilted to the left", "leaning left", "with the head tilted left"),
    "right": ("leaning to the right", "tilted to the right", "leaning right", "with the head tilted right"),
}

PEOPLE: Wordings = {
    "woman": ("woman", "woman", "woman", "lady", "female character"),
    "man": ("man", "man", "man", "guy", "gentleman", "male character"),
    "person": ("person", "person", "character", "someone"),
}
YOUNG_PEOPLE: Wordings = {
    "woman": ("young woman", "girl", "girl", "young girl", "teenage girl", "young lady"),
    "man": ("young man", "young man", "young guy"),
    "person": ("young person", "teenager", "teen", "kid", "young adult"),
}
BOYS = ("boy", "boy", "young boy", "teenage boy")
OLD_PEOPLE: Wordings = {
    "woman": ("old woman", "elderly woman", "elderly lady", "old lady", "grandmother", "grandma"),
    "man": ("old man", "elderly man", "older man", "grandfather", "grandpa", "old guy"),
    "person": ("old person", "elderly person", "senior", "older person"),
}
OPENINGS = (
    "a picture of",
    "a drawing of",
    "an image of",
    "an illustration of",
    "a cartoon of",
    "an avatar of",
)
PRONOUNS: Mapping[str, tuple[str, str, str]] = {
    "woman": ("she", "has", "is"),
    "man": ("he", "has", "is"),
    "person": ("they", "have", "are"),
}

TRAIT_WORDINGS: Mapping[str, Wordings] = {
    "style": STYLE,
    "hair": HAIR,
    "hair_color": HAIR_COLOR,
    "skin": SKIN,
    "facial_hair": FACIAL_HAIR,
    "glasses": GLASSES,
    "clothes": CLOTHES,
    "clothes_color": CLOTHES_COLOR,
    "expression": EXPRESSION,
    "background": BACKGROUND,
    "framing": FRAMING,
    "tilt": TILT,
}
