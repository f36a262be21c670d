"""The rows of the effect table that need no training: what prompts do to the base model and to the instruct model.

Each row function takes the two models as (model, tokenizer) and the number of items, and returns a dict with at least
`value` and `n`. `spectrum.effects` holds the rows against their bars.
"""

import numpy as np

from spectrum import prompts, seeds
from spectrum.evaluate import Score, compare, evaluate
from spectrum.generate import answer_logprobs
from spectrum.shop import corpus, instruction_data, samplers, tasks, wordings, world
from spectrum.shop.scoring import DEMONSTRATED, by_examples, by_instruction, items_of


def percent(score):
    """Returns {value, low, high, n}: a Score in percent with its interval."""
    return {
        "value": round(100 * score.mean, 1),
        "low": round(100 * score.low, 1),
        "high": round(100 * score.high, 1),
        "n": score.n,
    }


def gain(before, after):
    """Returns {value, low, high, n, from, to}: a paired difference in points, and the two scores in percent."""
    change = compare(before, after)
    return {
        "value": round(change.difference, 1),
        "low": round(change.low, 1),
        "high": round(change.high, 1),
        "n": before.n,
        "from": round(100 * before.mean, 1),
        "to": round(100 * after.mean, 1),
    }


def demonstrations(base, instruct, n=320):
    """Returns the base model's gain by 4 examples over none, without an instruction."""
    items = items_of(DEMONSTRATED, n)
    return gain(by_examples(base, items, 0), by_examples(base, items, 4))


def invented_labels(base, instruct, n=240):
    """Returns how often the base model gives the likelier of two labels drawn afresh to the right sort of sentence.

    8 examples show the labels, 4 of each in random order.
    """
    rng, shown, named, right = seeds.seeded("effects/labels", 1), [], [], []
    for _ in range(n):
        classes, draw = corpus.labelled_sentences(rng, 2)
        names = dict(zip(classes, rng.sample(corpus.LABEL_WORDS, 2), strict=True))
        order = rng.sample([*classes] * 4, 8)
        gold = rng.choice(classes)
        text = prompts.label([(draw(c), names[c]) for c in order], draw(gold))
        shown += [text, text]
        named += [f" {names[c]}" for c in classes]
        right.append(classes.index(gold))
    likelier = answer_logprobs(*base, shown, named).reshape(n, 2).argmax(1)
    return percent(Score(name="invented labels", correct=likelier == np.array(right)))


def extraction(base, instruct, n=200):
    """Returns the base model's score on single fields by 4 examples."""
    return percent(by_examples(base, items_of(tuple(wordings.FIELDS), n), 4))


def written_steps(base, instruct, n=200):
    """Returns the instruct model's gain by written steps over direct answers, on long totals."""
    items = long_totals(n)
    direct = [tasks.Item("total", i.input, i.gold, i.details) for i in items]
    return gain(by_instruction(instruct, direct, (0,), chat=True), by_instruction(instruct, items, (0,), chat=True))


def long_totals(n):
    """Returns n test items of totals with 5 to 7 terms, that is 4 to 6 additions."""
    rng, make = seeds.seeded("effects/totals", 1), samplers.total(steps=True, terms=(5, 6, 7))
    return [tasks.Item("total_steps", *make(rng, "test")) for _ in range(n)]


def held_out_wordings(base, instruct, n=320):
    """Returns the instruct model's gain over base on trained tasks in wordings that no training data holds."""
    items = items_of(tasks.TRAINED, n)
    return gain(by_instruction(base, items, (6, 7), chat=False), by_instruction(instruct, items, (6, 7), chat=True))


def held_out_tasks(base, instruct, n=240):
    """Returns the instruct model's gain over base on tasks that no training data asks for."""
    items = items_of(tasks.HELD_OUT, n)
    return gain(by_instruction(base, items, (0, 3), chat=False), by_instruction(instruct, items, (0, 3), chat=True))


def unknown_word(base, instruct, n=200):
    """Returns the instruct model's score on an order in a word that occurs nowhere: the control that must fail."""
    return percent(by_instruction(instruct, items_of(("glorb",), n), (0,), chat=True))


def roles(base, instruct, n=240):
    """Returns the instruct model's score under a persona in the system turn; voice and content must both be right."""
    items, rng = items_of(("name", "city", "product", "order"), n), seeds.seeded("effects/roles", 1)
    personas = [rng.choice(list(instruction_data.PERSONA_TEXT)) for _ in items]
    asked = [
        prompts.chat(prompts.ask(tasks.TASKS[i.task], i), instruction_data.PERSONA_TEXT[p])
        for i, p in zip(items, personas, strict=True)
    ]
    wanted = [
        tasks.Item(i.task, i.input, instruction_data.spoken(i.gold, p)) for i, p in zip(items, personas, strict=True)
    ]
    return percent(evaluate(*instruct, wanted, asked, lambda a, i: tasks.same_text(a, i.gold), max_new_tokens=32))


def rules(base, instruct, n=200):
    """Returns the instruct model's score on if–then rules."""
    return percent(by_instruction(instruct, items_of(("route",), n), (6, 7), chat=True))


def json_requests(base, instruct, n=200):
    """Returns the instruct model's score on requests for JSON."""
    return percent(by_instruction(instruct, items_of(("json", "json_class"), n), (6, 7), chat=True))


def closed_book(base, instruct, n=144):
    """Returns the instruct model's score on facts that no training data holds, asked without them in the prompt.

    Only prices, weights and shelves: a colour, a maker or a warehouse is one of eight, and guessing is right too often.
    There are 144 such questions on the new arrivals.
    """
    questions = items_of(("arrival",), len(world.ARRIVALS) * len(samplers.QUESTIONS))
    items = [q for q in questions if q.details["field"] in ("price", "weight", "shelf")]
    return percent(by_instruction(instruct, items[:n], (0,), chat=True))


def known_facts(base, instruct, n=200):
    """Returns the instruct model's score on facts of the corpus, asked without them in the prompt."""
    return percent(by_instruction(instruct, items_of(("fact",), n), (0,), chat=True))


def open_book(base, instruct, n=200):
    """Returns the instruct model's score on facts that no training data holds, with them in the prompt."""
    return percent(by_instruction(instruct, items_of(("arrival_lookup",), n), (0,), chat=True))
