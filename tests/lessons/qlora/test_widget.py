"""The memory ledger's pictures and explorer without a browser."""

import ipywidgets as w
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from shells import control, every
from transformers import LlamaConfig, Qwen3Config

from spectrum import plots
from spectrum.ledger import ledger
from spectrum.lessons.qlora import widget

SIZES = {"hidden_size": 128, "intermediate_size": 256, "num_attention_heads": 2, "num_key_value_heads": 2}
SMALL = LlamaConfig(**SIZES, num_hidden_layers=2, vocab_size=1000)
OTHER = Qwen3Config(**SIZES, num_hidden_layers=3, vocab_size=2000, head_dim=64)
GIANT = LlamaConfig(hidden_size=8192, intermediate_size=28672, num_hidden_layers=80, num_attention_heads=64,
                    num_key_value_heads=8, vocab_size=32000)  # fmt: skip


@pytest.fixture
def shown(monkeypatch):
    """The (table, name) of each ledger that was shown."""
    found = []
    monkeypatch.setattr(widget, "show_ledger", lambda table, name: found.append((table, name)))
    return found


def test_a_table_is_the_ledger_in_gigabytes():
    table = widget.ledger_table(SMALL, rank=4, length=64)
    settings = widget.DEFAULTS | {"rank": 4, "length": 64}
    for method, name in widget.METHODS.items():
        found = ledger(SMALL, method, **settings)
        assert table.loc[name].to_dict() == pytest.approx({part: found[part] / 1e9 for part in table.columns})
    assert table[list(widget.PARTS)].sum(axis=1).tolist() == pytest.approx(table["total"].tolist())


@pytest.mark.parametrize(("need", "card"), [(7.5, 8), (7.7, 16), (45.5, 48), (133.9, 141), (134.0, None)])
def test_a_card_holds_what_leaves_a_twentieth_over(need, card):
    assert widget.smallest_card(need) == card


def test_sizes_change_and_the_rest_of_the_architecture_stays():
    changed = widget.with_sizes(OTHER, num_hidden_layers=5, hidden_size=256)
    assert isinstance(changed, Qwen3Config) and changed.head_dim == 64 and changed.vocab_size == 2000
    assert ledger(changed, "full")["weights"] > ledger(OTHER, "full")["weights"]
    with pytest.raises(ValueError, match="vocab_size must be at least 1, not 0"):
        widget.with_sizes(OTHER, vocab_size=0)


def test_a_row_is_told_with_its_card():
    assert widget.tell_row("QLoRA", 7.0) == "QLoRA: 7.0 GB, fits on 8 GB"
    assert widget.tell_row("full", 829.0) == "full: 829.0 GB, more than 141 GB"
    assert widget.tell_row("LoRA", 0.0123) == "LoRA: 12.3 MB, fits on 8 GB"


def test_bars_are_stacked_to_the_totals_and_cards_are_drawn_as_far_as_they_matter():
    table = widget.ledger_table(GIANT)
    figure = widget.ledger_figure(table, "title")
    (axes,) = figure.axes
    ends = {}
    breaks = [patch for patch in axes.patches if isinstance(patch, plt.Polygon)]
    assert len(breaks) == 1, "and is broken; the other two are drawn as long as they are"
    for bar in (patch for patch in axes.patches if patch not in breaks):
        ends[round(bar.get_y(), 2)] = max(ends.get(round(bar.get_y(), 2), 0), bar.get_x() + bar.get_width())
    assert sorted(ends.values()) == pytest.approx(sorted(table["total"]))
    texts = [text.get_text() for text in axes.texts]
    assert [t for t in texts if t.isdigit()] == [str(card) for card in widget.CARDS]
    assert "→ 828.8 GB" in texts, "the bar that runs out of the picture says so"
    plt.close(figure)


