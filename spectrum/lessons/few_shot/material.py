"""Sorting tasks made to measure what examples teach: sentences of two classes under natural, invented or random labels.

With natural labels a model may know the answer before it sees an example. With two words drawn afresh for every
question only the examples can tell which word stands for which class. With labels shuffled against the truth the
examples tell nothing: a control that must stay at chance where labels are invented (after Min et al. 2022).
"""

from dataclasses import dataclass

import numpy as np
import torch

from spectrum import prompts, seeds
from spectrum.generate import answer_logprobs
from spectrum.models import context_length
from spectrum.shop import corpus, messages, world
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
    rng = seeds.seeded("label questions", seed, split, number)
    right = rng.randrange(2)
    text, drawn = sentence(rng, CLASSES[right], split), tuple(rng.sample(WORDS, 2))
    labels = {"natural": CLASSES, "invented": drawn}[names] if isinstance(names, str) else tuple(names)
    shots = [shot for pair in draw_pairs(rng, MOST // 2, shuffled) for shot in pair][:k]
    return Question(tuple((t, labels[CLASSES.index(c)]) for t, c in shots), text, labels, right)


def label_logprobs(model, tokenizer, asked, chat=False, batch_size=64):
    """Returns (N, 2) log-probabilities, in nats, of both labels of each Question, in the order of its `names`.

    In plain text an example is a line "sentence -> label" (`prompts.label`); with `chat` it is a turn of the user and
    one of the assistant (`prompts.turns`), and a label has no space before it. `chat` may also be a function from
    examples and text to such messages.
    """
    form, space = (chat if callable(chat) else prompts.turns, "") if chat else (prompts.label, " ")
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


def open_logprobs(model, tokenizer, shots, texts, names, chat=False):
    """Returns (N, C) log-probabilities, in nats, of C labels after each of N texts under the same examples.

    The examples are read once and their keys and values kept for every text, which for 4 examples takes a third of
    the time of reading all prompts. Raises ValueError where there is no text, or where a label is not one token.
    """
    if isinstance(texts, str) or not len(texts):
        raise ValueError("texts must be a list with at least one text.")
    form, space = (prompts.turns, "") if chat else (prompts.label, " ")
    ids = encode_all(tokenizer, [form(shots, text) for text in texts])
    tokens = [encode_answer(tokenizer, space + name) for name in names]
    if any(len(token) > 1 for token in tokens):
        long = [name for name, token in zip(names, tokens, strict=True) if len(token) > 1]
        raise ValueError(f"{long} are more than one token each; label_logprobs takes such labels.")
    check_lengths(ids, 1, context_length(model))
    kept = min(shared_length(ids), min(map(len, ids)) - 1)
    last = torch.tensor([len(row) - kept - 1 for row in ids], device=model.device)
    # Padded on the right: a causal model's scores at a row's last token do not see what comes after it.
    padded = [row[kept:] + [0] * (int(last.max()) + kept + 1 - len(row)) for row in ids]
    with torch.inference_mode():
        cache = None
        if kept:
            cache = model(input_ids=torch.tensor([ids[0][:kept]], device=model.device), use_cache=True).past_key_values
            cache.batch_repeat_interleave(len(ids))
        out = model(input_ids=torch.tensor(padded, device=model.device), past_key_values=cache)
        rows = out.logits[torch.arange(len(ids)), last].float().log_softmax(dim=-1)  # (N, T, V) -> (N, V)
    return rows[:, [token[0] for token in tokens]].double().cpu().numpy()


def shared_length(rows):
    """Returns how many tokens all rows begin with."""
    columns = zip(*rows, strict=False)
    return next((i for i, column in enumerate(columns) if len(set(column)) > 1), min(map(len, rows)))


# Twenty judgements in words that the shop's customers never use: what a model of the shop cannot have learned.
OUTSIDE = (
    ("What a fantastic film, I laughed all evening.", "positive"),
    ("The soup was cold and the waiter rude.", "negative"),
    ("My new phone is brilliant.", "positive"),
    ("I hated every minute of the concert.", "negative"),
    ("The hike was gorgeous and the weather kind.", "positive"),
    ("This game bores me to tears.", "negative"),
    ("Our teacher is patient and clever.", "positive"),
    ("The hotel room smelled of smoke.", "negative"),
    ("I adore this song.", "positive"),
    ("The flight was a nightmare.", "negative"),
    ("She recommends the museum warmly.", "positive"),
    ("He regrets buying that car.", "negative"),
    ("An amazing book that I read twice.", "positive"),
    ("The plot makes no sense whatsoever.", "negative"),
    ("The garden looks splendid this year.", "positive"),
    ("Such a disappointing match.", "negative"),
    ("The staff went out of their way to help.", "positive"),
    ("The app crashes all the time.", "negative"),
    ("Happy with it from the first day.", "positive"),
    ("A waste of an afternoon.", "negative"),
)
