"""Plausible wrong answers to lab 07, and what the checks must say to each."""

import torch
from torch.nn.functional import cross_entropy

from spectrum.checks import lab_07

IGNORE = -100


def run_mask(ids, assistant, end, learn_mark=False, learn_end=True, close=True, shift=0, last_only=False):
    """The mask of a chat with one mistake switched on."""
    labels, speaking = [], False
    for place, token in enumerate(ids):
        if token == assistant:
            speaking = not last_only or assistant not in ids[place + 1 :]
            labels.append(token if learn_mark else IGNORE)
        elif token == end and speaking:
            labels.append(token if learn_end else IGNORE)
            speaking = not close
        else:
            labels.append(token if speaking else IGNORE)
    if shift:
        labels = labels[shift:] + [IGNORE] * shift if shift > 0 else [IGNORE] * -shift + labels[:shift]
    return labels


def mask(**mistake):
    return lambda ids, assistant, end: run_mask(ids, assistant, end, **mistake)


def end_learned_everywhere(ids, assistant, end):
    return [i if i == end else label for i, label in zip(ids, run_mask(ids, assistant, end), strict=True)]


def shifted(logits, labels):
    return logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()


def mean_of_means(logits, labels):
    rows = [cross_entropy(*shifted(logits[i : i + 1], labels[i : i + 1])) for i in range(len(labels))]
    return torch.stack(rows).mean()


def over_all_tokens(logits, labels):
    return cross_entropy(*shifted(logits, labels), reduction="sum") / labels[:, 1:].numel()


def ignored_as_token_0(logits, labels):
    return cross_entropy(*shifted(logits, labels.clamp(min=0)))


def summed(logits, labels):
    return cross_entropy(*shifted(logits, labels), reduction="sum")


def not_shifted(logits, labels):
    return cross_entropy(logits.flatten(0, 1), labels.flatten())


def shifted_twice(logits, labels):
    return cross_entropy(logits[:, :-2].flatten(0, 1), labels[:, 2:].flatten())


def minus_forgotten(logits, labels):
    return -cross_entropy(*shifted(logits, labels))


def overflows(logits, labels):
    scores, wanted = shifted(logits, labels)
    seen = wanted != IGNORE
    chosen = (scores.exp() / scores.exp().sum(-1, keepdim=True)).log()[torch.arange(len(wanted)), wanted.clamp(min=0)]
    return -chosen[seen].mean()


def run_pad(rows, pad_id, left=True, mask_all=False, count_padding=False):
    """A padded batch with one mistake switched on."""
    width = max(map(len, rows))
    fill = [[pad_id] * (width - len(row)) for row in rows]
    ids = torch.tensor([f + r if left else r + f for f, r in zip(fill, rows, strict=True)])
    ones = [
        [0] * len(f) + [1] * len(r) if left else [1] * len(r) + [0] * len(f) for f, r in zip(fill, rows, strict=True)
    ]
    mask = torch.ones_like(ids) if mask_all else torch.tensor(ones)
    positions = torch.arange(width).repeat(len(rows), 1) if count_padding else (mask.cumsum(1) - 1).clamp(min=0)
    return ids, mask, positions


def pad(**mistake):
    return lambda rows, pad_id: run_pad(rows, pad_id, **mistake)


def inverted_mask(rows, pad_id):
    ids, mask, positions = run_pad(rows, pad_id)
    return ids, 1 - mask, positions


def run_faults(batch, assistant, end, skip=(), stop_at_shift=True):
    """The faults of a batch, some of them overlooked."""
    ids, labels = batch["input_ids"], batch["labels"]
    seen, found = labels != IGNORE, set()
    if (seen & (labels != ids) & (batch["attention_mask"] == 1)).any():
        found.add("shifted")
        if stop_at_shift:
            return found - set(skip)
    if (seen & (batch["attention_mask"] == 0)).any():
        found.add("padding")
    for row in range(len(ids)):
        start, stop = (ids[row] == assistant).nonzero()[0], (ids[row] == end).nonzero()[-1]
        if seen[row, : start + 1].any():
            found.add("prompt")
        if not seen[row, stop]:
            found.add("end")
    return found - set(skip)


def faults(**mistake):
    return lambda batch, assistant, end: run_faults(batch, assistant, end, **mistake)


def first_rows(rows):
    return rows[:160]


def written_by_hand(rows):
    return [{"prompt": "Name the sentiment.\nI love it.", "completion": "positive"}] * 10


WHY = "These rows have the tasks of the test in all their wordings."


def marks_of_this_model(ids, assistant, end):
    return run_mask(ids, lab_07.marks(lab_07.model("base")[1])[0] if assistant != 9 else 4, end)


