"""Checks of labs/07_instruction_tuning.ipynb."""

from functools import cache
from itertools import chain, combinations

import torch

from spectrum import seeds
from spectrum.checks.machinery import check, expect, expect_close, expect_reason, fresh_seed
from spectrum.examples import IGNORE, tokenize_rows
from spectrum.lessons.instruction_tuning import runs
from spectrum.models import load_model
from spectrum.shop import tasks
from spectrum.shop.instruction_data import instruction_rows
from spectrum.tokens import encode
from spectrum.train import train

FAULTS = ("prompt", "end", "padding", "shifted")
TARGETS = ("order", "order_quoted", "city", "veltish", "list_first")
# The worked lab has 85 to 90 %, the first 160 rows of the pool about 32 %, the untuned model about 40 %.
MOST_ROWS, GOAL = 160, 0.78


@cache
def model(name):
    """Returns (model, tokenizer) of the profile, loaded once for all checks."""
    return load_model(name)


def marks(tokenizer):
    """Returns the ids of the assistant's role mark and of the end mark."""
    return tuple(tokenizer.convert_tokens_to_ids(mark) for mark in ("<|assistant|>", "<|end|>"))


def turns(*contents):
    """Returns messages in which user and assistant take turns."""
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(contents)]


@check
def check_mask(function):
    """The learner's `mask(ids, assistant, end)` labels what the chat template marks as generated, in every turn."""
    given = [0, 3, 7, 5, 4, 8, 9, 5]
    labels = function(given, 4, 5)
    expect(given == [0, 3, 7, 5, 4, 8, 9, 5], "the ids that came in were changed", "Make a new list of labels.")
    expect(isinstance(labels, list), f"expected a list of labels, got {type(labels).__name__}",
           "Start with an empty list and append one label for each id.")  # fmt: skip
    expect(len(labels) == 8, f"expected 8 labels for 8 ids, got {len(labels)}",
           "Every place has a label, −100 or a token.")  # fmt: skip
    expect(all(isinstance(label, int) for label in labels), f"expected whole numbers, got {labels}", "Ids are ints.")
    tokenizer = model("base")[1]
    chats = [turns("Give the city.\nI live in Oslo.", "Oslo"), turns("one", "two", "three", "four")]
    chats.append([{"role": "system", "content": "You are a robot."}, *turns("1 + 2", "BEEP. 3. END.")])
    chats += [row["messages"] for row in instruction_rows(20, seed=fresh_seed())]
    for messages in chats:
        coded = tokenizer.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
        ids, seen = coded["input_ids"], coded["assistant_masks"]
        compare_labels(function(ids, *marks(tokenizer)), ids, seen, *marks(tokenizer))
    wanted, other = [IGNORE] * 5 + [8, 4, 6], function([0, 3, 7, 6, 9, 8, 4, 6], 9, 6)
    expect(other == wanted, f"with 9 as role mark and 6 as end mark: expected {wanted}, got {other}",
           "Use the arguments `assistant` and `end`: another model has other ids.")  # fmt: skip


def compare_labels(labels, ids, seen, assistant, end):
    """Raises CheckFailed, naming the mistake, unless the labels are the ids where `seen` is 1 and −100 elsewhere."""
    wanted = [i if s else IGNORE for i, s in zip(ids, seen, strict=True)]
    ends = [t for t in range(len(ids)) if ids[t] == end and seen[t]]
    given = [t for t in range(len(ids)) if not seen[t]]
    expect(labels != wanted[1:] + [IGNORE], "the labels stand one place too early",
           "The label at place t is the token at place t. The loss does the shift, once.")  # fmt: skip
    expect(labels != [IGNORE] + wanted[:-1], "the labels stand one place too late",
           "The label at place t is the token at place t. The loss does the shift, once.")  # fmt: skip
    expect(all(labels[t] == end for t in ends), "an end mark of the assistant has no label",
           "A model that never learns the end mark never stops. Label it, then stop labelling.")  # fmt: skip
    filled = [t for t in given if labels[t] != IGNORE]
    expect(not filled or any(ids[t] != assistant for t in filled), "the assistant's role mark has a label",
           "Whoever asks the model writes that mark. It is given, not learned.")  # fmt: skip
    expect(not filled, "a token of the prompt has a label",
           "Only the assistant's turns are learned, not the words of others and not their end marks.")  # fmt: skip
    place = next((t for t in range(len(ids)) if labels[t] != wanted[t]), None)
    expect(place is None, f"place {place} of {len(ids)}: expected {wanted[place or 0]}, got {labels[place or 0]}",
           "Does every turn of the assistant get its labels, also when there are several?")  # fmt: skip


