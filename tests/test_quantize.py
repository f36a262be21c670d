"""Four-bit models and the ledger: rounding within half a step, and every predicted byte held against real tensors."""

import copy
import random

import pytest
import torch
from tiny import make_tiny
from transformers import GPT2Config, LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from spectrum import adapters
from spectrum.models import load_model
from spectrum.quantize import ledger, load_quantized
from spectrum.train import train

# The 16 levels, from the appendix of QLoRA (arXiv 2305.14314), to the digits that float32 has.
NF4 = [
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]  # fmt: skip
MODELS = {"llama": (LlamaConfig, LlamaForCausalLM), "qwen3": (Qwen3Config, Qwen3ForCausalLM)}


@pytest.fixture(autouse=True, scope="module")
def eager():
    """bitsandbytes compiles for a minute what takes a second here."""
    with torch.compiler.set_stance("force_eager"):
        yield


@pytest.fixture(scope="module", params=MODELS)
def folder(request, tmp_path_factory):
    """A tiny checkpoint of 192 and 512 inputs: whole blocks of 64."""
    return make_tiny(tmp_path_factory.mktemp(request.param), hidden=192, architecture=request.param)


@pytest.fixture(scope="module", params=[True, False], ids=["double", "single"])
def quantized(request, folder):
    """(folder, whether doubly quantized, model, tokenizer)."""
    return folder, request.param, *load_quantized(folder, double=request.param, device="cpu")


@torch.no_grad()
def logits(model):
    return model(torch.arange(1, 41).reshape(2, 20), use_cache=False).logits


def four_bit_layers(model):
    import bitsandbytes

    return {n: m for n, m in model.named_modules() if isinstance(m, bitsandbytes.nn.Linear4bit)}


def dequantized(layer):
    from bitsandbytes.functional import dequantize_4bit

    return dequantize_4bit(layer.weight.data, layer.weight.quant_state)


# ---- rounding ----


def block_maxima(weight):
    """Returns the greatest magnitude of each weight's block of 64, in the weight's shape."""
    flat = weight.reshape(-1, 64)
    return flat.abs().amax(1, keepdim=True).expand_as(flat).reshape(weight.shape)


@pytest.mark.parametrize("number", range(24))
def test_a_weight_is_rounded_to_the_nearest_level_of_its_block_and_the_layer_is_the_rounded_weight(number):
    import bitsandbytes

    draw = random.Random(number)
    d_out, d_in, double = draw.randint(1, 90), 64 * draw.randint(1, 6), number % 2 == 1
    generator = torch.Generator().manual_seed(number)
    weight = draw.choice([0.02, 1.0, 30.0]) * torch.randn(d_out, d_in, generator=generator)
    layer = bitsandbytes.nn.Linear4bit(
        d_in, d_out, compute_dtype=torch.float32, quant_type="nf4", compress_statistics=double
    )
    layer.weight = bitsandbytes.nn.Params4bit(
        weight.clone(), requires_grad=False, quant_type="nf4", compress_statistics=double
    )
    layer = layer.to("cpu")
    layer.support_avx512bf16_for_cpu = False
    rounded = dequantized(layer)
    scale, levels = block_maxima(weight), torch.tensor(NF4)
    nearest = (weight[..., None] - levels * scale[..., None]).abs().amin(-1)
    half_a_step = levels.diff().max() / 2 * scale
    error = (rounded - weight).abs()
    constants = block_maxima(rounded) - scale if double else torch.zeros(())  # the constants are rounded as well
    assert (error <= nearest + constants.abs() + 1e-5 * scale).all()
    assert (error <= half_a_step + constants.abs() + 1e-5 * scale).all() and error.max() > 0
    if not double:
        torch.testing.assert_close(rounded.reshape(-1, 64).abs().amax(1), weight.reshape(-1, 64).abs().amax(1))
    plain = torch.nn.Linear(d_in, d_out)
    plain.load_state_dict({"weight": rounded, "bias": layer.bias.data})
    x = torch.randn(3, d_in, generator=generator)
    with torch.no_grad():  # sums of at most 384 float32 products
        torch.testing.assert_close(layer(x), plain(x), rtol=1e-4, atol=1e-4 * scale.max().item())


