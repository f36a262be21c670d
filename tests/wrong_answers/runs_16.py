"""Runs that are killed, as lab 16's wrong answers go on from them."""

import io
import random
import shutil

import numpy as np
import torch

from spectrum.checks import lab_16


def one_step(model, optimizer, rows, step, steps, seed, rate=None, order=None, batch=4, mode=True, clear=True):
    """The lab's own function, in which one thing may be otherwise."""
    epochs = range(batch * (step + 1) // len(rows) + 1)
    order = order or (lambda n: torch.randperm(len(rows), generator=torch.Generator().manual_seed(1000 * seed + n)))
    ids = rows[torch.cat([order(n) for n in epochs])[batch * step : batch * step + batch]]
    optimizer.param_groups[0]["lr"] = rate(step, steps) if rate else lab_16.RATE * (1 - step / steps)
    loss = model.train(mode)(input_ids=ids, labels=ids).loss
    loss.backward()
    optimizer.step()
    if clear:
        optimizer.zero_grad()
    return loss.item()


def in_place(state, path):
    torch.save(state, path)


def beside(state, path):
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def gone_for_a_while(state, path):
    torch.save(state, path.with_suffix(".part"))
    path.unlink(missing_ok=True)
    path.with_suffix(".part").rename(path)


def copied(state, path):
    torch.save(state, path.with_suffix(".part"))
    shutil.copy(path.with_suffix(".part"), path)


def removed_first(state, path):
    path.unlink(missing_ok=True)
    torch.save(state, path)


def as_bytes(state, path):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    path.write_bytes(buffer.getvalue())


def opened(state, path):
    with path.open("wb") as file:
        torch.save(state, file)


def all_but(*names):
    return {"weights": True, "optimizer": True, "random": True, "losses": True} | dict.fromkeys(names, False)


def misrun(
    holds=None, save=beside, all_weights=False, first=lambda losses: len(losses), end=lambda steps, losses: steps,
    shown=lambda step, done: step, of=lambda steps, done: steps, every=1, returned=lambda losses, done: losses,
    make=torch.optim.AdamW, chosen=lambda model: [p for p in model.parameters() if p.requires_grad],
    seeded=lambda seed: torch.manual_seed(seed), early=False, seed_of=lambda seed: seed, **step_faults,
):  # fmt: skip
    """Return a `train` in which one thing is otherwise: what the file holds, how it is written, which steps run."""
    holds = holds or all_but()

    def wrong(model, rows, steps, path, seed=0):
        seed = seed_of(seed)
        learns = [n for n, p in model.named_parameters() if p.requires_grad or all_weights]
        optimizer, losses = make(chosen(model)), []
        seeded(seed)
        if path.exists():
            state = torch.load(path, weights_only=False)
            if holds["weights"]:
                model.load_state_dict(state["weights"], strict=False)
            if holds["optimizer"]:
                optimizer.load_state_dict(state["optimizer"])
            if holds["random"]:
                torch.set_rng_state(state["random"])
            losses = state["losses"]
        done = len(losses)

        def note():
            state = {"weights": {n: p for n, p in model.named_parameters() if n in learns}, "losses": losses}
            save(state | {"optimizer": optimizer.state_dict(), "random": torch.get_rng_state()}, path)

        for step in range(first(losses), end(steps, losses)):
            if early:
                note()
            number, total = shown(step, done), of(steps, done)
            losses.append(one_step(model, optimizer, rows, number, total, seed, **step_faults))
            if not early and (step + 1) % every == 0:
                note()
        return returned(losses, done)

    return wrong


train = misrun()


def never_goes_on(model, rows, steps, path, seed=0):
    path.unlink(missing_ok=True)
    return train(model, rows, steps, path, seed)


def losses_alone(model, rows, steps, path, seed=0):
    """Looks into the file of a finished run for its losses, and leaves the model as it is."""
    losses = torch.load(path)["losses"] if path.exists() else []
    return losses if len(losses) == steps else train(model, rows, steps, path, seed)


def no_file(model, rows, steps, path, seed=0):
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])
    torch.manual_seed(seed)
    return [one_step(model, optimizer, rows, step, steps, seed) for step in range(steps)]


