"""LoRA as lesson 11 builds it, taken out of the notebook, against peft: outputs, gradients, training, merging."""

import ast
import copy
import random
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import torch
from tiny import make_model, make_tokenizer
from transformers import LlamaConfig

from spectrum import adapters
from spectrum.checks import lab_11, lora_count
from spectrum.checks.machinery import CheckFailed
from spectrum.train import train
from tools.lifted import lift, needed, statements

NOTEBOOK = Path(__file__).resolve().parents[3] / "notebooks" / "11_lora_by_hand.ipynb"
SOLUTION = NOTEBOOK.parent.parent / "solutions" / NOTEBOOK.name
NAMES = ("LoRALinear", "linears", "put_lora", "adapted", "merge", "copy_lora", "formula", "energy_rank")


@pytest.fixture(scope="module")
def lesson():
    """What the lesson builds, all in one namespace, so that its functions know its class."""
    found = statements(NOTEBOOK)
    kinds = ast.FunctionDef | ast.ClassDef
    makers = {node.name: i for i, node in enumerate(found) if isinstance(node, kinds)}
    chosen = {id(node) for name in NAMES for node in needed(found, makers[name])}
    module = ast.Module(body=[node for node in found if id(node) in chosen], type_ignores=[])
    space = {"__name__": "lesson_11"}
    exec(compile(module, str(NOTEBOOK), "exec"), space)
    return SimpleNamespace(**{name: space[name] for name in NAMES})


def draw_case(number):
    """Returns the sizes of a random layer and a random LoRA."""
    draw = random.Random(number)
    return {
        "d_in": draw.randint(1, 40),
        "d_out": draw.randint(1, 40),
        "bias": draw.random() < 0.5,
        "rank": draw.randint(1, 9),
        "alpha": draw.choice([1, 2, 16, 3.5]),
        "seed": number,
    }


@pytest.fixture(params=range(24), ids=lambda number: f"layer {number}")
def layers(request, lesson):
    """(case, plain layer, by hand, peft's layer, x): the same weights in both, B not zero."""
    from peft import LoraConfig, get_peft_model

    case = draw_case(request.param)
    torch.manual_seed(case["seed"])
    plain = torch.nn.Linear(case["d_in"], case["d_out"], bias=case["bias"])
    by_hand = lesson.LoRALinear(copy.deepcopy(plain), case["rank"], case["alpha"])
    torch.nn.init.normal_(by_hand.B)
    config = LoraConfig(r=case["rank"], lora_alpha=case["alpha"], target_modules=["0"])
    peft = get_peft_model(torch.nn.Sequential(copy.deepcopy(plain)), config)
    inner = peft.get_submodule("base_model.model.0")
    with torch.no_grad():
        inner.lora_A["default"].weight.copy_(by_hand.A)
        inner.lora_B["default"].weight.copy_(by_hand.B)
    return case, plain, by_hand, peft, torch.randn(3, 5, case["d_in"])


