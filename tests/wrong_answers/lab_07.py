"""Plausible wrong answers to lab 07, and what the checks must say to each."""

import torch
from torch.nn.functional import cross_entropy
from wrong_answers.batches_07 import (
    any_word_unlearned,
    as_floats,
    by_library,
    by_tensors,
    faults,
    first_answer_alone,
    first_faulty_row,
    first_of_all_alone,
    first_of_all_kept,
    first_padded_place,
    last_end_of_the_row,
    last_real_place,
    mends_the_batch,
    mends_the_rows,
    neighbours_by_id,
    pack,
    packed,
    row_0_alone,
    run_mask,
    shift_of_real_places,
)

from spectrum.checks import lab_07
from spectrum.checks.batches_07 import marks

IGNORE = -100

# ---- task 1 ----


def mask(**mistake):
    return lambda ids, opening, end: run_mask(ids, opening, end, **mistake)


def end_learned_everywhere(ids, opening, end):
    return [i if i == end else label for i, label in zip(ids, run_mask(ids, opening, end), strict=True)]


def marks_of_this_model(ids, opening, end):
    return run_mask(ids, *marks(lab_07.model("base")[1]))


def changes_the_ids(ids, opening, end):
    ids[:] = run_mask(ids, opening, end)
    return list(ids)


def counts_matches(ids, opening, end):
    """Looks for the opening by a counter that starts from nothing after a mismatch."""
    labels, speaking, found = [], False, 0
    for token in ids:
        labels.append(token if speaking else IGNORE)
        if speaking:
            speaking = token != end
            continue
        found = found + 1 if token == opening[found] else 0
        if found == len(opening):
            speaking, found = True, 0
    return labels


def by_search(ids, opening, end):
    """Finds the openings first, and each answer's end after it."""
    labels, place = torch.full((len(ids),), IGNORE), 0
    while place + len(opening) <= len(ids):
        if ids[place : place + len(opening)] != opening:
            place += 1
            continue
        start = place + len(opening)
        stop = ids.index(end, start) + 1 if end in ids[start:] else len(ids)
        labels[start:stop] = torch.tensor(ids[start:stop], dtype=torch.long)
        place = stop
    return labels


# ---- task 2 ----


def summed(logits, labels, reduction="sum"):
    return cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction=reduction)


def seen(labels):
    return int((labels[:, 1:] != IGNORE).sum())


def losses(weigh, guard=True):
    """Returns a part_losses whose sums are divided by `weigh(parts, part)`."""
    return lambda parts: [
        summed(*part) / (max(1, weigh(parts, part)) if guard else weigh(parts, part)) for part in parts
    ]


def all_seen(parts, part=None):
    return sum(seen(labels) for _, labels in parts)


