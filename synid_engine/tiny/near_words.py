"""Ordinary English around the drawn world: what each word comes closest to, and what no picture here can show.

Each table is value -> words, comma separated. `SAME` words mean the same as a caption word; `NEAR` words are the
nearest thing that can be drawn, which is then said. All of it is data for `lexicon`; nothing here is shown to a model.
"""

from collections.abc import Mapping
from typing import TypeAlias

Words: TypeAlias = Mapping[str, str]

SAME: Mapping[str, Words] = {
    "style": {
        "flat": "flat, vector, flat cartoon, vector style, vector art, flat illustration, flat art, avatar style",
        "toon": "toon, comic, comic book, cartoon with outlines, toon like, cartoony",
    },
    "hair": {
        "bald": "bald, hairless, shaven head, completely bald, shaved bald, bald headed, bald as an egg",
        "balding": "balding, going bald, half bald, receding hair, bald on top, bald spot, male pattern baldness",
        "buzz cut": "buzz cut, buzzcut, buzzed, crew cut, crewcut, military cut, buzzed head, very short, super short",
        "short": "short haircut, short cut, short haired",
        "short curly": "short and curly, tight curls",
        "spiky": "spikes, spiky, spiked, spiky haired, hair that sticks up, hair sticking up",
        "undercut": "undercut, quiff, shaved sides, sides shaved, hair shaved on the sides",
        "afro": "afro, fro, natural hair",
        "dreadlocks": "dreadlocks, dreads, locs, braids, dreadlock, dread locks",
        "bob": "bob, bob cut, bobbed hair, chin length",
        "long straight": "straight haired",
        "long wavy": "wavy haired",
        "bun": "bun, topknot, top knot, man bun, hair up, hair tied back, hair tied, hair in a knot, chignon",
        "mullet": "mullet",
        "hijab": "hijab, headscarf, head scarf, veil",
        "turban": "turban, head wrap, headwrap",
        "beanie": "beanie, knit hat, knitted hat, winter hat, woolly hat, wool hat, knit cap, woolen hat, toque",
    },
    "skin": {
        "pale": "light skinned, white skinned, caucasian, pale face",
        "tan": "suntanned, sun tanned, tanned skin",
        "brown": "brown skinned, medium brown skin",
        "dark": "dark skinned, black skinned",
    },
    "facial_hair": {
        "none": "clean shaven, cleanshaven, beardless, shaven face, smooth shaven",
        "moustache": "moustache, mustache, moustached, mustached, mustachio, stache, tache, handlebar moustache",
        "goatee": "goatee, chin beard",
        "beard": "beard, bearded, full beard",
        "big beard": "long bearded",
    },
    "glasses": {
        "none": "no spectacles, no eyewear",
        "round glasses": "round specs, round frames, circle glasses, harry potter glasses, round lenses",
        "square glasses": "glasses, spectacles, specs, eyeglasses, bespectacled, square frames, framed glasses, "
        "rimmed glasses, square specs, rectangular frames, nerd glasses",
        "sunglasses": "sunglasses, shades, sunnies, sun glasses, aviators, aviator sunglasses, ray bans, dark lenses",
        "eyepatch": "eyepatch, eye patch, eye patches, patch over his eye, patch over her eye, patch on one eye",
    },
    "clothes": {
        "t-shirt": "t shirt, tshirt, tee, tee shirt, crew neck",
        "v-neck": "v neck, vneck, v neck sweater",
        "jacket": "jacket, blazer, coat, suit jacket",
        "hoodie": "hoodie, hooded sweatshirt, sweatshirt, hoody",
        "sweater": "sweater, jumper, pullover, knit sweater, sweater with a collar",
        "overalls": "overalls, overall, dungarees, bib overalls",
        "shirt": "shirt, button up, button up shirt, button down, collared shirt, dress shirt, button down shirt",
        "turtleneck": "turtleneck, turtle neck, roll neck, polo neck, turtleneck sweater, high neck sweater",
        "dress": "dress, gown, summer dress",
    },
    "expression": {
        "neutral": "neutral, calm, serious, neutral expression, neutral face, straight face, expressionless, no expression, "
        "blank expression, blank stare, emotionless, poker face, deadpan, resting face",
        "smiling": "smiling, smile, smiles, happy, cheerful, gentle smile, happily",
        "laughing": "laughing, laugh, laughs, grinning, grin, grins, big smile, big grin, wide smile, wide grin, joyful, "
        "huge smile, huge grin, toothy grin, toothy smile, giggling, very happy, super happy, overjoyed, cackling",
        "sad": "sad, frowning, frown, frowns, unhappy, gloomy, sad face, sad expression",
        "crying": "crying, cry, cries, weeping, sobbing, in tears, tears, teary, tearful, bawling",
        "angry": "angry, furious, mad, scowling, scowl, glaring, glare, enraged, angry face, raging, pissed off, pissed",
        "shouting": "shouting, screaming, yelling, shout, yell, scream, open mouth, mouth open, with mouth open",
        "surprised": "surprised, shocked, astonished, amazed, surprised face, startled, stunned, gasping, surprise",
        "winking": "winking, wink, winks",
        "sleepy": "sleepy, sleeping, asleep, tired, closed eyes, eyes closed, exhausted, drowsy, dozing, dozing off, "
        "napping, half closed eyes, eyes half closed, tired eyes, sleepy eyes, yawning",
        "in love": "in love, lovestruck, love struck, heart eyes, lovesick, smitten, hearts in the eyes, infatuated",
        "dizzy": "dizzy, dazed, knocked out, confused, x eyes, passed out, woozy",
        "annoyed": "annoyed, bored, irritated, rolling the eyes, rolling eyes, eye roll, rolling her eyes, "
        "rolling his eyes, rolling their eyes, unamused, fed up",
        "tongue out": "tongue out, silly, playful, silly face, sticking out the tongue, sticking tongue out, "
        "sticking his tongue out, sticking her tongue out, sticking their tongue out, sticks out tongue, "
        "tongue sticking out, sticking out her tongue, sticking out his tongue, tongue hanging out, goofy face",
    },
    "background": {
        "beach": "beach, seaside, seashore, sea, ocean, shore, coast, at the sea, sandy beach",
        "forest": "forest, woods, woodland, trees, wood background",
        "city": "city, downtown, city street, skyscrapers, skyline, street, streets, urban background, town, "
        "city background, cityscape, in town",
        "night": "night, night sky, starry sky, starry night, stars, under the stars, moonlight, at night, nighttime, "
        "midnight sky, stars in the background",
        "mountains": "mountain, mountains, mountain background, mountaintop, mountain top, snowy mountains",
        "sunset": "sunset, dusk, golden hour, sunrise, evening sun, dawn, sundown, twilight",
        "snow": "snow, winter, snowy, snowing, falling snow, snow falling, snowy day, snowstorm, blizzard, winter day",
    },
    "framing": {
        "close-up": "close up, closeup, close ups, close shot, close portrait, extreme close up, zoomed in, face close up, headshot",
        "portrait": "portrait, portrait of, head and shoulders, medium shot, bust shot, half body",
        "wide": "wide shot, long shot, full shot, from afar, from far away, zoomed out, full body, far away, "
        "distant shot, seen from a distance, from a distance, in the distance",
    },
    "tilt": {
        "straight": "upright, looking straight ahead, straight head, facing the camera, facing forward",
        "left": "leaning to the left, leaning left, tilted to the left, tilted left, head tilted left, tilting left, "
        "head tilted to the left, tilting to the left",
        "right": "leaning to the right, leaning right, tilted to the right, tilted right, head tilted right, "
        "tilting right, head tilted to the right, tilting to the right",
    },
}

