"""Plausible wrong answers to lab 03, and what the checks must say to each."""

import json

import numpy as np
import torch
from wrong_answers import texts_03

from spectrum.checks import sharing_03

# ---- allowed ----


def walk(state, text, follow):
    for character in text:
        state = None if state is None else follow(state, character)
    return state


def follows(texts, state, follow):
    return [i for i, t in enumerate(texts) if t and walk(state, t, follow) is not None]


def first_character(texts, state, follow):
    return [i for i, t in enumerate(texts) if t and follow(state, t[0]) is not None]


def state_stands_still(texts, state, follow):
    return [i for i, t in enumerate(texts) if t and all(follow(state, c) is not None for c in t)]


def empty_tokens_too(texts, state, follow):
    return [i for i, t in enumerate(texts) if walk(state, t, follow) is not None]


def single_characters(texts, state, follow):
    return [i for i, t in enumerate(texts) if len(t) == 1 and follow(state, t) is not None]


def the_texts(texts, state, follow):
    return [t for t in texts if t and walk(state, t, follow) is not None]


def yes_and_no(texts, state, follow):
    return torch.tensor([bool(t) and walk(state, t, follow) is not None for t in texts])


def state_carried_on(texts, state, follow):
    may = []
    for i, t in enumerate(texts):
        after = walk(state, t, follow)
        if t and after is not None:
            may.append(i)
            state = after
    return may


def zero_is_refused(texts, state, follow):
    def last(text):
        now = state
        for place, character in enumerate(text):
            now = follow(now, character) if now or not place else None
            if now is None:
                return None
        return now

    return [i for i, t in enumerate(texts) if t and last(t)]


def follows_none(texts, state, follow):
    may = []
    for i, text in enumerate(texts):
        now = state
        for character in text:
            now = follow(now, character)
        if text and now is not None:
            may.append(i)
    return may


# ---- write ----


def decode(logits, texts, follow, start, done, end, budget, mask, ends=None, keep_end=False, move=walk,
           stops=False):  # fmt: skip
    written, state = [], start
    for _ in range(budget):
        may = [i for i, t in enumerate(texts) if t and walk(state, t, follow) is not None]
        if (ends or done)(state):
            may.append(end)
        if stops and not may:
            break
        token = mask(logits(list(written)), may)
        if token == end:
            return [*written, token] if keep_end else written
        written.append(token)
        state = move(state, texts[token], follow)
    return written


def minus_infinity(values, may):
    masked = torch.full_like(values, float("-inf"))
    masked[may] = values[may]
    return masked.argmax().item()


def zero(values, may):
    masked = torch.zeros_like(values)
    masked[may] = values[may]
    return masked.argmax().item()


def multiplies_logits(logits, texts, follow, start, done, end, budget=64):
    return decode(logits, texts, follow, start, done, end, budget, zero)


def by_shares(share):
    """Returns a `write` that takes the largest share of those that may follow, of the shares `share(logits)`."""
    return lambda logits, texts, follow, start, done, end, budget=64: decode(
        lambda written: share(logits(written)), texts, follow, start, done, end, budget, zero)  # fmt: skip


def written_into(values, may):
    values[[n for n in range(len(values)) if n not in may]] = float("-inf")
    return values.argmax().item()


def writes_into_the_logits(logits, texts, follow, start, done, end, budget=64):
    return decode(logits, texts, follow, start, done, end, budget, written_into, stops=True)


def no_mask(logits, texts, follow, start, done, end, budget=64):
    written = []
    for _ in range(budget):
        token = logits(list(written)).argmax().item()
        if token == end:
            break
        written.append(token)
    return written


def first_allowed(logits, texts, follow, start, done, end, budget=64):
    return decode(
        logits, texts, follow, start, done, end, budget, lambda values, may: may[-1] if end in may else may[0]
    )


def ends_anywhere(logits, texts, follow, start, done, end, budget=64):
    return decode(logits, texts, follow, start, done, end, budget, minus_infinity, ends=lambda state: True)


def keeps_the_end(logits, texts, follow, start, done, end, budget=64):
    return decode(logits, texts, follow, start, done, end, budget, minus_infinity, keep_end=True)


def moves_by_one_character(logits, texts, follow, start, done, end, budget=64):
    return decode(logits, texts, follow, start, done, end, budget, minus_infinity,
                  move=lambda state, text, f: f(state, text[0]))  # fmt: skip


def last_token_alone(logits, texts, follow, start, done, end, budget=64):
    return decode(lambda written: logits(written[-1:]), texts, follow, start, done, end, budget, minus_infinity)


def no_budget(logits, texts, follow, start, done, end, budget=64):
    return decode(logits, texts, follow, start, done, end, 64, minus_infinity)


def begins_in_json(logits, texts, follow, start, done, end, budget=64):
    return decode(logits, texts, follow, "start", lambda state: state == "end", end, budget, minus_infinity)


def stops_when_it_may(logits, texts, follow, start, done, end, budget=64):
    return decode(logits, texts, follow, start, done, end, budget,
                  lambda values, may: end if end in may else minus_infinity(values, may))  # fmt: skip


def minus_a_hundred(values, may):
    masked = torch.full_like(values, -100.0)
    masked[may] = values[may]
    return masked.argmax().item()


def not_low_enough(logits, texts, follow, start, done, end, budget=64):
    return decode(logits, texts, follow, start, done, end, budget, minus_a_hundred)


