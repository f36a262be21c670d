"""Sorting tasks made to measure what examples teach: sentences of two classes under natural, invented or random labels.

With natural labels a model may know the answer before it sees an example. With two words drawn afresh for every
question only the examples can tell which word stands for which class. With labels shuffled against the truth the
examples tell nothing: a control that must stay at chance where labels are invented (after Min et al. 2022).
"""

from dataclasses import dataclass

import numpy as np
import torch

from spectrum import corpus, messages, prompts, world
from spectrum.generate import answer_logprobs
from spectrum.models import context_length
from spectrum.tokens import batches_by_length, check_lengths, encode_all, encode_answer, left_pad, positions

CLASSES = ("positive", "negative")
WORDS = tuple(corpus.LABEL_WORDS[:30])  # nouns of one sort; the rest of the list are letters, numbers, yes and no
MOST = 16


@dataclass(frozen=True)
class Question:
    """Labelled examples and an open sentence: `names` are the two classes' labels, `right` the true class (0, 1)."""

    shots: tuple
    text: str
    names: tuple
    right: int


def sentence(rng, label, split="train"):
    """Returns a sentence on a product with this feeling, "positive" or "negative"; its split is by its checksum."""
    while True:
        text = messages.feeling(rng, messages.message_record(rng, split, sentiment=label))
        if world.split_of(text) == split:
            return text


def draw_pairs(rng, count, shuffled=False):
    """Returns `count` pairs of (text, class), one of each class in random order.

    Shuffled: a coin decides for each pair whether its two classes are swapped against the truth.
    """
    pairs = []
    for _ in range(count):
        pair = [(sentence(rng, name), name) for name in rng.sample(CLASSES, 2)]
        if rng.random() < 0.5 and shuffled:
            pair = [(text, CLASSES[1 - CLASSES.index(name)]) for text, name in pair]
        pairs.append(pair)
    return pairs


def questions(n, k, names="natural", shuffled=False, split="test", seed=0):
    """Returns n Questions with k examples each.

    `names` is "natural" (the classes themselves), "invented" (two words drawn afresh for each question) or a pair of
    labels. The open sentences and the first examples are the same for every k, every kind of name and shuffled or not,
    so scores can be compared item by item. Raises ValueError for k outside 0 to 16 or an unknown kind of names.
    """
    if not 0 <= k <= MOST:
        raise ValueError(f"k is {k}; it must be 0 to {MOST}.")
    if isinstance(names, str) and names not in ("natural", "invented"):
        raise ValueError(f'names is {names!r}; it must be "natural", "invented" or a pair of labels.')
    return [one_question(i, k, names, shuffled, split, seed) for i in range(n)]


def one_question(number, k, names, shuffled, split, seed):
    """Returns the Question with this number."""
    rng = world.seeded("label questions", seed, split, number)
    right = rng.randrange(2)
    text, drawn = sentence(rng, CLASSES[right], split), tuple(rng.sample(WORDS, 2))
    labels = {"natural": CLASSES, "invented": drawn}[names] if isinstance(names, str) else tuple(names)
    shots = [shot for pair in draw_pairs(rng, MOST // 2, shuffled) for shot in pair][:k]
    return Question(tuple((t, labels[CLASSES.index(c)]) for t, c in shots), text, labels, right)


def label_logprobs(model, tokenizer, asked, chat=False, batch_size=64):
    """Returns (N, 2) log-probabilities, in nats, of both labels of each Question, in the order of its `names`.

    In plain text an example is a line "sentence -> label" (`prompts.label`); with `chat` it is a turn of the user and
    one of the assistant (`prompts.turns`), and a label has no space before it.
    """
    form, space = (prompts.turns, "") if chat else (prompts.label, " ")
    shown = [form(q.shots, q.text) for q in asked]
    answers = [[space + name for name in q.names] for q in asked]
    tokens = [[encode_answer(tokenizer, answer) for answer in pair] for pair in answers]
    if all(len(token) == 1 for pair in tokens for token in pair):  # both stand in one row of scores: half the work
        return next_logprobs(model, tokenizer, shown, [[t[0] for t in pair] for pair in tokens], batch_size)
    twice = [prompt for prompt in shown for _ in CLASSES]
    flat = [answer for pair in answers for answer in pair]
    return answer_logprobs(model, tokenizer, twice, flat, batch_size).reshape(len(asked), len(CLASSES))


def next_logprobs(model, tokenizer, shown, tokens, batch_size=64):
    """Returns (N, C) log-probabilities, in nats, of C tokens as the next one after each of N prompts."""
    ids, wanted = encode_all(tokenizer, shown), torch.tensor(tokens, device=model.device)  # (N, C)
    check_lengths(ids, 1, context_length(model))
    found = np.empty(wanted.shape)
    for rows in batches_by_length(ids, batch_size):
        batch, mask = left_pad([ids[row] for row in rows], model.device)
        with torch.inference_mode():
            out = model(input_ids=batch, attention_mask=mask, position_ids=positions(mask), logits_to_keep=1)
            found[rows] = out.logits[:, -1].float().log_softmax(dim=-1).gather(1, wanted[rows]).double().cpu().numpy()
    return found


def is_right(logprobs, asked):
    """Returns (N,) True where the likelier label is the true one, as an array."""
    return np.asarray(logprobs).argmax(axis=1) == np.array([q.right for q in asked])
