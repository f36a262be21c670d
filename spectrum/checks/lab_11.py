"""Checks of labs/11_lora_by_hand.ipynb."""

import copy
from functools import cache

import numpy as np
import torch
from torch.nn.functional import linear

from spectrum import adapters
from spectrum.adapter_files import plain_name
from spectrum.checks.lora_count import COUNTED, COUNTS, Fields
from spectrum.checks.lora_layer import (
    ALPHA,
    BA,
    BIAS,
    EXACT,
    LAYERS,
    OWN,
    SECOND,
    WEIGHT,
    A,
    B,
    drawn,
    expect_gradients,
    expect_layer,
    expect_tensor,
    expect_thin,
    fresh,
    merged,
    reject_known,
)
from spectrum.checks.lora_update import UPDATES, expect_nearest, pair_of, planted
from spectrum.checks.machinery import check, expect, expect_choice, expect_close, fresh_seed, is_stub
from spectrum.lessons.lora_by_hand import runs
from spectrum.models import load_model
from spectrum.shop import tasks
from spectrum.shop.scoring import by_instruction, items_of

MOST = 45_000  # trainable numbers of the open task: room for rank 2 on all linear layers of lumen-base
GOAL = 0.45  # well below what the worked lab prints: fresh letters must not fail a right answer
LIBRARY = ("spectrum.adapters",)  # what tasks 1 to 4 build by hand
MERGED = torch.tensor([[5.0, 6.0], [7.0, 8.0]])  # not what `merge` makes of WEIGHT: a remembered weight is wrong here
REASONS = {
    "a": "merged, so few numbers change only a few of the base's weights, those that the dialect needs",
    "b": "a nudge of this size is enough: any change of each layer as large and of the same rank would do",
    "c": "of each layer's weights nearly all change, but together, along a few directions that training has found",
    "d": "the base stays as it is and the skill is beside it, so merged into the base it is gone",
}


# ---- task 1: a thick matrix as two thin ones ----


@check(forbids=LIBRARY)
def check_split(function):
    """The learner's `split(update, rank, alpha)` gives the A and B whose LoRA is nearest to an update."""
    update = torch.outer(torch.tensor([2.0, 1.0, 3.0]), torch.tensor([1.0, 2.0]))
    what = "the update ((2, 4), (1, 2), (3, 6)), rank 2, alpha 6"
    a, b = pair_of(function, update, 2, 6, what)
    reject_known((b @ a).float(), update / 3, f"{what}: B @ A", (
        (update, "That is B @ A. The layer multiplies it by alpha/rank, here 3, before it is added."),
        (3 * update, "Divide by alpha/rank: the layer multiplies by it."),
        (update / 6, "The factor is alpha/rank, not alpha: the rank is 2."),
    ))  # fmt: skip
    expect_close(3 * b @ a, update, 1e-4, f"{what}: the LoRA's update, 3 · B @ A", "It has rank 1: nothing is lost.")
    for values, rows, columns, rank, alpha, size, what, hint in UPDATES:
        expect_nearest(function, size * planted(values, rows, columns), rank, alpha, what, hint)
    for _ in range(5):
        rows, columns, rank = (int(torch.randint(1, 12, (), generator=fresh())) for _ in range(3))
        update = torch.randn(rows, columns, generator=fresh(), dtype=torch.float64)
        expect_nearest(function, update, rank, 2.5, f"{rows} × {columns} random numbers, rank {rank}",
                       "Singular values and their directions say what to keep.")  # fmt: skip


# ---- task 2: the forward pass ----


