"""Masks, packings and searches for faults with mistakes by argument, for the table of lab 07."""

import torch

IGNORE = -100


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


def first_of_all_kept(rows):
    """Right: nothing speaks about the first token of the first row, whatever its label."""
    ids, labels, place, sees = packed(rows)
    labels[0, 0] = rows[0]["labels"][0]
    return ids, labels, place, sees


def as_floats(rows):
    ids, labels, place, sees = packed(rows)
    return ids.numpy(), labels, place.int(), sees.float()


# ---- task 4 ----


def run_faults(batch, opening, end, skip=(), stop_at_shift=True, trusted=True, cut=True):
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


def any_word_unlearned(batch, opening, end):
    """Reports "end" where any token of an answer has no label."""
    found = run_faults(batch, opening, end)
    if "shifted" in found:
        return {"shifted"}
    for ids, labels, real in zip(*(batch[n].tolist() for n in ("input_ids", "labels", "attention_mask")), strict=True):
        wanted = run_mask(ids[: sum(real)], opening, end)
        if any(label == IGNORE != want for label, want in zip(labels, wanted, strict=False)):
            found.add("end")
    return found


def shift_of_real_places(batch, opening, end):
    real = batch["attention_mask"] == 1
    labels = batch["labels"].where(real | (batch["labels"] == IGNORE), batch["input_ids"])
    found = by_tensors({**batch, "labels": labels}, opening, end)
    return {"shifted"} if "shifted" in found else found


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


def first_faulty_row(batch, opening, end):
    rows = [{name: values[n : n + 1] for name, values in batch.items()} for n in range(len(batch["labels"]))]
    found = [by_tensors(batch, opening, end) & {"shifted"}, *(by_tensors(row, opening, end) for row in rows)]
    return next((faults for faults in found if faults), set())


def first_padded_place(batch, opening, end):
    found = by_tensors(batch, opening, end)
    for labels, real in zip(batch["labels"], batch["attention_mask"], strict=True):
        if "padding" in found and labels[int(real.sum())] == IGNORE:
            found.discard("padding")
    return found


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
