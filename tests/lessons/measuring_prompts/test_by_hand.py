"""What lesson 05 builds by hand, taken out of the notebook and held against scipy and the package."""

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from spectrum import compression, evaluate, search
from tools.lifted import lift

LESSON = Path(__file__).resolve().parents[3] / "notebooks" / "05_measuring_prompts.ipynb"


@pytest.mark.parametrize(("right", "n"), [(0, 7), (7, 7), (18, 20), (450, 1000)])
def test_the_interval_by_hand_is_scipys_and_the_librarys(right, n):
    low, high = lift(LESSON, "wilson_interval")(right, n)
    wanted = binomtest(right, n).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((wanted.low, wanted.high), abs=1e-6)
    score = evaluate.Score("x", [1] * right + [0] * (n - right))
    assert (low, high) == pytest.approx(score.interval, abs=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_the_paired_test_by_hand_is_scipys(seed):
    wins, losses = random.Random(seed).choices(range(12), k=2)
    wanted = binomtest(wins, wins + losses, 0.5).pvalue if wins + losses else 1.0
    assert lift(LESSON, "paired_p")(wins, losses) == pytest.approx(wanted)


def test_the_power_grows_with_the_items():
    power = lift(LESSON, "power")
    found = [power(n, tries=200) for n in (60, 400, 1600)]
    assert found[0] < found[1] < found[2] > 0.9
    assert power(400, share=0.5, tries=400) < 0.1, "equal prompts are seldom told apart"


def test_a_contest_among_equals_promises_too_much_and_one_alone_does_not():
    contest, rng = lift(LESSON, "contest"), np.random.default_rng(0)
    right = (np.random.default_rng(1).random((12, 4000)) < 0.8).astype(float)
    promised, kept = np.mean([contest(right, 30, rng) for _ in range(300)], axis=0)
    assert promised > 0.88 and kept == pytest.approx(0.8, abs=0.01)
    promised, kept = np.mean([contest(right[:1], 30, rng) for _ in range(300)], axis=0)
    assert promised == pytest.approx(kept, abs=0.02)


@pytest.mark.parametrize(
    ("by_hand", "library"), [("random_by_hand", "random_search"), ("guided_by_hand", "guided_search")]
)
@pytest.mark.parametrize("seed", range(5))
def test_the_searches_by_hand_try_what_the_librarys_try(by_hand, library, seed):
    space = search.space([f"order {n}" for n in range(6)], [(), (("a", "b"),), (("c", "d"),)])
    letters = list(range(10))

    def judge(candidate, items):
        worth = int(candidate.instruction[-1]) + 3 * len(candidate.shots)
        return np.array([float(n < worth) for n in items])

    mine = lift(LESSON, by_hand)(judge, space, letters, 80, seed)
    theirs = getattr(search, library)(judge, space, letters, 80, seed)
    assert [(c, m) for c, m in mine] == [(t.candidate, t.mean) for t in theirs]


@pytest.mark.parametrize("seed", range(10))
def test_what_is_dropped_by_hand_is_what_the_library_drops(seed):
    rng = random.Random(seed)
    nats, share = [rng.choice([0.1, 0.5, 2.0, rng.random()]) for _ in range(rng.randrange(1, 30))], rng.random()
    table = pd.DataFrame({"section": "input", "nats": nats})
    assert lift(LESSON, "drop_predictable")(nats, share) == compression.kept(table, {"input": share}).tolist()
