"""Plausible wrong answers to lab 07, and what the checks must say to each."""

import torch
from torch.nn.functional import cross_entropy

from spectrum.checks import lab_07
from spectrum.checks.batches_07 import marks

IGNORE = -100

# ---- task 1 ----


def run_mask(ids, opening, end, learn_mark=False, learn_end=True, close=True, shift=0, last_only=False, anew=False,
             first_alone=False):  # fmt: skip
    """The mask of a chat, with mistakes by argument."""
    labels, speaking = [], False
    opening = opening[-1:] if first_alone else opening
    for place, token in enumerate(ids):
        opens = ids[max(0, place + 1 - len(opening)) : place + 1] == opening
        if speaking and not (anew and opens):
            ends = token == end
            labels.append(token if learn_end or not ends else IGNORE)
            speaking = not (ends and close)
        else:
            labels.append(token if learn_mark and opens else IGNORE)
            speaking = opens and not (last_only and opening[-1] in ids[place + 1 :])
    return labels[shift:] + [IGNORE] * shift if shift >= 0 else [IGNORE] * -shift + labels[:shift]


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


# ---- task 3 ----


def packed(rows, first=True, restart=True, apart=True, causal=True, strict=False, squeeze=False, turned=False):
    """The right packed row, with mistakes by argument."""
    ids = torch.tensor([i for row in rows for i in row["input_ids"]])
    labels = torch.tensor([label for row in rows for label in row["labels"]])
    sizes = [len(row["input_ids"]) for row in rows]
    owner = torch.arange(len(rows)).repeat_interleave(torch.tensor(sizes))
    place = torch.cat([torch.arange(size) for size in sizes])
    labels = torch.where(place == 0, IGNORE, labels) if first else labels
    sees = owner[:, None] == owner if apart else torch.ones(len(ids), len(ids), dtype=bool)
    sees = sees.tril(-1 if strict else 0) if causal else sees
    found = (ids[None], labels[None], place[None] if restart else torch.arange(len(ids))[None])
    found = tuple(part[0] for part in found) if squeeze else found
    return *found, (sees.T if turned else sees)


def pack(**mistake):
    return lambda rows: packed(rows, **mistake)


def first_of_all_alone(rows):
    ids, _, place, sees = packed(rows)
    labels = [label for row in rows for label in row["labels"]]
    return ids, torch.tensor([[IGNORE, *labels[1:]]]), place, sees


def neighbours_by_id(rows):
    ids, labels, place, sees = packed(rows, apart=False)
    start = int(ids[0, 0])
    owner = (ids[0] == start).cumsum(0)
    return ids, labels, place, (owner[:, None] == owner).tril()


def mends_the_rows(rows):
    for row in rows:
        row["labels"][0] = IGNORE
    return packed(rows)


def by_library(rows):
    from spectrum.examples import pack

    found = pack(rows, 10_000)
    return found["input_ids"], found["labels"], found["position_ids"], packed(rows)[3]


def as_floats(rows):
    ids, labels, place, sees = packed(rows)
    return ids.numpy(), labels, place.int(), sees.float()


# ---- task 4 ----


def run_faults(batch, opening, end, skip=(), stop_at_shift=True, trusted=True, real_alone=False, cut=True):
    """The faults of a batch, with mistakes by argument."""
    found = set()
    for ids, labels, real in zip(*(batch[n].tolist() for n in ("input_ids", "labels", "attention_mask")), strict=True):
        length = sum(real) if trusted else len(ids)
        wanted = run_mask(ids[:length], opening, end)
        if any(label not in (i, IGNORE) for i, label in zip(ids, labels, strict=True)):
            found.add("shifted")
            if stop_at_shift:
                return found
        if any(label != IGNORE for label in labels[sum(real) :]):
            found.add("padding")
        if any(label != IGNORE == want for label, want in zip(labels, wanted, strict=False)):
            found.add("prompt")
        if any(label == IGNORE and want == end for label, want in zip(labels, wanted, strict=False)):
            found.add("end")
        if not cut and wanted[-1:] != [end]:
            found.add("end")
    return found - set(skip)


def faults(**mistake):
    return lambda batch, opening, end: run_faults(batch, opening, end, **mistake)


def last_end_of_the_row(batch, opening, end):
    """What the task once took for right: the last end mark of a row, which may be padding."""
    found = run_faults(batch, opening, end) - {"end"}
    for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
        places = (ids == end).nonzero()
        if found != {"shifted"} and len(places) and labels[places[-1]] == IGNORE:
            found.add("end")
    return found


def last_real_place(batch, opening, end):
    found = run_faults(batch, opening, end) - {"end"}
    for labels, real in zip(batch["labels"], batch["attention_mask"], strict=True):
        if found != {"shifted"} and labels[int(real.sum()) - 1] == IGNORE:
            found.add("end")
    return found


def first_answer_alone(batch, opening, end):
    found = run_faults(batch, opening, end, skip=("end",))
    for ids, labels in zip(batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True):
        wanted = run_mask(ids, opening, end)
        place = wanted.index(end) if end in wanted else None
        if found != {"shifted"} and place is not None and labels[place] == IGNORE:
            found.add("end")
    return found


def row_0_alone(batch, opening, end):
    return run_faults({name: values[:1] for name, values in batch.items()}, opening, end)


def mends_the_batch(batch, opening, end):
    found = run_faults(batch, opening, end)
    batch["labels"][batch["attention_mask"] == 0] = IGNORE
    return found


def by_tensors(batch, opening, end):
    """The same by comparing whole tensors."""
    ids, labels, real = (batch[name] for name in ("input_ids", "labels", "attention_mask"))
    wanted = torch.full_like(labels, IGNORE)
    for row, length in enumerate(real.sum(1)):
        kept = ids[row, :length].tolist()
        wanted[row, :length] = torch.tensor(run_mask(kept, opening, end), dtype=torch.long)
    some = labels != IGNORE
    if (some & (labels != ids)).any():
        return {"shifted"}
    tests = {"prompt": some & (wanted == IGNORE) & (real == 1), "end": ~some & (wanted == end),
             "padding": some & (real == 0)}  # fmt: skip
    return {name for name, places in tests.items() if places.any()}


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
    (PACK, "three of four", lambda rows: packed(rows)[:3], "Return all four"),
    (FAULT, "last end of the row, padding or not", last_end_of_the_row, "judged by its real tokens alone"),
    (FAULT, "last real place", last_real_place, "the first of two answers has no end"),
    (FAULT, "attention mask not used", faults(trusted=False), "judged by its real tokens alone"),
    (FAULT, "first answer alone", first_answer_alone, "the last of two answers has no end"),
    (FAULT, "cut rows blamed", faults(cut=False), "It has no end mark whose label could be missing"),
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
    (FAULT, "whole tensors", by_tensors),
]
