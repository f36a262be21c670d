"""Runs of lab 16 that are watched, killed and compared: what went into each step, and what a run by hand gives."""

import contextlib
import io
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from spectrum import adapters
from spectrum.checks.gate import expect
from spectrum.checks.kept_16 import plain_model

BATCH, RATE = 4, 1e-2  # rows of a step, and the learning rate of the first
TAKERS = ("remove", "unlink", "rename", "replace")  # what takes a file from its place
DROPOUT, WORDS, HIDDEN = 0.25, 1500, 64  # most of the model is its table, which is frozen


class Killed(BaseException):
    """A kill: nothing that a learner's code may catch as an Exception."""


def fresh_model():
    """Returns the model that every run begins with: frozen, with a LoRA that has dropout, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(16)
        model = plain_model("llama", 2, hidden=HIDDEN, inner=96, width=16, words=WORDS, tied=True)
    return adapters.add_lora(model, 2, dropout=DROPOUT).eval()


def rows_of(count, length):
    """Returns ids (count, length) of which no two rows are alike."""
    generator = torch.Generator().manual_seed(count)
    return torch.cat([torch.arange(count)[:, None], torch.randint(WORDS, (count, length - 1), generator=generator)], 1)


def trained_of(model):
    """Returns {name: numbers} of what a model trains."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


def frozen_of(model):
    """Returns {name: numbers} of what a model does not train."""
    return {name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad}


@dataclass
class Step:
    """What went into one step: row numbers, ids, weights, random state, and the optimizer's rate and moments."""

    rows: list
    ids: torch.Tensor
    weights: dict
    random: torch.Tensor
    training: bool
    loss: float = 0.0
    rate: float | None = None  # None where no optimizer of torch was called
    moments: tuple = ()


class Watch:
    """Notes each step of a run of the learner's, and kills it where it is told.

    That is before a step, in a writing, or the nth time that no file is left at the path where one was.
    """

    def __init__(self, rows, path, before_step=None, in_writing=None, when_gone=None):
        self.rows, self.path = rows, path
        self.before_step, self.in_writing, self.when_gone = before_step, in_writing, when_gone
        self.steps, self.written, self.gone, self.nested, self.killed = [], 0, 0, False, False

    def forward(self, model, arguments, named):
        """Is called before each forward pass of the model."""
        if len(self.steps) == self.before_step:
            raise Killed
        ids = named.get("input_ids", arguments[0] if arguments else None)
        expect(torch.is_tensor(ids) and ids.ndim == 2, "the model is not given ids (rows, length)",
               "model(input_ids=ids, labels=ids) gives the loss.")  # fmt: skip
        numbers = [int(row[0]) if row[0] < len(self.rows) and torch.equal(row, self.rows[int(row[0])]) else -1
                   for row in ids]  # fmt: skip
        self.steps.append(Step(numbers, ids.clone(), trained_of(model), torch.get_rng_state(), model.training))

    def loss(self, model, arguments, output):
        """Is called after each forward pass."""
        self.steps[-1].loss = float(output.loss.detach())

    def update(self, optimizer, arguments, named):
        """Is called before each step of an optimizer of torch."""
        if self.steps:
            states = [optimizer.state.get(p, {}) for group in optimizer.param_groups for p in group["params"]]
            self.steps[-1].rate = float(optimizer.param_groups[0]["lr"])
            self.steps[-1].moments = tuple(part.clone() for state in states for part in state.values()
                                           if torch.is_tensor(part))  # fmt: skip

    def half(self, function, target, whole):
        """Calls a writing function, or lets it write half of what it would and kills."""
        if self.nested:  # shutil and torch may call one another
            return function()
        self.written += 1
        if self.written - 1 != self.in_writing:
            self.nested = True
            try:
                return function()
            finally:
                self.nested = False
        part = whole()[: len(whole()) // 2]
        target.write(part) if hasattr(target, "write") else Path(target).open("wb").write(part)
        raise Killed

    def taking(self, function):
        """Returns a function that moves or removes files, which kills where it leaves none at the path."""

        def taken(*arguments, **named):
            there = self.path.exists()
            result = function(*arguments, **named)
            self.gone += there and not self.path.exists()
            if there and not self.path.exists() and self.gone - 1 == self.when_gone:
                raise Killed
            return result

        return taken

    @contextlib.contextmanager
    def on(self, model):
        """Watches the model, all optimizers, and what writes files, while it is open; a kill ends it quietly."""
        save, copyfile, write_bytes = torch.save, shutil.copyfile, Path.write_bytes

        def saves(what, f, *others, **named):
            def whole():
                buffer = io.BytesIO()
                save(what, buffer)
                return buffer.getvalue()

            if isinstance(f, io.BytesIO):
                return save(what, f, *others, **named)
            return self.half(lambda: save(what, f, *others, **named), f, whole)

        def copies(source, target, **named):
            return self.half(lambda: copyfile(source, target, **named), target, lambda: Path(source).read_bytes())

        def writes(path, data):
            return self.half(lambda: write_bytes(path, data), path, lambda: bytes(data))

        hooks = [model.register_forward_pre_hook(self.forward, with_kwargs=True),
                 model.register_forward_hook(self.loss), register_optimizer_step_pre_hook(self.update)]  # fmt: skip
        try:
            with (
                patch("torch.save", saves),
                patch("shutil.copyfile", copies),
                patch.object(Path, "write_bytes", writes),
                patch.multiple("os", **{name: self.taking(getattr(os, name)) for name in TAKERS}),
            ):
                yield self
        except Killed:
            self.killed = True
        finally:
            for hook in hooks:
                hook.remove()


def watched(train, path, rows, steps, seed=None, state=None, **kills):
    """Returns (the Watch, the losses or None, the model) of one call of the learner's function.

    The random state is another one at each call, as in a new process.
    """
    model, watch, losses = fresh_model(), Watch(rows, path, **kills), None
    torch.manual_seed(12345 + steps if state is None else state)
    with watch.on(model):
        losses = train(model, rows, steps, path) if seed is None else train(model, rows, steps, path, seed)
    return watch, losses, model


def by_hand(steps, total):
    """Returns (losses, {name: trained numbers}) of the run that these Steps describe, done by AdamW of torch."""
    model = fresh_model().train()
    with torch.random.fork_rng():
        optimizer, losses = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE), []
        for number, step in enumerate(steps):
            torch.set_rng_state(step.random)
            optimizer.param_groups[0]["lr"] = RATE * (1 - number / total)
            loss = model(input_ids=step.ids, labels=step.ids).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses, trained_of(model)


