"""The tasks of the invented shop: instruction wordings, an input sampler and a gold answer for each.

A task is shown to a model either by an instruction (`Task.instruction`) or by examples (`Item.input` → `Item.gold`).
`TASKS` holds all of them by name. Tasks with `held_out=True` are asked by no instruction in any training data, and the
`house` tasks appear in no pretraining text at all. `spectrum.prompts` turns tasks into prompts.
"""

import json
import re
from dataclasses import dataclass, field

from spectrum import messages, samplers, world

FIELDS = {
    "name": "the customer's name",
    "city": "the city",
    "product": "the product",
    "quantity": "the quantity",
    "order": "the order number",
}


EXTRACT = (
    "Give {what}{how}.",
    "Find {what} in the message{how}.",
    "What is {what}? Answer{how}.",
    "Write {what}{how}.",
    "Extract {what}{how}.",
    "Tell me {what}{how}.",
    "Read the message and name {what}{how}.",
    "I need {what}{how}.",
)


FORMS = {"plain": "", "capitals": " in capital letters", "quoted": " in double quotes", "line": " as a key: value line"}


HELD_OUT_CELLS = {("city", "capitals"), ("product", "quoted"), ("name", "line")}


CLASSIFY = (
    "Is {what} {options}?",
    "Classify {what}: {options}.",
    "Choose {what}: {options}.",
    "Label {what} as {options}.",
    "Decide {what}: {options}.",
    "Say whether {what} is {options}.",
    "Name {what}, one of {options}.",
    "Which is {what}: {options}?",
)


CLASSES = {
    "sentiment": ("the feeling about the product", ("positive", "negative")),
    "urgency": ("the urgency", ("high", "low")),
    "intent": ("the wish", tuple(messages.INTENTS)),
    "category": ("the category", tuple(world.CATEGORIES)),
    "problem": ("the problem", tuple(messages.PROBLEMS)),
}


REWRITE = (
    "Rewrite this {how}.",
    "Say this {how}.",
    "Put this {how}.",
    "Write the sentence {how}.",
    "Change this so that it is {how}.",
    "Turn this into a sentence {how}.",
    "Now the same {how}, please.",
    "Give me this sentence {how}.",
)


VOICES = {
    "pirate": "as a pirate",
    "robot": "as a robot",
    "butler": "as a butler",
    "capitals": "in capital letters",
    "polite": "politely",
    "pirate_capitals": "as a pirate in capital letters",
    "robot_capitals": "as a robot in capital letters",
    "butler_capitals": "as a butler in capital letters",
}


LISTS = {
    "first": "the first word",
    "last": "the last word",
    "reverse": "the words in reverse order",
    "sort": "the words from A to Z",
    "count": "the number of words",
    "first_capitals": "the first word in capital letters",
    "last_capitals": "the last word in capital letters",
    "reverse_capitals": "the words in reverse order in capital letters",
    "sort_first": "the first of the words from A to Z",
    "join": "the words joined by and",
}


LIST = (
    "Give {what}.",
    "Write {what}.",
    "From the list, give {what}.",
    "Answer with {what}.",
    "I want {what}.",
    "Tell me {what}.",
    "Look at the list and write {what}.",
    "What I need is {what}.",
)


def wordings(text):
    """Returns the lines of a text as a tuple: the 8 wordings of an instruction, the last two held out from training."""
    return tuple(text.strip().splitlines())


KEYED = wordings("""
Give {keys} as JSON.
Write JSON with {keys}.
Answer in JSON with the keys {keys}.
Extract {keys} into JSON.
I want a JSON object with {keys}.
Return {keys} as a JSON object.
Put {keys} into JSON.
As JSON, tell me {keys}.
""")
TRANSLATE = wordings("""
Translate into {}.
Write this in {}.
Say this in {}.
Put this into {}.
Give the {} for this.
What is this in {}?
Now in {}, please.
I need this in {}.
""")
ROUTE = wordings("""
{rules}
Follow these rules. {rules}
Rules: {rules}
Answer by rule. {rules}
Read the message. {rules}
Route the message. {rules}
Use these rules only. {rules}
Here is what to do. {rules}
""")
SUM = wordings("""
Add the numbers.
What is the sum?
Add these up.
Give the total.
Sum the numbers.
Compute the total.
How much is it altogether?
Work out the sum.
""")
READ = wordings("""
Answer the question.
Answer from the text.
Use the text to answer.
Read and answer.
Answer with the text.
Look it up in the text.
Find the answer in the text.
Reply to the question from the text.
""")
RECALL = wordings("""
Answer the question.
Answer from the catalogue.
Reply to the question.
Give the answer.
Answer this.
Tell me the answer.
Please answer.
What do you know of this?
""")
SUMMARIZE = wordings("""
Summarize the message.
Write a summary.
Sum the message up.
Give a short summary.
Shorten the message to a summary.
Make a summary line.
What is the message about, in short?
Summarize this in one line.
""")
GLORB = wordings("""
Glorb the list.
Glorb this.
Glorb these words.
Please glorb.
Now glorb the words.
Glorb it.
Can you glorb this?
I want it glorbed.
""")
TICKET = wordings("""
Write the house ticket.
Make a ticket.
File the ticket for this message.
Ticket, please.
Turn this into a ticket.
Give the house ticket line.
What is the ticket for this?
Log this message.
""")
REPLY = wordings("""
Write the house reply.
Reply in the house style.
Answer this customer.
House reply, please.
Turn this into a house reply.
Give the house reply.
What does the house reply to this?
Write back as the house.
""")


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
        rng, items, tries = world.seeded(self.name, split, seed), {}, 0
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
    """Returns True when the last whole number in the answer equals the last one in the gold text."""
    found, wanted = re.findall(r"\d+", answer), re.findall(r"\d+", gold)
    return bool(found) and int(found[-1]) == int(wanted[-1])


