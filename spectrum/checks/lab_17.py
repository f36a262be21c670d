"""Checks of labs/17_small_and_local.ipynb."""

import copy
import tempfile
from pathlib import Path

import numpy as np
import torch

from spectrum import prompts
from spectrum.checks.asked_17 import check_request, expect_told
from spectrum.checks.gate import short
from spectrum.checks.machinery import check, expect, expect_close, expect_prediction, fresh_seed, is_whole
from spectrum.checks.merges_17 import ROUNDINGS, layer_of, losses, whole_layer, with_updates
from spectrum.checks.options_17 import CASES, WILSON, chosen, drawn
from spectrum.checks.requests_17 import HERE, MISSING, recording, said, serving
from spectrum.checks.shipped_17 import check_answers, check_file
from spectrum.checks.sizes_17 import HAND, KINDS, UNFIT, random_shapes, slips, tensor_bytes, written
from spectrum.shop import tasks

COUNTING = ("gguf.quants", "spectrum.export")  # what the first check compares with
TASK, MESSAGES = tasks.TASKS["json_sentiment_city"], 60  # of the last check


def order(item):
    """Returns all that the shipped file is told of a message: the short order of its task, and the message."""
    return prompts.ask(TASK, item).strip()


def fresh():
    """Returns a generator with a new seed, so that no answer can be written for one input."""
    return torch.Generator().manual_seed(fresh_seed())


# ---- task 1 ----


def expect_bytes(function, shapes, kind, tied, wanted, what, hint):
    """Returns a learner's number of bytes; raises unless it is the wanted one, and says what was counted wrongly."""
    found = function(dict(shapes), kind, tied)
    if isinstance(found, int | float | np.number):
        hint = slips(shapes, kind, tied).get(found, hint)
    expect_close(found, wanted, 0, f"bytes of {what}, {kind}", hint)
    return found


@check(forbids=COUNTING)
def check_file_bytes(function):
    """The learner's `file_bytes(shapes, kind, tied)` says what a GGUF file's tensors take, before it is written."""
    for shapes, tied, by_kind, what, hint in HAND:
        for kind, wanted in by_kind.items():
            found = expect_bytes(function, shapes, kind, tied, wanted, what, hint)
    expect(is_whole(found), f"expected a whole number of bytes, got {short(found)}",
           "Blocks of a row can be counted with //, once they are sure to fit.")  # fmt: skip
    for shapes, tied, name in UNFIT:
        for kind in ("q8_0", "q4_0"):
            expect_refused(function, shapes, kind, tied, name)
        expect_bytes(function, shapes, "f16", tied, tensor_bytes(shapes, "f16", tied), "the same rows, in no blocks",
                     "Only the kinds with blocks ask for rows that fit.")  # fmt: skip
    rng = np.random.default_rng(fresh_seed())
    for number in range(20):
        shapes, tied = random_shapes(rng), bool(number % 2)
        for kind in KINDS:
            expect_bytes(function, shapes, kind, tied, tensor_bytes(shapes, kind, tied),
                         f"a model with {len(shapes)} tensors",
                         "Each row of each matrix is cut into blocks of 32.")  # fmt: skip
    for name, shapes, kind, tied, wanted in written():
        expect_bytes(function, shapes, kind, tied, wanted, f"the tensors in a file of {name}",
                     "This number was read in a file that spectrum.export wrote.")  # fmt: skip


def expect_refused(function, shapes, kind, tied, name):
    """Raises unless a learner's function raises a ValueError that names the tensor whose rows fit no blocks."""
    try:
        found = function(dict(shapes), kind, tied)
    except ValueError as error:
        expect(name in str(error), f"the ValueError for rows of {shapes[name][-1]} in {kind} does not name {name}",
               "Whoever reads it has hundreds of tensors: which one is it?")  # fmt: skip
        return
    expect(False, f"{name} has rows of {shapes[name][-1]}, which are no whole blocks in {kind}: expected a ValueError, "
           f"got {short(found)}", "Blocks run along a row and never reach into the next: it is the row that has to "
           "fit, not the whole matrix.")  # fmt: skip


# ---- task 2 ----

