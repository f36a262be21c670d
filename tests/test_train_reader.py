"""The adapter over the real model: trained, killed, resumed, saved in 16 bits, and loaded by its name."""

import json
import shutil

import pytest
import torch
from safetensors import safe_open

from spectrum import models
from spectrum.lessons.instruction_tuning import reading
from tools import train_reader


@pytest.fixture
def home(tmp_path, monkeypatch, tiny_folder):
    """A weights folder with a tiny base in it, two orders of each kind and room for a tiny tokenizer's many tokens."""
    monkeypatch.setattr(models, "WEIGHTS", tmp_path / "weights")
    shutil.copytree(tiny_folder, tmp_path / "weights" / "tiny")
    monkeypatch.setattr(reading, "LENGTH", 2048)
    monkeypatch.setattr(reading, "ANSWER_TOKENS", 2)
    monkeypatch.setattr(reading, "exam", lambda model, tokenizer, exam=reading.exam: exam(model, tokenizer, items=2))
    return tmp_path / "weights" / "tiny-shop"


def test_it_is_trained_resumed_saved_in_16_bits_and_loaded_by_name(home, tmp_path, monkeypatch):
    tune = reading.tune

    def power_cut(model):
        raise InterruptedError

    monkeypatch.setattr(reading, "tune", lambda *a, **more: tune(*a, **more | {"evaluate": power_cut,
                        "evaluate_every": 3, "checkpoint_every": 2}))  # fmt: skip
    with pytest.raises(InterruptedError):
        train_reader.train_reader("tiny", home, tmp_path / "build", steps=4)
    monkeypatch.setattr(reading, "tune", lambda *a, **more: tune(*a, **more | {"checkpoint_every": 2}))
    birth = train_reader.train_reader("tiny", home, tmp_path / "build", steps=4)
    assert birth["steps"] == 4 and birth["base"] == "tiny" and set(birth["scores"]) >= {"listed", "typed"}
    assert json.loads((home / "birth.json").read_text())["files"]
    card = (home / "README.md").read_text()
    assert "# tiny-shop" in card and "in\n4 steps on 32 orders" in card and "More Information" not in card
    model, _ = models.load_model("tiny-shop")
    assert models.adapter_names() == ["tiny-shop"] and not model.training
    assert any(p.abs().sum() > 0 for n, p in model.named_parameters() if "lora_B" in n)
    with safe_open(home / "adapter_model.safetensors", "pt") as file:
        assert {file.get_tensor(key).dtype for key in file.keys()} == {torch.bfloat16}


def test_a_changed_adapter_is_refused(home, tmp_path):
    train_reader.train_reader("tiny", home, tmp_path / "build", steps=1)
    path = home / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(ValueError, match="is not the file its birth.json describes"):
        models.load_model("tiny-shop")