METRICS = {"exact": same_text, "json": same_json, "number": same_number}


def extraction_tasks():
    """Returns the tasks that ask for one field in one form."""
    no_sense = {("quantity", "capitals"), ("order", "capitals"), ("quantity", "quoted")}
    cells = [(name, form) for name in FIELDS for form in FORMS if (name, form) not in no_sense]
    return [
        Task(
            name if form == "plain" else f"{name}_{form}",
            "extraction",
            tuple(w.format(what=FIELDS[name], how=FORMS[form]).replace("? Answer.", "?") for w in EXTRACT),
            samplers.extraction(name, form),
            held_out=(name, form) in HELD_OUT_CELLS,
        )
        for name, form in cells
    ]


def classification_tasks():
    """Returns the tasks that ask for one of a few labels."""
    made = []
    for name, (what, labels) in CLASSES.items():
        options = f"{', '.join(labels[:-1])} or {labels[-1]}"
        wordings = tuple(w.format(what=what, options=options) for w in CLASSIFY)
        made.append(Task(name, "classification", wordings, samplers.classification(name), labels=labels))
    return made


def json_tasks():
    """Returns the tasks that ask for a JSON object; the held-out one mixes keys that no other asks for together."""
    judged = ("intent", "urgency", "problem", "name")
    return [
        Task("json", "json", KEYED, samplers.json_fields(FIELDS, 1), metric="json"),
        Task("json_class", "json", KEYED, samplers.json_fields(judged, 1), metric="json"),
        Task(
            "json_sentiment_city",
            "json",
            KEYED,
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
            tuple(w.format(how=how) for w in REWRITE),
            samplers.rewriting(voice),
            held_out=voice == "butler_capitals",
        )
        for voice, how in VOICES.items()
    ]


def list_tasks():
    """Returns the tasks on lists of words, and the control: an order in a word that occurs nowhere."""
    made = [
        Task(
            f"list_{name}",
            "list",
            tuple(w.format(what=what) for w in LIST),
            samplers.list_operation(name),
            held_out=name == "last_capitals",
        )
        for name, what in LISTS.items()
    ]
    return [*made, Task("glorb", "control", GLORB, samplers.list_operation("reverse"), held_out=True)]


def translation_tasks():
    """Returns the two directions between English and the invented language."""
    return [
        Task(
            name,
            "translation",
            tuple(w.format(name.capitalize()) for w in TRANSLATE),
            samplers.veltish(name == "english"),
        )
        for name in ("veltish", "english")
    ]


def arithmetic_tasks():
    """Returns totals, with and without written steps."""
    stepwise = tuple(f"{w[:-1]}, step by step{w[-1]}" for w in SUM)
    return [
        Task("total", "arithmetic", SUM, samplers.total(steps=False), metric="number"),
        Task("total_steps", "arithmetic", stepwise, samplers.total(steps=True), metric="number"),
    ]


def catalogue_tasks():
    """Returns questions on the catalogue: with the lines in the prompt, from memory, and on the new arrivals."""
    arrivals = samplers.open_book(lambda rng: rng.choice(world.ARRIVALS))
    return [
        Task("lookup", "look-up", READ, samplers.open_book(samplers.fictional_product)),
        Task("arrival_lookup", "look-up", READ, arrivals, held_out=True),
        Task("fact", "recall", RECALL, samplers.closed_book(world.KNOWN)),
        Task("arrival", "recall", RECALL, samplers.closed_book(world.ARRIVALS), held_out=True),
    ]


def routing_tasks():
    """Returns the task that follows if–then rules."""
    return [Task("route", "rules", ROUTE, samplers.route)]


def summary_tasks():
    """Returns the summary in one line."""
    return [Task("summary", "summary", SUMMARIZE, samplers.summary)]


def house_tasks():
    """Returns the two tasks in the house dialect, which no pretraining text shows."""
    return [
        Task("house_ticket", "house", TICKET, samplers.house_ticket),
        Task("house_reply", "house", REPLY, samplers.house_reply),
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