def test_the_model_is_the_plain_one_holding_the_rounded_weights(quantized):
    folder, double, model, tokenizer = quantized
    plain, _ = load_model(folder, device="cpu")
    layers, before = four_bit_layers(model), logits(plain)
    assert layers.keys() == adapters.find_layers(plain).keys()
    for name, layer in layers.items():
        state = layer.weight.quant_state
        assert state.quant_type == "nf4" and state.blocksize == 64 and state.nested == double
        plain.get_submodule(name).weight.data = dequantized(layer)
    expected = logits(plain)
    tolerance = 1e-4 * expected.abs().max().item()
    torch.testing.assert_close(logits(model), expected, atol=tolerance, rtol=0)
    assert (before - expected).abs().max() > 100 * tolerance  # rounding does show
    assert tokenizer("one").input_ids and not model.training


def test_training_over_it_moves_a_and_b_and_not_a_bit_of_the_base(quantized):
    model = copy.deepcopy(quantized[2])
    before = logits(model)
    model = adapters.add_lora(model, 4)
    assert torch.equal(logits(model), before)
    frozen = {n: p.detach().clone() for n, p in model.named_parameters() if "lora_" not in n}
    rows = [{"input_ids": list(range(1, 20)), "labels": list(range(1, 20))}] * 2
    train(model, rows, steps=3, lr=1e-2, batch_size=2)
    assert all(torch.equal(p, frozen[n]) for n, p in model.named_parameters() if n in frozen)
    assert not torch.equal(logits(model), before)
    with model.disable_adapter():
        assert torch.equal(logits(model), before)
    assert adapters.count(model)["share"] == pytest.approx(adapters.lora_count(model.config, 4) / plain_size(quantized))


def plain_size(quantized):
    return sum(p.numel() for p in load_model(quantized[0], device="cpu")[0].parameters())


def test_an_adapter_made_over_four_bits_and_one_made_over_all_fit_each_other(quantized, tmp_path):
    folder, _, model, _ = quantized
    plain, _ = load_model(folder, device="cpu")
    adapters.save_adapter(adapters.add_lora(plain, 2), tmp_path / "plain")
    adapters.save_adapter(adapters.load_adapter(copy.deepcopy(model), tmp_path / "plain"), tmp_path / "four")
    adapters.load_adapter(load_model(folder, device="cpu")[0], tmp_path / "four")


def test_a_width_that_bitsandbytes_gets_wrong_on_a_cpu_is_refused(tmp_path):
    folder = make_tiny(tmp_path / "narrow", hidden=96)
    with pytest.raises(ValueError, match=r"q_proj' of '.*narrow' has 96 inputs, no multiple of 64"):
        load_quantized(folder, device="cpu")


# ---- the ledger, against real tensors ----


def tensor_bytes(tensors):
    """Returns the bytes of the tensors, each piece of memory once."""
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


def test_bytes_of_weights_and_constants(quantized):
    _, double, model, _ = quantized
    predicted = ledger(model.config, "qlora", bits=32, double=double)
    assert predicted["weights"] == tensor_bytes(model.parameters())
    constants = []
    for layer in four_bit_layers(model).values():
        state = layer.weight.quant_state
        constants += [state.absmax, state.code]
        constants += [state.state2.absmax, state.state2.code, state.offset] if double else []
    assert predicted["constants"] == tensor_bytes(constants)


