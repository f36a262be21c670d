"""The embedded checkpoints load without our code, and their training can be killed and resumed."""

import hashlib
import importlib
import json
import re
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "spectrum" / "weights"
PARAMETERS = {
    "lumen-base": (2.4e6, 4e6),
    "lumen-small": (0.6e6, 1.2e6),
    "lumen-instruct": (2.4e6, 4e6),
    "lumen-large": (12e6, 40e6),
}
BIRTH = (
    "name date commit seed parameters corpus_sha256 tokens_seen trained_length steps "
    "device threads torch seconds loss files"
).split()


def folder_of(name):
    """Returns the checkpoint's folder, or skips: `make weights` has not made it yet."""
    folder = WEIGHTS / name
    if not (folder / "model.safetensors").exists():
        pytest.skip(f"{name} is not trained yet: `make weights`")
    return folder


@pytest.fixture(params=PARAMETERS)
def name(request):
    folder_of(request.param)
    return request.param


# ---- what ships ----


def test_it_loads_in_plain_transformers(name):
    model = AutoModelForCausalLM.from_pretrained(WEIGHTS / name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / name)
    assert type(model).__name__ == "LlamaForCausalLM" and tokenizer.is_fast
    low, high = PARAMETERS[name]
    assert low <= sum(p.numel() for p in model.parameters()) <= high
    ids = tokenizer("Hello, this is Ana from Oslo.", return_tensors="pt")
    with torch.no_grad():
        assert torch.isfinite(model(**ids).logits).all()
    out = model.generate(**ids, max_new_tokens=4, do_sample=False)
    assert out.shape[1] > ids["input_ids"].shape[1]
    text = "größe 🙂\r\n\t42"
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_its_settings_fit_its_tokenizer(name):
    model = AutoModelForCausalLM.from_pretrained(WEIGHTS / name)
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS / name)
    assert model.config.vocab_size == len(tokenizer) and model.config.max_position_embeddings == 1024
    ends = tokenizer.convert_tokens_to_ids(["<|end|>", "<|endoftext|>"])
    assert model.generation_config.eos_token_id == ends
    assert model.config.pad_token_id == model.generation_config.pad_token_id == tokenizer.pad_token_id
    assert "{% generation %}" in tokenizer.chat_template


def test_its_birth_certificate_is_complete_and_true(name):
    birth = json.loads((WEIGHTS / name / "birth.json").read_text())
    assert not set(BIRTH) - birth.keys()
    for file in ("model.safetensors", "tokenizer.json"):
        assert birth["files"][file] == hashlib.sha256((WEIGHTS / name / file).read_bytes()).hexdigest(), file
    model = AutoModelForCausalLM.from_pretrained(WEIGHTS / name)
    assert birth["name"] == name and birth["parameters"] == sum(p.numel() for p in model.parameters())
    steps, losses = zip(*birth["loss"], strict=True)
    assert steps[0] == 1 and steps[-1] == birth["steps"] and list(steps) == sorted(steps)
    assert losses[-1] < losses[0] and birth["seconds"] > 0 and birth["tokens_seen"] > 0


def test_its_weights_are_what_our_loader_gives(name):
    from spectrum.models import load_model

    ours, plain = load_model(name, device="cpu")[0].state_dict(), AutoModelForCausalLM.from_pretrained(WEIGHTS / name)
    assert all(torch.equal(ours[n].float(), p.float()) for n, p in plain.state_dict().items())


def test_all_checkpoints_share_one_tokenizer():
    made = [folder for folder in WEIGHTS.glob("lumen-*") if (folder / "tokenizer.json").exists()]
    if not made:
        pytest.skip("no checkpoint is trained yet: `make weights`")
    assert len({(folder / "tokenizer.json").read_bytes() for folder in made}) == 1


def test_the_weights_folder_stays_small():
    size = sum(f.stat().st_size for f in WEIGHTS.rglob("*") if f.is_file())
    assert size <= 40e6, f"spectrum/weights holds {size / 1e6:.1f} MB"


# ---- how it is made ----

