"""What is found out about models: on fourteen tiny architectures, against the plain forward pass of each."""

import warnings

import pytest
import torch
from zoo import ZOO, make_animal, save_animal

from spectrum import adapters, generate, layers, models, quantize, traits
from spectrum.examples import IGNORE, pack
from spectrum.train import train

LEAKS = {"falcon", "opt", "bloom", "mpt", "mamba"}
REACH = {"falcon": 2048, "bloom": None, "mamba": None}
PROMPTS = ["Mira from", "Order 4821 arrived late, and one lamp is", "H"]
EXAMPLES = [
    {"input_ids": list(range(20, 20 + size)), "labels": [IGNORE] * 2 + list(range(22, 20 + size))} for size in (9, 5, 7)
]


@pytest.fixture(scope="module", params=ZOO)
def animal(request):
    """(name, model, tokenizer) of each architecture; tests leave them as they are."""
    return request.param, *make_animal(request.param)


@torch.no_grad()
def read_anew(model, tokenizer, prompt, count):
    """The oracle: one text, no batch, no cache, no positions given."""
    ids, new = list(tokenizer(prompt)["input_ids"]), []
    for _ in range(count):
        token = int(model(input_ids=torch.tensor([ids + new]), use_cache=False).logits[0, -1].argmax())
        if token == tokenizer.eos_token_id:
            break
        new.append(token)
    return tokenizer.decode(new, skip_special_tokens=True)


@torch.no_grad()
def loss_alone(model):
    """The mean loss over the examples' tokens, each example by itself."""
    total = count = 0
    for example in EXAMPLES:
        logits = model(input_ids=torch.tensor([example["input_ids"]]), use_cache=False).logits[0, :-1]
        labels = torch.tensor(example["labels"][1:])
        total += torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORE, reduction="sum").item()
        count += int((labels != IGNORE).sum())
    return total / count


def test_whether_packing_leaks_is_found_out(animal):
    name, model, _ = animal
    found = traits.traits_of(model)
    assert found.packs == (name not in LEAKS) and traits.traits_of(model) is found
    assert found.context == REACH.get(name, 256) and found.dtype == torch.float32
    assert model.training is False


def test_answers_are_those_of_reading_anew_in_any_batch(animal):
    _, model, tokenizer = animal
    expected = [read_anew(model, tokenizer, prompt, 20) for prompt in PROMPTS]
    assert generate.complete(model, tokenizer, PROMPTS, max_new_tokens=20, progress=False) == expected
    sums = generate.answer_logprobs(model, tokenizer, PROMPTS, [" late"] * 3)
    alone = [generate.answer_logprobs(model, tokenizer, [prompt], [" late"])[0] for prompt in PROMPTS]
    assert sums == pytest.approx(alone, abs=1e-3)


def test_the_loss_in_training_is_that_of_each_example_alone(animal):
    name, model, _ = animal
    expected = loss_alone(model)
    batch = pack(EXAMPLES, 64)
    with torch.no_grad():
        packed = model(**batch, use_cache=False).loss.item()
    assert (abs(packed - expected) > 0.05) == (name in LEAKS), "the case must show the leak"
    trained = make_animal(name)[0]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        records = train(trained, EXAMPLES, steps=1, batch_size=3, lr=1e-4, shuffle=False)
    assert records[0]["loss"] == pytest.approx(expected, abs=1e-3)
    assert any("row of its own" in str(warning.message) for warning in said) == (name in LEAKS)


def test_unpacked_rows_run_on_through_the_padding():
    batch = pack(EXAMPLES, 64, together=False)
    assert batch["input_ids"].shape == (3, 9)
    assert batch["position_ids"].tolist() == [list(range(9))] * 3
    assert (batch["labels"][1, 5:] == IGNORE).all()


def test_it_is_said_in_one_line(animal):
    name, model, tokenizer = animal
    line = traits.describe(model, tokenizer)
    assert "\n" not in line and ("packing leaks" in line) == (name in LEAKS)
    assert "answers end at '<|im_end|>'" in line and "float32" in line
    assert ("reaches 11.1 %" in line) == (name == "mixtral")