NEAR: Mapping[str, Words] = {
    "style": {
        "toon": "anime, manga, pixar, disney, chibi, hand drawn, cel shaded",
        "flat": "minimalist, icon, simple style",
    },
    "hair": {
        "balding": "comb over, combover, thinning, receding, receding hairline, monk haircut, tonsure, thin on top",
        "buzz cut": "fade, fade haircut, high and tight, fuzz, stubbly head, caesar, caesar cut, french crop",
        "short": "pixie, pixie cut, pixie hair, side part, parted hair, boyish haircut, tomboy haircut",
        "spiky": "bedhead, bed head, bedhair, hair standing up, liberty spikes, anime hair, hedgehog hair",
        "undercut": "mohawk, faux hawk, fauxhawk, pompadour, side shave, sidecut, side cut, mohawked",
        "dreadlocks": "cornrows, cornrow, box braids, twists, braided hair, braid, braided, plaits, plait, crown braid",
        "bob": "bowl cut, bowl haircut, lob, page boy cut, pageboy",
        "bun": "ponytail, pony tail, pigtails, pig tails, twin tails, twintails, space buns, updo, buns, high ponytail, "
        "side ponytail, up do, hair pinned up, twin buns, hair pulled back",
        "curly": "ringlets, perm, permed hair, mane of curls, curls everywhere",
        "long wavy": "mane, beach waves, rapunzel hair, barrel waves",
        "beanie": "hat, cap, baseball cap, snapback, beret, bobble hat, ski hat, trucker hat, santa hat, bonnet",
        "hijab": "shawl over the hair, niqab, burqa, babushka scarf, chador",
        "turban": "bandana, bandanna, durag, do rag, head cloth",
        "mullet": "shag, wolf cut, rocker hair",
    },
    "skin": {"pale": "pasty, ghostly", "tan": "sunkissed, sun kissed, sunburnt tan, bronzed"},
    "facial_hair": {
        "beard": "stubble, stubbly, five o'clock shadow, 5 o'clock shadow, five o clock shadow, 5 o clock shadow, scruff, "
        "unshaven, mutton chops, sideburns, patchy beard, whiskers",
        "goatee": "soul patch, van dyke, chin strap, chinstrap, chin hair, chin puff, imperial beard",
    },
    "glasses": {
        "round glasses": "monocle, goggles, pince nez, steampunk goggles, half moon glasses, john lennon glasses",
        "square glasses": "reading glasses, cat eye glasses, horn rimmed glasses, half rim glasses, oval glasses, "
        "safety glasses, visor glasses",
        "sunglasses": "visor, ski goggles, vr headset",
        "eyepatch": "one eye covered, bandaged eye",
    },
    "clothes": {
        "t-shirt": "tank top, tanktop, jersey, crop top, singlet, sports top, undershirt, muscle shirt, football shirt, "
        "band shirt, leotard, tunic, camisole, halter top, scrubs",
        "v-neck": "wrap top, low cut top, kimono top",
        "jacket": "suit, tuxedo, tux, trench coat, trenchcoat, overcoat, raincoat, parka, vest, waistcoat, lab coat, "
        "bomber jacket, windbreaker, puffer jacket, fur coat, duster, duster coat, "
        "varsity jacket, letterman jacket, pea coat, peacoat, anorak, rain coat, gilet, bolero",
        "hoodie": "hood, hooded, sweat shirt, tracksuit, track jacket, fleece, zip up",
        "sweater": "cardigan, knitwear, wool top, christmas sweater, sweater vest, fair isle",
        "overalls": "apron, jumpsuit, onesie, romper, boiler suit, boilersuit, coveralls, pinafore, suspenders",
        "shirt": "polo, polo shirt, blouse, flannel, flannel shirt, uniform, school uniform, hawaiian shirt, "
        "work shirt, guayabera",
        "turtleneck": "high collar, mock neck, cowl neck, neck warmer",
        "dress": "robe, robes, sundress, sun dress, kimono, sari, saree, ballgown, ball gown, wedding dress, toga, "
        "frock, nightgown, maxi dress, tutu, cassock, kaftan, caftan, cheongsam, evening gown",
    },
    "expression": {
        "neutral": "stoic, stern, relaxed, chill, chilled, peaceful, serene, composed, thoughtful, pensive, stone faced, "
        "focused, concentrated, tough look, indifferent, zen, solemn, unfazed, determined, blank",
        "smiling": "kind, friendly, gentle, smirk, smirking, smug, pleased, grateful, proud, polite, "
        "confident, smirks, sly, charming, welcoming, good natured, hopeful, optimistic",
        "laughing": "excited, jolly, ecstatic, thrilled, delighted, hysterical, giggle, giggles, chuckling, merry, "
        "beaming, chuckle, evil laugh, cracking up, snickering, bubbly, gleeful, amused, lol face",
        "sad": "depressed, heartbroken, melancholic, melancholy, sorrowful, miserable, lonely, upset, disappointed, "
        "moping, pouting, pout, worried, anxious, nervous, grieving, concerned, ashamed, guilty, stressed",
        "angry": "rage, hostile, fierce, menacing, mean, aggressive, snarling, growling, vengeful, outraged",
        "shouting": "roaring, roar, howling, battle cry, singing, cheering, shrieking, hollering, bellowing",
        "surprised": "frightened, scared, terrified, afraid, horrified, fearful, gasp, wide eyed, awestruck, in awe, "
        "panicked, panicking, alarmed, spooked, jaw dropped, flabbergasted, speechless, bewildered",
        "winking": "flirty, flirting, flirtatious, cheeky, teasing, mischievous, seductive",
        "sleepy": "weary, fatigued, worn out, droopy eyes, dreaming, meditating, praying, daydreaming, dreamy",
        "in love": "adoring, romantic, enamored, love eyes, starry eyed, head over heels",
        "dizzy": "drunk, tipsy, hungover, confusion, puzzled, perplexed, nauseous, sick, disoriented, concussed",
        "annoyed": "grumpy, sarcastic, unimpressed, skeptical, frustrated, impatient, moody, cranky, sassy, sulking, "
        "disgusted, sullen, contemptuous, judgmental, grouchy, disgruntled, side eye, bothered",
        "tongue out": "derpy, goofy, making faces, blep, wacky, clowning around, cheeky tongue",
    },
    "background": {
        "beach": "island, tropical beach, sand, seafront, harbor, harbour, pier, boat deck, lakeside, riverside, lagoon, waterfront, lake",
        "forest": "jungle, garden, park, meadow, nature, grove, swamp, countryside, greenery, outdoors, rainforest, woodlands, evergreen, spruce, pine trees, oak, bushes",
        "city": "alley, rooftop, buildings, tokyo, new york, neon city, market, village, metropolis, urban",
        "night": "space, outer space, galaxy, moon, midnight, moonlit, dark sky, nightfall, starlight, full moon",
        "mountains": "cliff, hills, canyon, valley, alps, peak, peaks, volcano, highlands",
        "sunset": "evening, orange sky, evening sky, autumn evening, sun going down, burning sky",
        "snow": "ice, icy, glacier, arctic, frozen lake, christmas, frost",
        "blue": "sky, blue sky, bright sky, clouds, cloudy sky, daylight",
        "white": "plain background, blank background, empty background, no background, studio, simple background",
    },
    "framing": {
        "close-up": "selfie, face shot, macro",
        "wide": "standing far off, whole body, tiny in the frame",
    },
    "tilt": {},
}

