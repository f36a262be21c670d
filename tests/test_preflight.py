"""The preflight: it reads a config and nothing else, lets pass what fits, and refuses the rest with numbers."""

import re

import pytest
from transformers import AutoConfig, LlamaConfig

from spectrum import models, quantize

SMALL = LlamaConfig(hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2, vocab_size=1000)
LARGE = LlamaConfig(hidden_size=8192, intermediate_size=28672, num_hidden_layers=80, num_attention_heads=64,
                    num_key_value_heads=8, vocab_size=32000)  # fmt: skip


def test_what_fits_passes_with_what_the_ledger_says():
    found = quantize.preflight(SMALL, "qlora", free=1e9, rank=4, length=64)
    assert found == {"needed": quantize.ledger(SMALL, "qlora", rank=4, length=64, bits=32)["total"], "free": 10**9}


def test_one_twentieth_is_left_over():
    needed = quantize.ledger(SMALL, "lora", bits=16)["total"]
    assert quantize.preflight(SMALL, "lora", free=needed / 0.94, bits=16)["needed"] == needed
    with pytest.raises(MemoryError):
        quantize.preflight(SMALL, "lora", free=needed / 0.96, bits=16)


def test_a_refusal_names_what_is_needed_what_is_there_and_the_largest_parts():
    with pytest.raises(MemoryError) as refused:
        quantize.preflight(LARGE, "full", free=24e9, bits=16)
    found = quantize.ledger(LARGE, "full", bits=16)
    for number in (found["total"], found["optimizer"], 24e9):
        assert f"{number / 1e9:.1f} GB" in str(refused.value)
    assert "for optimizer" in str(refused.value) and "No setting makes it fit" in str(refused.value)


def test_the_advice_of_a_refusal_is_true():
    free = 48e9
    with pytest.raises(MemoryError, match="It would fit with") as refused:
        quantize.preflight(LARGE, "lora", free=free, bits=16, length=2048, batch=4)
    chosen = dict(re.findall(r'(\w+)="?(\w+)"?[,:]', str(refused.value).split("It would fit with")[1]))
    method = chosen.pop("method")
    settings = {name: value == "True" if name == "checkpointing" else int(value) for name, value in chosen.items()}
    assert method == "qlora" and settings["checkpointing"] is True
    assert quantize.preflight(LARGE, method, free=free, bits=16, **{"length": 2048, "batch": 4} | settings)


def test_only_the_config_of_a_model_is_asked_of_the_hub(monkeypatch, tmp_path):
    SMALL.save_pretrained(tmp_path)
    asked = []
    monkeypatch.setattr(models, "download", lambda repo, revision, files: asked.append((repo, files)) or tmp_path)
    monkeypatch.setenv("SPECTRUM_PROFILE", "t4")
    assert quantize.preflight("base", "qlora", free=1e9)["needed"] < 1e9
    assert asked == [("Qwen/Qwen3-1.7B-Base", ("config.json",))]


def test_without_a_network_the_refusal_is_a_sentence(monkeypatch):
    monkeypatch.setenv("SPECTRUM_PROFILE", "gpu")
    with pytest.raises(ConnectionError, match="embedded"):
        quantize.preflight("base", "qlora", free=1e12)


def test_names_are_those_of_load_model():
    ours = models.read_config("lumen-base").to_dict()
    assert ours == AutoConfig.from_pretrained(models.WEIGHTS / "lumen-base").to_dict()
    with pytest.raises(ValueError, match="Did you mean 'lumen-base'"):
        quantize.preflight("lumen-bass")
    with pytest.raises(ValueError, match="method must be one of"):
        quantize.preflight(SMALL, "lore", free=1e9)


def test_the_memory_of_this_computer_is_asked_for():
    found = quantize.preflight("lumen-base", device="cpu")
    assert found["needed"] < found["free"] == pytest.approx(quantize.free_memory("cpu"), rel=0.3)


def test_checkpointing_changes_what_is_kept_and_no_gradient(tiny_folder):
    import torch

    from spectrum import adapters

    gradients, kept = [], []
    for change in (lambda model: model, quantize.checkpoint_layers):
        model = change(adapters.add_lora(models.load_model(tiny_folder, device="cpu")[0], 2)).train()
        seen = {}

        def note(tensor, seen=seen):
            seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        ids = torch.arange(200)[None] % 100
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        gradients.append([p.grad for p in model.parameters() if p.requires_grad])
        kept.append(sum(seen.values()))
    assert kept[1] < 0.8 * kept[0]
    for plain, again in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, again)