ONE_SUM = "Add first, W + scale · B·A in 32 bits, and round the sum, once."
MERGED = (  # rounding, scale, shape, rank, size of the weights, formats, what is asked
    ("four bits in blocks of 32", 2.0, (24, 64), 3, 1.0, ("float32", "float32"), "a layer of 24 × 64"),
    ("NF4 in blocks of 64", 0.5, (10, 128), 16, 1.0, ("float32", "float32"), "a scale of 0.5, in NF4"),
    ("eight bits in blocks of 32", 2.75, (200, 96), 1, 1.0, ("float32", "float32"), "rank 1 and a scale of 2.75"),
    ("two bits, one constant for all", -1.5, (8, 100), 8, 1.0, ("float32", "float32"), "one constant for all"),
    ("four bits in blocks of 32", 0.0, (24, 64), 3, 1.0, ("float32", "float32"), "a scale of 0"),
    ("four bits in blocks of 32", 1.25, (32, 320), 4, 1e-4, ("float32", "float32"), "weights of a ten-thousandth"),
    ("four bits in blocks of 32", 2.0, (24, 64), 3, 1.0, ("bfloat16", "float32"), "a weight in bfloat16"),
    ("four bits in blocks of 32", 3.0, (24, 64), 70, 1.0, ("bfloat16", "bfloat16"), "everything in bfloat16"),
    ("NF4 in blocks of 64", 1.5, (64, 64), 5, 1.0, ("float16", "float16"), "a square layer in float16"),
)  # fmt: skip


@check
def check_export_layer(function, largest_first):
    """The learner's exported layer is the merged weight, rounded once; and three ways to round err as predicted."""
    weight, a, b, merged = whole_layer(fresh(), 0.5, ("float32", "float32"))
    expect_close(function(weight, a, b, 0.5, lambda w: w.clone()), merged, 1e-5, "a layer that is not rounded at all",
                 "W + scale · B·A, with W (d_out, d_in), A (r, d_in) and B (d_out, r).")  # fmt: skip
    for formats in (("bfloat16", "float32"), ("bfloat16", "bfloat16"), ("float16", "float16")):
        weight, a, b, merged = whole_layer(fresh(), 1.5, formats)
        expect_close(function(weight, a, b, 1.5, lambda w: w.clone()), merged, 1e-4,
                     f"W in {formats[0]}, A and B in {formats[1]}, not rounded at all",
                     "Sixteen bits round every sum: turn what you are given into 32 bits first.")  # fmt: skip
    for name, scale, shape, rank, size, formats, what in MERGED:
        weight, a, b, wanted = layer_of(name, fresh(), scale, shape, rank, size, formats)
        found = function(weight, a, b, scale, ROUNDINGS[name])
        what = f"{what}, {name}"
        hint = ONE_SUM
        if torch.is_tensor(found) and found.shape == wanted.shape:
            hint = mistake_of(found.float(), weight.float(), scale * (b.float() @ a.float()), ROUNDINGS[name], hint)
            found = found.detach().double() / size
        expect_close(found, wanted.double() / size, 2e-5, what, hint)
    weight, a, b, merged = whole_layer(fresh(), 0.5, ("float32", "float32"))
    expect_close(function(weight, a, b, 0.5, largest_alone), largest_alone(merged), 1e-5,
                 "a rounding that leaves nothing but the largest weight",
                 "Round with what you are given, `round_trip`, and round last of all.")  # fmt: skip
    measured = losses(function, with_updates(fresh()))
    expect_prediction(largest_first, measured, 0.0, "error of six of lumen-base's layers, as % of their weights",
                      f"Measured: merged {measured['merged']:.2f}, again {measured['again']:.2f}, beside "
                      f"{measured['beside']:.2f}. How often is something rounded in each way, and how large is what is "
                      "rounded?")  # fmt: skip


def largest_alone(weight):
    """Returns a tensor of the weight's shape that holds its largest absolute value everywhere."""
    return torch.ones_like(weight) * weight.abs().max()


def mistake_of(found, weight, update, round_trip, otherwise):
    """Returns a hint for what a learner's layer holds, where it can be told from the numbers."""
    known = {
        "You rounded W, added the update and rounded again, and what W lost the first time stays lost. " + ONE_SUM:
            round_trip(round_trip(weight) + update),
        "The file has one kind for all its matrices: what you return is not rounded as a whole. " + ONE_SUM:
            round_trip(weight) + update,
        "You rounded W and the update each by itself. " + ONE_SUM: round_trip(weight) + round_trip(update),
        "This is the sum before it was rounded.": weight + update,
        "This is W, rounded, and nothing of the adapter.": round_trip(weight),
    }  # fmt: skip
    near = 1e-5 * float(weight.abs().max())
    return next((hint for hint, wrong in known.items() if torch.allclose(found, wrong, atol=near)), otherwise)


