"""What lesson 02 builds by hand, taken out of the notebook, against the package; and the lab's own answers."""

from pathlib import Path

import numpy as np
import pytest

from spectrum import calibration, prompts
from spectrum.checks import lab_02
from tools.lifted import lift

NOTEBOOK = Path(__file__).resolve().parents[3] / "notebooks" / "02_few_shot.ipynb"
SOLUTION = NOTEBOOK.parent.parent / "solutions" / NOTEBOOK.name


@pytest.mark.parametrize("k", [0, 1, 5])
def test_turns_are_the_packages(k):
    pairs = [(f"text {i}", f"answer {i}") for i in range(k)]
    assert lift(NOTEBOOK, "turns")(pairs, "open") == prompts.turns(pairs, "open")


@pytest.mark.parametrize("number", range(8))
def test_shares_and_calibration_are_the_packages(number):
    rng = np.random.default_rng(number)
    n, m, c = int(rng.integers(1, 9)), int(rng.integers(1, 5)), int(rng.integers(2, 6))
    real, empty = (np.log(rng.dirichlet(np.ones(c), size=rows)) - rng.uniform(0, 900, (rows, 1)) for rows in (n, m))
    by_hand, shares = lift(NOTEBOOK, "calibrate"), lift(NOTEBOOK, "shares")
    np.testing.assert_allclose(shares(real), calibration.shares(real), atol=1e-12)
    np.testing.assert_allclose(by_hand(real, empty), calibration.calibrate(real, calibration.lean(empty)), atol=1e-9)


@pytest.mark.parametrize("name", ["build", "is_right", "calibrate", "pick_order"])
def test_right_answers_pass_whatever_a_check_draws(name):
    answer = lift(SOLUTION, name)
    for _ in range(25):
        getattr(lab_02, f"check_{name}")(answer)


def test_the_labs_calibration_is_the_packages():
    rng = np.random.default_rng(0)
    real = np.log(rng.dirichlet(np.ones(3), size=6))
    wanted = [calibration.calibrate(row, calibration.lean(np.delete(real, i, axis=0))) for i, row in enumerate(real)]
    np.testing.assert_allclose(lift(SOLUTION, "calibrate")(real), wanted, atol=1e-12)


def test_the_labs_pool_is_balanced_and_no_sentence_of_a_test_draw_is_in_it():
    pool = lab_02.pool()
    labels = [label for _, label in pool]
    assert len(pool) == 60 and labels.count("mango") == labels.count("pixel") == 30
    assert not {text for text, _ in pool} & {text for text, _ in lab_02.sentences(160, "test", 3)}
