"""Adapters: the invariants of LoRA over random shapes of two architectures, and what cannot be added."""

import copy
import importlib.util
import logging
import random
import warnings
from pathlib import Path

import pytest
import tiny
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from spectrum import adapters
from spectrum.train import train

VOCABULARY = 50


def draw_case(number):
    """Returns a random model shape and a random LoRA, by number; every sixth is a Qwen3."""
    draw = random.Random(number)
    heads, groups = draw.choice([1, 2, 3, 4]), draw.choice([1, 2])
    return {
        "number": number,
        "architecture": "qwen3" if number % 6 == 0 else "llama",
        "shape": {
            "hidden_size": heads * groups * draw.randint(3, 9),
            "intermediate_size": draw.randint(5, 70),
            "num_attention_heads": heads * groups,
            "num_key_value_heads": heads,
            "head_dim": 2 * draw.randint(2, 6),
            "num_hidden_layers": draw.randint(1, 2),
            "attention_bias": draw.random() < 0.3,
            "tie_word_embeddings": draw.random() < 0.5,
        },
        "rank": draw.randint(1, 9),
        "alpha": draw.choice([None, 1, 16, 3.5]),
        "targets": draw.choice(["all-linear", "all-linear", "attention", "mlp", ["q_proj", "down_proj"]]),
        "rslora": draw.random() < 0.4,
    }


CASES = [draw_case(number) for number in range(1, 25)]  # 20 Llamas and 4 Qwen3


def config_of(case, **changes):
    make = {"llama": LlamaConfig, "qwen3": Qwen3Config}[case["architecture"]]
    sizes = {"vocab_size": VOCABULARY, "initializer_range": 0.2, "pad_token_id": 0, "bos_token_id": 0}
    return make(**{**sizes, "eos_token_id": 0, **case["shape"], **changes})


def make_base(case, seed=0, **changes):
    make = {"llama": LlamaForCausalLM, "qwen3": Qwen3ForCausalLM}[case["architecture"]]
    torch.manual_seed(seed)
    return make(config_of(case, **changes)).eval()


def with_lora(case, base):
    return adapters.add_lora(base, case["rank"], case["alpha"], case["targets"], rslora=case["rslora"])


@torch.no_grad()
def logits(model):
    ids = torch.arange(1, 25).reshape(2, 12) % VOCABULARY
    return model(ids, use_cache=False).logits


def weights(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def trained(case):
    """Returns a LoRA model after a few steps on random tokens."""
    model = with_lora(case, make_base(case))
    generator = torch.Generator().manual_seed(case["number"])
    ids = torch.randint(1, VOCABULARY, (4, 12), generator=generator).tolist()
    train(model, [{"input_ids": row, "labels": row} for row in ids], steps=3, lr=1e-2, batch_size=4)
    return model


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case['architecture']}-{case['number']}")
def case(request):
    return request.param


@pytest.fixture(scope="module")
def tuned(case):
    """A trained LoRA model, shared by the tests that leave it as it is."""
    return trained(case)


# ---- invariants ----


def test_nothing_changes_before_training_and_disabled_or_deleted_it_is_the_base(case, tuned):
    base = make_base(case)
    expected, before = logits(base), weights(base)
    assert torch.equal(logits(with_lora(case, copy.deepcopy(base))), expected)
    model = copy.deepcopy(tuned)
    assert not torch.equal(logits(model), expected)
    with model.disable_adapter():
        assert torch.equal(logits(model), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft warns that no adapter is left
        model.delete_adapter("default")
    assert torch.equal(logits(model.base_model.model), expected)
    assert same(weights(copy.deepcopy(tuned).unload()), before)


def test_only_a_and_b_move_in_training(case, tuned):
    before, after = weights(with_lora(case, make_base(case))), weights(tuned)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if "lora_A" in name or "lora_B" in name}


def test_merged_gives_what_unmerged_gives_and_merging_twice_changes_nothing(case, tuned):
    model, expected = copy.deepcopy(tuned), logits(tuned)
    model.merge_adapter()
    once = weights(model)
    # Sums of at most 70 float32 products: 1e-4 of the largest logit is far above their rounding, and far below what
    # the adapter changes.
    tolerance = 1e-4 * expected.abs().max().item()
    torch.testing.assert_close(logits(model), expected, atol=tolerance, rtol=0)
    assert (logits(make_base(case)) - expected).abs().max() > 10 * tolerance
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft warns that it is merged already
        model.merge_adapter()
    assert same(once, weights(model))
    plain = copy.deepcopy(tuned).merge_and_unload()
    assert weights(plain).keys() == weights(make_base(case)).keys()
    torch.testing.assert_close(logits(plain), expected, atol=tolerance, rtol=0)