def test_layer_equals_pefts_in_output_and_gradients(layers):
    _, _, by_hand, peft, x = layers
    ours, theirs = by_hand(x), peft(x)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    ours.square().mean().backward()
    theirs.square().mean().backward()
    inner = peft.get_submodule("base_model.model.0")
    torch.testing.assert_close(by_hand.A.grad, inner.lora_A["default"].weight.grad, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(by_hand.B.grad, inner.lora_B["default"].weight.grad, atol=1e-3, rtol=1e-3)
    assert by_hand.linear.weight.grad is None


def test_merged_layer_equals_pefts_and_the_unmerged_one(layers):
    case, plain, by_hand, peft, x = layers
    merged = by_hand.merged()
    assert type(merged) is torch.nn.Linear
    torch.testing.assert_close(merged(x), by_hand(x), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(merged.weight, peft.merge_and_unload()[0].weight, atol=1e-5, rtol=1e-5)
    assert torch.equal(by_hand.linear.weight, plain.weight), "merging leaves the frozen weight alone"
    update = (merged.weight - plain.weight).detach().double()
    assert torch.linalg.matrix_rank(update, rtol=1e-5) <= case["rank"]


def test_layer_counts_and_starts_unchanged(layers, lesson):
    case, plain, by_hand, peft, x = layers
    trainable = sum(p.numel() for p in by_hand.parameters() if p.requires_grad)
    assert trainable == case["rank"] * (case["d_in"] + case["d_out"]) == peft.get_nb_trainable_parameters()[0]
    fresh = lesson.LoRALinear(copy.deepcopy(plain), case["rank"], case["alpha"])
    assert torch.equal(fresh(x), plain(x)) and fresh.A.abs().min() > 0
    assert fresh.A.abs().max() <= case["d_in"] ** -0.5 * 1.0001
    assert fresh.scaling == case["alpha"] / case["rank"]


# ---- in a model ----


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def pair(request):
    """(untrained model, training examples) of an architecture."""
    tokenizer = make_tokenizer(architecture=request.param)
    ids = [
        torch.randint(0, len(tokenizer), (9,), generator=torch.Generator().manual_seed(i)).tolist() for i in range(12)
    ]
    return make_model(tokenizer, architecture=request.param), [{"input_ids": row, "labels": list(row)} for row in ids]


def logits(model, data):
    with torch.no_grad():
        return model(torch.tensor([data[0]["input_ids"]])).logits


def test_model_starts_unchanged_with_the_counted_numbers(pair, lesson):
    base, data = pair
    mine = lesson.put_lora(copy.deepcopy(base), 3, 6)
    assert torch.equal(logits(mine, data), logits(base, data))
    trainable = {name for name, p in mine.named_parameters() if p.requires_grad}
    assert all(name.endswith((".A", ".B")) for name in trainable)
    assert not any("lm_head" in name or "embed" in name for name in trainable)
    total = sum(p.numel() for name, p in mine.named_parameters() if name in trainable)
    assert total == lesson.formula(base, 3) == adapters.lora_count(base.config, 3)


def test_training_equals_pefts_and_moves_only_a_and_b(pair, lesson):
    base, data = pair
    mine, theirs = lesson.put_lora(copy.deepcopy(base), 3, 6), adapters.add_lora(copy.deepcopy(base), 3, 6)
    lesson.copy_lora(mine, theirs)
    settings = {"steps": 6, "lr": 1e-2, "batch_size": 4, "seed": 1, "progress": False}
    ours, peft = ([r["loss"] for r in train(model, data, **settings)] for model in (mine, theirs))
    assert ours == pytest.approx(peft, abs=1e-4) and ours[-1] != pytest.approx(ours[0], abs=1e-2)
    torch.testing.assert_close(logits(mine, data), logits(theirs, data), atol=1e-2, rtol=1e-3)
    for name, layer in lesson.adapted(mine).items():
        assert torch.equal(layer.linear.weight, base.get_submodule(name).weight)
        assert layer.B.abs().max() > 0
    others = [name for name, _ in base.named_parameters() if name.removesuffix(".weight") not in lesson.adapted(mine)]
    assert all(torch.equal(mine.get_parameter(n), base.get_parameter(n)) for n in others if "proj" not in n)


def test_merged_model_has_the_bases_shape_and_merging_again_changes_nothing(pair, lesson):
    base, data = pair
    mine = lesson.put_lora(copy.deepcopy(base), 3, 6)
    for number, layer in enumerate(lesson.adapted(mine).values()):
        layer.B.data = 0.1 * torch.randn(layer.B.shape, generator=torch.Generator().manual_seed(number))
    merged = lesson.merge(mine)
    torch.testing.assert_close(logits(merged, data), logits(mine, data), atol=1e-3, rtol=1e-3)
    assert not torch.allclose(logits(merged, data), logits(base, data), atol=0.1)
    assert {n: p.shape for n, p in merged.named_parameters()} == {n: p.shape for n, p in base.named_parameters()}
    assert torch.equal(logits(lesson.merge(merged), data), logits(merged, data))
    assert lesson.adapted(mine), "the model that was merged keeps its LoRA"


@pytest.mark.parametrize("number", range(5))
def test_energy_rank_is_the_packages(lesson, number):
    torch.manual_seed(number)
    matrix = torch.randn(30, 4) @ torch.randn(4, 20) + 0.05 * torch.randn(30, 20)
    for share in (0.5, 0.9, 0.99):
        assert lesson.energy_rank(matrix, share) == adapters.energy_rank(matrix, share)


# ---- the lab ----


@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "names"),
    [("split", ["split"]), ("forward", ["lora_linear"]), ("merge", ["merge", "unmerge"]), ("count", ["lora_count"])],
)
def test_right_answers_pass_whatever_a_check_draws(check, names):
    answers = [lift(SOLUTION, name) for name in names]
    for _ in range(25):
        getattr(lab_11, f"check_{check}")(*answers)


def test_what_is_counted_on_paper_is_counted_as_the_package_counts():
    assert adapters.lora_count(LlamaConfig(**lora_count.SMALL), 2) == 460 and 460 not in lora_count.COUNTED
    for changes, rank, wanted, *_ in lora_count.COUNTS:
        assert adapters.lora_count(LlamaConfig(**{**lora_count.SMALL, **changes}), rank) == wanted


def test_the_explanation_is_read_before_the_answer_trains():
    def trains(model, data):
        calls.append(model)
        raise AssertionError

    calls = []
    with pytest.raises(CheckFailed, match="no explanation is chosen"):
        lab_11.check_beat_it(trains, "small small")
    assert calls == [None], "called without a model, only to see whether it is written"


def test_wrong_explanations_are_held_against_the_learners_own_adapter():
    model = adapters.add_lora(make_model(make_tokenizer()), 2)
    for layer in adapters.lora_layers(model).values():
        torch.nn.init.normal_(layer.lora_B["default"].weight)
    asked = []

    def score(other):
        asked.append(type(other).__name__)
        return 0.1

    said = {letter: lab_11.refutation(letter, model, score, 0.5) for letter in lab_11.REASONS}
    size = sum(delta.numel() for delta in adapters.deltas(model).values())
    assert f"Counted: {size:,} of the {size:,} weights" in said["a"] and said["c"] == ""
    assert "size get 10 % right, yours 50 %" in said["b"] and "gets 10 % right, beside it 50 %" in said["d"]
    assert asked == ["PeftModelForCausalLM", "LlamaForCausalLM"]
    assert "no plain LoRA" in lab_11.refutation("a", model.unload(), score, 0.5)


def test_the_letters_in_the_lab_are_those_of_the_check():
    text = "".join(cell.source for cell in nbformat.read(SOLUTION, as_version=4).cells)
    assert all(f"- **{letter}** {reason}" in text for letter, reason in lab_11.REASONS.items())


def test_the_right_forward_passes_where_a_notebook_switched_gradients_off():
    with torch.no_grad():
        lab_11.check_forward(lift(SOLUTION, "lora_linear"))