def torch_loss(logits, labels, reduction="mean"):
    """Returns torch's own cross-entropy of the next tokens."""
    flat, wanted = logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()
    return torch.nn.functional.cross_entropy(flat, wanted, ignore_index=IGNORE, reduction=reduction)


def drawn_batch(generator, rows=4, length=9, vocabulary=7):
    """Returns random logits and labels whose rows have 1, 4, 6 and 8 labelled tokens, so that all means differ."""
    logits = 3 * torch.randn(rows, length, vocabulary, generator=generator)
    labels = torch.randint(vocabulary, (rows, length), generator=generator)
    for row in range(rows):
        labels[row, : length - 2 - 2 * row] = IGNORE
    labels[0, -1] = IGNORE  # padding
    labels[0, 0] = 1  # no scores speak about the first place: it must not be counted
    return logits, labels


def known_mistakes(logits, labels):
    """Returns [(what the loss would be, hint)] for the usual mistakes."""
    total, rows = torch_loss(logits, labels, "sum"), range(len(labels))
    filled = labels.clamp(min=0)
    unshifted = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORE)
    twice = torch.nn.functional.cross_entropy(
        logits[:, :-2].flatten(0, 1), labels[:, 2:].flatten(), ignore_index=IGNORE
    )
    return [
        (torch.stack([torch_loss(logits[i : i + 1], labels[i : i + 1]) for i in rows]).mean(),
         "This is the mean of the rows' means. Each token counts the same: one sum over the batch, one division."),
        (total / labels[:, 1:].numel(), "This divides by all places. Divide by the number of labelled tokens."),
        (torch_loss(logits, filled), "This counts −100 as token 0: prompt and padding are in the loss. Mask them out."),
        (total, "This is the sum. Divide by the number of labelled tokens."),
        (unshifted, "The scores at place t are about the token at place t + 1: shift labels against scores."),
        (twice, "This shifts by two. The labels that come in are not shifted yet: shift once."),
        (-torch_loss(logits, labels), "The loss is minus the log-probability."),
    ]  # fmt: skip


@check
def check_loss(function):
    """The learner's `loss(logits, labels)` is torch's mean cross-entropy of the labelled next tokens."""
    shares = torch.tensor([1.0, 29, 1, 1]).div(32).repeat(2, 4, 1)
    shares[0, 2], shares[1, :3] = torch.tensor([1, 5, 1, 1]) / 8, torch.tensor([3, 1, 1, 1]) / 6
    labels = torch.tensor([[IGNORE, IGNORE, IGNORE, 0], [IGNORE, 0, 0, 0]])
    compare_loss(function, shares.log(), labels, "the two toy rows of the lesson, 1.5 · ln 2")
    for seed in range(5):
        logits, labels = drawn_batch(torch.Generator().manual_seed(fresh_seed() + seed))
        compare_loss(function, logits, labels, "a random batch")
    logits[3, 0, 0] = 1000.0
    expect_close(function(logits, labels), torch_loss(logits, labels), 1e-3, "one score of 1000",
                 "exp(1000) overflows. Use log_softmax, which subtracts the largest score first.")  # fmt: skip


def compare_loss(function, logits, labels, what):
    """Raises CheckFailed, with the hint for a known mistake, unless the function gives torch's loss."""
    wanted, mine = torch_loss(logits, labels), labels.clone()
    scores = logits.clone().requires_grad_(True)
    got = function(scores, mine)
    expect(
        torch.equal(mine, labels), f"{what}: the labels that came in were changed", "Work on a copy: labels.clamp(…)."
    )
    expect(torch.equal(scores, logits), f"{what}: the scores that came in were changed", "Work on a copy.")
    hint = "Write the three steps on paper: log-probability of each next token, mask, sum over count."
    if isinstance(got, torch.Tensor) and got.ndim == 0:
        # Float32 sums of a few dozen terms agree to about 1e-6; the mistakes are apart by far more.
        hint = next((h for value, h in known_mistakes(logits, labels) if torch.isclose(got, value, atol=1e-5)), hint)
    expect_close(got, wanted, 1e-5, what, hint)
    trains = isinstance(got, torch.Tensor) and got.requires_grad
    expect(trains, f"{what}: no gradient reaches the scores", "Return a tensor, without detach(), item() or no_grad().")


