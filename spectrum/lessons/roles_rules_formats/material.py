"""What lesson 03 asks: questions under a role, if–then rules, orders of two parts, and letters to put into fields."""

import json

from spectrum import prompts, seeds
from spectrum.shop import instruction_data, messages, samplers, tasks, world

ROLES = instruction_data.PERSONA_TEXT
ASKED = ("name", "city", "product", "order", "sentiment")
NAMES, CITIES = world.NAMES, world.CITIES
CODES = samplers.ROUTES
NEW_WORDS = ("MAPLE", "BIRCH", "CEDAR", "ALDER", "HAZEL", "ASPEN")
FEELINGS = ("positive", "negative")
TWO_PARTS = {
    "first word, capitals": ("Give the first word.", "Rewrite this in capital letters."),
    "last word, capitals": ("Give the last word.", "Rewrite this in capital letters."),
    "reversed, first word": ("Give the words in reverse order.", "Give the first word."),
    "sorted, first word": ("Give the words from A to Z.", "Give the first word."),
}
DONE = {
    "Give the first word.": lambda words: words[:1],
    "Give the last word.": lambda words: words[-1:],
    "Give the words in reverse order.": lambda words: words[::-1],
    "Give the words from A to Z.": sorted,
    "Rewrite this in capital letters.": lambda words: [word.upper() for word in words],
}


# ---- roles ----


def questions(n, split="test", seed=0):
    """Returns n items, as many of each of five tasks: four facts of a letter and its feeling."""
    each = -(-n // len(ASKED))
    rows = [tasks.TASKS[name].sample(each, split, seed) for name in ASKED]
    return [item for row in zip(*rows, strict=True) for item in row][:n]


def question(item):
    """Returns the text that asks for an item: its task's instruction and the letter."""
    return prompts.ask(tasks.TASKS[item.task], item).strip()


def voice_of(answer):
    """Returns which persona's words stand at both ends of an answer, or None."""
    for voice, (before, after) in samplers.MARKS.items():
        if answer.strip().startswith(before.strip()) and answer.strip().endswith(after.strip()):
            return voice
    return None


def content_of(answer):
    """Returns an answer without the words of a persona around it."""
    voice = voice_of(answer)
    before, after = (mark.strip() for mark in samplers.MARKS[voice]) if voice else ("", "")
    return answer.strip().removeprefix(before).removesuffix(after).strip()


# ---- rules ----


def rule_items(n, branches, answers=CODES, split="test", seed=0):
    """Returns n letters under if–then rules on the wish, as items whose gold answer is what the rules say.

    Each letter has its own rules: `branches` wishes and an otherwise, with answers drawn from `answers`. Half of the
    letters fall under a branch. Where wishes are the answers, no rule names its own wish: obeying means to say
    something else than what the letter wants, which stands in the details as "wish".
    Raises ValueError for fewer than 1 or more than 4 branches.
    """
    if not 1 <= branches < len(messages.INTENTS):
        raise ValueError(f"branches is {branches}; with five wishes there can be 1 to 4, so that an otherwise is left.")
    rng, items = seeds.seeded("prompt_tasks/rules", branches, split, seed), {}
    while len(items) < n:
        text, record = messages.message(rng, split, ("intent",))
        wishes = draw_wishes(rng, branches, record.intent, named=rng.random() < 0.5)
        said = draw_answers(rng, wishes, answers)
        rules = dict(zip(wishes, said, strict=False))
        details = {"rules": prompts.if_then(rules, said[-1]), "wish": record.intent}
        items[text] = tasks.Item("route", text, rules.get(record.intent, said[-1]), details)
    return list(items.values())


def draw_wishes(rng, count, wish, named):
    """Returns `count` different wishes in random order, with `wish` among them only where it is to be named."""
    others = rng.sample([other for other in messages.INTENTS if other != wish], count)
    if named:
        others[rng.randrange(count)] = wish
    return others


def draw_answers(rng, wishes, answers):
    """Returns one answer for each wish and one for otherwise, all different, none equal to its own wish."""
    while True:
        said = rng.sample(list(answers), len(wishes) + 1)
        if all(wish != answer for wish, answer in zip(wishes, said, strict=False)):
            return said


def feeling_items(n, if_positive, otherwise, split="test", seed=0):
    """Returns n letters under one rule on the feeling about the product; the true feeling is in the details."""
    rules = prompts.if_then({"positive": if_positive}, otherwise, of="feeling about the product")
    made = []
    for item in tasks.TASKS["sentiment"].sample(n, split, seed):
        gold = if_positive if item.gold == "positive" else otherwise
        made.append(tasks.Item("route", item.input, gold, {"rules": rules, "feeling": item.gold}))
    return made


# ---- orders of two parts ----


def tuned_orders(words):
    """Returns the wordings of the instruction tuning's orders that hold some words, whatever their capitals."""
    shown = instruction_data.WORDINGS
    orders = [order for name in tasks.TRAINED for order in tasks.TASKS[name].instructions[:shown]]
    return [order for order in orders if words.lower() in order.lower()]


def two_part_items(n, parts, split="test", seed=0):
    """Returns n lists of words as items whose gold answer has both parts done in their order."""
    lists = tasks.TASKS["list_first"].sample(n, split, seed)
    return [tasks.Item("list", i.input, do_parts(i.input, parts), {"parts": parts}) for i in lists]


def do_parts(text, parts):
    """Returns what comes out when the parts, keys of DONE, are done one after the other."""
    words = text.split(", ")
    for part in parts:
        words = DONE[part](words)
    return ", ".join(words)


# ---- fields ----


def letters(n, keys, split="test", seed=0):
    """Returns n letters as items whose gold answer is a JSON object with the given keys, in their order."""
    rng, items, make = seeds.seeded("prompt_tasks/letters", *keys, split, seed), {}, samplers.json_fields((), 1, keys)
    while len(items) < n:
        item = tasks.Item("json", *make(rng, split))
        items.setdefault(item.input, item)
    return list(items.values())


def wanted(items):
    """Returns the {key: value} that each of `letters` asks for."""
    return [json.loads(item.gold) for item in items]


# ---- context ----


def arrivals(n, seed=0):
    """Returns (items, lines, others): questions on products that came after all training, and catalogue lines.

    A line holds the answer to its question; the other line says the same of another new product, with another answer.
    """
    rng, products = seeds.seeded("prompt_tasks/arrivals", seed), {product.name: product for product in world.ARRIVALS}
    items, lines, others = tasks.TASKS["arrival"].sample(n, "test", seed), [], []
    for item in items:
        name = item.details["field"]
        other = rng.choice([product for product in world.ARRIVALS if product.facts()[name] != item.gold])
        lines.append(samplers.fact_sentence(products[item.details["product"]], name))
        others.append(samplers.fact_sentence(other, name))
    return items, lines, others
