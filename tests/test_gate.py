"""The gate sees what a learner's function does to its arguments, what it keeps, and what it calls."""

import collections
import dataclasses
import random

import numpy as np
import pandas as pd
import pytest
import scipy.special
import scipy.stats
import torch

from spectrum.checks.machinery import CheckFailed, check
from spectrum.checks.snapshot import difference, named, picture
from spectrum.lessons.reasoning import voting


def verdict(function, *arguments, **rules):
    """Return what a check says that only calls the function: None where it passes."""

    @check(**rules)
    def check_call(given):
        given(*arguments)

    try:
        check_call(function)
    except CheckFailed as error:
        return f"{error.message}\n{error.hint}"


@dataclasses.dataclass
class Row:
    text: str
    labels: list


def linear():
    return torch.nn.Linear(2, 2)


CHANGES = [
    ([3, 1, 2], lambda x: x.sort(), "it was [3, 1, 2], and is now [1, 2, 3]"),
    ({"a": 1}, lambda x: x.popitem(), "is now {}"),
    ({"a": {"b": [1]}}, lambda x: x["a"]["b"].append(2), "{'a': {'b': [1, 2]}}"),
    ({1, 2}, lambda x: x.add(3), "{1, 2, 3}"),
    (Row("a", ["b"]), lambda x: x.labels.clear(), "x.labels length was 1, and is now 0"),
    (np.zeros(3), lambda x: x.__setitem__(0, np.nan), "nan"),
    (np.zeros(9999), lambda x: x.__setitem__(5000, 1), "the numbers in x are others"),
    (torch.zeros(3), lambda x: x.add_(1), "tensor([1., 1., 1.])"),
    (torch.zeros(3, dtype=torch.bfloat16), lambda x: x.add_(1), "1., 1., 1."),
    (torch.zeros(3), lambda x: x.requires_grad_(), "requires_grad=True"),
    (linear(), lambda x: x.bias.requires_grad_(False), "x.bias.requires_grad was True, and is now False"),
    (linear(), lambda x: x.weight.data.zero_(), "the numbers in x.weight are others"),
    (linear(), lambda x: x.eval(), "x.training"),
    (linear(), lambda x: x(torch.ones(2)).sum().backward(), "x.weight.grad"),
    (pd.DataFrame({"a": [2, 1]}), lambda x: x.sort_values("a", inplace=True), "x"),
]


@pytest.mark.parametrize(("value", "spoil", "fragment"), CHANGES, ids=lambda part: type(part).__name__)
def test_a_changed_argument_is_named(value, spoil, fragment):
    def spoils(x):
        spoil(x)

    said = verdict(spoils, value)
    assert "your function changed its argument `x`: " in said and fragment in said


def test_what_may_change_is_not_looked_at():
    assert verdict(lambda x: x.sort(), [2, 1], changes=("x",)) is None


def test_what_is_not_changed_passes():
    values = [
        1,
        "é",
        float("nan"),
        None,
        [np.nan],
        {"a": (1, 2)},
        np.float32(1),
        torch.zeros(0),
        Row("a", []),
        linear(),
    ]
    assert (
        verdict(lambda *x: len(x), *values, random.Random(1), torch.Generator(), print, collections.Counter("a"))
        is None
    )


def test_circles_and_drawing_are_no_changes():
    circle = []
    circle.append(circle)
    assert picture(circle) == {" length": ("int", "1")}
    assert verdict(lambda rng, generator: [rng.random(), float(torch.rand(1, generator=generator))],
                   random.Random(1), torch.Generator()) is None  # fmt: skip


def test_a_difference_names_the_place():
    assert difference(picture({"a": [1, 2]}), picture({"a": [1, 3]})) == "['a'][1]"
    assert difference(picture(1), picture(1.0)) == ""
    assert difference(picture([0.0, float("nan")]), picture([0.0, float("nan")])) is None