SHAPE = {"hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
RUN = {"steps": 6, "lr": 3e-3}


class Killed(Exception):
    """Stands for whatever ends a run from outside."""


@pytest.fixture
def tool(monkeypatch):
    """tools.train_weights with a tiny shape, a short corpus and a checkpoint after every step."""
    monkeypatch.syspath_prepend(str(ROOT))
    module, lumen = (importlib.import_module(f"tools.{name}") for name in ("train_weights", "lumen"))
    monkeypatch.setitem(lumen.SHAPES, "lumen-tiny", SHAPE)
    monkeypatch.setitem(module.RUNS, "lumen-tiny", RUN)
    monkeypatch.setattr(module, "LENGTH", 64)
    monkeypatch.setattr(module, "WARMUP_STEPS", 2)
    documents, train = module.corpus.marked_documents, module.train
    monkeypatch.setattr(module.corpus, "marked_documents", lambda s, n, *mix: documents(s, min(n, 60), *mix))
    monkeypatch.setattr(module, "train", lambda *a, **k: train(*a, **{**k, "checkpoint_every": 1, "progress": False}))
    return module


def run(tool, monkeypatch, folder, *names):
    """Runs the command as `make weights` does, into a folder of its own."""
    arguments = [
        "train_weights",
        *names,
        "--weights",
        str(folder / "weights"),
        "--cache",
        str(folder / "build"),
        "--device",
        "cpu",
    ]
    monkeypatch.setattr(sys, "argv", arguments)
    tool.main()
    return {p.name: p.read_bytes() for p in (folder / "weights" / names[-1]).iterdir()}


def die_at_step(tool, monkeypatch, step):
    """Makes the training loop raise instead of doing a step."""
    import spectrum.train

    update, calls = spectrum.train.update, []

    def dying(*arguments):
        calls.append(1)
        if len(calls) == step:
            raise Killed
        return update(*arguments)

    monkeypatch.setattr(spectrum.train, "update", dying)


def test_a_killed_training_gives_the_same_file(tool, monkeypatch, tmp_path):
    whole = run(tool, monkeypatch, tmp_path / "whole", "lumen-tiny")
    with monkeypatch.context() as patch:
        die_at_step(tool, patch, 4)
        with pytest.raises(Killed):
            run(tool, patch, tmp_path / "killed", "lumen-tiny")
    assert not (tmp_path / "killed" / "weights" / "lumen-tiny").exists()
    assert (tmp_path / "killed" / "build" / "lumen-tiny.pt").exists()
    resumed = run(tool, monkeypatch, tmp_path / "killed", "lumen-tiny")
    for file in ("model.safetensors", "tokenizer.json", "config.json", "generation_config.json", "chat_template.jinja"):
        assert resumed[file] == whole[file], file
    birth, expected = (json.loads(files["birth.json"]) for files in (resumed, whole))
    assert {**birth, "seconds": 0} == {**expected, "seconds": 0} and not set(BIRTH) - birth.keys()


def test_tuning_goes_on_after_a_kill_too(tool, monkeypatch, tmp_path):
    import spectrum.train

    monkeypatch.setitem(importlib.import_module("tools.lumen").SHAPES, "lumen-base", SHAPE)
    monkeypatch.setitem(tool.RUNS, "lumen-base", RUN)
    monkeypatch.setattr(tool, "INSTRUCT", {"rows": 24, "epochs": 1, "lr": 1e-3, "batch_size": 6})
    for folder in ("whole", "killed"):
        run(tool, monkeypatch, tmp_path / folder, "lumen-base")
    whole = run(tool, monkeypatch, tmp_path / "whole", "lumen-instruct")
    with monkeypatch.context() as patch:
        die_at_step(tool, patch, 3)
        with pytest.raises(Killed):
            run(tool, patch, tmp_path / "killed", "lumen-instruct")
    assert spectrum.train.update.__name__ == "update"
    resumed = run(tool, monkeypatch, tmp_path / "killed", "lumen-instruct")
    assert resumed["model.safetensors"] == whole["model.safetensors"]


def test_what_it_writes_is_what_ships(tool, monkeypatch, tmp_path):
    run(tool, monkeypatch, tmp_path, "lumen-tiny")
    folder = tmp_path / "weights" / "lumen-tiny"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.dtype == torch.bfloat16 and model.config.vocab_size == len(tokenizer)
    assert model.get_input_embeddings().weight.data_ptr() == model.get_output_embeddings().weight.data_ptr()
    birth = json.loads((folder / "birth.json").read_text())
    assert birth["tokens_seen"] == 24 * 64
    assert 8 * 63 < birth["tokens_in_loss"] < 24 * 63  # all of the copying, answers after that; never a row's first


def test_the_corpus_file_is_written_once_and_begins_with_copying(tool, tmp_path):
    tokenizer = tool.build_tokenizer(tmp_path / "tokenizer")
    windows, seen = tool.corpus_windows(tokenizer, 6, tmp_path)
    assert windows.shape == seen.shape == (24, 64) and windows.max() < len(tokenizer)
    for row in windows[:8].tolist():
        assert any(row[p : 2 * p] == row[: min(p, len(row) - p)] for p in range(3, 41))
    assert seen[:8].all() and 0 < seen[8:].mean() < 1
    (file,) = tmp_path.glob("corpus-*")
    stamp = file.stat().st_mtime_ns
    again = tool.corpus_windows(tokenizer, 6, tmp_path)
    assert (again[0] == windows).all() and (again[1] == seen).all()
    assert file.stat().st_mtime_ns == stamp


def test_after_the_grammar_the_loss_looks_at_answers_and_their_ends(tool, tmp_path):
    tokenizer, found = tool.build_tokenizer(tmp_path / "tokenizer"), 0
    for ids, look in tool.tokenized_documents(tokenizer, "a test", 60, tool.corpus.SHARES):
        text, learned = tokenizer.decode(ids), tokenizer.decode([i for i, x in zip(ids, look, strict=True) if x])
        answers = re.findall(r"<\|assistant\|>(.*?)<\|end\|>", text)
        if answers and not look.all():
            assert learned == "".join(f"{a}<|end|>" for a in answers), text
            found += 1
    assert found > 2


def test_an_unknown_model_is_refused(tool, monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match="unknown model 'lumen-huge'; choose from lumen-small, lumen-base"):
        run(tool, monkeypatch, tmp_path, "lumen-huge")
