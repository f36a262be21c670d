"""General knowledge that tuning must not break: short questions with one certain answer, and English prose.

The questions were written for the course. The prose is the language reference that every Python carries
(`pydoc_data.topics`), which the model may have read: what counts is whether tuning makes it more surprising.
"""

import math
import re

import torch

from spectrum.evaluate import bootstrap_interval, evaluate

# Kind: (question, "key: answer" pairs; further right answers after a slash).
TABLES = {
    "capital": ("What is the capital of {}?", """France: Paris, Germany: Berlin, Italy: Rome, Spain: Madrid,
        Portugal: Lisbon, Austria: Vienna, Greece: Athens, Poland: Warsaw, Hungary: Budapest, Norway: Oslo,
        Sweden: Stockholm, Denmark: Copenhagen, Finland: Helsinki, Ireland: Dublin, Belgium: Brussels, Russia: Moscow,
        Ukraine: Kyiv/Kiev, Turkey: Ankara, Egypt: Cairo, Kenya: Nairobi, Japan: Tokyo, China: Beijing,
        South Korea: Seoul, Thailand: Bangkok, Vietnam: Hanoi, India: New Delhi/Delhi, Iran: Tehran, Iraq: Baghdad,
        Canada: Ottawa, Mexico: Mexico City, Cuba: Havana, Peru: Lima, Chile: Santiago, Argentina: Buenos Aires,
        Australia: Canberra, the United Kingdom: London, Romania: Bucharest, Bulgaria: Sofia, Croatia: Zagreb,
        Serbia: Belgrade, Colombia: Bogota/Bogotá, Indonesia: Jakarta, Nepal: Kathmandu, Czechia: Prague"""),
    "opposite": ("What is the opposite of the word '{}'?", """hot: cold, big: small/little, tall: short, fast: slow,
        happy: sad/unhappy, light: dark/heavy, hard: soft/easy, rich: poor, young: old, early: late, empty: full,
        open: closed/shut/close, clean: dirty, wet: dry, near: far/distant, high: low, strong: weak, loud: quiet/soft,
        sweet: sour/bitter, true: false, left: right, day: night, up: down, inside: outside, before: after,
        always: never, first: last, win: lose, buy: sell, push: pull,
        thick: thin, deep: shallow, love: hate, more: less"""),
    "plural": ("What is the plural of the word '{}'?", """cat: cats, box: boxes, child: children, mouse: mice,
        foot: feet, tooth: teeth, man: men, woman: women, leaf: leaves, knife: knives, city: cities, baby: babies,
        goose: geese, sheep: sheep, potato: potatoes, wolf: wolves, person: people/persons, bus: buses,
        church: churches, story: stories, fox: foxes, dish: dishes, ox: oxen, lady: ladies"""),
    "past": ("What is the past tense of the verb '{}'?", """go: went, see: saw, eat: ate, write: wrote, take: took,
        give: gave, run: ran, swim: swam, sing: sang, drink: drank, speak: spoke, break: broke, drive: drove, fly: flew,
        know: knew, grow: grew, buy: bought, bring: brought, teach: taught, think: thought, walk: walked, find: found,
        make: made, sleep: slept"""),
    "sound": ("Which animal says '{}'?", """meow: cat, woof: dog, moo: cow, quack: duck, oink: pig, baa: sheep/lamb,
        neigh: horse, cock-a-doodle-doo: rooster/cock, hoot: owl, ribbit: frog"""),
    "count": ("How many {}?", """days are in a week: seven/7, months are in a year: twelve/12,
        hours are in a day: twenty-four/24, minutes are in an hour: sixty/60, seconds are in a minute: sixty/60,
        letters are in the English alphabet: twenty-six/26, sides does a triangle have: three/3,
        sides does a square have: four/4, legs does a spider have: eight/8, legs does a dog have: four/4,
        wheels does a bicycle have: two/2, wheels does a tricycle have: three/3, fingers are on one hand: five/5,
        continents are there: seven/7, centimetres are in a metre: hundred/100,
        metres are in a kilometre: thousand/1000,
        grams are in a kilogram: thousand/1000, years are in a century: hundred/100, years are in a decade: ten/10,
        cents are in a dollar: hundred/100, players are in a football team on the field: eleven/11,
        planets are in the solar system: eight/8, degrees are in a right angle: ninety/90,
        days are in a leap year: 366"""),
    "next": ("{}", """Which day comes after Monday?: Tuesday, Which day comes after Wednesday?: Thursday,
        Which day comes after Friday?: Saturday, Which day comes after Sunday?: Monday,
        Which month comes after January?: February, Which month comes after March?: April,
        Which month comes after June?: July, Which month comes after August?: September,
        Which month comes after October?: November, Which month comes after December?: January,
        Which letter comes after A in the alphabet?: B, Which number comes after nine?: ten/10,
        Which number comes after nineteen?: twenty/20, Which season comes after winter?: spring,
        Which season comes after summer?: autumn/fall"""),
    "symbol": ("What is the chemical symbol of {}?", """gold: Au, silver: Ag, iron: Fe, oxygen: O, hydrogen: H,
        carbon: C, helium: He, sodium: Na, copper: Cu, lead: Pb, calcium: Ca, zinc: Zn"""),
    "language": ("Which language do most people in {} speak?", """France: French, Germany: German, Italy: Italian,
        Spain: Spanish, Portugal: Portuguese, Brazil: Portuguese, Mexico: Spanish, Japan: Japanese, Russia: Russian,
        Poland: Polish, Greece: Greek, Turkey: Turkish, Sweden: Swedish, England: English"""),
    "thing": ("{}", """What colour is grass?: green, What colour is a ripe banana?: yellow, What colour is snow?: white,
        What colour is coal?: black, What colour is blood?: red, What do bees make?: honey,
        What does a cow give us to drink?: milk,
        What is frozen water called?: ice, What is the young of a dog called?: puppy/pup,
        What is the young of a cat called?: kitten,
        What is the young of a cow called?: calf, What is the largest planet in the solar system?: Jupiter,
        Which planet do we live on?: Earth, What is the closest star to the Earth?: Sun,
        What is the largest ocean?: Pacific, What is the longest river in Africa?: Nile,
        What is the highest mountain on Earth?: Everest,
        Who wrote Romeo and Juliet?: Shakespeare, Who painted the Mona Lisa?: Leonardo/Vinci,
        Which gas do plants take in?: carbon dioxide/CO2, What do we call a doctor for teeth?: dentist,
        What is the currency of Japan?: yen, What is the currency of the United Kingdom?: pound,
        In which country is the Eiffel Tower?: France,
        In which country are the pyramids of Giza?: Egypt, Which organ pumps blood?: heart,
        With which organ do we see?: eye/eyes,
        What is the hardest natural material?: diamond"""),
}  # fmt: skip
SHOWN = 2  # the first so many of each kind are shown with their answers before the others, and not asked
ANSWER_TOKENS = 8
PROSE_CHARACTERS, PIECE = 20_000, 1000  # of the prose that is read, and of each piece of it


