"""The ledger and its preflight: each predicted byte held against real tensors, and what cannot fit refused."""

import re

import pytest
import torch
from tiny import make_tiny, make_tokenizer
from transformers import AutoConfig, GPT2Config, LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from spectrum import adapters, models
from spectrum.ledger import ledger, preflight
from spectrum.memory import free_memory, held_by, peak_of_tensors
from spectrum.models import load_model
from spectrum.quantize import checkpoint_layers, load_quantized

pytestmark = pytest.mark.usefixtures("eager")

MODELS = {"llama": (LlamaConfig, LlamaForCausalLM), "qwen3": (Qwen3Config, Qwen3ForCausalLM)}


@pytest.fixture(scope="module", params=MODELS)
def folder(request, tmp_path_factory):
    """A tiny checkpoint of 192 and 512 inputs: whole blocks of 64."""
    return make_tiny(tmp_path_factory.mktemp(request.param), hidden=192, architecture=request.param)


# ---- against real tensors ----


def tensor_bytes(tensors):
    """Returns the bytes of the tensors, each piece of memory once."""
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


@pytest.mark.parametrize("double", [True, False], ids=["double", "single"])
def test_bytes_of_weights_and_constants(folder, double):
    model, _ = load_quantized(folder, double=double, device="cpu")
    predicted = ledger(model.config, "qlora", bits=32, double=double)
    assert predicted["weights"] == tensor_bytes(model.parameters())
    constants = []
    for state in (p.quant_state for p in model.parameters() if hasattr(p, "quant_state")):
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


# ---- against published figures ----


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
    assert found["total"] == sum(v for k, v in found.items() if k not in ("total", "peak"))
    assert found["total"] / 1e9 == pytest.approx(gigabytes, rel=0.1)
    assert found["peak"] / 1e9 == pytest.approx(gigabytes, rel=0.1) and found["peak"] < found["total"]
    if config.hidden_size == 8192:
        assert ledger(config, "full", checkpointing=True)["peak"] > 780e9


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
        ({"config": GPT2Config(n_layer=1)}, "knows models of the Llama family.*of 'gpt2'.*Measure instead: train"),
    ],
)
def test_settings_without_a_rule_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ledger(**{"config": small_model("llama", 32, 1).config, "method": "lora", **settings})


# ---- the preflight: it reads a config and nothing else ----

SMALL = LlamaConfig(hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2, vocab_size=1000)
LARGE = LlamaConfig(hidden_size=8192, intermediate_size=28672, num_hidden_layers=80, num_attention_heads=64,
                    num_key_value_heads=8, vocab_size=32000)  # fmt: skip


def test_what_fits_passes_with_what_the_ledger_says():
    found = preflight(SMALL, "qlora", free=1e9, rank=4, length=64)
    assert found == {"needed": ledger(SMALL, "qlora", rank=4, length=64, bits=32)["peak"], "free": 10**9}


def test_one_twentieth_is_left_over():
    needed = ledger(SMALL, "lora", bits=16)["peak"]
    assert preflight(SMALL, "lora", free=needed / 0.94, bits=16)["needed"] == needed
    with pytest.raises(MemoryError):
        preflight(SMALL, "lora", free=needed / 0.96, bits=16)


def test_a_refusal_names_what_is_needed_what_is_there_and_the_largest_parts():
    with pytest.raises(MemoryError) as refused:
        preflight(LARGE, "full", free=24e9, bits=16)
    found = ledger(LARGE, "full", bits=16)
    for number in (found["peak"], found["optimizer"], 24e9):
        assert f"{number / 1e9:.1f} GB" in str(refused.value)
    assert "for optimizer" in str(refused.value) and "No setting makes it fit" in str(refused.value)


def test_the_advice_of_a_refusal_is_true():
    free = 48e9
    with pytest.raises(MemoryError, match="It would fit with") as refused:
        preflight(LARGE, "lora", free=free, bits=16, length=2048, batch=4)
    chosen = dict(re.findall(r'(\w+)="?(\w+)"?[,:]', str(refused.value).split("It would fit with")[1]))
    method = chosen.pop("method")
    settings = {name: value == "True" if name == "checkpointing" else int(value) for name, value in chosen.items()}
    assert method == "qlora" and settings["checkpointing"] is True
    assert preflight(LARGE, method, free=free, bits=16, **{"length": 2048, "batch": 4} | settings)


def test_only_the_config_of_a_model_is_asked_of_the_hub(monkeypatch, tmp_path):
    SMALL.save_pretrained(tmp_path)
    asked = []
    monkeypatch.setattr(models, "download", lambda repo, revision, files: asked.append((repo, files)) or tmp_path)
    monkeypatch.setenv("SPECTRUM_PROFILE", "t4")
    assert preflight("base", "qlora", free=1e9)["needed"] < 1e9
    assert asked == [("Qwen/Qwen3-1.7B-Base", ("config.json",))]


def test_without_a_network_the_refusal_is_a_sentence(monkeypatch):
    monkeypatch.setenv("SPECTRUM_PROFILE", "gpu")
    with pytest.raises(ConnectionError, match="embedded"):
        preflight("base", "qlora", free=1e12)


def test_names_are_those_of_load_model():
    ours = models.read_config("lumen-base").to_dict()
    assert ours == AutoConfig.from_pretrained(models.WEIGHTS / "lumen-base").to_dict()
    with pytest.raises(ValueError, match="Did you mean 'lumen-base'"):
        preflight("lumen-bass")
    with pytest.raises(ValueError, match="method must be one of"):
        preflight(SMALL, "lore", free=1e9)


def test_the_memory_of_this_computer_is_asked_for():
    found = preflight("lumen-base", device="cpu")
    assert found["needed"] < found["free"] == pytest.approx(free_memory("cpu"), rel=0.3)


# ---- the peak, against what tensors really took ----


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("batch", [1, 6])
@pytest.mark.parametrize(
    ("method", "settings"),
    [("full", {}), ("lora", {}), ("lora", {"checkpointing": True}), ("qlora", {}), ("qlora", {"checkpointing": True})],
)
def test_the_peak_of_a_step(method, settings, batch, tied, tmp_path):
    config = LlamaConfig(
        hidden_size=256, intermediate_size=640, num_hidden_layers=5, num_attention_heads=4, vocab_size=2000,
        tie_word_embeddings=tied, pad_token_id=0)  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    model = (load_quantized if method == "qlora" else load_model)(tmp_path, device="cpu")[0]
    if method != "full":
        model = adapters.add_lora(model, 4)
    if settings:
        checkpoint_layers(model)
        model.enable_input_require_grads()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, fused=True)
    ids = torch.arange(1, 1 + batch * 96).reshape(batch, 96) % 2000

    def step():
        model(ids, labels=ids, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    model.train()
    step()
    measured = held_by(model, optimizer) + peak_of_tensors(step, "cpu")
    predicted = ledger(model.config, method, rank=4, batch=batch, length=96, bits=32, **settings)
    assert predicted["peak"] == pytest.approx(measured, rel=0.06) and predicted["peak"] <= predicted["total"] * 1.05
