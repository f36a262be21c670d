"""Models: names, folders, verification, and what each mistake is answered with."""

import hashlib
import json
import re
import shutil

import pytest
import torch
from tiny import make_tiny
from transformers.utils import logging

from spectrum import checkpoints, models


@pytest.fixture
def weights(tmp_path, monkeypatch, tiny_folder):
    """A weights folder of two tiny checkpoints, lumen-base and lumen-instruct, in place of the real one."""
    for name in ("lumen-base", "lumen-instruct"):
        shutil.copytree(tiny_folder, tmp_path / name)
    monkeypatch.setattr(models, "WEIGHTS", tmp_path)
    monkeypatch.delenv("SPECTRUM_PROFILE", raising=False)
    return tmp_path


def test_roles_and_names_lead_to_the_embedded_checkpoints(weights):
    assert models.embedded_names() == ["lumen-base", "lumen-instruct"]
    for name, expected in {None: "lumen-instruct", "instruct": "lumen-instruct", "base": "lumen-base"}.items():
        assert models.load_model(name, device="cpu")[0].name_or_path == str(weights / expected)
    model, tokenizer = models.load_model("lumen-base", device="cpu")
    assert not model.training and model.dtype == torch.float32 and model.device.type == "cpu"
    assert tokenizer.decode(tokenizer("größe 東京 🙂", add_special_tokens=False)["input_ids"]) == "größe 東京 🙂"


def test_half_precision_files_become_float32_on_a_cpu(tmp_path, tiny):
    model, tokenizer = tiny
    shutil.copytree(model.name_or_path, tmp_path / "half", ignore=shutil.ignore_patterns("birth.json"))
    models.load_model(tmp_path / "half")[0].to(torch.bfloat16).save_pretrained(tmp_path / "half")
    assert models.load_model(tmp_path / "half", device="cpu")[0].dtype == torch.float32


def test_loading_a_small_model_is_silent_and_leaves_the_setting(tiny_folder, capfd):
    models.load_model(tiny_folder)
    assert capfd.readouterr() == ("", "")
    assert logging.is_progress_bar_enabled()


def test_unknown_name_lists_what_exists_and_suggests(weights):
    with pytest.raises(ValueError, match=r"no model named 'lumen-bas'.*mean 'lumen-base'.*lumen-base, lumen-instruct"):
        models.load_model("lumen-bas")
    with pytest.raises(ValueError, match="no model named 'gpt'"):
        models.load_model("gpt")


def test_missing_embedded_weights_say_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "WEIGHTS", tmp_path)
    with pytest.raises(ValueError, match="make weights"):
        models.load_model("base")


@pytest.mark.parametrize("name", ["t4", "gpu"])
def test_profiles_of_the_hub_pin_a_revision_and_say_so_offline(monkeypatch, name):
    monkeypatch.setenv("SPECTRUM_PROFILE", name)
    profile = models.PROFILES[name]
    for source in (profile.base, profile.instruct):
        assert re.fullmatch(r"[\w-]+/[\w.-]+@[0-9a-f]{40}", source)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match="SPECTRUM_PROFILE=embedded"):
        models.load_model("base")


def test_unknown_profile(monkeypatch):
    monkeypatch.setenv("SPECTRUM_PROFILE", "phone")
    with pytest.raises(ValueError, match="SPECTRUM_PROFILE is 'phone'.*embedded"):
        models.load_model()


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere/at/all", "a/b/c"])
def test_missing_folder(name):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        models.load_model(name)


@pytest.mark.parametrize(
    "missing, message",
    [
        (["model.safetensors"], "has no weights"),
        (["config.json"], "has no config"),
        (["tokenizer.json", "tokenizer_config.json"], "has no tokenizer"),
    ],
)
def test_folder_without_a_part(tmp_path, tiny_folder, missing, message):
    folder = shutil.copytree(tiny_folder, tmp_path / "part")
    for name in missing:
        (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=message):
        models.load_model(folder)


def test_folder_of_an_adapter(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="adapter.*peft"):
        models.load_model(tmp_path)


def test_one_changed_byte_is_noticed(weights):
    path = weights / "lumen-base" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"model.safetensors' is not the file its birth.json describes.*make weights"):
        models.load_model("base")
    path.unlink()
    with pytest.raises(ValueError, match="missing"):
        checkpoints.verify(weights / "lumen-base")


def test_embedded_checkpoint_without_birth_certificate_is_refused(weights):
    (weights / "lumen-base" / "birth.json").unlink()
    with pytest.raises(FileNotFoundError, match="no birth.json"):
        models.load_model("base")


def test_weights_hash_is_what_birth_json_stores(tiny_folder):
    assert checkpoints.weights_hash(tiny_folder) == json.loads((tiny_folder / "birth.json").read_text())["files"]
    expected = hashlib.sha256((tiny_folder / "tokenizer.json").read_bytes()).hexdigest()
    assert checkpoints.weights_hash(tiny_folder)["tokenizer.json"] == expected


def test_hub_id_offline_is_not_even_tried(no_network):
    with pytest.raises(ConnectionError, match=r"'Qwen/Qwen3-1.7B' is not on this machine and HF_HUB_OFFLINE.*embedded"):
        models.load_model("Qwen/Qwen3-1.7B@main")
    assert not no_network


def test_hub_id_with_the_network_down(monkeypatch, no_network):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(ConnectionError, match=r"the hub cannot be reached.*SPECTRUM_PROFILE=embedded") as caught:
        models.load_model("Qwen/Qwen3-1.7B")
    assert caught.value.__suppress_context__, "the learner sees one error, not the library's stack"
    assert no_network, "without HF_HUB_OFFLINE the hub is asked"
    no_network.clear()


@pytest.mark.parametrize("error, message", [("RepositoryNotFoundError", "gated"), ("RevisionNotFoundError", "'v9'")])
def test_hub_answers_no(monkeypatch, error, message):
    import huggingface_hub

    kind = getattr(huggingface_hub.errors, error)

    def refuse(*args, **kwargs):
        raise kind.__new__(kind)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(ValueError, match=message):
        models.load_model("org/name@v9")


def test_hub_model_in_the_cache_loads_offline(tmp_path, monkeypatch, tiny_folder):
    import huggingface_hub

    calls = {}

    def cached(repo, revision, **kwargs):
        calls.update(kwargs, repo=repo, revision=revision)
        return str(tiny_folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", cached)
    model, _ = models.load_model("org/name@abc123", device="cpu")
    assert (calls["repo"], calls["revision"], calls["local_files_only"]) == ("org/name", "abc123", True)
    assert models.count_parameters(model) > 0


def test_dtype_rules(monkeypatch):
    assert models.pick_dtype("float32", "cuda") == torch.float32
    for capability, expected in {(7, 5): torch.float16, (8, 0): torch.bfloat16, (9, 0): torch.bfloat16}.items():
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, c=capability: c)
        assert models.pick_dtype("auto", "cuda:0") == expected
    assert models.pick_dtype("auto", "mps") == torch.float32


def test_device_is_the_one_asked_for_or_the_best(monkeypatch):
    assert models.pick_device("cpu") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert models.pick_device() == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert models.pick_device() == "mps"


def test_counts(tmp_path):
    model, tokenizer = models.load_model(make_tiny(tmp_path, layers=1, hidden=16, context=77), device="cpu")
    vocabulary, c, inner = len(tokenizer), 16, 16 * 8 // 3
    by_hand = vocabulary * c + 4 * c * c + 3 * c * inner + 3 * c  # embedding (tied), q k v o, MLP, three norms
    assert models.count_parameters(model) == by_hand
    assert models.context_length(model) == 77