# Colours, by what they colour. The words of the captions join these.
HAIR_COLORS: Words = {
    "black": "ebony, onyx, midnight, inky, jet, coal, coal black, pitch black, very dark, blue black",
    "brown": "chocolate, hazel, mahogany, coffee, brunette, mousy, mousy brown, chestnut brown, caramel, umber",
    "blond": "sandy, honey, honey blonde, strawberry blonde, strawberry blond, sun bleached, bleached, dirty blonde, "
    "dirty blond, platinum blonde, platinum blond, flaxen, gold, wheat, straw, bleached blonde, bleached blond, fair, "
    "beige, ash blonde, ash blond, champagne, sandy blond, sandy blonde, tan",
    "red": "redheaded, crimson, scarlet, maroon, burgundy, fiery, fiery red, rust, rusty, strawberry, ruby, cherry red, "
    "cherry, vermilion, flame, flame red, blood red, bright red, carrot, titian, wine red",
    "silver": "platinum, ash, ashen, ashy, salt and pepper, snow white, greying, graying, steel, ivory, "
    "pepper, cream, greyish, frosty, snowy white, pearl",
    "pink": "rose, rose gold, magenta, fuchsia, peach, salmon, cotton candy, coral, pastel pink, rosy, bubblegum, candy",
    "blue": "navy, turquoise, cyan, aqua, teal, cobalt, sapphire, indigo, aquamarine, midnight blue, cerulean, electric",
    "green": "lime, mint, seafoam, seafoam green, olive, moss, jade, forest green, mossy, chartreuse, sea green, neon",
    "purple": "plum, mauve, amethyst, orchid, eggplant, grape, periwinkle",
}
CLOTHES_COLORS: Words = {
    "black": "ebony, onyx, jet, inky, raven, midnight, pitch black, goth black",
    "white": "grey, gray, silver, platinum, beige, pearl, silvery, ash, off white, pale, eggshell, bone, greyish, blonde",
    "red": "maroon, burgundy, ruby, cherry, wine, wine red, blood red, rust, ginger, vermilion, brick red, auburn",
    "orange": "brown, tan, copper, amber, peach, bronze, chocolate, chestnut, apricot, terracotta, caramel, coral, camel, "
    "rusty, pumpkin",
    "yellow": "gold, golden, honey, sandy, sand, lemon, canary, blond, ochre",
    "green": "emerald, lime, mint, khaki, olive, moss, jade, seafoam, seafoam green, camo, neon, sage, camouflage",
    "blue": "turquoise, cyan, aqua, teal, cobalt, sapphire, indigo, azure, denim, cerulean, midnight blue, jean, blue jean",
    "purple": "lilac, mauve, amethyst, indigo purple, eggplant, periwinkle, grape, orchid",
    "pink": "magenta, fuchsia, salmon, blush, bubblegum, pastel pink, bubblegum pink, cotton candy, rose gold, rosy",
}
SKIN_COLORS: Words = {
    "pale": "pale, fair, light, white, ivory, porcelain, milky, very pale, creamy, cream, alabaster, peach, snow white, "
    "rosy, pinkish, pink, beige",
    "tan": "tan, tanned, olive, golden, light brown, honey, caramel, sun kissed, sunkissed, very tan, weathered tan, sandy",
    "brown": "brown, medium brown, bronze, copper, warm brown, chestnut, hazel, mocha, coffee, medium",
    "dark": "dark, black, dark brown, deep brown, ebony, chocolate, very dark, deep, mahogany, onyx, umber",
}
WALL_COLORS: Words = {
    "white": "white, cream, ivory, beige",
    "grey": "grey, gray, silver, dark, charcoal, black",
    "blue": "blue, turquoise, teal, cyan, aqua, navy, azure",
    "yellow": "yellow, gold, golden, orange, mustard",
    "pink": "pink, red, purple, violet, lavender, lilac, rose, magenta, peach, coral",
    "green": "green, mint, lime, emerald, olive",
}
COLOR_PREFIXES = (
    "light, dark, deep, bright, pale, neon, pastel, hot, vivid, soft, faded, rich, warm, electric, dusty, dirty, "
    "icy, ice, muted, very dark, very light, dyed, baby, royal, midnight, bleached, ash, dull, shiny, natural"
)