def pairs(kind):
    """Returns [(question, right answers)] of a kind, each answer a tuple of words of which one is enough."""
    question, table = TABLES[kind]
    found = [pair.rpartition(": ") for pair in " ".join(table.split()).split(", ")]
    return [(question.format(key), tuple(answers.split("/"))) for key, _, answers in found]


def questions():
    """Returns [(kind, prompt, right answers)], plain text: SHOWN answered questions of the kind, then the open one.

    So a model answers in a word, and what is asked for is knowledge, not the form.
    """
    found = []
    for kind in TABLES:
        every = pairs(kind)
        shown = "".join(f"Question: {q}\nAnswer: {right[0]}\n\n" for q, right in every[:SHOWN])
        found += [(kind, f"{shown}Question: {q}\nAnswer:", right) for q, right in every[SHOWN:]]
    return found


def says(answer, right):
    """Returns whether an answer, which is a few words, has one of the right words in it, whole and in any case."""
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", answer, re.IGNORECASE) for word in right)


def knowledge(model, tokenizer, every=1, name="general knowledge"):
    """Returns the Score on the questions, or on each `every`th, in plain text without a chat template."""
    items = questions()[::every]
    asked = [text for _, text, _ in items]
    settings = {"max_new_tokens": ANSWER_TOKENS, "stop": "\n", "floor": 0.0, "ceiling": 1.0, "progress": False}
    return evaluate(model, tokenizer, items, asked, lambda answer, item: says(answer, item[2]), name=name, **settings)


def prose(characters=PROSE_CHARACTERS):
    """Returns pieces of English prose: the longest paragraphs of Python's language reference, tables and code left out.

    Its text differs a little between versions of Python; compare models on one machine.
    """
    from pydoc_data.topics import topics

    parts = [part for text in topics.values() for part in text.split("\n\n")]
    paragraphs = [" ".join(part.split()) for part in parts if not part.startswith("   ")]
    chosen = sorted({p for p in paragraphs if p[:1].isupper() and p.endswith(".")}, key=lambda p: (-len(p), p))
    pieces, used = [], 0
    for paragraph in chosen:
        if used >= characters:
            break
        pieces.append(paragraph[:PIECE])
        used += len(pieces[-1])
    return pieces


@torch.no_grad()
def bits_per_byte(model, tokenizer, pieces=None):
    """Returns a list with the bits that each byte of a piece of text costs the model on average, one for each piece.

    Comparable between tokenizers, which a loss per token is not. The first token of a piece is not counted.
    """
    found = []
    for piece in pieces or prose():
        ids = torch.tensor([tokenizer(piece, add_special_tokens=False)["input_ids"]], device=model.device)
        logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float()
        nats = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
        counted = len(piece.encode()) - len(tokenizer.decode(ids[0, :1]).encode())
        found.append(nats / math.log(2) / counted)
    return found


def prose_score(model, tokenizer, pieces=None):
    """Returns (mean bits per byte, low, high) over pieces of prose, with a 95 % interval over the pieces."""
    found = bits_per_byte(model, tokenizer, pieces)
    return (sum(found) / len(found), *bootstrap_interval(found))
