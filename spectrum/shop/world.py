"""The invented mail-order shop: its catalogue, its customers and cities, planted facts, and how texts are split.

Everything is a pure function of a seed, so the truth is known. What customers write is in
`spectrum.shop.messages`, what can be asked about it in `spectrum.shop.tasks`.
"""

import zlib
from dataclasses import dataclass

from spectrum.seeds import seeded

CATEGORIES = {
    "lighting": ("lamp", "lantern", "torch", "candle"),
    "kitchen": ("kettle", "teapot", "toaster", "pan"),
    "garden": ("rake", "hose", "trowel", "spade"),
    "bedroom": ("pillow", "blanket", "quilt", "mattress"),
    "toys": ("puzzle", "kite", "drum", "doll"),
    "office": ("stapler", "notebook", "folder", "pen"),
    "camping": ("tent", "backpack", "hammock", "flask"),
    "tools": ("hammer", "drill", "saw", "wrench"),
}
CATEGORY_OF = {noun: category for category, nouns in CATEGORIES.items() for noun in nouns}
COLOURS = ("red", "blue", "green", "white", "black", "yellow", "orange", "grey")
MAKERS = ("Arden", "Bolt", "Corvin", "Dahl", "Estrel", "Fenwick", "Galt", "Hobart")
WAREHOUSES = ("Porto", "Ghent", "Turin", "Malmo", "Leeds", "Basel", "Gdansk", "Cork")
NAMES = (
    "Ana Ben Clara David Elena Felix Grace Hugo Irene Jonas Karin Leo Maria Nils Olga Pablo Rosa Simon Tara Victor "
    "Wanda Yusuf Zoe Adam Bella Carl Dina Emil Flora Gina Henry Ines Jack Kira Luca Mona Noah Petra Ravi Sara"
).split()
CITIES = (
    "Lisbon Oslo Cairo Lima Paris Tokyo Delhi Berlin Madrid Rome Vienna Dublin Prague Athens Quito Havana Seoul Tunis "
    "Bogota Riga Sofia Geneva Boston Denver"
).split()

CONSONANTS = "bdfgklmnprstvz"
# What two such syllables may spell by accident, and no product should be called.
WORDS_LIKE_NAMES = (
    "baron basal basil basin basis began bison bogus bonus dado data demon dido dinar dolor donor fatal favor "
    "felon fetal fetus final fuku fukus kaka kilo kudos labor latin legal lemon loris lotus manor mason medal "
    "melon memo memos menu menus metal mini minor minus miso modal moral motor mural nasal natal naval nazi "
    "nazis niga nigal nigan nigar nigas nigi nigil nigin nigir nigis nigo nigol nigon nigor nigos nigu nigun "
    "penal penis pilar pipi polar polo puma pumas pupil puta putas radar razor rival rotor rumor rural salon "
    "savor sedan senor sinus soda sofa sofas solar solo solos sonar sumo tabu taro tenor titan titis tofu togas "
    "total tumor tuna tunas tutor vapor vegan venal venus vigor viral virus vital zonal zulu"
)

# Bits of each catalogue fact: every value is drawn uniformly and independently of all others.
FACT_BITS = {"colour": 3, "warehouse": 3, "maker": 3, "price": 6, "weight": 6, "shelf": 9}
NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPLITS = ("train", "dev", "test")
EIGHTHS = ("train",) * 6 + ("dev", "test")


@dataclass(frozen=True)
class Product:
    """One catalogue entry; `known` tells whether its facts are in the pretraining corpus."""

    name: str
    noun: str
    category: str
    colour: str
    price: int  # dollars
    weight: int  # grams
    warehouse: str
    shelf: str
    maker: str
    known: bool

    def facts(self):
        """Returns {field: value as text} for the six planted facts, worth 30 bits (`FACT_BITS`) together."""
        return {
            "colour": self.colour,
            "price": f"{self.price} dollars",
            "weight": f"{self.weight} grams",
            "warehouse": self.warehouse,
            "shelf": self.shelf,
            "maker": self.maker,
        }


def split_of(text):
    """Returns "train", "dev" or "test" for a text, by its checksum: 6, 1 and 1 in 8, disjoint by construction."""
    return EIGHTHS[zlib.crc32(text.encode()) % 8]


def invented_names(count, seed):
    """Returns `count` distinct two-syllable names such as "Kavo": no customers, cities or makers, no English words."""
    rng, names = seeded("names", seed), {}
    taken = set(NAMES) | set(CITIES) | set(MAKERS) | set(WAREHOUSES) | set(WORDS_LIKE_NAMES.title().split())
    while len(names) < count:
        # No "e" in the second syllable: it would make words, such as "more", "rope" or "tiger".
        name = rng.choice(CONSONANTS) + rng.choice("aeiou") + rng.choice(CONSONANTS) + rng.choice("aiou")
        name = (name + rng.choice(("", "", "l", "n", "r", "s"))).capitalize()
        if name not in taken:
            names[name] = None
    return list(names)


def random_product(rng, name, known):
    """Returns a product with uniformly random facts."""
    noun = name.rsplit(" ", 1)[1]
    return Product(
        name=name,
        noun=noun,
        category=CATEGORY_OF[noun],
        colour=rng.choice(COLOURS),
        price=rng.randrange(4, 68),
        weight=50 * rng.randrange(2, 66),
        warehouse=rng.choice(WAREHOUSES),
        shelf=f"{rng.choice('ABCDEFGH')}{rng.randrange(10, 74)}",
        maker=rng.choice(MAKERS),
        known=known,
    )


def catalogue(seed=0):
    """Returns the 96 products of the shop: 8 categories × 4 nouns × 3; 48 are known, 48 are new arrivals."""
    rng, names = seeded("catalogue", seed), invented_names(96, seed)
    nouns = [noun for noun in CATEGORY_OF for _ in range(3)]
    return [
        random_product(rng, f"{name} {noun}", known=i % 2 == 0)
        for i, (name, noun) in enumerate(zip(names, nouns, strict=True))
    ]


def planted_facts(count, seed=0):
    """Returns `count` (≤ 4096) pairs (locker, code): 9 bits each, in no corpus, to measure what tuning can store."""
    if not 1 <= count <= 4096:
        raise ValueError(f"planted_facts: count must be between 1 and 4096, not {count}")
    rng = seeded("planted", seed)
    first, second = invented_names(64, f"first/{seed}"), invented_names(64, f"second/{seed}")
    keys = rng.sample([f"{a}-{b}" for a in first for b in second], count)
    return [(key, f"{rng.choice('ABCDEFGH')}{rng.randrange(10, 74)}") for key in keys]


def plural(noun):
    """Returns the English plural of a catalogue noun."""
    return noun + "es" if noun.endswith(("ch", "s", "x", "sh")) else noun + "s"


def counted(quantity, product, words=False):
    """Returns e.g. "3 Kavo lamps" or, with words=True, "three Kavo lamps"."""
    name, noun = product.rsplit(" ", 1)
    number = NUMBER_WORDS[quantity] if words else str(quantity)
    return f"{number} {name} {noun if quantity == 1 else plural(noun)}"


def article(word):
    """Returns the word with "a" or "an" before it."""
    return ("an " if word[0].lower() in "aeiou" else "a ") + word


PRODUCTS = catalogue()
KNOWN = [p for p in PRODUCTS if p.known]
ARRIVALS = [p for p in PRODUCTS if not p.known]