# Adjectives of hair, beards and glasses; what they make of their noun is decided in `lexicon`.
MODIFIERS: Words = {
    "long": "long, very long, super long, waist length, hip length, lengthy, floor length, knee length, longer",
    "short": "short, cropped, choppy, chopped, shorter, shortish, close cropped",
    "medium": "shoulder length, medium length, mid length, medium, to his shoulders, to her shoulders, to the shoulders, "
    "to their shoulders, down to her shoulders, down to his shoulders",
    "curly": "curly, curls, coily, kinky, frizzy, permed, fluffy, puffy, poofy, curled, curly haired",
    "wavy": "wavy, waves, flowing, wavey",
    "straight": "straight, sleek, smooth, silky",
    "spiky": "messy, wild, tousled, ruffled, unkempt, disheveled, dishevelled, bristly, untidy, windswept",
    "shaggy": "shaggy, tangled, scraggly, unruly, mangy",
    "neat": "neat, slick, slicked, slicked back, combed, combed back, side parted, parted, tidy, trimmed, groomed, "
    "well groomed, side swept, parted to the side, gelled, brushed back",
    "big": "big, huge, bushy, thick, massive, giant, enormous, voluminous, large, fat, gigantic, full, magnificent",
    "thin": "thin, wispy, sparse, patchy",
    "small": "small, tiny, little, scruffy, stubbly, scruffy looking",
    "tied": "tied back, tied up, tied, pulled back, pinned up, put up, tied in a bun",
    "round": "round, circular, oval",
    "square": "square, rectangular, thick framed, thick rimmed, black framed, horn rimmed, framed, rimmed, wire, cat eye",
    "bangs": "bangs, fringe, curtain bangs",
    "long wavy": "down to her waist, down to his waist",
}

