"""What lab 16's third check wants of a run: by itself, called again, and after a kill."""

import torch

from spectrum.checks.gate import CheckFailed, expect, short
from spectrum.checks.machinery import expect_close
from spectrum.checks.runs_16 import (
    BATCH,
    RATE,
    alike,
    by_hand,
    fresh_model,
    frozen_of,
    trained_of,
    watched,
    what_differs,
)

BEFORE = [{"before_step": number} for number in range(8)]
WRITING = [{"in_writing": number} for number in range(8)]
GONE = [{"when_gone": number} for number in range(4)]
RUNS = (  # rows, their length, steps, seed, kills
    (
        10,
        9,
        7,
        None,
        (BEFORE[0], BEFORE[1], BEFORE[3], BEFORE[6], WRITING[0], WRITING[1], WRITING[4], GONE[0], GONE[3]),
    ),
    (10, 9, 7, 0, ()),
    (3, 5, 5, 1, (BEFORE[2], WRITING[3])),
    (90, 80, 4, 70, (BEFORE[1],)),
    (90, 80, 4, 90, ()),
    (8, 4, 68, 5, ({"before_step": 66},)),
)


def expect_run(watch, losses, model, rows, steps):
    """Raises unless a run that nobody killed did what the task says."""
    expect(len(watch.steps) == steps, f"{len(watch.steps)} forward passes in {steps} steps", "One for each step.")
    for number, step in enumerate(watch.steps):
        expect(-1 not in step.rows, f"step {number} is given rows that are none of yours", "Rows go in as they are.")
        expect(len(step.rows) == BATCH, f"step {number} is given {len(step.rows)} rows, wanted {BATCH}")
        expect(step.training, f"step {number}: the model is in evaluation mode, so dropout rests", "model.train()")
        wanted = RATE * (1 - number / steps)
        expect(step.rate is None or abs(step.rate - wanted) < 1e-9,
               f"the learning rate of step {number} of {steps} is {step.rate or 0:.3g}, wanted {wanted:.3g}",
               "RATE · (1 - step / steps), with steps counted from 0.")  # fmt: skip
    before, after = frozen_of(fresh_model()), frozen_of(model)
    expect(before.keys() == after.keys() and all(torch.equal(before[n], after[n]) for n in before),
           "the frozen base has moved", "Only what has `requires_grad` learns.")  # fmt: skip
    seen = [number for step in watch.steps for number in step.rows]
    epochs = [seen[start : start + len(rows)] for start in range(0, len(seen), len(rows))]
    for number, epoch in enumerate(epochs):
        expect(len(set(epoch)) == len(epoch), f"epoch {number} has a row twice: {epoch}",
               "Each row once, in an order of its own, before any comes again.")  # fmt: skip
    expect(len(rows) < 8 or len(seen) < 2 * len(rows) or epochs[0] != epochs[1], "two epochs have one order",
           "Each draws its own.")  # fmt: skip
    expect_close(losses, [step.loss for step in watch.steps], 1e-7, f"the losses of {steps} steps",
                 "All that the model gave, the first first, as plain numbers.")  # fmt: skip
    wanted, weights = by_hand(watch.steps, steps)
    message = f"after the same {steps} steps of AdamW done by hand"
    expect_close(losses, wanted, 1e-4, f"losses {message}", "Gradients of one step, and of no other, go into it.")
    for name, value in trained_of(model).items():
        expect_close(value, weights[name], 1e-4, f"{name} {message}", "Its settings are those of torch but the rate.")


def expect_file(path, model, watch, steps):
    """Raises unless there is a checkpoint after each step, with what is trained and without the rest."""
    expect(path.is_file(), f"after {steps} steps there is no file {path.name!r}", "torch.save writes it.")
    expect(watch.written >= steps, f"{watch.written} files were written in {steps} steps",
           "A checkpoint after each step, with torch.save.")  # fmt: skip
    learns, frozen = (sum(map(torch.numel, part(model).values())) for part in (trained_of, frozen_of))
    most, size = 12 * learns + 100_000, path.stat().st_size  # weights and two moments; torch adds a little to each
    expect(size <= most, f"the checkpoint has {size:,} bytes, wanted at most {most:,}",
           f"The frozen base has {4 * frozen:,}, and is where it came from. Save what is trained."
           if size > 4 * frozen else "Save what is needed to go on, and nothing else.")  # fmt: skip


def expect_done(train, path, rows, steps, seed, losses, trained):
    """Raises unless a finished run that is called once more does nothing and says what it said."""
    watch, again, model = watched(train, path, rows, steps, seed)
    expect(not watch.steps, f"a run that was finished, and is called again, does {len(watch.steps)} more",
           "How many steps are behind you when the file is written?")  # fmt: skip
    expect_close(again, losses, 1e-6, "losses of a finished run that is called again", "The file has to know them.")
    expect(alike(trained_of(model), trained), "a finished run that is called again leaves its model untrained",
           "The model that it is given is as new: the weights are in the file.")  # fmt: skip


def expect_resumed(train, path, rows, steps, seed, plain, kill):
    """Raises unless a run that is killed as {place: number} says, and called again, ends as the one that was not."""
    first, _, _ = watched(train, path, rows, steps, seed, state=1, **kill)
    gone, writing = "when_gone" in kill, "before_step" not in kill
    if gone and not first.killed:  # there is always a file at the path
        return
    how = f"killed {'while file ' if writing else 'before step '}{next(iter(kill.values()))}{' was written' * writing}"
    how = "killed while no file was at the path" if gone else how
    expect(first.killed, f"a run of {steps} steps could not be {how}", "One step and one checkpoint after the other.")
    done = len(first.steps) - writing
    try:
        watch, losses, model = watched(train, path, rows, steps, seed, state=2)
    except CheckFailed:
        raise
    except Exception as error:
        expect(writing, f"{how}: the next call raised {type(error).__name__}: {short(str(error))}",
               "Does the file hold what the next call looks for?")  # fmt: skip
        expect(False, f"{how}: half a file is left at the path, and the last good one is gone: {type(error).__name__}",
               "Write beside it, and let it take the last one's place once it is whole: Path.replace.")  # fmt: skip
    if writing and len(watch.steps) == steps - done - 1:
        done += 1  # it was the second copy that was cut short
    expect_same(plain, (watch, losses, model), done, how)


def expect_same(plain, again, done, how):
    """Raises unless a resumed run, of which `done` steps were done, ends as the plain one: (watch, losses, model)."""
    (was, losses, model), (now, found, twin) = plain, again
    if "no file" in how:
        expect(
            len(now.steps) < len(was.steps),
            f"{how}, and called again: all {len(now.steps)} steps are done anew",
            "The last good file was taken away before the next was in its place. Path.replace does both at once.",
        )
    same = len(now.steps) == len(was.steps) - done and [s.rows for s in now.steps] == [s.rows for s in was.steps[done:]]
    if not same or not alike(trained_of(model), trained_of(twin)):
        what, hint = what_differs(was.steps, now.steps, done)
        expect(False, f"{how}, and called again: {what}", hint)
    expect_close(found, losses, 1e-6, f"{how}, and called again: the losses of all {len(losses)} steps",
                 "Those before the kill are in the file.")  # fmt: skip
