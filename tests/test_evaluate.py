"""Evaluation: intervals and tests against formulas and cases worked by hand; and every error."""

from dataclasses import dataclass
from math import comb, sqrt

import numpy as np
import pytest

from spectrum.evaluate import (
    Score,
    bootstrap_interval,
    chance_floor,
    compare,
    evaluate,
    majority_floor,
    mcnemar,
    score_table,
)
from spectrum.generate import complete, encode


@dataclass
class Item:
    gold: str


def score_of(right, n, name="a"):
    """A Score with the first `right` of `n` items right."""
    return Score(name, np.arange(n) < right)


def wilson(right, n, z=1.959964):
    """The closed formula (Wilson 1927)."""
    p = right / n
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return middle - half, middle + half


@pytest.mark.parametrize("right, n", [(0, 10), (3, 7), (165, 200), (200, 200)])
def test_interval_is_wilsons_formula(right, n):
    score = score_of(right, n)
    assert (score.low, score.high) == pytest.approx(wilson(right, n), abs=1e-6)
    assert score.n == n and score.mean == right / n


def test_score_as_text():
    assert str(score_of(165, 200)) == "82.5 % (95 % interval 76.6 to 87.1, n = 200)"


def test_bootstrap_agrees_with_the_normal_interval_of_a_mean():
    values = np.random.default_rng(1).uniform(size=400)
    half = 1.96 * values.std(ddof=1) / sqrt(400)
    # 9,999 resamples know the ends to about 2 % of the half-width; skew adds as much
    assert bootstrap_interval(values) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.1 * half)
    score = Score("fractions", values)
    assert (score.low, score.high) == bootstrap_interval(values), "the same every time"
    assert bootstrap_interval(np.full(5, 0.4)) == (0.4, 0.4)


def test_mcnemar_by_hand():
    # 9 discordant items, 8 of them won: (C(9,8) + C(9,9)) / 2^9, both sides
    assert mcnemar(8, 1) == mcnemar(1, 8) == pytest.approx(2 * (comb(9, 8) + comb(9, 9)) / 2**9)
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(4, 4) == 1.0


def test_compare_right_or_wrong():
    a = Score("zero-shot", [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
    b = Score("few-shot", [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    result = compare(a, b)
    assert (result.wins, result.losses, result.ties) == (8, 1, 3)
    assert result.difference == pytest.approx(100 * 7 / 12)
    assert result.p_value == pytest.approx(2 * 10 / 512)
    assert 0 < result.low < result.difference < result.high < 100
    text = str(result)
    assert text.startswith("few-shot is 58.3 points above zero-shot (95 % interval +")
    assert text.endswith("p = 0.039; better on 8, worse on 1, equal on 3 items)")
    back = compare(b, a)
    assert back.difference == -result.difference and "58.3 points below" in str(back)
    assert compare(a, b) == result, "the same every time"


def test_compare_interval_is_that_of_the_paired_difference():
    random = np.random.default_rng(0)
    a = random.uniform(size=300)
    b = np.clip(a + random.normal(0.05, 0.1, 300), 0, 1)
    change = 100 * (b - a)
    half = 1.96 * change.std(ddof=1) / sqrt(300)
    result = compare(Score("a", a), Score("b", b))
    assert (result.low, result.high) == pytest.approx((change.mean() - half, change.mean() + half), abs=0.1 * half)
    assert result.p_value < 0.001 and "p < 0.001" in str(result)


def test_permutation_test_by_hand():
    # Differences 0.1, 0.2, 0.3, all of one sign: of the 8 ways to flip signs, 2 are as extreme.
    result = compare(Score("a", [0.1, 0.2, 0.3]), Score("b", [0.2, 0.4, 0.6]))
    assert result.p_value == pytest.approx(2 / 8)


def test_equal_scores_do_not_differ():
    result = compare(score_of(3, 9), score_of(3, 9, "b"))
    assert (result.difference, result.low, result.high, result.p_value, result.ties) == (0, 0, 0, 1, 9)


def test_floors():
    assert majority_floor([Item("yes"), Item("no"), Item("yes"), Item("yes")]) == 0.75
    assert chance_floor(["a", "b", "c", "d", "a"]) == 0.25


def test_evaluate_scores_answers_and_counts_their_cost(tiny):
    model, tokenizer = tiny
    prompts = ["Mira from", [{"role": "user", "content": "Hello"}], "late"]
    expected = complete(model, tokenizer, prompts, max_new_tokens=6)
    items = [Item(expected[0]), Item("no such answer"), Item(expected[2])]
    got = evaluate(
        model, tokenizer, items, prompts, lambda answer, item: answer == item.gold, "exact", 6, floor=0.5, ceiling=1.0
    )
    assert list(got.correct) == [1, 0, 1] and got.answers == expected and (got.floor, got.ceiling) == (0.5, 1.0)
    assert got.tokens_in == pytest.approx(np.mean([len(encode(tokenizer, prompt)) for prompt in prompts]))
    lengths = [len(tokenizer(answer, add_special_tokens=False)["input_ids"]) for answer in expected]
    assert got.tokens_out == pytest.approx(np.mean(lengths)) and got.milliseconds > 0
    half = evaluate(model, tokenizer, items, prompts, lambda answer, item: 0.5, max_new_tokens=2)
    assert half.mean == 0.5


def test_evaluate_passes_sampling_and_stop_on(tiny):
    prompts, items = ["Mira"] * 3, [Item("")] * 3
    sampling = {"temperature": 1.0, "top_p": 0.9, "seed": 4, "stop": "e"}
    got = evaluate(*tiny, items, prompts, lambda *_: True, max_new_tokens=12, **sampling)
    assert got.answers == complete(*tiny, prompts, max_new_tokens=12, **sampling)


def test_score_table():
    table = score_table([Score("a", [1, 0], floor=0.5, ceiling=1.0, tokens_in=60.04), Score("b", [1, 1])])
    columns = "name n,score %,low,high,floor,ceiling,tokens in,tokens out,ms per answer"
    assert list(table.columns) == ["name", "n", *columns.split(",")[1:]]
    assert list(table["score %"]) == [50, 100] and table.floor[0] == 50 and np.isnan(table.floor[1])
    assert table.low[0] == pytest.approx(100 * wilson(1, 2)[0], abs=0.05) and table["tokens in"][0] == 60.0


def test_errors(tiny):
    def same(answer, item):
        return True

    with pytest.raises(ValueError, match="no items to score"):
        evaluate(*tiny, [], [], same)
    with pytest.raises(ValueError, match="2 items and 1 prompts"):
        evaluate(*tiny, [Item("a")] * 2, ["a"], same)
    with pytest.raises(ValueError, match="1 items and one str"):
        evaluate(*tiny, [Item("a")], "a", same)
    with pytest.raises(ValueError, match="outside 0 to 1"):
        evaluate(*tiny, [Item("a")], ["a"], lambda answer, item: 2, max_new_tokens=1)
    with pytest.raises(ValueError, match="'a' has 3 items and 'b' has 4"):
        compare(score_of(1, 3), score_of(1, 4, "b"))
    with pytest.raises(ValueError, match="shape"):
        Score("none", [])
    with pytest.raises(ValueError, match="no items"):
        majority_floor([])
    for labels in ["yes", []]:
        with pytest.raises(ValueError, match="labels is"):
            chance_floor(labels)