def changes_the_ids(ids, assistant, end):
    labels = run_mask(ids, assistant, end)
    ids[:] = labels
    return ids


def detached(logits, labels):
    return cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()).detach()


def changes_the_labels(logits, labels):
    value = cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    labels[labels == IGNORE] = 0
    return value


def mask_by_id(rows, pad_id):
    ids, _, _ = run_pad(rows, pad_id)
    mask = (ids != pad_id).long()
    return ids, mask, (mask.cumsum(dim=1) - 1).clamp(min=0)


def row_0_alone(batch, assistant, end):
    return run_faults({name: values[:1] for name, values in batch.items()}, assistant, end)


def mends_the_batch(batch, assistant, end):
    found = run_faults(batch, assistant, end)
    batch["labels"][batch["attention_mask"] == 0] = IGNORE
    return found


def edited_rows(rows):
    for row in rows[:160]:
        row["completion"] = "x"
    return rows[:160]


WRONG = [
    ("check_mask", "marks written down", marks_of_this_model, "another model has other ids"),
    ("check_mask", "ids changed in place", changes_the_ids, "changed its argument `ids`"),
    ("check_loss", "no gradient", detached, "no gradient reaches the scores"),
    ("check_loss", "labels changed in place", changes_the_labels, "changed its argument `labels`"),
    ("check_pad_left", "mask by the id", mask_by_id, "A real token may have the id of the padding"),
    ("check_find_faults", "row 0 alone", row_0_alone, "Look at every row"),
    ("check_find_faults", "mends the batch", mends_the_batch, "changed its argument `batch`"),
    ("check_choose_rows", "rows edited in place", (edited_rows, WHY), "changed its argument `rows`"),
    ("check_mask", "shifted one place early", mask(shift=1), "one place too early"),
    ("check_mask", "shifted one place late", mask(shift=-1), "one place too late"),
    ("check_mask", "end of turn left out", mask(learn_end=False), "never learns the end mark never stops"),
    ("check_mask", "role mark learned", mask(learn_mark=True), "given, not learned"),
    ("check_mask", "never stops labelling", mask(close=False), "a token of the prompt has a label"),
    ("check_mask", "prompt in the loss", lambda ids, assistant, end: list(ids), "a token of the prompt has a label"),
    ("check_mask", "the user's end marks learned", end_learned_everywhere, "a token of the prompt has a label"),
    ("check_mask", "only the last turn", mask(last_only=True), "end mark of the assistant has no label"),
    ("check_mask", "a tensor", lambda *given: torch.tensor(run_mask(*given)), "expected a list of labels, got Tensor"),
    ("check_loss", "mean of the rows' means", mean_of_means, "mean of the rows' means"),
    ("check_loss", "mean over all tokens", over_all_tokens, "divides by all places"),
    ("check_loss", "prompt and padding counted", ignored_as_token_0, "counts −100 as token 0"),
    ("check_loss", "sum", summed, "This is the sum"),
    ("check_loss", "not shifted", not_shifted, "shift labels against scores"),
    ("check_loss", "shifted twice", shifted_twice, "shift once"),
    ("check_loss", "sign", minus_forgotten, "minus the log-probability"),
    ("check_loss", "zero", lambda logits, labels: torch.tensor(0.0), "sum over count"),
    ("check_loss", "exponentials overflow", overflows, "exp(1000) overflows"),
    ("check_pad_left", "padding on the right", pad(left=False), "padding comes first"),
    ("check_pad_left", "padding not hidden", pad(mask_all=True), "0 for padding"),
    ("check_pad_left", "mask upside down", inverted_mask, "0 for padding"),
    ("check_pad_left", "positions count the padding", pad(count_padding=True), "as if it stood alone"),
    ("check_find_faults", "everything is fine", lambda *given: set(), "not the token at its own place"),
    ("check_find_faults", "everything is wrong", lambda *given: set(lab_07.FAULTS), "at or before the assistant's"),
    ("check_find_faults", "ends not looked at", faults(skip=("end",)), "last end mark a label"),
    ("check_find_faults", "padding not looked at", faults(skip=("padding",)), "where attention_mask is 0"),
    ("check_find_faults", "goes on after a shift", faults(stop_at_shift=False), "at or before the assistant's"),
    ("check_find_faults", "a list", lambda *given: [], "expected a set of names"),
    ("check_choose_rows", "no reason", (first_rows, "It works."), "wanted eight or more"),
    ("check_choose_rows", "too many rows", (lambda rows: rows, WHY), "at most 160"),
    ("check_choose_rows", "rows of one's own", (written_by_hand, WHY), "not one of the pool"),
    ("check_choose_rows", "the first rows of the pool", (first_rows, WHY), "Which rows say something about those"),
]