@check
def check_pad_left(function):
    """The learner's `pad_left(rows, pad_id)` makes a batch that is continued as each of its rows would be alone."""
    for got, wanted, name in zip(function([[5], [6, 7, 8]], 1),
                                 ([[1, 1, 5], [6, 7, 8]], [[0, 0, 1], [1, 1, 1]], [[0, 0, 0], [0, 1, 2]]),
                                 ("ids", "mask", "positions"), strict=True):  # fmt: skip
        hints = {
            "ids": "The new token is read off at the last place, so every row must end there: padding comes first.",
            "mask": "1 for what the model may look at, 0 for padding.",
            "positions": "A row's first real token has position 0, as if it stood alone; padding may have 0 too.",
        }
        expect_close(got, torch.tensor(wanted), 0, f"{name} of [[5], [6, 7, 8]] with padding 1", hints[name])
    instruct, tokenizer = model("instruct")
    items = runs.items_of(("name", "sentiment", "json"), 9, seed=fresh_seed())
    rows = [encode(tokenizer, [{"role": "user", "content": runs.question(i, 0).strip()}]) for i in items]
    ids, mask, positions = function(before := [list(row) for row in rows], tokenizer.pad_token_id)
    expect(before == rows, "the rows that came in were changed", "Make new lists: [pad_id] * k + row.")
    marked = function([[7], [7, 7, 8]], 7)[1]
    expect_close(marked, torch.tensor([[0, 0, 1], [1, 1, 1]]), 0, "mask of [[7], [7, 7, 8]] with padding 7",
                 "A real token may have the id of the padding. The mask follows the lengths.")  # fmt: skip
    with torch.no_grad():
        batch = instruct(input_ids=ids, attention_mask=mask, position_ids=positions).logits[:, -1]
        alone = torch.cat([instruct(torch.tensor([row])).logits[:, -1] for row in rows])
    # The same sums in another order, through six layers: 1e-3 is far below the distance of two tokens' scores.
    expect_close(batch, alone, 1e-3, "scores of the next token, batch against one by one",
                 "Does the mask hide the padding, and does each row count its positions from 0?")  # fmt: skip


def make_batch(tokenizer, faults=(), rows=4, seed=0):
    """Returns a right-padded batch of chats as {"input_ids", "attention_mask", "labels"}, with faults planted in it."""
    examples = tokenize_rows(tokenizer, [r for r in instruction_rows(8 * rows, seed) if len(r["messages"]) == 2][:rows])
    width = max(len(e["input_ids"]) for e in examples) + 2
    assistant, end = marks(tokenizer)
    batch = {"input_ids": [], "attention_mask": [], "labels": []}
    for example in examples:
        ids, fill = example["input_ids"], width - len(example["input_ids"])
        labels = ids if "prompt" in faults else example["labels"]
        labels = labels[:-1] + [IGNORE] if "end" in faults else labels
        labels = labels + [tokenizer.pad_token_id if "padding" in faults else IGNORE] * fill
        labels = labels[1:] + [IGNORE] if "shifted" in faults else labels
        batch["input_ids"].append(ids + [tokenizer.pad_token_id] * fill)
        batch["attention_mask"].append([1] * len(ids) + [0] * fill)
        batch["labels"].append(labels)
    return {name: torch.tensor(values) for name, values in batch.items()}


def colleagues_batch():
    """Returns the batch of task 4 that somebody wants to train on tonight."""
    return make_batch(model("base")[1], ("end", "padding"), seed=7)


@check
def check_find_faults(function):
    """The learner's `find_faults(batch, assistant, end)` names exactly the faults that were planted in a batch."""
    tokenizer = model("base")[1]
    single = FAULTS[:3]
    planted = [set(), {"shifted"}, *map(set, chain.from_iterable(combinations(single, n) for n in (1, 2, 3)))]
    hints = {
        "prompt": "Is there a label at or before the assistant's role mark, in any row?",
        "end": "Has each row's last end mark a label?",
        "padding": "Is there a label where attention_mask is 0?",
        "shifted": "Is there a label that is not the token at its own place? Then report nothing else.",
    }
    for faults in planted:
        batch = make_batch(tokenizer, faults, seed=fresh_seed())
        before = {name: values.clone() for name, values in batch.items()}
        found = function(batch, *marks(tokenizer))
        same = all(torch.equal(batch[name], before[name]) for name in before)
        expect(same, "the batch was changed", "Only look: nobody asked to mend it.")
        expect(isinstance(found, set), f"expected a set of names, got {type(found).__name__}",
               'Start with `faults = set()` and use `faults.add("end")`.')  # fmt: skip
        expect(found <= set(FAULTS), f"unknown names: {sorted(found - set(FAULTS))}", f"The names are {FAULTS}.")
        wrong = sorted(found ^ faults, key=FAULTS.index)
        what = f"a batch with the faults {sorted(faults)}" if faults else "a batch without a fault"
        expect(not wrong, f"{what}: your answer is {sorted(found)}", " ".join(hints[name] for name in wrong))
    for what, batch, faults in single_faults(tokenizer):
        found = function(batch, *marks(tokenizer))
        expect(found == faults, f"{what}: expected {sorted(faults)}, got {sorted(found)}",
               "Look at every row, at the role mark too, and at labels moved either way.")  # fmt: skip