def not_shifted(parts):
    count = max(1, all_seen(parts))
    return [cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum") / count for logits, labels in parts]


def mean_of_means(parts):
    return [summed(*part) / max(1, seen(part[1])) / len(parts) for part in parts]


def by_rows(parts):
    rows = sum(len(labels) for _, labels in parts)
    return [summed(*part) / max(1, seen(part[1])) * len(part[1]) / rows for part in parts]


def cut_off(parts):
    return [loss.detach() for loss in losses(all_seen)(parts)]


def python_numbers(parts):
    return [float(loss) for loss in losses(all_seen)(parts)]


def one_loss(parts):
    return sum(losses(all_seen)(parts))


def overflowing(parts):
    found = []
    for logits, labels in parts:
        scores, wanted = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
        chosen = (scores.exp() / scores.exp().sum(-1, keepdim=True)).log()[range(len(wanted)), wanted.clamp(min=0)]
        found.append(-chosen[wanted != IGNORE].sum() / max(1, all_seen(parts)))
    return found


def empties_labels(parts):
    found = losses(all_seen)(parts)
    parts[0][1][:, 0] = IGNORE
    parts[0][1].clamp_(min=0)
    return found


def by_hand(parts):
    found, count = (), max(1, all_seen(parts))
    for logits, labels in parts:
        logprobs, wanted = logits[:, :-1].double().log_softmax(-1), labels[:, 1:]
        chosen = logprobs.gather(2, wanted.clamp(min=0)[..., None])[..., 0]
        found += (-(chosen * (wanted != IGNORE)).sum() / count,)
    return found


# ---- task 5 ----


def first_rows(rows):
    return rows[:160]


def written_by_hand(rows):
    return [{"prompt": "Name the sentiment.\nI love it.", "completion": "positive"}] * 40


def edited_rows(rows):
    for row in rows[:160]:
        row["completion"] = "x"
    return rows[:160]


def of_the_targets(rows):
    return [row for name in lab_07.TARGETS for row in [r for r in rows if r["task"] == name][:32]]


ORDER = ["my rows, 20 steps", "a quarter, 20 steps", "a quarter, 5 steps"]
MASK, PARTS, PACK, FAULT, ROWS = (
    f"check_{name}" for name in ("mask", "part_losses", "pack", "find_faults", "choose_rows"))  # fmt: skip
WRONG = [
    (MASK, "marks of lumen", marks_of_this_model, "another model has other ids"),
    (MASK, "ids changed in place", changes_the_ids, "changed its argument `ids`"),
    (MASK, "shifted one place early", mask(shift=1), "one place too early"),
    (MASK, "shifted one place late", mask(shift=-1), "one place too late"),
    (MASK, "end of turn left out", mask(learn_end=False), "an end mark of the assistant has no label"),
    (MASK, "opening learned", mask(learn_mark=True), "place 4 has a label, and is not the assistant's"),
    (MASK, "never stops labelling", mask(close=False), "is not the assistant's"),
    (MASK, "prompt in the loss", lambda ids, opening, end: list(ids), "is not the assistant's"),
    (MASK, "the user's end marks learned", end_learned_everywhere, "is not the assistant's"),
    (MASK, "only the last turn", mask(last_only=True), "two answers: an end mark of the assistant has no label"),
    (MASK, "one token of the opening", mask(first_alone=True), "Its tokens stand side by side"),
    (MASK, "an opening inside an answer", mask(anew=True), "all is its own until the end mark"),
    (MASK, "a counter of matches", counts_matches, "Where do you look on"),
    (MASK, "too short", lambda ids, opening, end: run_mask(ids, opening, end)[1:], "labels for 8 ids"),
    (PARTS, "each part's own mean", losses(lambda parts, part: seen(part[1])), "grows with the number of parts"),
    (PARTS, "mean of means", mean_of_means, "The mean of the parts' means"),
    (PARTS, "weighed by rows", by_rows, "The mean of the parts' means"),
    (PARTS, "divided by the parts", losses(lambda parts, part: len(parts)), "the loss of part 0"),
    (PARTS, "sums", losses(lambda parts, part: 1), "These are sums"),
    (PARTS, "all places counted", losses(lambda parts, part: sum(x[:, 1:].numel() for _, x in parts)), "the loss of"),
    (PARTS, "the first place counted", losses(lambda parts, part: sum(int((x != IGNORE).sum()) for _, x in parts)),
     "No scores speak about the first place"),
    (PARTS, "0 divided by 0", lambda parts: [summed(*part, "mean") * seen(part[1]) / all_seen(parts) for part in parts],
     "a part without labels"),
    (PARTS, "0 divided by 0 in all", losses(all_seen, guard=False), "no label in any part"),
    (PARTS, "not shifted", not_shifted, "the loss of part 0"),
    (PARTS, "detached", cut_off, "the result has no gradient"),
    (PARTS, "gradient doubled", lambda parts: [2 * loss - loss.detach() for loss in losses(all_seen)(parts)],
     "gradients that they send back"),
    (PARTS, "gradient of nothing", lambda parts: [
        loss.detach() + 0 * scores.sum() for loss, (scores, _) in zip(losses(all_seen)(parts), parts, strict=True)],
     "gradients that they send back"),
    (PARTS, "an empty part's 0 made of nothing", lambda parts: [
        one if seen(part[1]) else torch.tensor(0.0) for one, part in zip(losses(all_seen)(parts), parts, strict=True)],
     "an empty one too"),
    (PARTS, "numbers of Python", python_numbers, "have no gradient"),
    (PARTS, "one loss", one_loss, "expected a list of 2 losses"),
    (PARTS, "sign", lambda parts: [-loss for loss in losses(all_seen)(parts)], "the loss of part 0"),
    (PARTS, "exponentials overflow", overflowing, "exp(1000) overflows"),
    (PARTS, "labels changed", empties_labels, "changed its argument `parts`"),
    (PACK, "first labels kept", pack(first=False), "should they learn to foretell it"),
    (PACK, "only the first row's first label", first_of_all_alone, "should they learn to foretell it"),
    (PACK, "positions run on", pack(restart=False), "Each row counts from 0"),
    (PACK, "rows see their neighbours", pack(apart=False), "Its own row alone"),
    (PACK, "places see what comes", pack(causal=False), "itself and what stands before it"),
    (PACK, "places do not see themselves", pack(strict=True), "itself and what stands before it"),
    (PACK, "turned round", pack(turned=True), "may place t look at s"),
    (PACK, "no batch", pack(squeeze=True), "a batch of one row"),
    (PACK, "rows told apart by their first id", neighbours_by_id, "sees"),
    (PACK, "rows mended in place", mends_the_rows, "changed its argument `rows`"),
    (PACK, "the library", by_library, "your function calls spectrum.examples.pack"),
    (PACK, "ids as fractions", lambda rows: (packed(rows)[0].float(), *packed(rows)[1:]), "ids are torch.float32"),
    (PACK, "positions as fractions", lambda rows: (*packed(rows)[:2], packed(rows)[2].float(), packed(rows)[3]),
     "positions are torch.float32"),
    (PACK, "three of four", lambda rows: packed(rows)[:3], "Return all four"),
    (FAULT, "last end of the row, padding or not", last_end_of_the_row, "judged by its real tokens alone"),
    (FAULT, "last real place", last_real_place, "the first of two answers has no end"),
    (FAULT, "attention mask not used", faults(trusted=False), "judged by its real tokens alone"),
    (FAULT, "first answer alone", first_answer_alone, "the last of two answers has no end"),
    (FAULT, "padding left out of the shift", shift_of_real_places, "Padding has a token at its place too"),
    (FAULT, "cut rows blamed", faults(cut=False), "It has no end mark whose label could be missing"),
    (FAULT, "any word of an answer", any_word_unlearned, "That is none of the four"),
    (FAULT, "the first faulty row alone", first_faulty_row, "each in a row of its own"),
    (FAULT, "the first padded place alone", first_padded_place, "at the last place alone"),
    (FAULT, "row 0 alone", row_0_alone, "That is not the assistant's"),
    (FAULT, "mends the batch", mends_the_batch, "changed its argument `batch`"),
    (FAULT, "everything is fine", lambda *given: set(), "expected ['prompt'], got []"),
    (FAULT, "everything is wrong", lambda *given: set(lab_07.FAULTS), "expected ['prompt'], got ['end', 'padding'"),
    (FAULT, "ends not looked at", faults(skip=("end",)), "end mark of every answer a label"),
    (FAULT, "padding not looked at", faults(skip=("padding",)), "where attention_mask is 0"),
    (FAULT, "prompts not looked at", faults(skip=("prompt",)), "that your mask of the row leaves out"),
    (FAULT, "goes on after a shift", faults(stop_at_shift=False), "Then the other tests mean nothing"),
    (FAULT, "a list", lambda *given: [], "expected a set of names"),
    (FAULT, "another name", lambda *given: {"ends"}, "unknown names: ['ends']"),
    (ROWS, "rows edited in place", (edited_rows, ORDER), "changed its argument `rows`"),
    (ROWS, "too many rows", (lambda rows: rows, ORDER), "at most 160"),
    (ROWS, "too few rows", (lambda rows: rows[:9], ORDER), "wanted are 32 or more"),
    (ROWS, "rows of one's own", (written_by_hand, ORDER), "not one of the pool"),
    (ROWS, "the first rows of the pool", (first_rows, ORDER, 0.78, 4), "Which rows say something about those"),
    (ROWS, "no prediction", (of_the_targets, [], 0.0, 4), "predict an order"),
    (ROWS, "fewer steps are better", (of_the_targets, ORDER[::-1], 0.0, 8), "Which of the two was cut"),
]  # fmt: skip

RIGHT = [
    (MASK, "by searching, as a tensor", by_search),
    (PARTS, "by hand, in 64 bits, as a tuple", by_hand),
    (PACK, "other types of numbers", as_floats),
    (PACK, "the first label of all kept", first_of_all_kept),
    (FAULT, "whole tensors", by_tensors),
]