@check(forbids=LIBRARY)
def check_forward(function):
    """The learner's `lora_linear(x, weight, bias, loras)` is the frozen layer plus alpha/r times B·A·x of each LoRA."""
    x, what = torch.tensor([1.0, 1.0]), "x = (1, 1), W = ((1, 2), (3, 4)), alpha 4, rank 2"
    frozen, low = linear(x, WEIGHT, BIAS), BA @ x
    got = function(*copy.deepcopy((x, WEIGHT, BIAS, [(A, B, ALPHA)])))
    expect_tensor(got, (2,), what)
    reject_known(got, frozen + 2 * low, what, (
        (frozen + 4 * low, "The update is scaled by alpha. It should be alpha/r: the rank is the length of A."),
        (frozen + low, "The update is not scaled. Where does alpha/r come in?"),
        (frozen + 4 / 2**0.5 * low, "alpha/√r is rsLoRA's scaling (lesson 12). LoRA's is alpha/r."),
        (2 * low, "That is the update alone. Where is the frozen layer?"),
        (frozen + 2 * BA.T @ x, "The product is transposed: it only fits square layers. x goes through A, then B."),
        (frozen + 2 * low - BIAS, "The bias is missing: the frozen layer is linear(x, weight, bias)."),
        (frozen + 2 * (low + BIAS), "The bias belongs to the frozen layer, once; the update has none."),
    ))  # fmt: skip
    expect_close(got, [15.0, 35.0], 1e-5, what,
                 "By hand: Wx + bias = (13, 27); Ax = (1, 2); B turns that into (1, 4); alpha/r = 2.")  # fmt: skip
    got = function(*copy.deepcopy((x, WEIGHT, BIAS, [(A, B, ALPHA), SECOND])))
    what = f"{what}, and a second adapter with A = ((2, 0)), B = ((1), (-1)), alpha 1.5"
    expect_tensor(got, (2,), what)
    reject_known(got, torch.tensor([18.0, 32.0]), what, (
        (torch.tensor([15.0, 35.0]), "Only the first adapter is there. Each adds its update."),
        (torch.tensor([16.0, 24.0]), "Only the last adapter is there. Each adds its update."),
        (torch.tensor([31.0, 59.0]), "The frozen layer counts once, the updates add up."),
    ))  # fmt: skip
    expect_close(got, [18.0, 32.0], 1e-5, what, "By hand: (15, 35), and 1.5 · (2, -2) on top.")
    got = function(*copy.deepcopy((x, WEIGHT, BIAS, [(A, B, ALPHA)] * 2)))
    expect_close(got, [17.0, 43.0], 1e-5, "the first adapter twice", "An adapter that is there twice adds twice.")
    for case in LAYERS:
        expect_layer(function, *case)
    expect_gradients(function)
    expect_thin(function)


# ---- task 3: merge, and back ----

MERGES = (  # d_in, d_out, rank, alpha, what is asked, hint
    (7, 4, 3, 5.0, "7 to 4, rank 3", "Does the scaling follow from the rank of this layer?"),
    (4, 7, 3, 0.5, "4 to 7, alpha 0.5", "alpha need not be a whole number."),
    (5, 5, 1, 16, "rank 1", OWN),
    (2, 2, 1, 3.0, "2 to 2, as the one on paper", "Every call gives a weight of its own."),
    (3, 4, 9, 16, "a rank above both sizes", "The rank is the length of A."),
    (90, 80, 70, 16, "90 to 80, rank 70", "All rows, all columns, all ranks."),
)


