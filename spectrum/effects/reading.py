"""The rows of the effect table on the reader, smollm2-shop: does it read its orders, and does it show?

Each row function takes the reader as (model, tokenizer) and the number of items, and returns a dict as those of
`spectrum.effects.prompting` do. Orders are asked in words and wordings that no tuning row has (`spectrum.shop.orders`).
"""

from dataclasses import replace

from spectrum import seeds
from spectrum.effects.prompting import gain, percent
from spectrum.evaluate import Score
from spectrum.lessons.instruction_tuning.reading import ask
from spectrum.shop import order_words, orders, tasks
from spectrum.shop.samplers import MARKS
from spectrum.shop.scoring import by_instruction, items_of
from spectrum.shop.typed_orders import typed_orders


def some(kind, n, **details):
    """Returns n test orders of a kind, of those whose details are as given."""
    found = []
    for seed in range(100):
        drawn = orders.order_items(kind, n, seed=seed)
        found += [order for order in drawn if order.details.items() >= details.items()]
        if len(found) >= n:
            return found[:n]
    raise ValueError(f"no {n} orders of kind {kind!r} with {details}")


def over_untuned(reader, measure):
    """Returns the gain of the reader over the model beneath its adapter; `measure(pair)` returns a Score."""
    with reader[0].disable_adapter():
        before = measure(reader)
    return gain(before, measure(reader))


def typed(reader, n=40):
    """Returns the reader's gain over the untuned model on orders that people typed; there are forty."""
    return over_untuned(reader, lambda pair: ask(*pair, typed_orders()[:n]))


def shop_tasks(reader, n=320):
    """Returns the reader's gain over the untuned model on lumen's tasks, in wordings that it has never seen."""
    return over_untuned(reader, lambda pair: by_instruction(pair, items_of(tasks.TRAINED, n), (6, 7), chat=True))


def held_out_tasks(reader, n=240):
    """Returns the reader's score on tasks held out from lumen; some of its own orders are like them."""
    return percent(by_instruction(reader, items_of(tasks.HELD_OUT, n), (0, 3), chat=True))


def unknown_word(reader, n=200):
    """Returns the reader's score on an order in a word that occurs nowhere: the control that must fail."""
    return percent(by_instruction(reader, items_of(("glorb",), n), (0,), chat=True))


def options(reader, n=200):
    """Returns how often the reader names the right one of the options that its order lists."""
    return percent(ask(*reader, some("listed", n)))


def blind_pick(n=200):
    """Returns how often a blind pick among their options would be right, in percent; it asks no model."""
    return 100 * sum(1 / len(order.details["options"]) for order in some("listed", n)) / n


def only_options(reader, n=200):
    """Returns how often the reader's answer is one of the options that its order lists, right or wrong."""
    listed = some("listed", n)
    answers = ask(*reader, listed).answers
    pairs = zip(answers, listed, strict=True)
    return percent(Score("only options", [answer.strip() in order.details["options"] for answer, order in pairs]))


def other_options(reader, n=200):
    """Returns how far the score falls where the options are replaced by those of another class of words: the control.

    A model that reads its options cannot give the old answer any more; one that classifies without reading can.
    """
    listed, rng = some("listed", n), seeds.seeded("effects/options", 1)
    return gain(ask(*reader, [with_other_options(order, rng) for order in listed]), ask(*reader, listed))


def with_other_options(order, rng):
    """Returns a listed order with words of another class in the places of its options; the true answer as before."""
    details = order.details
    classes = order_words.CLASSES[rng.choice([name for name in order_words.CLASSES if name != details["class"]])]
    words = [word for synonyms in classes.values() for word in synonyms]
    others = rng.sample(words, len(details["options"]))
    told, instead = (orders.lined(each, details["way"]) for each in (details["options"], others))
    return replace(order, text=order.text.replace(told, instead), details={**details, "options": others})


def fresh_rules(reader, n=200):
    """Returns the reader's score on rules whose answer words are drawn afresh."""
    return percent(ask(*reader, some("mapped", n)))


def json_form(reader, n=200):
    """Returns the reader's score on orders for fields as JSON."""
    return percent(ask(*reader, some("formed", n, form="json")))


def xml_form(reader, n=200):
    """Returns the reader's score on orders for fields as XML."""
    return percent(ask(*reader, some("formed", n, form="xml")))


def lines_form(reader, n=200):
    """Returns the reader's score on orders for fields as lines of key: value."""
    return percent(ask(*reader, some("formed", n, form="lines")))


def voice(reader, n=200):
    """Returns how often the answer has the voice that the order gives it, whatever it says."""
    return percent(voices(reader, some("voiced", n, negated=False)))


def no_voice(reader, n=200):
    """Returns how often the answer has a voice that the order says not to speak in."""
    return percent(voices(reader, some("voiced", n, negated=True)))


def voices(reader, asked):
    """Returns the Score of answers that begin or end as the persona named in their order speaks."""
    answers = ask(*reader, asked).answers
    marks = [MARKS[order.details["persona"]] for order in asked]
    pairs = zip(answers, marks, strict=True)
    spoken = [a.strip().startswith(first.strip()) or a.strip().endswith(last.strip()) for a, (first, last) in pairs]
    return Score("voices", spoken)
