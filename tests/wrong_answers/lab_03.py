"""Plausible wrong answers to lab 03, and what the checks must say to each."""

import json
import re

import torch

from spectrum import prompts

# ---- read_answer ----


def load(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def finds_json_inside(text, keys):
    found = re.search(r"\{[^{}]*\}", text)
    found = load(found[0]) if found else None
    good = found is not None and set(found) == set(keys) and all(isinstance(v, str) for v in found.values())
    return found if good else None


def any_keys(text, keys):
    found = load(text)
    return found if isinstance(found, dict) else None


def at_least_the_keys(text, keys):
    found = load(text)
    good = isinstance(found, dict) and set(keys) <= set(found) and all(isinstance(v, str) for v in found.values())
    return found if good else None


def as_many_keys(text, keys):
    found = load(text)
    good = isinstance(found, dict) and len(keys) == len(found) and all(isinstance(v, str) for v in found.values())
    return found if good else None


def keys_in_order(text, keys):
    found = load(text)
    return found if isinstance(found, dict) and list(found) == list(keys) else None


def any_values(text, keys):
    found = load(text)
    return found if isinstance(found, dict) and set(found) == set(keys) else None


def python_literal(text, keys):
    try:
        found = eval(text.strip(), {"null": None})
    except Exception:
        return None
    good = isinstance(found, dict) and set(found) == set(keys) and all(isinstance(v, str) for v in found.values())
    return found if good else None


def raises(text, keys):
    return json.loads(text)


def yes_or_no(text, keys):
    return any_values(text, keys) is not None


def checked(found, keys):
    good = isinstance(found, dict) and set(found) == set(keys) and all(isinstance(v, str) for v in found.values())
    return found if good else None


def by_pattern(text, keys):
    text = text.strip()
    closed = text.startswith("{") and text.endswith("}")
    return checked(dict(re.findall(r'"(\w+)": "([^"]*)"', text)) if closed else None, keys)


def no_empty_values(text, keys):
    found = checked(load(text), keys)
    return found if found is not None and all(found.values()) else None


def strips_values(text, keys):
    found = checked(load(text), keys)
    return found and {key: value.strip() for key, value in found.items()}


def line_breaks_allowed(text, keys):
    try:
        return checked(json.loads(text, strict=False), keys)
    except ValueError:
        return None


READ = {}


def remembers_texts(text, keys):
    if text not in READ:
        READ[text] = checked(load(text), keys)
    return READ[text]


def sorts_the_keys(text, keys):
    found = checked(load(text), keys)
    if isinstance(keys, list):
        keys.sort()
    return found


# ---- field_share ----


def right_in(answer, gold):
    found = checked(load(answer), gold) or {}
    return sum(found.get(k) == v for k, v in gold.items())


def refused_left_out(answers, golds):
    kept = [(a, g) for a, g in zip(answers, golds, strict=True) if load(a)]
    return sum(right_in(a, g) for a, g in kept) / max(1, sum(len(g) for _, g in kept))


def whole_letters(answers, golds):
    return sum(right_in(a, g) == len(g) for a, g in zip(answers, golds, strict=True)) / len(golds)


def values_anywhere(answers, golds):
    hits = sum(v in a for a, g in zip(answers, golds, strict=True) for v in g.values())
    return hits / sum(map(len, golds))


def case_ignored(answers, golds):
    lower = [{k: v.lower() for k, v in g.items()} for g in golds]
    hits = sum(right_in(a.lower(), g) for a, g in zip(answers, lower, strict=True))
    return hits / sum(map(len, golds))


def values_in_any_key(answers, golds):
    hits = 0
    for answer, gold in zip(answers, golds, strict=True):
        found = at_least_the_keys(answer, gold) or {}
        hits += sum(v in found.values() for v in gold.values())
    return hits / sum(map(len, golds))


def counts_missing_keys(answers, golds):
    hits = 0
    for answer, gold in zip(answers, golds, strict=True):
        found = load(answer) or {}
        hits += sum(found.get(k) == v for k, v in gold.items())
    return hits / sum(map(len, golds))


def mean_of_letters(answers, golds):
    return sum(right_in(a, g) / len(g) for a, g in zip(answers, golds, strict=True)) / len(golds)


def not_divided(answers, golds):
    return sum(right_in(a, g) for a, g in zip(answers, golds, strict=True))


def shares_by(read):
    """Return a field_share that reads each answer by read(answer, gold)."""

    def share(answers, golds):
        found = [read(a, g) or {} for a, g in zip(answers, golds, strict=True)]
        return sum(f.get(k) == v for f, g in zip(found, golds, strict=True) for k, v in g.items()) / sum(
            map(len, golds)
        )

    return share


def some_keys_more(answer, gold):
    found = load(answer)
    return found if isinstance(found, dict) and set(gold) <= set(found) else None


def empties_the_answers(answers, golds):
    share = shares_by(lambda a, g: checked(load(a), g))(answers, golds)
    answers.clear()
    return share


# ---- allowed ----


def walk(state, text, follow):
    for character in text:
        state = None if state is None else follow(state, character)
    return state


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


def decode(logits, texts, follow, start, done, end, budget, mask, ends=None, keep_end=False, move=walk):
    written, state = [], start
    for _ in range(budget):
        may = [i for i, t in enumerate(texts) if t and walk(state, t, follow) is not None]
        if (ends or done)(state):
            may.append(end)
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


def returns_text(logits, texts, follow, start, done, end, budget=64):
    return "".join(texts[n] for n in decode(logits, texts, follow, start, done, end, budget, minus_infinity))


# ---- five ----

KEYS = ("name", "city", "product", "order", "intent")
WHY = "Each prompt asks for few keys, as the tuning did, and code joins them."


def one_prompt(ask, letters):
    return ask([prompts.build(letter, prompts.ask_fields(KEYS)) for letter in letters])


def side_by_side(ask, letters):
    first, second = (ask([prompts.build(t, prompts.ask_fields(k)) for t in letters]) for k in (KEYS[:3], KEYS[3:]))
    return [a + b for a, b in zip(first, second, strict=True)]


def in_the_other_wording(ask, letters):
    found = [ask([prompts.build(t, f"Give {', '.join(k)} as JSON.") for t in letters]) for k in (KEYS[:3], KEYS[3:])]
    return [json.dumps((load(a) or {}) | (load(b) or {})) for a, b in zip(*found, strict=True)]


def dicts(ask, letters):
    return [load(text) for text in one_prompt(ask, letters)]


def one_by_one(ask, letters):
    return [ask(prompts.build(letter, prompts.ask_fields(KEYS))) for letter in letters]


def a_call_for_each_key(ask, letters):
    found = [ask([prompts.build(t, prompts.ask_fields((k,))) for t in letters]) for k in KEYS]
    return [
        json.dumps({k: v for text in row for k, v in (load(text) or {}).items()}) for row in zip(*found, strict=True)
    ]


def never_asks(ask, letters):
    return [json.dumps(dict.fromkeys(KEYS, "Ana"))] * len(letters)


WRONG = [
    ("check_read_answer", "JSON accepted by substring", finds_json_inside, "does not search for it"),
    ("check_read_answer", "any keys", any_keys, "A key is missing"),
    ("check_read_answer", "more keys than asked", at_least_the_keys, "came unasked"),
    ("check_read_answer", "as many keys, but others", as_many_keys, "must be *these* two"),
    ("check_read_answer", "keys in one order only", keys_in_order, "Objects have no order"),
    ("check_read_answer", "any values", any_values, "Every value must be text"),
    ("check_read_answer", "Python instead of JSON", python_literal, "this is Python"),
    ("check_read_answer", "raises", raises, "JSONDecodeError"),
    ("check_read_answer", "True or False", yes_or_no, "Return what JSON holds"),
    ("check_read_answer", "by a pattern", by_pattern, "A comma is missing"),
    ("check_read_answer", "no empty values", no_empty_values, "An empty text is text"),
    ("check_read_answer", "values stripped", strips_values, "keeps its spaces"),
    ("check_read_answer", "line breaks inside quotes", line_breaks_allowed, "A line break inside quotes"),
    ("check_read_answer", "remembers by the text", remembers_texts, "is another question"),
    ("check_read_answer", "sorts the keys in place", sorts_the_keys, "changed its argument `keys`"),
    ("check_field_share", "refused answers left out", refused_left_out, "still counts"),
    ("check_field_share", "whole letters", whole_letters, "Count fields, not letters"),
    ("check_field_share", "values anywhere in the text", values_anywhere, "still counts"),
    ("check_field_share", "case ignored", case_ignored, "'leo' is not 'Leo'"),
    ("check_field_share", "a value under any key", values_in_any_key, "belongs to its key"),
    ("check_field_share", "answers with a missing key", counts_missing_keys, "with a missing key"),
    ("check_field_share", "the mean of letters", mean_of_letters, "All fields weigh the same"),
    ("check_field_share", "a count", not_divided, "divide by all fields"),
    ("check_field_share", "spaces forgiven", shares_by(strips_values), "a space is a character too"),
    ("check_field_share", "keys unasked for", shares_by(some_keys_more), "a key unasked for"),
    ("check_field_share", "values that are no text", shares_by(any_values), "a value that is no text"),
    ("check_field_share", "empties the answers", empties_the_answers, "changed its argument `answers`"),
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
    ("check_write", "never ends", never_ends, "add it to the tokens that may"),
    ("check_five", "no reason", (side_by_side, "It works."), "wanted eight or more"),
    ("check_five", "one prompt", (one_prompt, WHY), "which came unasked"),
    ("check_five", "two objects side by side", (side_by_side, WHY), "which came unasked"),
    ("check_five", "a wording that no tuning used", (in_the_other_wording, WHY), "Which key is missing"),
    ("check_five", "dicts", (dicts, WHY), "One JSON text for each letter"),
    ("check_five", "asks for one chat", (one_by_one, WHY), "list of chats"),
    ("check_five", "a call for each key", (a_call_for_each_key, WHY), "chats a letter"),
    ("check_five", "never asks", (never_asks, WHY), "never asked"),
]
