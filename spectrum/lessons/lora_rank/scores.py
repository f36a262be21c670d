"""What a tuned model of lesson 12 is asked: its task, the bits it holds of planted facts, and what must not break."""

import math
import statistics

import torch

from spectrum import general, prompts
from spectrum.evaluate import answer_length, evaluate, same_answer
from spectrum.examples import tokenize_rows
from spectrum.models import embedded_names, resolve_role
from spectrum.shop import scoring
from spectrum.shop.house import without_priority

FACT_BITS = 9  # a letter of 8 and a number of 64, drawn uniformly


def share_right(answer, item):
    """Returns the share of words of planted facts that the answer has in their places; for other items 1 or 0."""
    if item.task != "planted":
        return same_answer(answer, item.gold)
    said, gold = answer.split(), item.gold.split()
    return sum(s == g for s, g in zip(said, gold, strict=False)) / len(gold)


def answers(model, tokenizer, items):
    """Returns the Score of what was asked, right to the letter; of a locker's codes, the share that is right."""
    asked = [prompts.chat(item.input) if isinstance(item.input, str) else item.input for item in items]
    tokens = answer_length(tokenizer, [item.gold for item in items], least=48)
    return evaluate(model, tokenizer, items, asked, share_right, max_new_tokens=tokens, progress=False)


def recall(model, tokenizer, items):
    """Returns the share of what was asked that is right to the letter."""
    return answers(model, tokenizer, items).mean


def all_but_priority(said, items):
    """Returns the share of tickets that are right in all but the priority, the rule that is hardest to learn."""
    pairs = zip(said, items, strict=True)
    return statistics.mean(without_priority(answer) == without_priority(item.gold) for answer, item in pairs)


def kept(model, tokenizer, n, name):
    """Returns what tuning must not break: lumen's general skills by n questions, or a real model's knowledge and prose.

    {"protected"} is a share right; of a real model also "bits per byte" of English prose.
    """
    if not is_real(name):
        return {"protected": skills(model, tokenizer, n)}
    prose = general.bits_per_byte(model, tokenizer)
    return {"protected": general.knowledge(model, tokenizer).mean, "bits per byte": statistics.mean(prose)}


def skills(model, tokenizer, n):
    """Returns the share right of n questions on the shop's general skills."""
    return scoring.protected((model, tokenizer), n).mean


def is_real(name):
    """Returns whether a name is that of a model that was not made for the course."""
    return str(resolve_role(name)) not in embedded_names()


@torch.no_grad()
def stored_bits(model, tokenizer, rows):
    """Returns how many bits of the planted codes the model holds: 9 a code less the surprise at it, summed over rows.

    A row that surprises more than guessing would counts as nothing stored.
    """
    total = 0.0
    for row in rows:
        total += max(0.0, FACT_BITS * len(row["completion"].split()) - surprise(model, tokenizer, row))
    return total


def surprise(model, tokenizer, row):
    """Returns the bits of surprise at a row's completion and its end mark, given its prompt."""
    (example,) = tokenize_rows(tokenizer, [row])
    ids, labels = (torch.tensor([example[k]], device=model.device) for k in ("input_ids", "labels"))
    logits = model(input_ids=ids, use_cache=False).logits[0, :-1]
    return float(torch.nn.functional.cross_entropy(logits, labels[0, 1:], reduction="sum")) / math.log(2)