# ---- compared ----


def alike(one, other):
    """Returns whether two lists or dicts of tensors, or of numbers, hold the same."""
    one, other = (list(side.values()) if isinstance(side, dict) else list(side) for side in (one, other))
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(
        torch.allclose(torch.as_tensor(a), torch.as_tensor(b), rtol=1e-6, atol=1e-7) for a, b in pairs)  # fmt: skip


def what_differs(plain, again, done):
    """Returns what is the first thing to differ between the Steps of a run that was not killed and of one that was.

    `again` are the steps after the kill, before which `done` steps were done.
    """
    for number, (was, now) in enumerate(zip(plain[done:], again, strict=False), done):
        if was.rows != now.rows:
            return rows_differ(plain, now, number, done)
        if not alike(was.weights, now.weights):
            return f"step {number} begins with other weights", "Is what is trained loaded, all of it?"
        if not alike(was.moments, now.moments):
            forgot = "AdamW remembers two averages of each gradient, and how many there were: its state_dict."
            return f"AdamW has {'other' if now.moments else 'no'} moments at step {number}", forgot
        if was.rate is not None and now.rate is not None and abs(was.rate - now.rate) > 1e-9:
            anew = f"The rate falls over all {len(plain)} steps, whoever does them."
            return f"the learning rate of step {number} is {now.rate:.3g}, and was {was.rate:.3g}", anew
        if not torch.equal(was.random, now.random):
            draws = "Dropout draws from torch's random state, which goes on from step to step: torch.get_rng_state()."
            return f"dropout draws other numbers at step {number}", draws
    return "the losses or weights at its end are others", "What goes into a step that is not in your file?"


def rows_differ(plain, now, number, done):
    """Returns (what is wrong with the rows of a step after a kill, a question to ask oneself)."""
    if done and number == done:
        if now.rows == plain[0].rows:
            again = "Rows that were seen are seen once more, and others never. Which step is it?"
            return f"step {number} is given the rows of step 0: the data begin anew", again
        if now.rows == plain[done - 1].rows:
            return f"step {done - 1} is done a second time", "How many steps are behind you when the file is written?"
        if done + 1 < len(plain) and now.rows == plain[done + 1].rows:
            return f"step {done} is left out", "How many steps are behind you when the file is written?"
    return f"step {number} is given rows {now.rows}, and was given {plain[number].rows}", (
        "The same rows belong to a step, whether there was a kill before it or not.")  # fmt: skip
