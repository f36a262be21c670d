"""The published figures of lesson 16, what the ledger says to them, and what is planned on a card."""

import pytest

from spectrum.adapters import empty_model
from spectrum.ledger import ledger
from spectrum.lessons.lora_by_hand.published import configs
from spectrum.lessons.qlora_on_a_gpu import plans, published

SMALL = published.llama(64, 128, 2, 4, 500)


def test_the_ledger_is_within_a_fifth_of_fourteen_published_figures_from_three_sources():
    table = published.memory_table()
    assert len(table) == 14 and table["source"].nunique() == 3
    assert table["ratio"].between(0.8, 1.2).all()


def test_figures_that_count_something_else_are_shown_and_far_off():
    table = published.memory_table(published.OTHERS)
    assert set(table["source"]) == {"torchtune", "Unsloth"} and not table["ratio"].between(0.8, 1.2).any()


def test_every_figure_has_its_source_in_words():
    assert {f.source for f in (*published.FIGURES, *published.OTHERS)} == set(published.SOURCES)


def test_sizes_of_the_published_models():
    billions = {name: ledger(config, "full")["weights"] / 2e9 for name, config in published.CONFIGS.items()}
    wanted = {"LLaMA 7B": 6.7, "LLaMA 13B": 13.0, "LLaMA 33B": 32.5, "LLaMA 65B": 65.3, "Llama-3.2-3B": 3.2,
              "Llama-3.1-8B": 8.0}  # fmt: skip
    assert billions == {name: pytest.approx(size, abs=0.05) for name, size in wanted.items()}


@pytest.mark.parametrize(
    ("method", "again", "passes"), [("full", False, 6), ("lora", False, 4), ("qlora", True, 6), ("full", True, 8)]
)
def test_operations_of_a_token(method, again, passes):
    assert published.operations(10, method, again) == 10 * passes


@pytest.mark.parametrize("tied", [True, False])
def test_a_token_is_multiplied_with_the_head_and_not_with_the_embeddings(tied):
    config = published.llama(64, 128, 2, 4, 500, tied)
    whole = sum(p.numel() for p in empty_model(config).parameters())
    assert published.multiplied_weights(config) == (whole if tied else whole - 500 * 64)


def test_the_operations_are_those_that_torch_counts():
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM(SMALL)
    ids = torch.arange(1, 33)[None]
    with FlopCounterMode(display=False) as counter:
        model(ids, labels=ids, use_cache=False).loss.backward()
    counted = published.operations(published.multiplied_weights(SMALL), "full")
    assert counted == pytest.approx(counter.get_total_flops() / 32, rel=0.12)  # attention is left out


def test_a_card_keeps_less_than_it_promises():
    table = published.speed_table(configs() | published.CONFIGS)
    assert table["used, %"].between(10, 60).all() and len(table) == len(published.SPEEDS)


# ---- plans ----


def test_a_plan_fits_and_is_the_fastest_of_its_kind_that_does():
    config = configs()["Qwen3-8B"]
    found = plans.fitting(config, "qlora", 24)
    assert found["GB"] <= 0.95 * 24
    for faster in plans.SAVINGS[: plans.SAVINGS.index({k: v for k, v in found.items() if k != "GB"})]:
        assert ledger(config, "qlora", length=2048, **faster)["peak"] > 0.95 * 24e9
    assert plans.fitting(config, "full", 24) is None


def test_the_first_method_that_fits_is_named_for_each_card():
    table = plans.fit_table({"small": SMALL, "giant": configs()["Llama-3-70B"]})
    assert list(table.columns) == list(plans.CARDS) and set(table.loc["small"]) == {"full"}
    assert table.loc["giant", "T4, 16 GB"] == "–" and table.loc["giant", "H100, 80 GB"] == "QLoRA"


def test_a_plan_tells_tokens_a_second_and_minutes():
    table = plans.plan(configs()["Qwen3-1.7B"], "T4, 16 GB", 6_000_000)
    assert list(table.index) == ["LoRA", "QLoRA"]
    for _, row in table.iterrows():
        assert row["minutes"] == pytest.approx(6_000_000 / row["tokens a second"] / 60, rel=0.05)
    assert plans.plan(configs()["Llama-3-70B"], "T4, 16 GB", 1).empty
