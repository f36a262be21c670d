"""Checks of labs/16_qlora_on_a_gpu.ipynb."""

import copy
import itertools
import tempfile
from pathlib import Path

import numpy as np

from spectrum.checks import plans_16, runs_16
from spectrum.checks.cards_16 import (
    KEYS,
    MODELS,
    NEW,
    OLD,
    dtype_hint,
    expect_floats,
    expect_quantization,
    notes,
    wanted_for,
)
from spectrum.checks.gate import short
from spectrum.checks.kept_16 import (
    FULL,
    HALF,
    HAND,
    WAYS,
    Maker,
    kept_bytes,
    living_bytes,
    one_thread,
    slips,
    three_ways,
)
from spectrum.checks.kills_16 import RUNS, expect_done, expect_file, expect_resumed, expect_run
from spectrum.checks.machinery import check, expect, expect_close, expect_prediction, fresh_seed, is_whole
from spectrum.checks.plans_16 import (
    TINY,
    WIDE,
    drawn_config,
    every_edge,
    expect_plan,
    free_bytes,
)
from spectrum.checks.products_16 import CASES, STEPS, drawn_case, expect_flops, expect_toy, seconds_of
from spectrum.checks.runs_16 import rows_of, trained_of, watched

# ---- task 1 ----


@check
@one_thread()
def check_kept(kept, predict_kept, most_first):
    """The learner counts what a graph keeps, predicts it for a deep model from small ones, and orders three ways."""
    for make, ids, wanted, what, hint in HAND:
        expect_kept(kept, make(), ids, wanted, what, hint)
    rng = np.random.default_rng(fresh_seed())
    for kind, method, dtype in (("llama", "full", FULL), ("qwen3", "full", HALF), ("llama", "lora", HALF),
                                ("qwen3", "lora", FULL)):  # fmt: skip
        shape, rank, layers = tuple(map(int, rng.integers(1, 30, 2))), *map(int, rng.integers(1, 4, 2))
        maker = Maker(kind, method, dtype, False, shape, rank=rank)
        model = maker.build(layers)
        expect_kept(kept, model, maker.ids, living_bytes(model, maker.ids), f"a model of the kind {maker}",
                    "This is what outlives the forward pass: tensors that nothing but the graph holds.")  # fmt: skip
    for make, layers in (*WAYS, drawn_way(rng)):
        expect_predicted(predict_kept, make(), layers)
    measured = three_ways()
    expect_prediction(most_first, measured, 0.0, "kB that a graph of four layers in bfloat16 keeps",
                      "In 16 bits peft makes a copy in float32 of what each layer reads, for its A. And checkpointing "
                      "keeps one input for each layer.")  # fmt: skip


def drawn_way(rng):
    """Returns (a maker of models of drawn sizes, the layers of the large one)."""
    kind, method = rng.choice(["llama", "qwen3"]), rng.choice(["full", "lora"])
    sizes = {"hidden": 8 * int(rng.integers(2, 7)), "inner": 8 * int(rng.integers(2, 12))}
    shape = tuple(map(int, rng.integers(1, 30, 2)))
    return lambda: Maker(kind, method, FULL, bool(rng.integers(2)), shape, **sizes), int(rng.integers(9, 20))


def expect_kept(kept, model, ids, wanted, what, hint):
    """Raises unless a learner's number of bytes is the wanted one, and says what was counted wrongly."""
    found = kept(model, ids.clone())
    if isinstance(found, int | float | np.number):
        hint = slips(model, ids).get(found, hint)
    expect_close(found, wanted, 0, f"bytes kept: {what}", hint)
    expect(is_whole(found), f"expected a whole number of bytes, got {short(found)}", "Bytes are counted.")


def expect_predicted(predict_kept, maker, layers):
    """Raises unless a learner predicts what a deep model keeps, from small ones alone."""
    found = predict_kept(maker, layers)
    expect(maker.asked, "no model was asked for", "make(1) gives a model of one layer, and its ids.")
    deep, one = maker.build(layers), maker.build(1)
    wanted, first = kept_bytes(deep, maker.ids), kept_bytes(one, maker.ids)
    two = kept_bytes(maker.build(2), maker.ids)
    hints = {
        first * layers: "One layer times n counts the head and the loss n times, and the first layer keeps less.",
        two * layers / 2: "Two layers times n / 2 count the head and the loss again and again.",
        first + (two - first) * layers: "There is one layer in the first measurement already: how many are missing?",
        first: "This is what one layer keeps.", two: "This is what two layers keep.",
    }  # fmt: skip
    hint = hints.get(found) if isinstance(found, int | float) and found != wanted else None
    expect_close(found, wanted, 0.5, f"predict_kept: bytes kept with {layers} layer{'s' * (layers > 1)}: {maker}",
                 hint or "What does a second layer add to the first, and a third to the second?")  # fmt: skip


# ---- task 2 ----