def test_the_twin_has_words_for_every_method(monkeypatch, capsys):
    pictures = []
    monkeypatch.setattr(plots, "display", pictures.append)
    widget.show_ledger(widget.ledger_table(SMALL), "small")
    said = capsys.readouterr().out
    for name in widget.METHODS.values():
        assert f"{name}: " in said and f"{name}: " in pictures[0].alt


def test_choosing_a_model_fills_in_its_sizes_and_draws_once(shown):
    shell = widget.ledger_explorer({"small": SMALL, "other": OTHER})
    assert [name for _, name in shown] == ["small"]
    control(shell, "Model").value = "other"
    assert [name for _, name in shown] == ["small", "other"]
    assert control(shell, "Layers").value == 3 and control(shell, "Vocabulary").value == 2000
    assert shown[-1][0].equals(widget.ledger_table(OTHER))


def test_every_control_changes_the_ledger(shown):
    shell = widget.ledger_explorer({"small": SMALL})
    changes = {"Layers": 4, "Width": 256, "MLP width": 512, "Vocabulary": 5000, "Rank": 64, "Batch": 8, "Length": 2048,
               "Gradient checkpointing": False, "AdamW bits": 8}  # fmt: skip
    for number, (name, value) in enumerate(changes.items(), 2):
        control(shell, name).value = value
        assert len(shown) == number and not shown[-1][0].equals(shown[-2][0]), name


def test_controls_have_labels_and_wait_until_they_are_let_go(shown):
    shell = widget.ledger_explorer({"small": SMALL})
    inputs = [x for x in every(shell) if hasattr(x, "value") and not isinstance(x, w.Output | w.HTML)]
    assert inputs and all(x.description for x in inputs)
    assert all(not x.continuous_update for x in inputs if hasattr(x, "continuous_update"))


def test_the_paper_sets_its_settings_and_says_so(shown):
    shell = widget.ledger_explorer({"small": SMALL})
    control(shell, "Batch").value = 8
    control(shell, "Preset").value = "QLoRA paper"
    assert (control(shell, "Rank").value, control(shell, "Batch").value, control(shell, "Length").value) == (64, 1, 512)
    assert shown[-1][0].equals(widget.ledger_table(SMALL, rank=64)) and len(shown) == 3, "drawn once for all of them"
    note = next(x for x in every(shell) if isinstance(x, w.HTML) and "Dettmers" in x.value)
    control(shell, "Batch").value = 2
    assert control(shell, "Preset").value == widget.NOBODY and note.value == ""


def test_a_kept_ledger_stands_beside_the_next_and_both_are_exported(monkeypatch, tmp_path, capsys):
    pictures = []
    monkeypatch.setattr(plots, "display", pictures.append)
    shell = widget.ledger_explorer({"small": SMALL}, tmp_path / "runs" / "ledger.csv")
    control(shell, "Keep to compare").value = True
    control(shell, "Batch").value = 8
    assert "kept: QLoRA: " in pictures[-1].alt and "kept: QLoRA: " in capsys.readouterr().out
    control(shell, "Export").click()
    written = pd.read_csv(tmp_path / "runs" / "ledger.csv", index_col="method")
    assert list(written.index) == [*widget.METHODS.values(), *(f"kept: {name}" for name in widget.METHODS.values())]
    assert written["total"].iloc[0] > written["total"].iloc[3]
    assert any("ledger.csv" in x.value for x in every(shell) if isinstance(x, w.HTML))
    control(shell, "Keep to compare").value = False
    assert "kept" not in pictures[-1].alt


def test_what_cannot_be_counted_is_said(monkeypatch):
    said = []
    monkeypatch.setattr(widget, "print", said.append, raising=False)
    monkeypatch.setattr(plots, "display", lambda picture: None)
    shell = widget.ledger_explorer({"small": SMALL})
    monkeypatch.setattr(widget, "ledger_table", lambda *a, **k: (_ for _ in ()).throw(ValueError("no rule")))
    control(shell, "Batch").value = 4
    assert said[-1] == "Cannot count this: no rule"