def elsewhere(model, rows, steps, path, seed=0):
    return train(model, rows, steps, path.with_suffix(".other"), seed)


def rows_twice(n):
    return torch.randint(10, (10,), generator=torch.Generator().manual_seed(n))


def drops_the_rest(model, rows, steps, path, seed=0):
    """Each epoch drops the rows that are no whole batch: 10 rows give two batches."""
    whole = len(rows) // 4 * 4 or len(rows)
    orders = {}

    def order(n):
        generator = torch.Generator().manual_seed(1000 * seed + n)
        orders[n] = torch.randperm(len(rows), generator=generator)[:whole]
        return orders[n]

    return misrun(order=lambda n: torch.cat([order(2 * n), order(2 * n + 1)]))(model, rows, steps, path, seed)


def sorted_rows(model, rows, steps, path, seed=0):
    return misrun(order=lambda n: torch.arange(len(rows)))(model, rows, steps, path, seed)


def one_order(model, rows, steps, path, seed=0):
    def order(n):
        return torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))

    return misrun(order=order)(model, rows, steps, path, seed)


def order_of_the_process(model, rows, steps, path, seed=0):
    """Draws the order from the random state, once for each call."""
    orders = [torch.randperm(len(rows)) for _ in range(4 * steps // len(rows) + 1)]
    return misrun(order=lambda n: orders[n])(model, rows, steps, path, seed)


def base_learns(model, rows, steps, path, seed=0):
    model.requires_grad_(True)
    return train(model, rows, steps, path, seed)


def changed_rows(model, rows, steps, path, seed=0):
    losses = train(model, rows, steps, path, seed)
    rows[0, 0] += 1
    return losses


def tensors(losses, done):
    return [torch.tensor(loss) for loss in losses]


# ---- right in another form ----


def seeded_by_step(model, rows, steps, path, seed=0):
    """Seeds the random state before each step, so that no file needs to hold it."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1.0)
    losses, part = [], path.parent / "half written"
    if path.is_file():
        weights, moments, losses = torch.load(path)
        for parameter, saved in zip(optimizer.param_groups[0]["params"], weights, strict=True):
            parameter.data.copy_(saved)
        optimizer.load_state_dict(moments)
    while len(losses) < steps:
        torch.manual_seed(1_000_003 * seed + len(losses))
        losses.append(one_step(model, optimizer, rows, len(losses), steps, seed))
        with part.open("wb") as file:
            torch.save((optimizer.param_groups[0]["params"], optimizer.state_dict(), losses), file)
        part.replace(path)
    return np.array(losses)


def two_files(model, rows, steps, path, seed=0):
    """Keeps the last good file under another name, and goes back to it if the newest is broken."""
    last, trained = path.with_suffix(".last"), {n: p for n, p in model.named_parameters() if p.requires_grad}
    optimizer, losses = torch.optim.AdamW(list(trained.values())), []
    torch.manual_seed(seed)
    for file in (path, last):
        try:
            state = torch.load(file)
        except Exception:
            continue
        model.load_state_dict(state[0], strict=False)
        optimizer.load_state_dict(state[1])
        torch.set_rng_state(state[2])
        losses = state[3]
        break
    for step in range(len(losses), steps):
        losses += [one_step(model, optimizer, rows, step, steps, seed)]
        if path.exists():
            path.replace(last)
        torch.save([trained, optimizer.state_dict(), torch.get_rng_state(), losses], path)
    return tuple(losses)


def shuffled_by_python(model, rows, steps, path, seed=0):
    """Another order, drawn by Python, and an optimizer over all weights, of which the frozen ones get no gradient."""

    def order(n):
        numbers = list(range(len(rows)))
        random.Random(f"{seed} {n}").shuffle(numbers)
        return torch.tensor(numbers)

    return misrun(order=order, chosen=lambda model: model.parameters())(model, rows, steps, path, seed)
