"""What lesson 12 builds by hand, taken out of the notebook and held against numpy, the package and known cases."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import make_model, make_tokenizer

from spectrum import adapters
from tools.lifted import lift

LESSON = Path(__file__).resolve().parents[3] / "notebooks" / "12_lora_rank.ipynb"


def sweep(means, spread=0.02):
    """Returns a table of runs with these means by rank."""
    return pd.DataFrame(
        [{"rank": r, "seed": s, "score": m + spread * (s - 1)} for r, m in means.items() for s in range(3)]
    )


@pytest.mark.parametrize(
    ("means", "wanted"),
    [
        ({0: 1.0, 1: 0.2, 2: 0.5, 4: 0.91, 8: 0.97}, 4),
        ({0: 1.0, 1: 0.2, 64: 0.5}, None),
        ({0: 0.1, 1: 0.95, 2: 0.96}, 1),
        ({8: 0.97, 4: 0.2, 64: 0.97, 1: 0.1}, 8),
    ],
)
def test_the_knee_is_the_smallest_rank_that_reaches_the_bar(means, wanted):
    assert lift(LESSON, "knee")(sweep(means)) == wanted


def test_the_bottom_of_a_parabola_is_found_wherever_it_lies():
    bottom = lift(LESSON, "bottom")
    for seed in range(20):
        draw = np.random.default_rng(seed)
        low, places = draw.uniform(0.5, 4.5), np.arange(6.0)
        assert bottom(places, draw.uniform(0.1, 5) * (places - low) ** 2 + 3) == pytest.approx(low)
    assert bottom(np.arange(4.0), np.array([4.0, 3.0, 2.0, 0.0])) == 3, "no bottom inside: the lowest place itself"


def test_the_best_rate_is_found_between_the_grid_points():
    rates = np.array([1e-3, 2e-3, 5e-3, 1e-2, 2e-2])
    loss = np.exp(2 * np.log(rates / 7e-3) ** 2 - 3)
    runs = pd.DataFrame({"lr": np.repeat(rates, 3), "last loss": np.repeat(loss, 3)})
    assert lift(LESSON, "best_rate")(runs) == pytest.approx(7e-3, rel=1e-6)


@pytest.mark.parametrize("rank", [1, 2, 8, 64])
def test_the_rules_are_pefts_and_agree_at_rank_8(rank):
    scale, rules = lift(LESSON, "scale"), {"alpha fixed": {"alpha": 16}, "alpha = 2r": {"alpha": 2 * rank}}
    rules["rsLoRA"] = {"alpha": 2 * 8**0.5, "rslora": True}
    for rule, options in rules.items():
        model = adapters.add_lora(make_model(make_tokenizer(), layers=1), rank, **options)
        layer = next(iter(adapters.lora_layers(model).values()))
        assert scale(rule, rank) == pytest.approx(layer.scaling["default"])
        assert scale(rule, 8) == pytest.approx(2)


@pytest.mark.parametrize("seed", range(8))
def test_squeezing_gives_the_best_update_of_that_rank(seed):
    generator = torch.Generator().manual_seed(seed)
    rank, small, d_in, d_out = 6, 1 + seed % 5, 24, 17
    A, B = torch.randn(rank, d_in, generator=generator), torch.randn(d_out, rank, generator=generator)
    a, b = lift(LESSON, "squeeze")(A, B, 1.7, small)
    update = 1.7 * (B @ A).double()
    assert a.shape == (small, d_in) and b.shape == (d_out, small)
    lost = torch.linalg.svdvals(update)[small:].square().sum().sqrt()
    assert float((update - b.double() @ a.double()).norm()) == pytest.approx(float(lost), rel=1e-3, abs=1e-4)
