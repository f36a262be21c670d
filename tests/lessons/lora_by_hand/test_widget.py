"""Pictures of rank without a browser: what they show is what numpy computes, and the explorer asks when it should."""

import ipywidgets as w
import numpy as np
import pandas as pd
import pytest
import torch
from shells import control, every

from spectrum import adapters, models
from spectrum.lessons.lora_by_hand import diagrams, published, widget


@pytest.fixture
def explored(monkeypatch):
    """The views that the explorer showed."""
    views = []
    monkeypatch.setattr(widget, "show_matrix", views.append)
    return views


def matrix(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (1, 4), (12, 12)])
def test_energy_is_that_of_the_singular_values(shape):
    delta = matrix(*shape)
    squares = np.linalg.svd(delta.numpy(), compute_uv=False) ** 2
    np.testing.assert_allclose(widget.energy_curve(delta), squares.cumsum() / squares.sum(), atol=1e-6)
    for rank in range(1, min(shape) + 1):
        view = widget.matrix_view(delta, rank)
        # Eckart and Young: what the best approximation misses is the energy of the directions left out.
        missed = float((view["cut"] - delta).square().sum() / delta.square().sum())
        assert view["energy"] == pytest.approx(1 - missed, abs=1e-4)
        assert np.linalg.matrix_rank(view["cut"].numpy(), tol=1e-4) == rank
        assert view["numbers"] == rank * sum(shape) and view["full"] == shape[0] * shape[1]


def test_an_outer_product_is_whole_at_rank_one():
    view = widget.matrix_view(torch.outer(torch.tensor([2.0, 1.0, 3.0]), torch.tensor([1.0, 2.0, 3.0])), 1, "toy")
    torch.testing.assert_close(view["cut"], view["matrix"], atol=1e-5, rtol=1e-5)
    assert widget.tell_matrix(view) == "toy: rank 1 holds 100 % of the energy in 6 numbers instead of 9 (67 %)"


@pytest.mark.parametrize("rank", [0, -1, 6])
def test_a_rank_that_cannot_be_is_refused(rank):
    with pytest.raises(ValueError, match=rf"^the rank of a \(5, 9\) matrix is 1 to 5, not {rank}$"):
        widget.matrix_view(matrix(5, 9), rank)


def test_a_matrix_of_zeros_is_refused():
    with pytest.raises(ValueError, match="all zeros"):
        widget.matrix_view(torch.zeros(3, 4), 1)


def test_mean_curve_takes_matrices_of_different_sizes():
    curve = widget.mean_curve([matrix(2, 8), matrix(6, 8, seed=1)])
    assert len(curve) == 6 and curve[-1] == pytest.approx(1)
    assert curve[0] == pytest.approx(
        float(widget.energy_curve(matrix(2, 8))[0] + widget.energy_curve(matrix(6, 8, seed=1))[0]) / 2
    )
    assert all(curve[1:] >= curve[:-1])


def test_pictures_are_told_in_words_and_stay_small(pictures, capsys):
    update, weights, control = (widget.mean_curve([matrix(40, 60, seed=s)]) for s in range(3))
    widget.show_energy(update, weights, control, rank=8)
    widget.show_matrix(widget.matrix_view(matrix(200, 500), 8, "up_proj"))
    table = pd.DataFrame({"model": ["ours", "large"], "parameters": [3e6, 7e10], "share %": [5.7, 0.15]})
    widget.show_shares(table)
    energy, view, shares = pictures
    assert f"update {100 * update[7]:.0f} %" in energy.alt and "rank 8" in energy.alt
    assert view.alt.startswith("up_proj: rank 8 holds ") and "up_proj: rank 8 holds" in capsys.readouterr().out
    assert shares.alt.endswith("ours 5.70 %; large 0.15 %.")
    assert all(len(picture.data) < 60_000 for picture in pictures)


def test_shares_at_two_ranks_are_told_apart(pictures):
    table = pd.DataFrame({"model": ["ours"], "parameters": [3e6], "share %": [5.7], "rank 64 %": [45.9]})
    widget.show_shares(table, 8)
    words = "LoRA's share of the parameters by model size. at rank 64: ours 45.90 %. at rank 8: ours 5.70 %."
    assert pictures[0].alt == words


def test_diagrams_are_told_in_words(pictures):
    diagrams.show_bypass()
    diagrams.show_merge()
    bypass, merging = pictures
    assert "A starts random, B at zero" in bypass.alt and "one plain layer" in merging.alt


@pytest.mark.parametrize(
    ("name", "billions", "share"),
    [("SmolLM2-135M", 0.1345, 1.82), ("Qwen3-0.6B", 0.596, 0.85), ("Qwen3-8B", 8.19, 0.27)],
)
def test_published_shapes_have_the_published_sizes(name, billions, share):
    config = published.configs()[name]
    total = models.count_parameters(adapters.empty_model(config))
    assert total / 1e9 == pytest.approx(billions, rel=0.01)
    assert 100 * adapters.lora_count(config, 8) / total == pytest.approx(share, abs=0.01)


def test_explorer_shows_at_once_and_on_every_change(explored):
    shell = widget.matrix_explorer({"large": matrix(20, 30), "small": matrix(4, 30)}, rank=8)
    choice, slider = control(shell, "Matrix"), control(shell, "Rank")
    assert [(v["name"], v["rank"]) for v in explored] == [("large", 8)]
    slider.value = 3
    assert (explored[-1]["name"], explored[-1]["rank"]) == ("large", 3)
    slider.value = 20
    choice.value = "small"
    assert slider.max == 4 and (explored[-1]["name"], explored[-1]["rank"]) == ("small", 4)
    choice.value = "large"
    assert slider.max == 20 and (explored[-1]["name"], explored[-1]["rank"]) == ("large", 4)


def test_controls_have_labels_keep_their_height_and_draw_when_let_go(explored):
    shell = widget.matrix_explorer({"one": matrix(20, 30)})
    controls = [x for x in every(shell) if not isinstance(x, w.Box | w.Output | w.HTML)]
    assert [x.description for x in controls] == ["Matrix", "Rank"]
    assert all(not x.disabled and x.tabbable is not False for x in controls)
    left, right = shell.children[1:]
    assert left.layout.flex == "0 0 330px" and isinstance(right.children[0], w.Output)
    assert not controls[1].continuous_update


def test_explorer_starts_with_the_named_matrix(explored):
    widget.matrix_explorer({"one": matrix(20, 30), "two": matrix(9, 9)}, "two", rank=2)
    assert [(v["name"], v["rank"]) for v in explored] == [("two", 2)]


def test_explorer_starts_at_a_rank_that_the_first_matrix_can_have(explored):
    widget.matrix_explorer({"small": matrix(4, 30)}, rank=8)
    assert explored[-1]["rank"] == 4