def single_faults(tokenizer):
    """Returns [(what, batch, faults)]: batches with one fault in the last row, which a look at row 0 does not find."""
    assistant, end = marks(tokenizer)
    batches = [make_batch(tokenizer, seed=fresh_seed()) for _ in range(4)]
    rows = [(batch["input_ids"][-1], batch["labels"][-1]) for batch in batches]
    role, last = (torch.nonzero(ids == mark)[-1].item() for (ids, _), mark in zip(rows, (assistant, end), strict=False))
    rows[0][1][role] = assistant
    rows[1][1][last] = IGNORE
    rows[2][1][batches[2]["attention_mask"][-1].sum()] = tokenizer.pad_token_id
    batches[3]["labels"][-1] = rows[3][1].roll(1)
    names = ("its role mark is learned", "its end mark is not", "one padding is", "its labels come one place late")
    return [(f"a batch whose last row alone is wrong, {what}", batch, {fault})
            for what, batch, fault in zip(names, batches, FAULTS, strict=True)]  # fmt: skip


@cache
def pool(n=2400):
    """Returns the rows to choose from: {"task", "wording", "prompt", "completion"}, of all trained tasks."""
    rng, rows = seeds.seeded("lab 07", "pool"), []
    for _ in range(n):
        name, wording = rng.choice(tasks.TRAINED), rng.randrange(6)
        item = tasks.TASKS[name].draw(rng, "train")
        text = runs.question(item, wording).strip()
        rows.append({"task": name, "wording": wording, "prompt": text, "completion": item.gold})
    return rows


def tune_on(rows, seed=0):
    """Returns (model, tokenizer): the base model after two epochs on the rows, 16 at a time, at a rate of 1e-3."""
    tuned, tokenizer = load_model("base")
    examples = tokenize_rows(tokenizer, [{k: row[k] for k in ("prompt", "completion")} for row in rows])
    train(tuned, examples, epochs=2, lr=1e-3, batch_size=16, seed=seed, progress=False)
    return tuned, tokenizer


def target_score(pair, seed, n=200):
    """Returns the Score on n test questions about the TARGETS, in the two wordings that no row of the pool has."""
    return runs.ask(pair, runs.items_of(TARGETS, n, seed=seed), (6, 7), progress=False)


@check
def check_choose_rows(function, why, goal=GOAL):
    """The learner's choice of at most 160 rows brings the base model to the goal on held-out wordings."""
    rows = function([dict(row) for row in pool()])
    expect(isinstance(rows, list), f"expected a list of rows, got {type(rows).__name__}", "Return rows of the pool.")
    expect(len(rows) > 0, "no rows were chosen", "An untrained model will not reach the goal.")
    expect(len(rows) <= MOST_ROWS, f"{len(rows)} rows, at most {MOST_ROWS} are allowed",
           "The point is which rows, not how many.")  # fmt: skip
    known = {(row["prompt"], row["completion"]) for row in pool()}
    expect(all(isinstance(r, dict) and (r.get("prompt"), r.get("completion")) in known for r in rows),
           "a row is not one of the pool", "Choose rows and leave them as they are.")  # fmt: skip
    expect_reason(why, "Say in one sentence what your rows have that the first 160 of the pool have not.")
    score = target_score(tune_on(rows), fresh_seed())
    used = len({row["task"] for row in rows})
    expect(score.mean >= goal, f"{100 * score.mean:.0f} % of {score.n} questions right, wanted {100 * goal:.0f} %",
           f"Your rows are of {used} tasks and the test is of {len(TARGETS)}. Which rows say something about those, "
           "and in how many wordings?")  # fmt: skip
