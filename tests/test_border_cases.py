"""Adapters of every kind, precision, the ledger's architectures, and a table of bad inputs with what is answered."""

import json

import pytest
import torch
from peft import IA3Config, LoraConfig, PrefixTuningConfig, PromptTuningConfig, get_peft_model
from transformers import AutoConfig
from zoo import ZOO, make_animal, save_animal

from spectrum import adapters, evaluate, generate, models, prompts, retrieval
from spectrum.adapter_files import base_name
from spectrum.ledger import KNOWN, ledger, preflight
from spectrum.shop.facts import Document
from spectrum.train import train

IDS = torch.arange(1, 25).reshape(2, 12)
ROWS = [{"input_ids": list(range(9)), "labels": list(range(9))}]
CHAT = {"task_type": "CAUSAL_LM"}
LAYERS = ["q_proj", "down_proj"]
KINDS = {
    "dora": LoraConfig(r=2, target_modules=LAYERS, use_dora=True, init_lora_weights=False, **CHAT),
    "ia3": IA3Config(target_modules=LAYERS, feedforward_modules=["down_proj"], init_ia3_weights=False, **CHAT),
    "prompt": PromptTuningConfig(num_virtual_tokens=3, **CHAT),
    "prefix": PrefixTuningConfig(num_virtual_tokens=3, **CHAT),
    "embeddings": LoraConfig(r=2, target_modules=["q_proj", "embed_tokens"], init_lora_weights=False, **CHAT),
    "patterns": LoraConfig(r=2, target_modules=LAYERS, rank_pattern={"q_proj": 5}, alpha_pattern={"q_proj": 3},
                           init_lora_weights=False, **CHAT),
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return save_animal(tmp_path_factory.mktemp("homes") / "home", "llama")


def base(home):
    return models.load_model(home, device="cpu")[0]


@torch.no_grad()
def logits(model):
    return model(input_ids=IDS).logits


@pytest.mark.parametrize("kind", KINDS)
def test_what_loads_saves(home, tmp_path, kind):
    torch.manual_seed(0)
    model = get_peft_model(base(home), KINDS[kind]).eval()
    expected = logits(model)
    adapters.save_adapter(model, tmp_path)
    assert json.loads((tmp_path / "base.json").read_text())["name"] == "home"
    torch.testing.assert_close(logits(adapters.load_adapter(base(home), tmp_path)), expected)


@pytest.mark.parametrize("kind", ["embeddings", "patterns"])
def test_squeezing_and_the_random_control_honour_embeddings_and_patterns(home, kind):
    torch.manual_seed(0)
    model = get_peft_model(base(home), KINDS[kind]).eval()
    found = adapters.deltas(model)
    torch.testing.assert_close(logits(adapters.compress(model, 5)), logits(model), atol=2e-3, rtol=0)
    control = adapters.deltas(adapters.random_like(model))
    for name, delta in found.items():
        torch.testing.assert_close(control[name].norm(), delta.norm(), rtol=1e-4, atol=0)
        ranks = [int(torch.linalg.matrix_rank(d, rtol=1e-5)) for d in (delta, control[name])]
        assert ranks == [5 if kind == "patterns" and "q_proj" in name else 2] * 2
    if kind == "embeddings":
        assert found["model.embed_tokens"].shape == (64, 400)


@pytest.mark.parametrize(
    "besides", [{"modules_to_save": ["lm_head"]}, {"trainable_token_indices": [3]}, {"lora_bias": True}]
)
def test_what_an_adapter_holds_besides_its_updates_is_not_dropped_in_silence(home, besides):
    model = get_peft_model(base(home), LoraConfig(r=2, target_modules=LAYERS, **besides, **CHAT))
    for change in (lambda: adapters.compress(model, 1), lambda: adapters.random_like(model)):
        with pytest.raises(ValueError, match=f"holds more than updates: it was made with {next(iter(besides))}="):
            change()


def test_layers_that_peft_cannot_adapt_are_named_and_the_model_stays_as_it_was():
    model, _ = make_animal("mamba")
    before = {name: type(module) for name, module in model.named_modules()}
    with pytest.raises(ValueError, match=r"peft cannot adapt all of .*'out_proj'.* of this MambaForCausalLM") as caught:
        adapters.add_lora(model, 2)
    assert "incompatible" in str(caught.value.__cause__)
    assert {name: type(module) for name, module in model.named_modules()} == before
    assert adapters.count(adapters.add_lora(model, 2, targets=["in_proj", "x_proj"]))["trainable"] > 0


@pytest.mark.parametrize(
    "text, name",
    [
        (r"C:\models\base", "base"),
        (r"D:\hub\models--Qwen--Qwen3-8B\snapshots\0a1b2c", "Qwen/Qwen3-8B"),
        (r"models\base", "base"),
        (r"\\server\share\base", "base"),
        ("/base", "base"),
        ("org/name", "org/name"),
    ],
)
def test_names_of_bases_from_either_system(text, name):
    assert base_name(text) == name


def test_a_base_on_a_drive_of_windows_is_the_same_base(home, tmp_path):
    model = adapters.add_lora(base(home), 2)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    for path, fits in ((r"C:\mine\home", True), (r"C:\mine\other", False)):
        (tmp_path / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": path}))
        if fits:
            adapters.load_adapter(base(home), tmp_path)
        else:
            with pytest.raises(ValueError, match="'other', and this model is 'home'"):
                adapters.load_adapter(base(home), tmp_path)


def test_a_resized_vocabulary_is_named_as_the_cause(home, tmp_path):
    model = base(home)
    model.resize_token_embeddings(407)
    config = LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["embed_tokens"], **CHAT)
    get_peft_model(model, config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"\(407, 64\), and \(400, 64\) would fit. The vocabulary was resized"):
        adapters.load_adapter(base(home), tmp_path)


# ---- precision ----


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("precision", [None, "bf16", "fp16"])
def test_weights_in_sixteen_bits_are_not_trained_and_a_lora_over_them_is(home, dtype, precision):
    model, _ = models.load_model(home, device="cpu", dtype=dtype)
    with pytest.raises(ValueError, match=rf"wants trainable weights in float32, but .* is {dtype}.*LoRA") as caught:
        train(model, ROWS, steps=1, precision=precision)
    assert "dtype='float32'" in str(caught.value)
    if dtype == "bfloat16" and precision is None:
        assert train(adapters.add_lora(model, 2), ROWS, steps=1)[0]["loss"] > 0


# ---- the ledger ----


@pytest.mark.parametrize("name", ZOO)
def test_the_ledger_counts_the_architectures_it_was_held_against_and_names_the_others(name):
    config = make_animal(name)[0].config
    if config.model_type in KNOWN:
        assert ledger(config, "lora", batch=2, length=16)["total"] > 0
    else:
        with pytest.raises(ValueError, match=f"ledger: it knows .*this config is of '{config.model_type}'"):
            ledger(config, "lora")


@pytest.mark.parametrize("name", [name for name in ZOO if ZOO[name][0] in KNOWN])
@pytest.mark.parametrize("method", ["lora", "full"])
def test_activations_of_those_are_what_the_graph_keeps(name, method):
    from test_ledger import saved_bytes

    model, _ = make_animal(name, num_hidden_layers=4)
    config = model.config
    model = adapters.add_lora(model, 5) if method == "lora" else model
    predicted = ledger(config, method, rank=5, batch=2, length=12, bits=32)["activations"]
    measured = saved_bytes(model, IDS)
    assert 0.97 * measured <= predicted <= 1.09 * measured


# ---- scoring ----


def test_white_space_and_length_do_not_decide_a_score(tiny):
    assert evaluate.same_answer("lamp", " lamp") and evaluate.same_answer(" lamp", "lamp\n")
    assert not evaluate.same_answer("lamp", "lamps")
    _, tokenizer = tiny
    size = len(tokenizer("lamp " * 60, add_special_tokens=False)["input_ids"])
    assert evaluate.answer_length(tokenizer, ["a"]) == 24
    assert size * 1.25 <= evaluate.answer_length(tokenizer, ["a", "lamp " * 60]) <= size * 1.25 + 2


def test_braces_of_json_in_a_link_stay():
    asked = []

    def answer(chats):
        asked.extend(chat[0]["content"] for chat in chats)
        return ["{late}" for _ in chats]

    links = ['Give {"city": "…"} for {0}', "{{x}} {1} {} {name} {0}"]
    assert prompts.chain(answer, links, ["a {1}"]) == [["{late}", "{late}"]]
    assert asked == ['Give {"city": "…"} for a {1}', "{{x}} {late} {} {name} a {1}"]


# ---- bad inputs ----

DOCUMENT = Document("???", "lamp", "price")
GEMMA3 = AutoConfig.for_model("gemma3")
QWEN35 = AutoConfig.for_model("qwen3_5") if "qwen3_5" in AutoConfig.for_model.__globals__["CONFIG_MAPPING"] else GEMMA3
LLAMA = AutoConfig.for_model("llama", hidden_size=64, num_attention_heads=4, intermediate_size=8, num_hidden_layers=1)
BAD = {
    "documents without words": (lambda m, t: retrieval.Search([DOCUMENT]), r"None of the 1 documents .*'\?\?\?'"),
    "no documents": (lambda m, t: retrieval.Search([]), "no documents"),
    "a link too early": (lambda m, t: prompts.chain(lambda c: ["x"], ["{1}"], ["a"]), r"asks for \{1\}; only \{0\}"),
    "gold as text": (lambda m, t: evaluate.answer_length(t, "lamp"), "golds is 'lamp'"),
    "no gold": (lambda m, t: evaluate.answer_length(t, []), "at least one gold"),
    "a composed config": (lambda m, t: ledger(GEMMA3, "lora"), "of 'gemma3_text'"),
    "a hybrid config": (lambda m, t: ledger(QWEN35, "lora"), "ledger: it knows"),
    "preflight of GPT-2": (lambda m, t: preflight(AutoConfig.for_model("gpt2"), free=1e9), "of 'gpt2'"),
    "no memory": (lambda m, t: preflight(LLAMA, "full", free=1), "No setting makes it fit"),
    "save without": (lambda m, t: adapters.save_adapter(m, "/nowhere"), "has no adapter; add_lora"),
    "squeeze without": (lambda m, t: adapters.compress(m, 2), "no LoRA layers"),
    "targets not there": (
        lambda m, t: adapters.add_lora(m, 2, targets=["c_attn"]),
        "no linear layer is named 'c_attn'",
    ),
    "share of all": (lambda m, t: adapters.add_lora(make_animal("mixtral")[0], 2, allow=0.5), "11.1 %"),
    "no gradient": (lambda m, t: train(m.requires_grad_(False), ROWS, steps=1), "no trainable parameters"),
    "too long": (lambda m, t: generate.complete(m, t, ["lamp " * 400]), r"prompts\[0\] has .*context of 256"),
    "one text": (lambda m, t: generate.complete(m, t, "Hi"), "one str, not a list"),
    "no content": (
        lambda m, t: generate.complete(m, t, [[{"role": "user", "content": " "}]]),
        r"prompts\[0\]: .*no con",
    ),
    "no role": (lambda m, t: generate.complete(m, t, [[{"content": "Hi"}]]), r"prompts\[0\]: Message 0"),
    "a drive": (lambda m, t: models.load_model(r"C:\no\model"), "There is no folder"),
    "a file": (lambda m, t: models.load_model(__file__), "There is no folder"),
    "rows of 8 bits": (lambda m, t: models.load_model("lumen-base", dtype="int8"), "dtype must be one of"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_input_is_answered_with_a_sentence(name):
    call, message = BAD[name]
    with pytest.raises((ValueError, FileNotFoundError, MemoryError), match=message):
        call(*make_animal("llama"))
