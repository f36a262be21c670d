"""The tasks of the invented shop: for each, 8 wordings of its instruction and a sampler of inputs with true answers.

A task is shown to a model either by an instruction (`Task.instruction`) or by examples (`Item.input` → `Item.gold`).
`TASKS` holds all of them by name. Tasks with `held_out=True` are asked by no instruction in any training data, and the
`house` tasks appear in no pretraining text at all. `spectrum.prompts` turns tasks into prompts.
"""

import json
import re
from dataclasses import dataclass, field

from spectrum import seeds
from spectrum.shop import samplers, wordings, world


@dataclass(frozen=True)
class Item:
    """One question with its true answer; `details` holds what the instruction and the score need besides."""

    task: str
    input: str
    gold: str
    details: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One task: `make(rng, split)` returns (input, gold, details); wordings 6 and 7 are held out from training."""

    name: str
    kind: str
    instructions: tuple
    make: callable
    labels: tuple = ()
    held_out: bool = False
    metric: str = "exact"

    def sample(self, n, split="test", seed=0):
        """Returns n distinct items of a split; raises ValueError for an unknown split or when the task has too few."""
        if split not in world.SPLITS:
            raise ValueError(f"task {self.name}: split must be one of {world.SPLITS}, not {split!r}")
        rng, items, tries = seeds.seeded(self.name, split, seed), {}, 0
        while len(items) < n:
            tries += 1
            if tries > 200 * n + 2000:
                raise ValueError(
                    f"task {self.name}: only {len(items)} distinct items in split {split!r}; ask for fewer than {n}"
                )
            item = self.draw(rng, split)
            items.setdefault((item.input, item.gold), item)
        return list(items.values())

    def draw(self, rng, split):
        """Returns one random item of the split."""
        return Item(self.name, *self.make(rng, split))

    def instruction(self, item, wording=0):
        """Returns the instruction for an item in one of the 8 wordings; 6 and 7 are in no training data."""
        if not 0 <= wording < len(self.instructions):
            raise ValueError(f"task {self.name}: wording must be 0 to {len(self.instructions) - 1}, not {wording}")
        return self.instructions[wording].format(**item.details)

    def score(self, answer, item):
        """Returns True when the answer is right by this task's metric: "exact", "json" or "number"."""
        return METRICS[self.metric](answer, item.gold)


def same_text(answer, gold):
    """Returns True when both are the same text but for surrounding white space."""
    return answer.strip() == gold.strip()


def same_json(answer, gold):
    """Returns True when the answer parses as JSON and equals the gold object; key order and spacing do not count."""
    try:
        return json.loads(answer) == json.loads(gold)
    except ValueError:
        return False


def same_number(answer, gold):
    """Returns True when the last number in the answer equals the last one in the gold text; "1,023" is 1023."""
    found, wanted = (re.findall(r"-?\d+(?:[.,]\d+)*", text) for text in (answer, gold))
    return bool(found) and found[-1].replace(",", "") == wanted[-1].replace(",", "")


METRICS = {"exact": same_text, "json": same_json, "number": same_number}


def extraction_tasks():
    """Returns the tasks that ask for one field in one form."""
    no_sense = {("quantity", "capitals"), ("order", "capitals"), ("quantity", "quoted")}
    cells = [(name, form) for name in wordings.FIELDS for form in wordings.FORMS if (name, form) not in no_sense]
    return [
        Task(
            name if form == "plain" else f"{name}_{form}",
            "extraction",
            extraction_wordings(wordings.FIELDS[name], wordings.FORMS[form]),
            samplers.extraction(name, form),
            held_out=(name, form) in wordings.HELD_OUT_CELLS,
        )
        for name, form in cells
    ]


def extraction_wordings(what, how):
    """Returns the 8 wordings that ask for a field, without "Answer" where no form follows it."""
    return tuple(w.format(what=what, how=how).replace("? Answer.", "?") for w in wordings.EXTRACT)


def classification_tasks():
    """Returns the tasks that ask for one of a few labels."""
    made = []
    for name, (what, labels) in wordings.CLASSES.items():
        options = f"{', '.join(labels[:-1])} or {labels[-1]}"
        asked = tuple(w.format(what=what, options=options) for w in wordings.CLASSIFY)
        made.append(Task(name, "classification", asked, samplers.classification(name), labels=labels))
    return made