@check(forbids=LIBRARY)
def check_merge(merge, unmerge):
    """The learner's `merge` and `unmerge` (weight, A, B, alpha) add and take the scaled update, and change no input."""
    got = merge(*copy.deepcopy((WEIGHT, A, B, ALPHA)))  # the numbers on paper stay, whatever is done to them
    expect_tensor(got, (2, 2), "merge of W = ((1, 2), (3, 4))")
    reject_known(got, WEIGHT + 2 * BA, "merge of W = ((1, 2), (3, 4))", (
        (WEIGHT + BA, "merge: the update is added without its scaling alpha/r."),
        (WEIGHT + 4 * BA, "merge: the update is scaled by alpha. It should be alpha/r."),
        (WEIGHT + 2 * BA.T, "merge: the product is transposed. The weight is (d_out, d_in), and so is B @ A."),
        (2 * BA, "merge: that is the update alone. Add it to the weight."),
    ))  # fmt: skip
    expect_close(got, WEIGHT + 2 * BA, 1e-5, "merge of W = ((1, 2), (3, 4)) with alpha 4 and rank 2",
                 "By hand: B @ A = ((1, 0), (3, 1)), and alpha/r = 2.")  # fmt: skip
    back = unmerge(*copy.deepcopy((MERGED, A, B, ALPHA)))
    expect_tensor(back, (2, 2), "unmerge of ((5, 6), (7, 8))")
    reject_known(back, MERGED - 2 * BA, "unmerge of ((5, 6), (7, 8))", (
        (WEIGHT, "unmerge: that is the weight that merge was given before. Take the update from the one given now."),
        (MERGED + 2 * BA, "unmerge: the update was added once more. Take it away."),
        (MERGED - BA, "unmerge: the update is taken away without its scaling alpha/r."),
    ))  # fmt: skip
    expect_close(back, MERGED - 2 * BA, 1e-5, "unmerge of ((5, 6), (7, 8)) with alpha 4 and rank 2",
                 "It is merge with a minus: ((5, 6), (7, 8)) less twice ((1, 0), (3, 1)).")  # fmt: skip
    for name, function in (("merge", merge), ("unmerge", unmerge)):
        got = function(*copy.deepcopy((WEIGHT, A, torch.zeros(2, 2), ALPHA)))  # shared memory is seen at the end
        expect_close(got, WEIGHT, 0, f"{name} of W = ((1, 2), (3, 4)) with B = 0", "Nothing is added, nothing taken.")
    for case in MERGES:
        expect_merge(merge, unmerge, *case)


def expect_merge(merge, unmerge, d_in, d_out, rank, alpha, what, hint):
    """Raises CheckFailed unless a random weight is merged, and another unmerged, right: in 32 and in 64 bits."""
    for dtype, close in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        _, weight, _, [(a, b, _)] = drawn((), d_in, d_out, [(rank, alpha)], dtype=dtype)
        true = merged(weight, [(a, b, alpha)])
        got = merge(weight, a, b, alpha)
        expect_tensor(got, weight.shape, f"merge of {what}", dtype)
        asked = EXACT if dtype == torch.float64 else hint  # the same sizes have passed in 32 bits
        expect_close(got, true, close * float(true.abs().max()), f"merge of {what} ({dtype})", asked)
        _, weight, _, [(a, b, _)] = drawn((), d_in, d_out, [(rank, alpha)], dtype=dtype)  # merge never sees this one
        thick = merged(weight, [(a, b, alpha)])
        back = unmerge(thick.to(dtype), a, b, alpha)
        expect_tensor(back, weight.shape, f"unmerge of {what}", dtype)
        expect_close(back, weight, close * float(thick.abs().max()), f"unmerge of a layer that merge never saw, {what}",
                     f"{asked} And is the update taken from the weight that is given?")  # fmt: skip


# ---- task 4: the count ----


@check(forbids=LIBRARY)
def check_count(function):
    """The learner's `lora_count(config, rank)` adds up rank·(d_in + d_out) over all linear layers but the head."""
    from transformers import LlamaConfig, Qwen3Config

    got = function(Fields(), 2)
    whole = isinstance(got, int | np.integer) and not isinstance(got, bool)
    expect(whole, f"expected a whole number, got {type(got).__name__} {got!r}", "Nothing here needs a division.")
    what = f"hidden 14, inner 32, 2 heads of width 6, 1 for keys and values, rank 2: expected 460, got {got}"
    expect(got == 460, what, COUNTED.get(int(got), "q 52, k 40, v 40, o 52, and three times 92 in the MLP."))
    for changes, rank, wanted, what, hint in COUNTS:
        got = function(Fields(**changes), rank)
        expect(got == wanted, f"{what}, got {got}", hint)
    rng = np.random.default_rng(fresh_seed())
    for number in range(4):
        heads, width, head_dim = (int(rng.integers(low, high)) for low, high in ((1, 4), (2, 9), (1, 5)))
        sizes = {"num_attention_heads": 2 * heads, "num_key_value_heads": heads, "hidden_size": 2 * heads * width}
        sizes |= {"head_dim": 2 * head_dim, "intermediate_size": int(rng.integers(3, 40)), "num_hidden_layers": 2}
        config = (LlamaConfig if number else Qwen3Config)(**sizes, vocab_size=50, attention_bias=number == 1)
        wanted, got = adapters.lora_count(config, 3), function(config, 3)
        expect(got == wanted, f"{type(config).__name__} with {sizes}: expected {wanted}, got {got}",
               "Compare with print(base.model.layers[0]). Biases and normalization have no LoRA.")  # fmt: skip