@pytest.mark.parametrize("bits", [32, 8])
@pytest.mark.parametrize("method", ["qlora", "lora", "full"])
def test_bytes_of_what_is_trained_its_gradients_and_moments(folder, method, bits):
    import bitsandbytes

    model = (load_quantized if method == "qlora" else load_model)(folder, device="cpu")[0]
    predicted = ledger(model.config, method, rank=9, bits=32, optimizer_bits=bits)
    if method != "full":
        model = adapters.add_lora(model, 9)
    trained = [p for p in model.parameters() if p.requires_grad]
    make = {32: torch.optim.AdamW, 8: bitsandbytes.optim.AdamW8bit}[bits]
    optimizer = make(trained, lr=1e-4)
    ids = torch.arange(1, 21)[None]
    model(ids, labels=ids, use_cache=False).loss.backward()
    optimizer.step()
    assert predicted["adapters"] == (0 if method == "full" else tensor_bytes(trained))
    assert predicted["gradients"] == tensor_bytes([p.grad for p in trained])
    names = {"exp_avg", "exp_avg_sq", "state1", "state2", "absmax1", "absmax2"}
    moments = [v for p in trained for n, v in optimizer.state[p].items() if n in names and v is not None]
    assert predicted["optimizer"] == tensor_bytes(moments)


def test_bytes_of_weights_in_sixteen_bits(folder):
    model = load_model(folder, device="cpu")[0].to(torch.bfloat16)
    assert ledger(model.config, "lora")["weights"] == tensor_bytes(model.parameters())
    assert ledger(model.config, "full")["gradients"] == tensor_bytes(model.parameters())


def saved_bytes(model, ids):
    """Returns the bytes that the graph keeps for the backward pass, without the parameters."""
    own, kept = {p.untyped_storage().data_ptr() for p in [*model.parameters(), *model.buffers()]}, []

    def keep(tensor):
        if tensor.untyped_storage().data_ptr() not in own:
            kept.append(tensor)
        return tensor

    model.train()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(ids, labels=ids, use_cache=False)
    return tensor_bytes(kept)


def small_model(architecture, bits, layers=4):
    config_class, model_class = MODELS[architecture]
    config = config_class(
        hidden_size=128, intermediate_size=320, num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=2,
        head_dim=16, vocab_size=301, tie_word_embeddings=False, initializer_range=0.1)  # fmt: skip
    return model_class(config).to({32: torch.float32, 16: torch.bfloat16}[bits])


def with_method(model, method, targets):
    return adapters.add_lora(model, 5, targets=targets) if method == "lora" else model


IDS = torch.arange(1, 121).reshape(3, 40)


# The first layer keeps less than the others: nothing is trained before it, so its norm, and with the MLP alone its
# attention, need no gradient. That is at most 9 % of four layers.
@pytest.mark.parametrize("targets", ["all-linear", "attention", "mlp", None])
@pytest.mark.parametrize("bits", [32, 16])
@pytest.mark.parametrize("architecture", MODELS)
def test_bytes_of_activations(architecture, bits, targets):
    method = "lora" if targets else "full"
    model = small_model(architecture, bits)
    options = {"rank": 5, "batch": 3, "length": 40, "bits": bits, "targets": targets}
    predicted = ledger(model.config, method, **options)["activations"]
    measured = saved_bytes(with_method(model, method, targets), IDS)
    assert 0.999 * measured <= predicted <= 1.09 * measured
    if not targets:
        assert predicted == pytest.approx(measured, abs=8)  # the loss itself, and how many labels there were


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("bits", [32, 16])
def test_bytes_of_activations_with_checkpointing(method, bits):
    options = {"rank": 5, "batch": 3, "length": 40, "bits": bits}
    one_layer = saved_bytes(with_method(small_model("llama", bits, 3), method, "all-linear"), IDS)
    one_layer -= saved_bytes(with_method(small_model("llama", bits, 2), method, "all-linear"), IDS)
    model = small_model("llama", bits)
    model.gradient_checkpointing_enable()
    model.enable_input_require_grads()
    predicted = ledger(model.config, method, checkpointing=True, **options)
    measured = saved_bytes(with_method(model, method, "all-linear"), IDS) + one_layer
    assert measured == pytest.approx(predicted["activations"], rel=0.02)
    assert predicted["activations"] < 0.6 * ledger(model.config, method, **options)["activations"]