def json_tasks():
    """Returns the tasks that ask for a JSON object; the held-out one mixes keys that no other asks for together."""
    return [
        Task("json", "json", wordings.KEYED, samplers.json_fields(wordings.FIELDS, 1), metric="json"),
        Task("json_class", "json", wordings.KEYED, samplers.json_fields(wordings.JUDGED, 1), metric="json"),
        Task(
            "json_sentiment_city",
            "json",
            wordings.KEYED,
            samplers.json_fields((), 2, always=("sentiment", "city")),
            metric="json",
            held_out=True,
        ),
    ]


def rewriting_tasks():
    """Returns the tasks that ask for a sentence in another voice."""
    return [
        Task(
            f"say_{voice}",
            "rewriting",
            tuple(w.format(how=how) for w in wordings.REWRITE),
            samplers.rewriting(voice),
            held_out=voice == "butler_capitals",
        )
        for voice, how in wordings.VOICES.items()
    ]


def list_tasks():
    """Returns the tasks on lists of words, and the control: an order in a word that occurs nowhere."""
    made = [
        Task(
            f"list_{name}",
            "list",
            tuple(w.format(what=what) for w in wordings.LIST),
            samplers.list_operation(name),
            held_out=name == "last_capitals",
        )
        for name, what in wordings.LISTS.items()
    ]
    return [*made, Task("glorb", "control", wordings.GLORB, samplers.list_operation("reverse"), held_out=True)]


def translation_tasks():
    """Returns the two directions between English and the invented language."""
    return [
        Task(
            name,
            "translation",
            tuple(w.format(name.capitalize()) for w in wordings.TRANSLATE),
            samplers.veltish(name == "english"),
        )
        for name in ("veltish", "english")
    ]


def arithmetic_tasks():
    """Returns totals, with and without written steps."""
    stepwise = tuple(f"{w[:-1]}, step by step{w[-1]}" for w in wordings.SUM)
    return [
        Task("total", "arithmetic", wordings.SUM, samplers.total(steps=False), metric="number"),
        Task("total_steps", "arithmetic", stepwise, samplers.total(steps=True), metric="number"),
    ]


def catalogue_tasks():
    """Returns questions on the catalogue: with the lines in the prompt, from memory, and on the new arrivals."""
    arrivals = samplers.open_book(lambda rng: rng.choice(world.ARRIVALS))
    return [
        Task("lookup", "look-up", wordings.READ, samplers.open_book(samplers.fictional_product, missing=0.12)),
        Task("arrival_lookup", "look-up", wordings.READ, arrivals, held_out=True),
        Task("fact", "recall", wordings.RECALL, samplers.closed_book(world.KNOWN)),
        Task("arrival", "recall", wordings.RECALL, samplers.closed_book(world.ARRIVALS), held_out=True),
    ]


def routing_tasks():
    """Returns the task that follows if–then rules."""
    return [Task("route", "rules", wordings.ROUTE, samplers.route)]


def summary_tasks():
    """Returns the summary in one line."""
    return [Task("summary", "summary", wordings.SUMMARIZE, samplers.summary)]


def house_tasks():
    """Returns the two tasks in the house dialect, which no pretraining text shows."""
    return [
        Task("house_ticket", "house", wordings.TICKET, samplers.house_ticket),
        Task("house_reply", "house", wordings.REPLY, samplers.house_reply),
    ]


KINDS = (
    extraction_tasks,
    classification_tasks,
    json_tasks,
    rewriting_tasks,
    list_tasks,
    translation_tasks,
    routing_tasks,
    arithmetic_tasks,
    catalogue_tasks,
    summary_tasks,
    house_tasks,
)
TASKS = {task.name: task for make in KINDS for task in make()}
HELD_OUT = tuple(
    name for name, task in TASKS.items() if task.held_out and task.kind not in ("control", "recall", "look-up")
)
HOUSE = ("house_ticket", "house_reply")
TRAINED = tuple(name for name, task in TASKS.items() if not task.held_out and task.kind != "house")
