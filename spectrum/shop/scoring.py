"""Scores of a model on the shop's tasks: asked by instruction, shown by examples, and on what tuning must not break.

A model is given as the pair (model, tokenizer).
"""

from spectrum import prompts, seeds
from spectrum.evaluate import evaluate
from spectrum.shop import samplers, tasks

DEMONSTRATED = tuple(n for n in tasks.TRAINED if n != "fact")


def items_of(names, n, seed=1):
    """Returns about n test items, spread evenly over the named tasks, at least one of each."""
    return [item for name in names for item in tasks.TASKS[name].sample(-(-n // len(names)), "test", seed)]


def is_right(answer, item):
    """Returns whether an answer is right by its own task's metric."""
    return tasks.TASKS[item.task].score(answer, item)


def examples_of(item, k, seed=0):
    """Returns k training items of the item's task as examples; those of JSON tasks ask for the item's own keys."""
    rng = seeds.seeded("shots", item.task, item.input, k, seed)
    if item.task.startswith("json"):
        make = samplers.json_fields((), 1, always=item.details["keys"].split(" and "))
        return [tasks.Item(item.task, *make(rng, "train")) for _ in range(k)]
    return [tasks.TASKS[item.task].draw(rng, "train") for _ in range(k)]


def by_examples(pair, items, k, name=""):
    """Returns a model's score when each task is shown by k examples in plain text and no instruction."""
    shown = [prompts.show(examples_of(item, k), item) for item in items]
    return evaluate(*pair, items, shown, is_right, name=name or f"{k} examples", max_new_tokens=96, stop="\n")


def by_instruction(pair, items, numbers, chat):
    """Returns a model's score when asked by instruction; the numbered wordings rotate over the items."""
    asked = [prompts.ask(tasks.TASKS[item.task], item, numbers[i % len(numbers)]) for i, item in enumerate(items)]
    asked = [prompts.chat(text) for text in asked] if chat else asked
    name = f"{'instruct' if chat else 'base'}, wordings {numbers}"
    return evaluate(*pair, items, asked, is_right, name=name, max_new_tokens=96, stop=None if chat else "\n")


def protected(pair, n):
    """Returns the Score on general skills, shown by 3 examples in plain text: what tuning must not break."""
    return by_examples(pair, items_of(DEMONSTRATED, n, seed=2), 3, name="protected")