@check(changes=("model",))
def check_set_up(set_up, trainable_in_float32):
    """The learner's settings suit each card, and what a scaled loss trains is in float32, and nothing else."""
    for capability in (*OLD, *NEW, None):
        for given in ((), (True,), (False,)):
            expect_settings(set_up(capability, *given), capability, (*given, True)[0])
    rng = np.random.default_rng(fresh_seed())
    for _ in range(10):
        capability = int(rng.integers(3, 14)), int(rng.integers(0, 10))
        expect_settings(set_up(capability), capability, True)
    for make, wanted, what in MODELS:
        model = make()
        before = notes(model)
        learns = sum(p.numel() for p in model.parameters() if p.requires_grad)
        wanted = learns if wanted is None else wanted
        found = trainable_in_float32(model)
        expect_floats(model, before, what)
        hints = {learns: "Numbers that were in float32 before have not changed.",
                 sum(p.numel() for p in model.parameters()): "These are all weights, the frozen ones too."}  # fmt: skip
        hint = hints.get(found if is_whole(found) else None, "Count numbers, and a tied weight once.")
        expect_close(found, wanted, 0, f"{what}: how many numbers were changed", hint)
        expect_close(trainable_in_float32(model), 0, 0, f"{what}, a second time: how many numbers were changed",
                     "There is nothing left to change.")  # fmt: skip


def expect_settings(found, capability, double):
    """Raises unless a learner's settings are those for a card, or for a machine without one."""
    name = "no GPU" if capability is None else f"a card of {capability}"
    dtype, bf16, fp16, optim = wanted_for(capability)
    expect(isinstance(found, dict) and set(found) == KEYS, f"{name}: expected a dict of {sorted(KEYS)}, got "
           f"{short(sorted(found) if isinstance(found, dict) else found)}")  # fmt: skip
    expect(found["dtype"] is dtype, f"{name}: dtype is {found['dtype']}, wanted {dtype}",
           dtype_hint(capability, found["dtype"]))  # fmt: skip
    expect(not (found["bf16"] and found["fp16"]), f"{name}: both bf16 and fp16 are on", "A pass runs in one format.")
    for key, wanted in (("bf16", bf16), ("fp16", fp16)):
        expect(found[key] == wanted, f"{name}: {key} is {found[key]}, wanted {wanted}",
               "It says whether autocast computes in this format: the dtype, and no other.")  # fmt: skip
    expect(found["optim"] == optim, f"{name}: optim is {found['optim']!r}, wanted {optim!r}",
           "The paged optimizer in 8 bits is a GPU's, old or new. Without one, torch's.")  # fmt: skip
    expect_quantization(found["quantization"], dtype, double, name)


# ---- task 3 ----

BATCH, RATE = runs_16.BATCH, runs_16.RATE


@check(changes=("model",), repeats=False)
@one_thread()
def check_train(train):
    """The learner's run survives kills, in a writing too, and ends as if there had been none."""
    with tempfile.TemporaryDirectory(prefix="runs ") as folder:
        paths = (Path(folder) / f"run {number}.pt" for number in itertools.count())
        orders = {}
        for count, length, steps, seed, kills in RUNS:
            rows, path = rows_of(count, length), next(paths)
            plain, losses, model = watched(train, path, rows, steps, seed)
            expect_run(plain, losses, model, rows, steps)
            expect_file(path, model, plain, steps)
            orders[count, seed] = [number for step in plain.steps for number in step.rows]
            expect_done(train, path, rows, steps, seed, losses, trained_of(model))
            for kill in kills:
                expect_resumed(train, next(paths), rows, steps, seed, (plain, losses, model), kill)
        expect(orders[90, 70] != orders[90, 90], "seeds 70 and 90 give the rows in one order", "Draw it from the seed.")
        expect(orders[10, None] == orders[10, 0], "without a seed the order is another than with seed 0",
               "The stub's first line says what the seed is if nothing is said.")  # fmt: skip


# ---- task 4 ----


@check(forbids=("torch.utils.flop_counter",))
@one_thread()
def check_step_flops(step_flops, longest_first, seconds):
    """The learner counts a step's operations as torch does, and has predicted what they take on a card."""
    expect_toy(step_flops, "full")
    rng = np.random.default_rng(fresh_seed())
    for case in (*CASES, drawn_case(rng), drawn_case(rng)):
        for method, checkpointing in STEPS.values():
            expect_flops(step_flops, case, method, checkpointing)
    expect_toy(step_flops, "lora")
    measured = seconds_of(step_flops)
    expect_prediction(seconds, measured["lora"], 0.15 * measured["lora"], "seconds of a LoRA step",
                      "How many operations are there for each weight and token, and how many a second?")  # fmt: skip
    expect_prediction(longest_first, measured, 0.1, "seconds of a step of 8 billion weights",
                      "For each weight and token: 2 forward, 2 back, 2 more where it is trained, 2 more where it is "
                      "computed again.")  # fmt: skip


# ---- task 5 ----

needed, seconds_per_token = plans_16.needed, plans_16.seconds_per_token  # a plan is made with them


@check
def check_plan(plan):
    """The learner's plan fits cards and models that nobody has seen, and is nearly the fastest that does."""
    rng = np.random.default_rng(fresh_seed())
    cards = [(config, every_edge(config)) for config in (TINY, WIDE)]
    cards += [(config, free_bytes(config, rng)) for config in (drawn_config(rng) for _ in range(2))]
    for config, card in ((config, card) for config, free in cards for card in free):
        expect_plan(plan, copy.deepcopy(config), card)