def layer_sizes(case):
    """Returns {layer kind: (d_in, d_out)} by the architecture's definition, and how many layers there are."""
    s = case["shape"]
    hidden, inner = s["hidden_size"], s["intermediate_size"]
    query, key = s["num_attention_heads"] * s["head_dim"], s["num_key_value_heads"] * s["head_dim"]
    attention = {"q_proj": (hidden, query), "k_proj": (hidden, key), "v_proj": (hidden, key), "o_proj": (query, hidden)}
    mlp = {"gate_proj": (hidden, inner), "up_proj": (hidden, inner), "down_proj": (inner, hidden)}
    both = {**attention, **mlp}
    chosen = {"all-linear": both, "attention": attention, "mlp": mlp}
    kinds = case["targets"]
    return chosen[kinds] if isinstance(kinds, str) else {kind: both[kind] for kind in kinds}


def test_parameters_are_rank_times_inputs_and_outputs(case, tuned):
    sizes, layers = layer_sizes(case), case["shape"]["num_hidden_layers"]
    expected = layers * sum(case["rank"] * (d_in + d_out) for d_in, d_out in sizes.values())
    base = sum(p.numel() for p in make_base(case).parameters())
    fresh = with_lora(case, make_base(case))
    assert adapters.count(fresh) == {"trainable": expected, "total": base + expected, "share": expected / base}
    assert adapters.lora_count(config_of(case), case["rank"], case["targets"]) == expected
    assert {name.rsplit(".", 1)[-1] for name in adapters.deltas(tuned)} == set(sizes)
    assert adapters.count(make_base(case)) == {"trainable": base, "total": base, "share": 1.0}


def test_updates_are_scaled_products_of_at_most_the_rank(case, tuned):
    alpha, rank = case["alpha"] or 16, case["rank"]
    scaling = alpha / rank**0.5 if case["rslora"] else alpha / rank
    parts, sizes = weights(tuned), layer_sizes(case)
    found = adapters.deltas(tuned)
    assert len(found) == len(sizes) * case["shape"]["num_hidden_layers"]
    for name, delta in found.items():
        d_in, d_out = sizes[name.rsplit(".", 1)[-1]]
        a, b = (parts[f"base_model.model.{name}.lora_{side}.default.weight"].double() for side in "AB")
        assert delta.shape == (d_out, d_in) and a.shape == (rank, d_in) and b.shape == (d_out, rank)
        torch.testing.assert_close(delta.double(), scaling * (b @ a), rtol=1e-4, atol=1e-5 * delta.abs().max().item())
        assert 1 <= torch.linalg.matrix_rank(delta, rtol=1e-5) <= rank  # float32 rounds at 1e-7


def test_saved_here_it_loads_in_plain_peft_and_the_other_way_round(case, tuned, tmp_path):
    from peft import PeftModel

    expected = logits(tuned)
    adapters.save_adapter(tuned, tmp_path / "ours")
    assert torch.equal(logits(PeftModel.from_pretrained(make_base(case), tmp_path / "ours")), expected)
    assert torch.equal(logits(adapters.load_adapter(make_base(case), tmp_path / "ours")), expected)
    tuned.save_pretrained(tmp_path / "theirs")
    assert torch.equal(logits(adapters.load_adapter(make_base(case), tmp_path / "theirs")), expected)


# ---- compress, random control, spectra ----