@pytest.mark.parametrize("value", [[1], np.ones(3), torch.ones(3)])
def test_a_result_that_is_an_argument_or_a_view_of_it_is_refused_at_the_end(value):
    def view(x):
        return x[:2] if isinstance(x, torch.Tensor) else x

    assert "returned shares memory with its argument `x`" in verdict(view, value)
    assert verdict(view, value, changes=("x",)) is None
    assert verdict(lambda x: (x, "same")[1], "same") is None


def test_state_between_calls_is_seen():
    counter = collections.Counter()

    def counts(x):
        counter[x] += 1
        return counter[x]

    assert "called once more with what it was first given, your function returned 2, not 1" in verdict(counts, "a")
    assert verdict(counts, "b", repeats=False) is None


def test_a_result_that_changes_later_is_seen():
    kept = []

    @check
    def check_two(function):
        function(1)
        function(2)

    with pytest.raises(CheckFailed, match="what your function returned before has changed at this call"):
        check_two(lambda x: kept.append(x) or kept)


@pytest.mark.parametrize(
    ("call", "forbidden"),
    [
        (lambda: torch.zeros(2).softmax(0), "torch.softmax"),
        (lambda: torch.nn.Softmax(0)(torch.zeros(2)), "torch.softmax"),
        (lambda: torch.nn.functional.cross_entropy(torch.zeros(1, 2), torch.tensor([0])),
         "torch.nn.functional.cross_entropy"),
        (lambda: scipy.stats.binomtest(3, 5), "scipy.stats.binomtest"),
        (lambda: scipy.stats.binom.cdf(3, 5, 0.5), "scipy"),
        (lambda: voting.last_number("a 1"), "spectrum.lessons.reasoning.voting"),
    ],
)  # fmt: skip
def test_a_forbidden_call_is_named(call, forbidden):
    assert f"your function calls {forbidden}\n" in verdict(call, forbids=(forbidden,), repeats=False)
    assert verdict(lambda: torch.zeros(2).log_softmax(0), forbids=(forbidden,)) is None


def expit(x):
    return scipy.special.expit(x)


def expit_of_another(x):
    from scipy import special

    return [special.expit(one) for one in x]


@pytest.mark.parametrize("function", [expit, expit_of_another, lambda x: expit(x), lambda x: scipy.special.expit(x)])
def test_a_forbidden_ufunc_is_named_wherever_the_code_has_it(function):
    assert "your function calls expit\n" in verdict(function, [0.5], forbids=("scipy",), repeats=False)
    assert verdict(function, [0.5], forbids=("spectrum.evaluate",), repeats=False) is None


def test_numpys_ufuncs_are_nobody_elses():
    assert verdict(lambda x: np.exp(np.add(x, 1)), 0.5, forbids=("scipy",)) is None


def test_a_rule_that_forbids_nothing_is_an_error():
    with pytest.raises(AttributeError):
        named("torch.no_such_function")


def test_a_class_goes_through_the_gate_with_its_methods():
    class Layer(torch.nn.Module):
        def __init__(self, linear):
            super().__init__()
            self.bias = linear.bias.requires_grad_(False)

        def forward(self, x):
            return x.mul_(2)

    @check
    def check_layer(layer_class):
        layer_class(linear())

    with pytest.raises(CheckFailed, match="changed its argument `linear`: linear.bias.requires_grad was True"):
        check_layer(Layer)

    @check(changes=("linear",))
    def check_forward(layer_class):
        layer = layer_class(linear())
        assert type(layer).__name__ == "Layer"
        layer(torch.ones(2))

    with pytest.raises(CheckFailed, match="changed its argument `x`"):
        check_forward(Layer)


def test_a_class_whose_arguments_have_other_names_hears_so_and_not_of_an_object_that_is_half_made():
    class Layer(torch.nn.Module):
        def __init__(self, layer, r):
            super().__init__()

    @check
    def check_layer(layer_class):
        layer_class(linear(), rank=4)

    with pytest.raises(CheckFailed, match="unexpected keyword argument 'rank'"):
        check_layer(Layer)