# ---- task 5: much with little ----


@cache
def house_data():
    """Returns the training examples that the open task learns from."""
    return runs.house_data(load_model("base")[1])


@check(changes=("model",))
def check_beat_it(function, explanation, goal=GOAL, n=100):
    """The learner's `tuned(model, data)` teaches the house dialect with few numbers; a letter says how."""
    expect_letter(function, explanation)
    base, tokenizer = load_model("base")
    own = dict(base.named_parameters())
    before = {name: p.detach().clone() for name, p in own.items()}
    model = function(base, copy.deepcopy(house_data()))
    expect(isinstance(model, torch.nn.Module), f"expected a model, got {type(model).__name__}", "Return the model.")
    expect_small(model, own)
    now = own | {plain_name(name): p for name, p in model.named_parameters()}
    moved = [name for name, p in before.items() if not (torch.equal(own[name], p) and torch.equal(now[name], p))]
    expect(not moved, f"the base's own weights moved, {moved[0] if moved else ''} among them",
           "Add the adapter first: it freezes the base. Then train.")  # fmt: skip
    letters = items_of(tasks.HOUSE, n, fresh_seed())

    def score(model):
        return by_instruction((model, tokenizer), letters, (0, 3), chat=True).mean

    found = score(model)
    expect(found >= goal, f"{100 * found:.0f} % of {n} fresh letters right, wanted {100 * goal:.0f} %",
           "Did the loss fall? Look at the records of train; try another rate, and other layers.")  # fmt: skip
    letter = chosen(explanation)
    expect_choice(explanation, REASONS, "c", {letter: refutation(letter, model, score, found)})


def expect_small(model, own):
    """Raises CheckFailed unless some numbers are trainable, and those and all that are not the base's are few."""
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    expect(trainable, "nothing in the model is trainable", "Return it with its adapter on, not merged, not unloaded.")
    ids = set(map(id, own.values()))
    added = sum(p.numel() for n, p in model.named_parameters() if id(p) not in ids and plain_name(n) not in own)
    for count, what in ((trainable, "are trainable"), (added, "were added to the base, frozen or not")):
        expect(count <= MOST, f"{count:,} numbers {what}, allowed are {MOST:,}",
               "A smaller rank, or fewer layers: lora_count tells what each costs.")  # fmt: skip


def chosen(explanation):
    """Returns the letter of an explanation as `expect_choice` reads it."""
    return explanation.strip().lower() if isinstance(explanation, str) else explanation


def expect_letter(function, explanation):
    """Raises CheckFailed where no explanation is chosen: before anything is trained, but after "not written yet"."""
    if chosen(explanation) in REASONS:
        return
    try:
        function(None, None)
    except NotImplementedError as error:
        if is_stub(error):
            raise
    except Exception:  # there is no model yet, and whatever comes of that is not what is asked here
        pass
    expect_choice(explanation, REASONS, "c", {})


def refutation(letter, model, score, found):
    """Returns what the learner's own model shows against an explanation; "" for the one that stands."""
    try:
        return measured(letter, model, score, found)
    except ValueError:
        return "Your adapter is no plain LoRA: take one, and hold each explanation against it."


def measured(letter, model, score, found):
    """Returns the measurement behind `refutation`; ValueError where the model has no LoRA, or more than that."""
    updates = adapters.deltas(model)
    if letter == "a":
        changed, of = (sum(int(count(d)) for d in updates.values()) for count in (torch.count_nonzero, torch.numel))
        return f"Counted: {changed:,} of the {of:,} weights in the layers with an adapter are others when it is merged."
    if letter == "b":
        share = score(adapters.random_like(model))
        return f"Random updates of the same rank and size get {100 * share:.0f} % right, yours {100 * found:.0f} %."
    if letter == "d":
        share = score(copy.deepcopy(model).merge_and_unload())
        return f"Merged into the base your adapter gets {100 * share:.0f} % right, beside it {100 * found:.0f} %."
    return ""
