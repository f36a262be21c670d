"""Downloads and folders: what is fetched of a repository, and each broken file named with what to do."""

import json
import shutil

import huggingface_hub
import pytest
import torch
from zoo import save_animal

from spectrum import checkpoints, models

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb\nsize 98\n"
CONFIG = ["config.json", "generation_config.json", "tokenizer.json", "README.md", ".gitattributes"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A checkpoint in one file, tied; one in shards, not tied."""
    root = tmp_path_factory.mktemp("folders")
    save_animal(root / "one", "llama tied")
    save_animal(root / "shards", "llama", shard="100KB")
    assert len(list((root / "shards").glob("model-*.safetensors"))) > 2
    return root


@pytest.mark.parametrize("name", ["one", "shards"])
def test_whole_checkpoints_load(folders, name):
    model, _ = models.load_model(folders / name, device="cpu")
    assert (model.lm_head.weight is model.model.embed_tokens.weight) == (name == "one")


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def shard(folder):
    return sorted(folder.glob("model-*.safetensors"))[1]


BROKEN = {
    "pointer": (
        "one",
        lambda f: (f / "model.safetensors").write_bytes(POINTER),
        "model.safetensors.* pointer.*git lfs pull",
    ),
    "pointer shard": ("shards", lambda f: shard(f).write_bytes(POINTER), "model-00002-of.* pointer"),
    "pointer json": (
        "one",
        lambda f: (f / "tokenizer.json").write_bytes(POINTER),
        "tokenizer.json' is not the file but",
    ),
    "cut": (
        "one",
        lambda f: cut(f / "model.safetensors"),
        "model.safetensors' is no whole safetensors file.*bytes; down",
    ),
    "cut shard": ("shards", lambda f: cut(shard(f)), "model-00002-of.*no whole safetensors file"),
    "empty": ("one", lambda f: (f / "model.safetensors").write_bytes(b""), "no whole safetensors file.*It has 0 bytes"),
    "a web page": ("one", lambda f: (f / "model.safetensors").write_text("<html>404</html>"), "no whole safetensors"),
    "missing shard": ("shards", lambda f: shard(f).unlink(), "lacks 1 of the .*'model-00002-of"),
    "cut config": ("one", lambda f: cut(f / "config.json"), "config.json' is no JSON: .*line"),
    "cut index": ("shards", lambda f: cut(f / "model.safetensors.index.json"), "index.json' is no JSON"),
    "cut tokenizer": ("one", lambda f: cut(f / "tokenizer.json"), "tokenizer.json' is no JSON"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_download_is_named(folders, tmp_path, name):
    source, breaks, message = BROKEN[name]
    folder = shutil.copytree(folders / source, tmp_path / "broken")
    breaks(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        models.load_model(folder, device="cpu")
    first = caught.value.__cause__
    assert ("cut" not in name) or type(first).__name__ in ("SafetensorError", "JSONDecodeError")


def test_a_config_that_is_a_pointer_is_named_before_a_preflight(folders, tmp_path):
    from spectrum.ledger import preflight

    folder = shutil.copytree(folders / "one", tmp_path / "broken")
    (folder / "config.json").write_bytes(POINTER)
    with pytest.raises(ValueError, match="config.json' is no JSON"):
        preflight(folder)


# ---- what is fetched ----

LISTS = {
    "mistral": (["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], ["consolidated.safetensors"]),
    "gpt-oss": (["model.safetensors"], ["original/model.safetensors", "original/config.json", "metal/model.bin"]),
    "both kinds": (["model.safetensors"], ["pytorch_model.bin", "flax_model.msgpack", "model.fp16.safetensors"]),
}  # fmt: skip


@pytest.fixture
def hub(monkeypatch):
    """The hub as a stub: lists what `files` holds, and notes what a download asked for."""

    class Hub:
        files, asked = [], []

    def snapshot(repo, **options):
        Hub.asked.append(options["allow_patterns"])
        return "/nowhere"

    def info(self, repo, revision=None):
        return type("Info", (), {"siblings": [type("File", (), {"rfilename": name}) for name in Hub.files]})

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", info)
    Hub.asked = []
    return Hub


@pytest.mark.parametrize("name", LISTS)
def test_weights_are_fetched_once(hub, name):
    wanted, others = LISTS[name]
    hub.files = [*CONFIG, *wanted, *others]
    checkpoints.download("org/name")
    (asked,) = hub.asked
    assert sorted(asked) == sorted([*CONFIG[:3], *wanted])


@pytest.mark.parametrize(
    "files, message",
    [
        (
            ["pytorch_model.bin"],
            "'org/name' has no weights as model.safetensors; it has pytorch_model.bin. Nothing was d",
        ),
        (
            ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"],
            "pytorch_model-00001-of-00002.bin, py",
        ),
        (["consolidated.safetensors"], "it has consolidated.safetensors"),
        (["model.Q4_K_M.gguf"], "it has model.Q4_K_M.gguf"),
        ([], "it has none at all"),
    ],
)
def test_a_repository_without_safetensors_is_refused_before_a_download(hub, files, message):
    hub.files = [*CONFIG, *files]
    with pytest.raises(ValueError, match=message):
        checkpoints.download("org/name")
    assert not hub.asked


def test_only_a_config_is_fetched_without_a_list(hub):
    hub.files = [*CONFIG, "pytorch_model.bin"]
    checkpoints.download("org/name", files=("config.json",))
    assert hub.asked == [["config.json"]]


# ---- one rule of precision ----


def test_a_dtype_can_be_asked_for_and_unknown_ones_are_refused(folders):
    model, _ = models.load_model(folders / "one", device="cpu", dtype="bfloat16")
    assert model.dtype == torch.bfloat16
    with pytest.raises(ValueError, match="dtype must be one of 'float32', 'bfloat16', 'float16', or None, not 'int8'"):
        models.load_model(folders / "one", dtype="int8")


def test_the_preflight_counts_in_the_dtype_that_is_loaded(folders, monkeypatch):
    from spectrum.ledger import ledger, preflight

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    name, config = str(folders / "one"), models.read_config(folders / "one")
    for profile, bits in (("embedded", 32), ("t4", 16)):
        monkeypatch.setenv("SPECTRUM_PROFILE", profile)
        assert str(models.loaded_dtype(name, "cuda")) == {32: "torch.float32", 16: "torch.bfloat16"}[bits]
        for method, expected in (("lora", bits), ("qlora", bits), ("full", 32)):
            needed = ledger(config, method, bits=expected)["peak"]
            assert preflight(name, method, free=1e12, device="cuda")["needed"] == needed
            assert preflight(config, method, free=1e12, device="cuda")["needed"] == needed
    monkeypatch.setenv("SPECTRUM_PROFILE", "gpu")
    assert models.loaded_dtype("lumen-base", "cuda") == torch.float32


def test_a_context_may_stand_nowhere_in_a_config(folders):
    assert json.loads((folders / "one" / "config.json").read_text())["max_position_embeddings"] == 256
    from zoo import make_animal

    assert models.context_length(make_animal("mamba")[0]) is None
