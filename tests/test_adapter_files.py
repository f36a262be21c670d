"""Files of adapters: what is saved loads again, and an adapter that was made for another base is refused by name."""

import json

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from spectrum import adapters
from spectrum.adapter_files import base_name

VOCABULARY = 50
SHAPE = {"hidden_size": 32, "intermediate_size": 40, "num_attention_heads": 4, "num_hidden_layers": 2}
TOKENS = {"vocab_size": VOCABULARY, "initializer_range": 0.2, "pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0}


def make_base(seed=0, **changes):
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(**SHAPE | TOKENS | changes)).eval()


@torch.no_grad()
def logits(model):
    ids = torch.arange(1, 25).reshape(2, 12)
    return model(ids, use_cache=False).logits


def fill(model):
    """Gives B values, so that the adapter does something."""
    for layer in adapters.lora_layers(model).values():
        torch.nn.init.normal_(layer.lora_B["default"].weight)
    return model


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """Folders of tiny checkpoints: two of one shape, a wider, a deeper, one with another vocabulary; and an adapter."""
    root = tmp_path_factory.mktemp("homes")
    changes = {
        "home": {},
        "other": {"seed": 5},
        "wide": {"hidden_size": 48},
        "deep": {"num_hidden_layers": 4},
        "flat": {"num_hidden_layers": 1},
        "words": {"vocab_size": VOCABULARY + 3},
    }
    for name, change in changes.items():
        make_base(**change).save_pretrained(root / name)
    model = adapters.add_lora(LlamaForCausalLM.from_pretrained(root / "home"), 2)
    model.save_pretrained(root / "plain")
    adapters.save_adapter(model, root / "noted")
    return root


MISPLACED = {
    ("noted", "other"): "'home' with other weights than this model, 'other'",
    ("noted", "wide"): r"'home', and does not fit this model, 'wide': .*\(32, 2\), and \(48, 2\) would fit",
    ("noted", "deep"): "'home', and does not fit this model, 'deep': it has 28 layers .*'model.layers.2",
    ("noted", "flat"): "'home', and does not fit this model, 'flat': it has no layer 'model.layers.1",
    ("noted", "words"): f"'home' with a vocabulary of {VOCABULARY} tokens; this model, 'words', has {VOCABULARY + 3}",
    ("plain", "other"): "'home', and this model is 'other'",
    ("plain", "wide"): "'home', and does not fit this model, 'wide'",
    ("plain", "deep"): "'home', and does not fit this model, 'deep'",
    ("plain", "words"): "'home', and this model is 'words'",
}


@pytest.mark.parametrize("adapter,base", MISPLACED)
def test_a_misplaced_adapter_is_refused_and_both_are_named(homes, adapter, base):
    model = LlamaForCausalLM.from_pretrained(homes / base)
    before = logits(model)
    with pytest.raises(ValueError, match=MISPLACED[adapter, base]):
        adapters.load_adapter(model, homes / adapter)
    assert torch.equal(logits(model), before) and not hasattr(model, "peft_config")


def test_a_base_that_was_tuned_a_little_is_another_base(homes):
    model = LlamaForCausalLM.from_pretrained(homes / "home")
    model.model.layers[1].mlp.up_proj.weight.data *= 1.03
    with pytest.raises(ValueError, match=r"'home' with other weights .*'home', has in model\.layers\.1\.mlp\.up_proj"):
        adapters.load_adapter(model, homes / "noted")


def test_a_trained_embedding_of_another_vocabulary_is_refused(homes, tmp_path):
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=2, target_modules=["q_proj", "embed_tokens"], modules_to_save=["lm_head"])
    model = LlamaForCausalLM.from_pretrained(homes / "home")
    get_peft_model(model, config).save_pretrained(tmp_path)
    words = LlamaForCausalLM.from_pretrained(homes / "words")
    words.config._name_or_path = words.name_or_path = "home"
    with pytest.raises(ValueError, match=rf"\(.*{VOCABULARY}.*\), and \(.*{VOCABULARY + 3}.*\) would fit"):
        adapters.load_adapter(words, tmp_path)


def test_a_base_in_half_precision_or_under_another_name_is_the_same_base(homes, tmp_path):
    renamed = tmp_path / "renamed"
    half = LlamaForCausalLM.from_pretrained(homes / "home", dtype=torch.bfloat16)
    half.save_pretrained(renamed)
    model = adapters.load_adapter(LlamaForCausalLM.from_pretrained(renamed), homes / "noted")
    assert model.active_adapters == ["default"]


def test_a_saved_adapter_names_its_base_without_a_path_of_this_machine(homes):
    for file in ("adapter_config.json", "base.json"):
        text = (homes / "noted" / file).read_text()
        assert str(homes) not in text
        assert "home" in (json.loads(text).get("name"), json.loads(text).get("base_model_name_or_path"))
    assert str(homes) not in (homes / "noted" / "README.md").read_text(encoding="utf-8")
    assert str(homes) in (homes / "plain" / "README.md").read_text(encoding="utf-8")  # as peft writes it


@pytest.mark.parametrize(
    "text,name",
    [
        ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
        ("/somewhere/models--Qwen--Qwen3-8B/snapshots/0a1b2c", "Qwen/Qwen3-8B"),
        ("/a/b/lumen-base", "lumen-base"),
        ("lumen-base", "lumen-base"),
        ("", ""),
        (None, ""),
    ],
)
def test_names_of_bases(text, name):
    assert base_name(text) == name


def test_two_adapters_swap_and_neither_changes_the_base(homes, tmp_path):
    base = LlamaForCausalLM.from_pretrained(homes / "home")
    expected, outputs = logits(base), {}
    for seed in (1, 2):
        model = adapters.add_lora(LlamaForCausalLM.from_pretrained(homes / "home"), 2)
        model = adapters.random_like(fill(model), seed)
        adapters.save_adapter(model, tmp_path / str(seed))
        outputs[seed] = logits(model)
    model = adapters.load_adapter(base, tmp_path / "1", "first")
    model = adapters.load_adapter(model, tmp_path / "2", "second")
    assert torch.equal(logits(model), outputs[2])
    model.set_adapter("first")
    assert torch.equal(logits(model), outputs[1])
    with model.disable_adapter():
        assert torch.equal(logits(model), expected)
    with pytest.raises(ValueError, match="'first' already"):
        adapters.load_adapter(model, tmp_path / "2", "first")


def test_saving_a_merged_adapter_and_loading_none_are_refused(tmp_path):
    model = fill(adapters.add_lora(make_base(), 1))
    model.merge_adapter()
    with pytest.raises(ValueError, match="merged"):
        adapters.save_adapter(model, tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no adapter"):
        adapters.load_adapter(make_base(), tmp_path)
