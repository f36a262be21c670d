"""The machinery of the checks: what is compared and how, and what a learner reads when it fails."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from spectrum.checks.machinery import (
    CheckFailed,
    check,
    expect,
    expect_choice,
    expect_close,
    expect_gradient,
    expect_prediction,
    is_whole,
)


@check
def check_double(double):
    expect_close(double(3.0), 6.0, 1e-9, "double(3)", "Is it 2·x, or x + 2?")


def failure(function, *arguments):
    """Return the CheckFailed that calling the function raises."""
    with pytest.raises(CheckFailed) as caught:
        function(*arguments)
    return caught.value


def test_pass_prints_one_line_made_from_the_checks_name(capsys):
    assert check_double(lambda x: 2 * x) is None
    assert capsys.readouterr().out == "check passed: double\n"


def test_failure_says_expected_and_got_and_the_hint():
    error = failure(check_double, lambda x: x + 2)
    assert str(error) == "check failed: double: double(3): expected 6, got 5"
    assert error.hint == "Is it 2·x, or x + 2?"


def test_stub_names_its_task():
    def double(x):
        raise NotImplementedError("lab 01, task 2: double")

    assert str(failure(check_double, double)) == "check failed: lab 01, task 2: double is not written yet"


def test_nbgraders_stub_counts_as_not_written():
    def double(x):
        raise NotImplementedError

    assert "double is not written yet" in str(failure(check_double, double))


def test_not_implemented_from_a_library_is_not_taken_for_a_stub():
    def double(x):
        raise NotImplementedError("no kernel for this dtype")

    assert "your code raised NotImplementedError: no kernel" in str(failure(check_double, double))


def test_error_in_the_learners_code_is_named_with_its_line():
    def double(x):
        return {}["two"] * x

    error = failure(check_double, double)
    assert str(error) == "check failed: double: your code raised KeyError: 'two'"
    assert "return {}" in error.hint and f"Line {double.__code__.co_firstlineno + 1} " in error.hint


def test_error_in_the_learners_code_says_what_it_was_given():
    def rows_by_row(x):
        return x.reshape(-1, x.shape[-1]).sum(0)[9]

    @check
    def check_rows(function):
        function(np.zeros((0, 5)))

    assert "It was given x = ndarray of shape (0, 5)." in failure(check_rows, rows_by_row).hint
    assert "It was given x = 3." in failure(check_double, lambda x: {}[x]).hint


def test_error_inside_a_library_points_at_the_learners_line():
    def double(x):
        return np.zeros(2) @ np.zeros(3)

    assert "np.zeros(2) @" in failure(check_double, double).hint


def test_wrong_signature_is_said_without_blaming_a_line():
    error = failure(check_double, lambda: 6.0)
    assert "could not be used. TypeError" in str(error) and "stub's first line" in error.hint


def test_none_asks_for_return():
    error = failure(check_double, lambda x: None)
    assert "got None" in str(error) and "return" in error.hint


def test_interrupt_is_not_caught():
    def double(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_double(double)


def test_whole_numbers_are_pythons_and_numpys_and_no_truth_values():
    assert all(map(is_whole, (0, -3, np.int64(7), np.arange(3)[1])))
    assert not any(map(is_whole, (True, np.bool_(True), 1.0, "1", None, torch.tensor(1))))


def test_expect_takes_arrays_and_tensors_of_one_element():
    expect(np.bool_(True), "fine")
    expect(torch.tensor(True), "fine")
    assert str(failure(expect, torch.tensor(False), "the sum is 1")) == "the sum is 1"


@pytest.mark.parametrize(
    ("actual", "expected", "fragment"),
    [
        (np.zeros(2), np.zeros(3), "expected shape (3,), got (2,)"),
        (1234567.5, 1234567.0, "expected 1234567, got 1234567.5"),
        (np.array([[0.0, 1.0], [2.0, 9.0]]), np.array([[0.0, 1.0], [2.0, 3.0]]), "expected 3, got 9 at [1, 1]"),
        (torch.zeros(3), torch.full((3,), 0.01), "expected 0.01, got 0 at [0]"),
        (float("nan"), 1.0, "expected 1, got nan"),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0]), "expected 2, got nan at [1]"),
        (float("inf"), 1.0, "expected 1, got inf"),
        ("six", 6.0, "expected numbers, got str 'six'"),
        ([[1.0], [1.0, 2.0]], [1.0], "expected numbers, got list"),
    ],
)
def test_expect_close_names_what_differs(actual, expected, fragment):
    assert fragment in str(failure(expect_close, actual, expected, 1e-6, "values"))


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (6, 6.0),
        (torch.tensor(6.0), 6.0),
        (torch.ones(2, dtype=torch.bfloat16, requires_grad=True), torch.ones(2, dtype=torch.bfloat16)),
        (np.float32(0.1), 0.1),
        (torch.ones(2), np.ones(2)),
        (np.ones(2, dtype=bool), torch.ones(2, dtype=torch.int64)),
        (Fraction(1, 4), 0.25),
        ([torch.tensor(1.0, requires_grad=True), torch.tensor(2.0)], [1, 2]),
        (float("-inf"), float("-inf")),
        ([True, False], [True, False]),
        (np.zeros((0, 3)), np.zeros((0, 3))),
    ],
)
def test_expect_close_accepts_what_is_equal(actual, expected):
    expect_close(actual, expected, 1e-6, "values")


def test_dtype_is_compared_where_a_check_asks_for_it():
    expect_close(torch.zeros(2), torch.zeros(2), 0, "values", dtype="float32")
    for value, has in ((torch.zeros(2).double(), "float64"), (np.zeros(2, dtype=int), "int64"), ([0, 0], "list")):
        said = str(failure(lambda given: expect_close(given, torch.zeros(2), 0, "values", dtype="float32"), value))
        assert said == f"values: expected dtype float32, got {has}"


def test_gradients_are_compared_by_value():
    x = {"x": torch.tensor([1.0, 2.0]), "n": 3}
    expect_gradient(lambda x, n: n * x * x, lambda x, n: n * x**2, x, 1e-5, "n·x²")
    for wrong, said in (
        (lambda x, n: (n * x * x).detach(), "the result has no gradient"),
        (
            lambda x, n: 2 * n * x * x - (n * x * x).detach(),
            "the gradient of x: expected -4.99376, got -9.98752 at [1]",
        ),
        (lambda x, n: (n * x * x).detach() + 0 * x, "the gradient of x: expected"),
        (lambda x, n: x.clone().detach().requires_grad_() * n, "the gradient of x is missing"),
    ):
        assert said in str(failure(expect_gradient, wrong, lambda x, n: n * x**2, x, 1e-5, "n·x²"))


OPTIONS = {"a": "the model is large", "b": "the rank is small"}


@pytest.mark.parametrize(
    ("answer", "fragment"), [("", "no explanation"), (None, "got None"), ("c", "wanted one of a, b"), ("A", "refuted")]
)
def test_a_choice_is_one_of_the_explanations_and_the_wrong_ones_are_refuted(answer, fragment):
    why = {"a": "A model of half the size does the same."}
    error = failure(expect_choice, answer, OPTIONS, "b", why)
    assert fragment in str(error) and (error.hint == why["a"]) == (fragment == "refuted")
    expect_choice(" B ", OPTIONS, "b", why)


@pytest.mark.parametrize(
    ("guess", "measured", "fragment"),
    [
        (None, 0.5, "predict a number, got None"),
        (True, 0.5, "predict a number, got True"),
        (0.3, 0.5, "you predicted 0.3, measured is 0.5"),
        (["a", "b"], {"a": 1.0, "b": 2.0}, "you put a before b, measured are 1 and 2"),
        (["b"], {"a": 1.0, "b": 2.0}, "predict an order of ['a', 'b'], got ['b']"),
        ("ba", {"a": 1.0, "b": 2.0}, "predict an order"),
    ],
)
def test_a_prediction_is_compared_with_the_measurement(guess, measured, fragment):
    assert fragment in str(failure(expect_prediction, guess, measured, 0.1, "share"))
    expect_prediction(0.42, 0.5, 0.1, "share")
    expect_prediction(("b", "a", "c"), {"a": 2.0, "b": 1.95, "c": 1}, 0.1, "shares")


def test_ipython_shows_one_red_line_and_the_hint_instead_of_a_traceback(capsys):
    shell = InteractiveShell()
    shell.user_ns |= {"check_double": check_double}
    result = shell.run_cell("check_double(lambda x: x + 2)")
    assert isinstance(result.error_in_exec, CheckFailed)
    out = capsys.readouterr().out.rstrip("\n").split("\n")
    assert out == ["\x1b[31mcheck failed: double: double(3): expected 6, got 5\x1b[0m", "Is it 2·x, or x + 2?"]
