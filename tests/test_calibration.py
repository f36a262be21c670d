"""Contextual calibration on numbers that can be checked by hand, and on inputs that make no sense."""

import numpy as np
import pytest

from spectrum import calibration

DRAW = np.random.default_rng(2)


def random_logprobs(rows=20, labels=3):
    return np.log(DRAW.dirichlet(np.ones(labels), size=rows)) - DRAW.uniform(0, 9, size=(rows, 1))


def test_shares_are_among_the_labels_alone():
    assert calibration.shares(np.log([0.06, 0.02])) == pytest.approx([0.75, 0.25])
    assert calibration.shares([-2000.0, -2000.0]) == pytest.approx([0.5, 0.5]), "exp(-2000) alone is 0"


def test_the_hand_computed_case():
    found = calibration.calibrate(np.log([[0.6, 0.4]]), [0.75, 0.25])
    assert found == pytest.approx(np.array([[1 / 3, 2 / 3]]))


def test_an_input_that_says_nothing_comes_out_even():
    logprobs = random_logprobs(1, 4)
    assert calibration.calibrate(logprobs, calibration.lean(logprobs)) == pytest.approx(np.full((1, 4), 0.25))


def test_an_even_lean_changes_nothing():
    logprobs = random_logprobs()
    assert calibration.calibrate(logprobs, np.full(3, 1 / 3)) == pytest.approx(calibration.shares(logprobs))


def test_rows_add_up_to_one_and_scale_does_not_count():
    logprobs, towards = random_logprobs(), np.array([0.7, 0.2, 0.1])
    found = calibration.calibrate(logprobs, towards)
    assert found.shape == (20, 3) and found.sum(axis=1) == pytest.approx(np.ones(20))
    assert calibration.calibrate(logprobs - 3.0, 10 * towards) == pytest.approx(found)


def test_the_favoured_label_loses():
    logprobs = random_logprobs()
    found = calibration.calibrate(logprobs, [0.8, 0.1, 0.1])
    assert (found[:, 0] < calibration.shares(logprobs)[:, 0]).all()


def test_every_row_may_have_its_own_lean():
    logprobs, towards = random_logprobs(5), DRAW.dirichlet(np.ones(3), size=5)
    rows = [calibration.calibrate(logprobs[i : i + 1], towards[i])[0] for i in range(5)]
    assert calibration.calibrate(logprobs, towards) == pytest.approx(np.array(rows))


def test_the_lean_is_the_mean_of_shares_not_of_logs():
    logprobs = np.log([[0.9, 0.1], [0.5, 0.5]])
    assert calibration.lean(logprobs) == pytest.approx([0.7, 0.3])
    assert calibration.lean(logprobs - [[0.0], [5.0]]) == pytest.approx([0.7, 0.3]), "each prompt counts the same"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: calibration.shares([-1.0]), "at least two labels"),
        (lambda: calibration.shares(-1.0), "at least two labels"),
        (lambda: calibration.shares([0.6, 0.4]), "at most 0"),
        (lambda: calibration.shares([float("nan"), -1.0]), "NaN"),
        (lambda: calibration.lean([-1.0, -2.0]), "a row for each"),
        (lambda: calibration.lean(np.zeros((0, 2))), "at least one prompt"),
        (lambda: calibration.calibrate([[-1.0, -2.0]], [0.5, 0.25, 0.25]), r"must be \(2,\) or \(1, 2\)"),
        (lambda: calibration.calibrate([[-1.0, -2.0]], [1.0, 0.0]), "nothing can be divided"),
        (lambda: calibration.calibrate([[-1.0, -2.0]], np.log([0.5, 0.5])), "not logs"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