def test_an_adapter_has_the_traits_of_its_base_and_virtual_tokens_never_pack():
    from peft import PromptTuningConfig, get_peft_model

    model, _ = make_animal("llama")
    found = traits.traits_of(model)
    assert traits.traits_of(adapters.add_lora(model, 2)) is found
    prompted = get_peft_model(make_animal("llama")[0], PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM"))
    with pytest.warns(UserWarning, match="row of its own"):
        train(prompted, EXAMPLES, steps=1, batch_size=3)


def test_both_end_tokens_stop_the_models_and_the_templates():
    from tiny import make_model, make_tokenizer

    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    end, other = tokenizer.convert_tokens_to_ids("<|end|>"), tokenizer.eos_token_id
    model.generation_config.eos_token_id = other  # as a base model: it knows of no turns
    assert set(traits.end_tokens(model, tokenizer)) == {end, other}
    forward = model.forward

    def ends(*args, **kwargs):
        out = forward(*args, **kwargs)
        out.logits[..., end] = 50.0
        return out

    model.forward = ends
    assert generate.complete(model, tokenizer, ["one"], max_new_tokens=6, progress=False) == [""]


# ---- shares ----


def test_linear_layers_reach_all_weights_but_those_of_experts():
    shares = {}
    for name in ("llama", "llama tied", "gpt2", "falcon", "mixtral"):
        model, _ = make_animal(name)
        shares[name] = layers.share_of(model, layers.find_layers(model))
    assert {n: s for n, s in shares.items() if n != "mixtral"} == dict.fromkeys(shares.keys() - {"mixtral"}, 1.0)
    hidden, inner, experts = 64, 128, 4
    attention = hidden * (4 * 16) * 2 + hidden * (2 * 16) * 2
    assert shares["mixtral"] == pytest.approx(attention / (attention + experts * 3 * hidden * inner + experts * hidden))


def test_an_adapter_that_reaches_little_is_refused_unless_asked_for():
    with pytest.raises(ValueError, match=r"add_lora: 11\.1 % of the weights of this MixtralForCausalLM .*allow=0\.11"):
        adapters.add_lora(make_animal("mixtral")[0], 2)
    with pytest.warns(UserWarning, match="11.1 %"):
        model = adapters.add_lora(make_animal("mixtral")[0], 2, allow=0.11)
    assert set(adapters.deltas(model))
    adapters.add_lora(make_animal("mixtral")[0], 2, targets=["q_proj"])  # named: that is asking for it


def test_the_conv1d_of_gpt2_is_adapted_squeezed_and_counted_as_a_linear_layer():
    model, _ = make_animal("gpt2")
    config, ids = model.config, torch.arange(1, 25).reshape(2, 12)
    model = adapters.add_lora(model, 2)
    for layer in adapters.lora_layers(model).values():
        torch.nn.init.normal_(layer.lora_B["default"].weight)
    with torch.no_grad():
        expected = model(input_ids=ids).logits
        squeezed = adapters.compress(model, 2)(input_ids=ids).logits
    torch.testing.assert_close(squeezed, expected, atol=1e-3, rtol=0)
    assert adapters.count(model)["trainable"] == adapters.lora_count(config, 2)
    delta = adapters.deltas(model)["transformer.h.0.attn.c_attn"]
    assert delta.shape == (192, 64) and torch.linalg.matrix_rank(delta) == 2


def test_four_bits_that_reach_nothing_are_refused(tmp_path, eager):
    with pytest.raises(ValueError, match=r"load_quantized: 0 % of the weights of this FalconForCausalLM .*allow=0\.0"):
        quantize.load_quantized(save_animal(tmp_path / "falcon", "falcon"), device="cpu")
    with pytest.raises(ValueError, match=r"11\.1 % of the weights of this MixtralForCausalLM"):
        quantize.load_quantized(save_animal(tmp_path / "mixtral", "mixtral"), device="cpu")


def test_gpt2_in_four_bits_is_right_at_whole_blocks_and_refused_else(tmp_path, eager):
    from bitsandbytes.functional import dequantize_4bit

    plain, _ = models.load_model(save_animal(tmp_path / "whole", "gpt2"), device="cpu")
    model, _ = quantize.load_quantized(tmp_path / "whole", device="cpu")
    assert quantize.share_in_four_bits(model) == 1.0
    layer = model.transformer.h[0].attn.c_attn
    weight = dequantize_4bit(layer.weight.data, layer.weight.quant_state)
    original = plain.transformer.h[0].attn.c_attn.weight.T
    assert ((weight - original).norm() / original.norm()) < 0.12  # NF4 of normal weights is 0.09 off
    x = torch.randn(3, 64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(layer(x), x @ weight.T + layer.bias, rtol=1e-4, atol=1e-3)
    with pytest.raises(ValueError, match="c_attn' of .* has 96 inputs, no multiple of 64"):
        quantize.load_quantized(save_animal(tmp_path / "narrow", "gpt2", n_embd=96), device="cpu")