PEOPLE: Words = {
    "woman": "mom, mother, mum, wife, aunt, auntie, daughter, sister, gal, chick, heroine, waitress, actress, female, "
    "queen, princess, goddess, witch, sorceress, priestess, nun, maid, empress, duchess, lady knight, cowgirl, catgirl, "
    "cat girl, mermaid, maiden, karen, headmistress, barmaid, housewife, businesswoman, policewoman, ballerina, geisha, "
    "latina, women, ladies, schoolmistress",
    "girl": "schoolgirl, tomboy, lass, girlie, waifu, girls, little girl",
    "man": "dad, father, husband, uncle, son, brother, male, hero, king, prince, duke, wizard, warlock, butler, priest, "
    "monk, cowboy, fisherman, businessman, policeman, fireman, waiter, latino, lord, lumberjack, caveman, emperor, "
    "headmaster, mailman, salesman, handyman, swordsman, men, gentlemen",
    "guy": "dude, bro, bloke, fella, fellow, lad, chap, gym bro, tech bro, daddy, boyfriend, guys, dudes",
    "boy": "schoolboy, little boy, boys, lil dude",
    "kid": "child, toddler, baby, youngster, kids, children, teens",
    "person": "people, human, adult, oc, persona, figure, individual, somebody, folk, protagonist, main character",
    "grandma": "granny, nana, old grandma, grandmas",
    "grandpa": "gramps, granddad, old grandpa, grandad",
    "teenager": "adolescent, teenage kid, tween",
}
AGES: Words = {"old": "old, elderly, older, aged, ancient", "young": "young, teenage, teen, youthful, little"}