def test_compressed_updates_are_the_best_of_their_rank(case, tuned):
    before, found = logits(tuned), adapters.deltas(tuned)
    rank = max(1, case["rank"] // 2)
    squeezed = adapters.deltas(adapters.compress(tuned, rank))
    for name, delta in found.items():
        values = torch.linalg.svdvals(delta.double())
        lost = (squeezed[name].double() - delta.double()).norm()
        torch.testing.assert_close(lost, values[rank:].norm(), rtol=1e-3, atol=1e-5 * values[0].item())
    whole = adapters.compress(tuned, case["rank"])  # nothing to lose
    torch.testing.assert_close(logits(whole), before, atol=1e-4 * before.abs().max().item(), rtol=0)
    assert torch.equal(logits(tuned), before)


def test_the_random_control_has_the_norms_and_nothing_else(case, tuned):
    before, found = logits(tuned), adapters.deltas(tuned)
    control = adapters.deltas(adapters.random_like(tuned, seed=3))
    assert control.keys() == found.keys()
    for name, delta in found.items():
        torch.testing.assert_close(control[name].norm(), delta.norm(), rtol=1e-4, atol=0)
        assert not torch.allclose(control[name], delta)
    again, other = (adapters.deltas(adapters.random_like(tuned, seed=seed)) for seed in (3, 4))
    assert same(control, again) and not same(control, other)
    assert torch.equal(logits(tuned), before)


def test_energy_rank_of_planted_singular_values():
    q, _ = torch.linalg.qr(torch.randn(12, 12, generator=torch.Generator().manual_seed(0)))
    delta = q[:, :4] @ torch.diag(torch.tensor([4.0, 2.0, 2.0, 1.0])) @ q[:8, :4].T  # not orthogonal on the right
    exact = torch.zeros(9, 5)
    exact[:4, :4] = torch.diag(torch.tensor([4.0, 2.0, 2.0, 1.0]))  # squares 16, 4, 4, 1 of 25
    assert [adapters.energy_rank(exact, share) for share in (0.5, 0.64, 0.65, 0.8, 0.9, 0.96, 0.97, 1.0)] == [
        1, 1, 2, 2, 3, 3, 4, 4]  # fmt: skip
    assert adapters.energy_rank(delta, 1.0) == 4 and adapters.energy_rank(torch.zeros(3, 4)) == 0
    with pytest.raises(ValueError, match=r"share .* not 1\.5"):
        adapters.energy_rank(exact, 1.5)


def test_differences_are_the_change_of_every_linear_weight_but_the_head():
    before, after = make_base(CASES[0]), make_base(CASES[0])
    with torch.no_grad():
        after.model.layers[0].mlp.up_proj.weight += 0.5
    found = adapters.differences(before, after)
    assert len(found) == 7 * CASES[0]["shape"]["num_hidden_layers"]
    changed = found.pop("model.layers.0.mlp.up_proj")
    torch.testing.assert_close(changed, torch.full_like(changed, 0.5))
    assert all((delta == 0).all() for delta in found.values())
    with pytest.raises(ValueError, match=r"is \(.*\) before and \(.*\) after"):
        adapters.differences(before, make_base(CASES[0], intermediate_size=77))


# ---- bad input ----


def test_adding_is_refused_where_it_cannot_work():
    base = make_base(CASES[0])
    with pytest.raises(ValueError, match="rank must be an integer of at least 1, not 0"):
        adapters.add_lora(base, 0)
    with pytest.raises(ValueError, match=r"no linear layer is named 'lm_head' .*head cannot.*'q_proj'"):
        adapters.add_lora(base, 1, targets=["lm_head"])
    with pytest.raises(ValueError, match="not 'everything'"):
        adapters.add_lora(base, 1, targets="everything")
    with pytest.raises(ValueError, match="empty list"):
        adapters.add_lora(base, 1, targets=[])
    with pytest.raises(ValueError, match="has an adapter already"):
        adapters.add_lora(adapters.add_lora(base, 1), 1)
    with pytest.raises(ValueError, match="no LoRA layers"):
        adapters.deltas(make_base(CASES[0]))


def test_the_seed_draws_a_and_leaves_the_generator_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    base = make_base(CASES[0])
    torch.manual_seed(7)
    first = adapters.add_lora(copy.deepcopy(base), 2, seed=1)
    assert torch.equal(torch.rand(3), expected)
    again, other = (adapters.add_lora(copy.deepcopy(base), 2, seed=seed) for seed in (1, 2))
    assert same(weights(first), weights(again)) and not same(weights(first), weights(other))


@pytest.mark.parametrize(
    "rank,targets,expected",
    # Llama-2-7B: 32 layers of 4 × 4096→4096 and 3 × 4096↔11008. At r = 64 the 160M of QLoRA's Guanaco-7B.
    [(8, "all-linear", 19_988_480), (64, "all-linear", 159_907_840), (8, ["q_proj", "v_proj"], 4_194_304)],
)
def test_count_of_a_seven_billion_model_from_its_config_alone(rank, targets, expected):
    config = LlamaConfig(
        hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32, vocab_size=32000
    )
    assert adapters.lora_count(config, rank, targets) == expected
    assert all(p.is_meta for p in adapters.empty_model(config).parameters())


def test_works_on_a_checkpoint_with_its_tokenizer(tmp_path):
    from spectrum.models import load_model

    model, _ = load_model(tiny.make_tiny(tmp_path / "tiny", architecture="qwen3"), device="cpu")
    assert adapters.count(adapters.add_lora(model, 4))["share"] < 0.5


def test_the_missing_kernel_is_not_announced_and_other_warnings_are(caplog):
    logger = logging.getLogger("bitsandbytes.backends.cpu.ops")
    logger.warning("Failed to load CPU gemm_4bit_forward from kernels-community: %s.", "offline")
    logger.warning("something else")
    assert caplog.messages == ["something else"]
    source = Path(importlib.util.find_spec("bitsandbytes").origin).parent / "backends" / "cpu" / "ops.py"
    assert "Failed to load CPU gemm_4bit_forward" in source.read_text(encoding="utf-8")