def argmax_of_nothing(logits, texts, follow, start, done, end, budget=64):
    return decode(logits, texts, follow, start, done, end, budget, minus_infinity)


def never_ends(logits, texts, follow, start, done, end, budget=64):
    return decode(logits, texts, follow, start, lambda state: False, end, budget, minus_infinity)


def asks_after_the_end(logits, texts, follow, start, done, end, budget=64):
    written = decode(logits, texts, follow, start, done, end, budget, minus_infinity)
    logits(list(written))
    return written


def returns_text(logits, texts, follow, start, done, end, budget=64):
    return "".join(texts[n] for n in decode(logits, texts, follow, start, done, end, budget, minus_infinity))


# ---- share_keys ----


def search(ask, letters, golds, ways=None, first=None, read=sharing_03.read, best=max, right=None):
    """The search of the worked lab, with one mistake switched on."""
    letters, golds = letters[:first], golds[:first]
    counted = {}
    for number, way in enumerate(ways or sharing_03.ways()):
        answers = [[read(text, part) for text in ask(part, letters)] for part in way]
        pairs = [(a | b, gold) for a, b, gold in zip(*answers, golds, strict=True)]
        counted[number] = sum((right or dict.__eq__)(found, gold) for found, gold in pairs)
    return (ways or sharing_03.ways())[best(counted, key=counted.get)]


def searching(**mistake):
    return lambda ask, letters, golds: search(ask, letters, golds, **mistake)


def any_field(found, gold):
    return sum(found.get(key) == value for key, value in gold.items()) > 0


def by_number_of_keys(found, gold):
    return set(found) == set(gold)


def raises_at_words(text, keys):
    return json.loads(text)


def always_the_same(ask, letters, golds):
    return sharing_03.ways()[7]


def keys_alone(ask, letters, golds):
    return search(ask, letters, golds)[0]


def never_asks(ask, letters, golds):
    return sharing_03.ways()[0]


PARTS = [way for way in sharing_03.ways() if len(way[0]) == 2]


WRONG = [
    *texts_03.ROWS,
    ("check_allowed", "the first character only", first_character, "'{{' does not"),
    ("check_allowed", "the state stands still", state_stands_still, "may follow one another"),
    ("check_allowed", "tokens that write nothing", empty_tokens_too, "may follow one another"),
    ("check_allowed", "single characters only", single_characters, "may follow one another"),
    ("check_allowed", "texts instead of numbers", the_texts, "Numbers, not texts"),
    ("check_allowed", "a tensor of True and False", yes_and_no, "not True or False"),
    ("check_allowed", "the state of the last token", state_carried_on, "may follow one another"),
    ("check_allowed", "0 taken for a broken form", zero_is_refused, "A state may be 0"),
    ("check_allowed", "goes on in the state None", follows_none, "None means that the form is broken"),
    ("check_write", "0 instead of −∞", multiplies_logits, "−∞, not 0"),
    ("check_write", "shares masked", by_shares(lambda values: values.softmax(dim=-1)), "that may follow can be 0"),
    ("check_write", "exponentials masked", by_shares(torch.exp), "that may follow can be 0"),
    ("check_write", "writes into the logits", writes_into_the_logits, "the logits that the model gave have changed"),
    ("check_write", "no mask", no_mask, "−∞, not 0"),
    ("check_write", "the first allowed token", first_allowed, "Leave it in peace"),
    ("check_write", "may end anywhere", ends_anywhere, "only where done(state)"),
    ("check_write", "the end token kept", keeps_the_end, "is not part of it"),
    ("check_write", "one character of each token", moves_by_one_character, "Leave it in peace"),
    ("check_write", "sees the last token alone", last_token_alone, "all that was written so far"),
    ("check_write", "no budget", no_budget, "at the latest"),
    ("check_write", "the lesson's states, not the given", begins_in_json, "TypeError"),
    ("check_write", "a text", returns_text, "list of token numbers"),
    ("check_write", "stops as soon as it may", stops_when_it_may, "Where a text may end it need not"),
    ("check_write", "−100 instead of −∞", not_low_enough, "A mask is −∞"),
    ("check_write", "argmax where nothing may follow", argmax_of_nothing, "there is nothing to choose"),
    ("check_write", "asks after the end", asks_after_the_end, "ask no more after it"),
    ("check_write", "never ends", never_ends, "add it to the tokens that may"),
    ("check_share_keys", "seven letters only", (searching(first=7), 6), "on all letters"),
    ("check_share_keys", "two and three only", (searching(ways=PARTS), 6), "Try all 15 ways"),
    ("check_share_keys", "the worst", (searching(best=min), 6), "Try all 15 ways"),
    ("check_share_keys", "keys, not values", (searching(right=by_number_of_keys), 6), "the most letters right"),
    ("check_share_keys", "one field is enough", (searching(right=any_field), 6), "the most letters right"),
    ("check_share_keys", "an error at words", (searching(read=raises_at_words), 6), "your code raised"),
    ("check_share_keys", "always the same", (always_the_same, 6), "Try all 15 ways"),
    ("check_share_keys", "one part", (keys_alone, 6), "expected two lists of keys"),
    ("check_share_keys", "never asks", (never_asks, 6), "Try all 15 ways"),
    ("check_share_keys", "no prediction", (searching(), None), "predict a number"),
    ("check_share_keys", "all ways good", (searching(), 15), "you predicted 15"),
]

RIGHT = [("check_allowed", "numpy's numbers", lambda *given: list(np.array(follows(*given), dtype=int)))]