# What no picture of this world can show. Roles stand for a person; things take the adjectives before them along.
ROLES = """
knight, pirate, wizard, witch, warrior, soldier, samurai, ninja, assassin, detective, doctor, nurse, chef, cook, baker,
captain, sea captain, pirate captain, teacher, professor, scientist, mad scientist, inventor, librarian, barista, student,
college student, grad student, farmer, hunter, bounty hunter, ranger, rogue, paladin, druid, bard, cleric, mage, sorcerer,
sorceress, warlock, necromancer, alchemist, monk, priest, nun, angel, demon, devil, vampire, werewolf, zombie, ghost,
skeleton, elf, half elf, dark elf, orc, dwarf, goblin, fairy, mermaid, dragon, alien, robot, android, cyborg, giant, ogre,
troll, hobbit, gnome, halfling, tiefling, dragonborn, centaur, catgirl, cat girl, catboy, furry, superhero, villain, hero,
queen, king, prince, princess, emperor, empress, duke, duchess, lord, noble, nobleman, butler, maid, servant, slave,
viking, barbarian, gladiator, cowboy, cowgirl, sheriff, gunslinger, outlaw, bandit, thief, mercenary, marine, space marine,
astronaut, pilot, sailor, fisherman, blacksmith, mechanic, engineer, programmer, hacker, gamer, streamer, influencer,
model, fashion model, singer, rockstar, rock star, rapper, musician, guitarist, drummer, dj, dancer, ballerina,
ballet dancer, painter, artist, street artist, poet, writer, philosopher, scholar, lawyer, judge, businessman, businesswoman,
accountant, cashier, clerk, office worker, intern, waiter, waitress, bartender, biker, skater, surfer, swimmer, lifeguard,
athlete, boxer, wrestler, basketball player, hockey player, football player, tennis player, soccer player, cheerleader,
jock, nerd, geek, punk, goth, emo, hippie, hipster, lumberjack, firefighter, police officer, cop, policeman, agent, spy,
mob boss, mobster, gangster, mafia boss, clown, jester, magician, monster, beast, caveman, chief, tribal chief, shaman,
nomad, hermit, traveler, traveller, wanderer, explorer, adventurer, archaeologist, guard, bodyguard, santa, idol, mascot,
android girl, golem, genie, deity, god, goddess, spirit, mutant, clone, cat, dog, wolf, fox, rabbit, bunny, lolita, butcher,
delivery guy, counselor, camp counselor, dragon rider, gentle giant, barmaid, headmistress, highlander, neighbour, neighbor,
roommate, archer, gardener, florist, plumber, carpenter, electrician, officer, sergeant, general, commander, boss, ceo,
manager, secretary, reporter, journalist, photographer, tourist, bride, groom, influencer girl, yoga teacher, fan, leader,
type, lover, soccer mom, prisoner, therapist, dentist, surgeon, vet, zookeeper, trainer, coach, referee, succubus, imp,
kitsune, siren, nymph, valkyrie, pharaoh, sultan, geisha, ronin, shinobi, marksman, sniper, medic, smuggler, merchant,
innkeeper, trader, beggar, peasant, squire, jedi, sith, timelord, exorcist, cultist, inquisitor, templar, crusader
"""
THINGS = """
eye, ear, nose, lip, tooth, teeth, fang, eyebrow, eyelash, lash, chin, double chin, jaw, jawline, cheek, cheekbone, forehead,
neck, shoulder, arm, hand, finger, leg, body, chest, muscle, abs, belly, nail, claw, scar, tattoo, freckle, mole, beauty mark,
wrinkle, dimple, acne, pimple, birthmark, vitiligo, blush, makeup, make up, lipstick, eyeliner, mascara, eyeshadow, face paint,
war paint, paint splatter, oil stain, dark circle, dark circles under eyes, bag under eyes, bandage, band aid, bandaid, wound,
blood, bruise, burn, piercing, nose ring, lip ring, nose stud, stud, septum, septum piercing, eyebrow piercing, earring,
hoop earring, hoop, jewelry, jewellery, necklace, pendant, choker, collar, chain, bracelet, ring, watch, pearl, crown, tiara,
circlet, halo, horn, antler, wing, tail, cat ear, elf ear, pointy ear, pointed ear, fox ear, bunny ear, animal ear, antenna,
tusk, scale, fur, feather, headdress, flower crown, flower, headband, hairband, hair clip, ribbon, bow, scarf, glove, belt,
boot, shoe, sneaker, sandal, sock, jeans, pants, trousers, skirt, shorts, leggings, legging, kilt, underwear, bikini, swimsuit,
cape, cloak, mantle, armor, armour, breastplate, chainmail, helmet, horned helmet, mask, gas mask, balaclava, straw hat, top hat,
cowboy hat, witch hat, wizard hat, pointy hat, fedora, bowler hat, headset, headphone, earbud, airpod, earphone, microphone,
sword, katana, dagger, knife, axe, bow and arrow, arrow, shield, gun, rifle, pistol, weapon, staff, wand, hammer, spear,
book, phone, laptop, guitar, cigarette, cigar, pipe, vape, coffee, mug, cup, drink, beer, wine glass, food, backpack, bag, badge,
star badge, medal, gold medal, balloon, bindi, hijab pin, tie, bow tie, necktie, gem, window, sofa, chair, table, plant, notebook, emblem, jewel, cybernetic arm, robot arm, prosthetic,
prosthetic arm, implant, circuit, streak, highlight, highlights, balayage, ombre, split dye, unibrow, widow's peak, adam's apple,
vine, leaf, leaves, fire, flame, lightning, magic, aura, smoke, rain, car, motorcycle, horse, pet, parrot, heterochromia, wheelchair,
seashell, shell, spot, stripe, bulge, filler, lip filler, braces, mark, makeup look, face tattoo, monobrow, nostril, wrist, elbow,
hip, waist, thigh, foot, feet, peace sign necklace, tusk, tentacle, gill, fin, hoof, hooves, snout, muzzle, beak, mane of fire,
sleeve, zipper, button, pocket, patch, pin, logo, stain, coffee stain, thumb, thumbs up, peace sign, pose, gesture, wave hand,
eye color, eye colour, hair accessory, bob pin, hairpin, tassel, cane, umbrella, flag, banner, crystal ball, skull, potion, chest hair
"""
QUALITIES = """
tall, short king, skinny, slim, slender, thin guy, chubby, overweight, plump, curvy, petite, muscular, buff, athletic, strong,
ripped, broad shouldered, broad, stocky, burly, lanky, freckled, scarred, tattooed, wrinkled, wrinkly, pierced, toned, fit,
asian, japanese, chinese, korean, indian, african, european, american, brazilian, mexican, arab, arabic, french, german,
british, scottish, irish, italian, spanish, russian, ukrainian, jamaican, nigerian, nordic, scandinavian, hispanic, native,
polynesian, hawaiian, muslim, sikh, jewish, christian, buddhist, middle aged, middle age, adult aged, trans, nonbinary,
non binary, androgynous, cyberpunk, steampunk, gothic, medieval, fantasy, futuristic, sci fi, scifi, realistic, photorealistic,
3d, watercolor, watercolour, oil painting, pixel art, sketch, noir, black and white photo, vintage, retro, victorian, modern,
80s, 90s, 70s, 60s, 20s fashion, magical, glowing, shiny, sparkly, sparkling, metallic, chrome, golden armor, transparent,
translucent, invisible, ethereal, cybernetic, mechanical, robotic, undead, cursed, evil, holy, divine, royal, regal, elegant,
fancy, rich, poor, wealthy, homeless, wise, smart, clever, nerdy, geeky, dumb, shy, timid, quiet, introverted, brave, bold,
strange, weird, creepy, scary, spooky, mysterious, dangerous, badass, edgy, rebellious, sexy, hot, cute, beautiful, pretty,
handsome, gorgeous, attractive, adorable, ugly, cool, stylish, fashionable, sporty, casual, formal, cozy, comfy, baggy, oversized,
loose, tight fitting, ragged, torn, dirty, bloody, wet, sweaty, oily, greasy, dusty looking, striped, plaid, checkered, polka dot,
floral, tie dye, pinstripe, leather, silk, lace, velvet, wool, cotton, frilly, embroidered, patterned, colorful, colourful,
rainbow, multicolored, multicolor, two tone, bicolor, ombre hair, camo pattern, one eyed, blind, deaf, winged, horned, masked,
hooded figure, armored, armoured, armed, shirtless, no shirt, topless, naked, nude, pregnant, covering one eye, covering his eye,
covering her eye, over one eye, hair over one eye, covering the face, underwater, desert, indoors, kitchen, bedroom, classroom,
office, library, castle, cafe, bar, restaurant, school, tavern, church, apartment, house, room, bus, gas station, hotel, pub, indoor, interior, dungeon, spaceship, gym, stage, battlefield, cave,
hospital, train, rainy, waving, pointing, running, jumping, dancing, sitting, standing, walking, fighting, flying, reading, drinking,
eating, smoking, cooking, kissing, hugging, blushing, sweating, bleeding, floating, rosy, rotting, dying, square jaw, lazy,
heroic, majestic, powerful, famous, sunburnt, sunburned, pinup, tribal, desperate, hardworking, loyal, natural beauty, tattered,
half hidden, hidden, missing, pointy, pointed, crooked, broken, sharp, star shaped, heart shaped, tinted, weathered, star wars,
harry potter, marvel, dc, naruto, pokemon, dnd, d&d, minecraft, fortnite, genshin, zelda, villainous, sinister, sneaky, cocky,
arrogant, innocent, religious, nocturnal, mystical, elven, intense gaze, side profile, profile view, talking, feminine, masculine, girly, manly, buxom, gangly, hunched, crosseyed, cross eyed, wild west
"""
STOP = """
a, an, the, and, or, with, w, of, in, on, at, by, to, for, from, as, is, are, was, has, have, having, had, who, that, which, whose, wearing,
wears, dressed, wear, his, her, their, its, my, your, our, he, she, they, it, i, me, him, them, this, these, those, there, be, been, being, looks,
looking, look, like, also, very, really, super, kinda, kind of, sort of, so, too, quite, rather, some, any, bit, little bit, lots, lot, pretty much,
lol, haha, pls, please, make, made, draw, create, generate, give, want, would, but, just, always, usually, often, never mind, over, under, behind,
up, down, out, off, into, around, across, between, near, while, because, where, when, if, then, than, all, both, each, one, two, pair, set,
sporting, rocking, featuring, showing, shows, covered, face, expression, head, background of, image, picture, drawing, illustration,
photo, cartoon, avatar, character, style, art, design, color, colour, colored, coloured, dyed, tone, toned skin, kind, sort, ish, im, i'm, he's,
she's, they're, it's, s, t, go, going, goes, get, gets, got, ahead, viewer, camera, feeling, giving, making, front, seen, view, type of, vibe, vibes,
shaped, length, cut, haircut, hairstyle, hairdo, styled, style hair, plus, about, around the, top of, sides, side, back, middle, still, even, can, will, do, does,
up to, here, lived, living, named, called, name, mostly, slightly, somewhat, extra, complete, totally, completely, only, against, among,
surrounded, nice, new, own, same, other, another, more, most, much, many, few, enough, almost, nearly, basically, probably, maybe, no one, thing, stuff, appears, appearing, shown, early, late, outside, inside, visible, stands, clearly, scene, lighting,
pretty, plain, comfy, wrapped, winter, knit, extremely, loudly, softly, summer, open, smooth, falling, sandy
"""