def test_bytes_of_activations_over_four_bits_are_those_of_lora(folder):
    model = load_quantized(folder, device="cpu")[0]
    predicted = ledger(model.config, "qlora", rank=3, batch=3, length=40, bits=32)["activations"]
    measured = saved_bytes(adapters.add_lora(model, 3), IDS)
    assert measured <= predicted <= 1.08 * measured  # two layers
    assert predicted == ledger(model.config, "lora", rank=3, batch=3, length=40, bits=32)["activations"]


# ---- the ledger, against published figures ----


def llama(hidden, inner, layers, heads, **others):
    sizes = {"hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers}
    return LlamaConfig(**sizes, num_attention_heads=heads, **{"vocab_size": 32000, **others})


# QLoRA, arXiv 2305.14314, figure 6: NF4, batch 1, 512 tokens, checkpointing, and 65B in full above 780 GB.
PUBLISHED = [
    (llama(4096, 11008, 32, 32), 6.9),
    (llama(5120, 13824, 40, 40), 11.3),
    (llama(6656, 17920, 60, 52), 24.7),
    (llama(8192, 22016, 80, 64), 45.0),
]


@pytest.mark.parametrize("config,gigabytes", PUBLISHED, ids=["7B", "13B", "33B", "65B"])
def test_the_totals_of_the_paper(config, gigabytes):
    found = ledger(config, "qlora", rank=64, checkpointing=True)
    assert found["total"] == sum(v for k, v in found.items() if k != "total")
    assert found["total"] / 1e9 == pytest.approx(gigabytes, rel=0.1)
    if config.hidden_size == 8192:
        assert ledger(config, "full", checkpointing=True)["total"] > 780e9


@pytest.mark.parametrize(
    "config,parameters",
    [
        (
            Qwen3Config(
                hidden_size=1024, intermediate_size=3072, num_hidden_layers=28, num_attention_heads=16,
                num_key_value_heads=8, head_dim=128, vocab_size=151936, tie_word_embeddings=True),
            596_049_920,
        ),
        (
            Qwen3Config(
                hidden_size=4096, intermediate_size=12288, num_hidden_layers=36, num_attention_heads=32,
                num_key_value_heads=8, head_dim=128, vocab_size=151936, tie_word_embeddings=False),
            8_190_735_360,
        ),
        (llama(8192, 28672, 80, 64, num_key_value_heads=8, vocab_size=128256), 70_553_706_496),
    ],
    ids=["Qwen3-0.6B", "Qwen3-8B", "Llama-3-70B"],
)  # fmt: skip
def test_weights_of_real_models_from_their_configs_alone(config, parameters):
    assert ledger(config, "full")["weights"] == 2 * parameters
    found, single = ledger(config, "qlora"), ledger(config, "qlora", double=False)
    linear = 2 * (2 * parameters - found["weights"]) / 3  # 16 bits less 4 bits for each
    assert 8 * found["constants"] / linear == pytest.approx(0.127, abs=0.004)  # and the tables
    assert 8 * single["constants"] / linear == pytest.approx(0.5, abs=0.001)
    assert found["adapters"] == 4 * adapters.lora_count(config, 16) == found["gradients"] == found["optimizer"] / 2


@pytest.mark.parametrize(
    "settings,message",
    [
        ({"method": "ia3"}, r"method must be one of \('full', 'lora', 'qlora'\), not 'ia3'"),
        ({"bits": 4}, r"bits must be one of \(16, 32\), not 4"),
        ({"optimizer_bits": 4}, "optimizer_bits must be"),
        ({"length": 0}, "length must be at least 1, not 1 and 0"),
        ({"rank": 0}, "rank must be"),
        ({"config": GPT2Config(n_layer=1)}, "knows models of the Llama family.*of 'gpt2'"),
    ],
)
def test_settings_without_a_rule_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ledger(**{"config": small_model("llama", 32, 1).config, "method": "lora", **settings})
