"""Harmless variants of one prompt: other words for the same order, other layouts of the same words.

Nobody who reads two of them would expect another answer. What a model makes of them is measured in
notebooks/05_measuring_prompts.ipynb (after Sclar et al. 2023, who found up to 76 points between two formats).
"""

from dataclasses import dataclass

from spectrum import prompts
from spectrum.evaluate import evaluate

# `{what}` is what is asked for, with its article: "the product".
WORDINGS = {
    "give": "Give {what}.",
    "no capital, no stop": "give {what}",
    "all capitals": "GIVE {WHAT}.",
    "exclamation": "Give {what}!",
    "colon": "Give {what}:",
    "please before": "Please give {what}.",
    "please after": "Give {what}, please.",
    "me": "Give me {what}.",
    "could you": "Could you give {what}?",
    "question": "What is {what}?",
    "write": "Write {what}.",
    "name": "Name {what}.",
    "state": "State {what}.",
    "find": "Find {what}.",
    "tell me": "Tell me {what}.",
    "extract": "Extract {what}.",
    "letter after": "Give {what} in this letter.",
    "letter before": "From this letter, give {what}.",
    "only": "Give only {what}.",
    "only, with more words": "Give {what} and nothing else.",
    "a typing error": "Give {what_mistyped}.",
}
# What is sent: `{order}` is the instruction, `{input}` the letter.
LAYOUTS = {
    "empty line": "{order}\n\n{input}",
    "one line": "{order} {input}",
    "a tab": "{order}\t{input}",
    "letter first": "{input}\n{order}",
    "letter first, empty line": "{input}\n\n{order}",
    "labelled": "{order}\nLetter: {input}",
    "labelled twice": "Task: {order}\nLetter: {input}",
    "labelled as in examples": "{order}\n\nInput: {input}\nOutput:",
    "in quotes": '{order}\n"{input}"',
    "in three quotes": '{order}\n"""\n{input}\n"""',
    "in tags": "{order}\n<letter>{input}</letter>",
    "under headings": "# Task\n{order}\n\n# Letter\n{input}",
    "as a list": "- {order}\n- {input}",
    "bold": "**{order}**\n{input}",
    "after a rule": "{order}\n---\n{input}",
    "order twice": "{order}\n{input}\n{order}",
}
STANDARD = "{order}\n{input}"
# The instructions of lesson 05, from those that leave the answer open to those that say what it may be.
ORDERS = (
    "Read the letter.",
    "Sentiment?",
    "What is the mood?",
    "How does the customer feel about the product?",
    "Happy or unhappy?",
    "positive or negative?",
    "Good or bad? Say positive or negative.",
    "Does the customer like the product? positive or negative.",
)


@dataclass(frozen=True)
class Variant:
    """One way to put an order and a letter: its name, its kind ("wording", "layout" or "turn"), and the two texts."""

    name: str
    kind: str
    order: str
    layout: str
    system: bool = False  # whether the order stands in the system turn

    def messages(self, text):
        """Returns the prompt for a letter as messages, which any chat template takes."""
        if self.system:
            return prompts.chat(text, role=self.order)
        # Not str.format: a letter, and an order that a learner typed, may hold braces.
        parts = {"{order}": self.order, "{input}": text}
        pieces = [self.layout]
        for mark, value in parts.items():
            pieces = [piece for part in pieces for piece in split_at(part, mark, value)]
        return prompts.chat("".join(part if isinstance(part, str) else part[0] for part in pieces))


def split_at(part, mark, value):
    """Returns the part with each `mark` in it replaced by (value,); what was replaced before is left alone."""
    if isinstance(part, tuple):
        return [part]
    first, *rest = part.split(mark)
    return [first, *(piece for after in rest for piece in ((value,), after))]


def mistyped(text):
    """Returns the text with the second and the third letter from its end swapped, as a hurried typist does."""
    return text[:-3] + text[-2] + text[-3] + text[-1]


def variants(what):
    """Returns the Variants of "Give {what}.": 21 wordings, 16 layouts, and the order as a system turn.

    The first is the standard one. Raises ValueError where `what` is too short to be misspelt.
    """
    if len(what.split()[-1:] and what.split()[-1]) < 4:
        raise ValueError(f"what is {what!r}; its last word must have four letters or more, such as 'the product'.")
    words = {"what": what, "WHAT": what.upper(), "what_mistyped": mistyped(what)}
    orders = {name: text.format(**words) for name, text in WORDINGS.items()}
    standard = orders["give"]
    worded = [Variant(name, "wording", order, STANDARD) for name, order in orders.items()]
    laid = [Variant(name, "layout", standard, layout) for name, layout in LAYOUTS.items()]
    return [*worded, *laid, Variant("order in the system turn", "turn", standard, STANDARD, system=True)]


def measure(model, tokenizer, chosen, items, score, **options):
    """Returns {name: Score} of the Variants on the same items, so that any two can be compared item by item.

    `options` go to `evaluate`.
    """
    return {
        v.name: evaluate(model, tokenizer, items, [v.messages(i.input) for i in items], score, name=v.name, **options)
        for v in chosen
    }


def spread(scores):
    """Returns {"min", "median", "max"} of the Scores' means, as shares."""
    means = sorted(score.mean for score in scores.values())
    if not means:
        raise ValueError("spread: there is no score. Give at least one.")
    middle = len(means) // 2
    median = means[middle] if len(means) % 2 else (means[middle - 1] + means[middle]) / 2
    return {"min": means[0], "median": median, "max": means[-1]}