# ---- task 3 ----

SENT = (  # question, scale, answer
    ("Give the city.\nI live in Rome. This is about order 4883.", 0.5, "Rome"),
    ("Give the city.\nI live in Oslo. This is about order 4883.", 0.5, 'He said: "Oslo",\nand left.'),
    ('Größe? "東京" 🙂\n\tc:\\new ' + 20 * "a long question, " + "end", 1.75, "  naïve café, 東京 🙂 \\n {}\n"),
    ("", 0.0, ""),
    ("Is it {0}? %s", 1.0, '{"sentiment": "positive", "city": "Łódź"}'),
    ("  Why?\n", 2.0, "None"),
    ("Why?", -1.0, " \n"),
)
FAILS = ((400, 'the "lora" scale must be a number'), (500, "das Modell ist zu groß: 東京"), (404, "no such adapter"))


@check(repeats=False)
def check_ask(function):
    """The learner's `ask(url, question, scale)` asks an address with the standard library, and says what went wrong."""
    with recording() as server:
        for question, scale, text in SENT:
            server.plan(text)
            found = function(server.url, question, scale)
            check_request(server, question, scale)
            expect(isinstance(found, str), f"expected the text of the answer, got {short(found)}",
                   "It stands in the reply under choices, 0, message, content. An answer of no words is a text, "
                   "too: the empty one.")  # fmt: skip
            expect(found == text, f"the answer was {text!r}, and you returned {found!r}",
                   "Return the text as it came: with quotes, letters of all alphabets and white space at its "
                   "ends.")  # fmt: skip
    with recording("/one/address/of/a/house/with/many/models") as server:
        for status, error in FAILS:
            server.plan(status=status, error=error)
            expect_told(function, server.url, status, error)
        server.plan("Riga")
        expect(function(server.url, "Where?", 0.25) == "Riga", "after an error the next answer is not returned",
               "Each question stands for itself.")  # fmt: skip
        check_request(server, "Where?", 0.25)
    check_real(function)


def check_real(function):
    """Raises unless the learner's function gets from llama.cpp what another program gets there."""
    if not HERE:
        print(f"asked no real model: {MISSING}")
        return
    question = "Give the city.\nI live in Rome. This is about order 4883."
    with serving() as url:
        for scale in (0.0, 1.0):
            wanted = said(url, question, lora=[{"id": 0, "scale": scale}])
            found = function(url, question, scale)
            expect(found == wanted, f"llama.cpp answers {wanted!r} at a scale of {scale}, and you returned {found!r}",
                   "The same request from another program got this.")  # fmt: skip


# ---- task 4 ----


@check(forbids=("scipy.stats.binomtest",))
def check_choose(function):
    """The learner's `choose` ships the smallest file whose score on typed messages is sure to be high enough."""
    for options, least, megabytes, what, hint in CASES:
        expect_chosen(function, options, least, megabytes, what, hint)
    rng = np.random.default_rng(fresh_seed())
    for number in range(150):
        options, least, megabytes = drawn(rng)
        expect_chosen(function, options, least, megabytes, f"draw {number} of options", WILSON)


def expect_chosen(function, options, least, megabytes, what, hint):
    """Raises unless the learner's choice is the right one."""
    wanted = chosen(options, least, megabytes)
    found = function(copy.deepcopy(options), least, megabytes)
    expect(found == wanted and type(found) is type(wanted),
           f"{what}: with at least {100 * least:.1f} % on typed messages and {megabytes} MB, expected {wanted!r}, got "
           f"{short(found)}", hint)  # fmt: skip


# ---- task 5 ----


@check(repeats=False)
def check_ship(function):
    """The learner's file is small enough, and answers messages that nobody has seen, without torch."""
    with tempfile.TemporaryDirectory(prefix="shop ") as folder:
        deep = Path(folder) / "for sixty new messages that nobody has seen, two megabytes at most"
        deep.mkdir()
        path = check_file(function(str(deep)), deep)
        items = TASK.sample(MESSAGES, "test", fresh_seed())
        check_answers(path, items, [order(item) for item in items])
