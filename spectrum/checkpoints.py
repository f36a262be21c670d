"""The files of a checkpoint: which of a hub repository's are fetched, and whether a folder's are there and whole."""

import hashlib
import json
import os
import re
from fnmatch import fnmatch
from pathlib import Path

SHARDS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json")
FILES = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt")  # what a checkpoint of the hub needs here


def cache_folder():
    """Returns the folder in which the course keeps what it fetched or measured: SPECTRUM_CACHE, or the user's cache."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("SPECTRUM_CACHE") or user_cache_path("customization-spectrum"))


def download(repo, revision=None, files=FILES):
    """Returns the local folder of a hub model, downloading what is missing; with HF_HUB_OFFLINE=1 the cache only.

    Of weights that a repository holds twice, one copy. Raises ValueError, before any download, where it has none as
    safetensors.
    """
    from huggingface_hub import constants, errors, snapshot_download

    # Asked to stay offline, we do not even try; the cache may still hold the model.
    offline = constants.HF_HUB_OFFLINE
    try:
        if files is FILES and not offline:
            files = choose_files(repo, list_files(repo, revision)) or FILES
        return Path(snapshot_download(repo, revision=revision, allow_patterns=[*files], local_files_only=offline))
    except errors.RevisionNotFoundError:
        raise ValueError(f"The hub's {repo!r} has no revision {revision!r}. Look it up on its page.") from None
    except errors.RepositoryNotFoundError:  # also what the hub answers for a gated model
        raise ValueError(
            f"The hub shows no model {repo!r}: check the spelling; if it is gated, accept its terms and log in."
        ) from None
    except errors.LocalEntryNotFoundError:
        why = "HF_HUB_OFFLINE is set" if offline else "the hub cannot be reached"
        raise ConnectionError(
            f"{repo!r} is not on this machine and {why}. Connect once to download it, or use the embedded models, "
            "which need no network: SPECTRUM_PROFILE=embedded."
        ) from None


def list_files(repo, revision=None):
    """Returns the names of a hub repository's files, [] where the hub cannot be reached: the cache may have them."""
    from huggingface_hub import HfApi, errors

    try:
        return [file.rfilename for file in HfApi().model_info(repo, revision=revision).siblings]
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError):
        raise
    except (errors.HTTPError, OSError):
        return []


def choose_files(repo, names):
    """Returns those of a repository's files that a checkpoint needs: in its root, and its weights once.

    Mistral's repositories hold the weights a second time as consolidated.safetensors, others in a folder such as
    original/. Raises ValueError where there are weights, but none that transformers finds as safetensors.
    """
    root = [name for name in names if "/" not in name and any(fnmatch(name, pattern) for pattern in FILES)]
    weights = [name for name in root if re.fullmatch(r"model(-\d+-of-\d+)?\.safetensors", name)]
    if names and not weights:
        have = sorted(name for name in names if name.endswith((".bin", ".safetensors", ".gguf", ".pth", ".pt")))
        raise ValueError(
            f"The hub's {repo!r} has no weights as model.safetensors; it has {', '.join(have[:3]) or 'none at all'}. "
            "Nothing was downloaded. Take a repository or a revision with safetensors (its page may offer one under "
            "refs/pr/…), or convert it: load it with transformers, then save_pretrained into a folder"
        )
    return [name for name in root if not name.endswith(".safetensors")] + weights


def check_folder(folder):
    """Raises FileNotFoundError unless `folder` holds a config, weights and a tokenizer; says which is missing."""
    folder = Path(folder)
    if (folder / "adapter_config.json").exists():
        raise FileNotFoundError(
            f"{str(folder)!r} holds an adapter, not a whole model. Load its base model, then the adapter with "
            "peft.PeftModel.from_pretrained(model, folder)."
        )
    for what, names in {"config": ("config.json",), "weights": SHARDS, "tokenizer": TOKENIZERS}.items():
        if not any((folder / name).exists() for name in names):
            raise FileNotFoundError(
                f"The folder {str(folder)!r} has no {what} (no {names[0]}). Give a folder that save_pretrained wrote, "
                "with the tokenizer beside the model."
            )


def check_files(folder):
    """Raises ValueError where a file of a checkpoint is no whole file: a broken download, named with what to do."""
    for path in [*sorted(folder.glob("*.json")), *sorted(folder.glob("*.safetensors")), *sorted(folder.glob("*.bin"))]:
        if path.open("rb").read(40).startswith(b"version https://git-lfs"):
            raise ValueError(
                f"{str(path)!r} is not the file but a pointer to it, as git without LFS leaves it. Run `git lfs pull` "
                "in its folder, or download the model anew"
            )
        if path.suffix == ".json":
            check_json(path)
        elif path.suffix == ".safetensors":
            check_shard(path)
    check_shards(folder)


def check_json(path):
    """Raises ValueError where a JSON file is none, with the place."""
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} is no JSON: {error}. Download it anew; it may be cut short") from error


def check_shard(path):
    """Raises ValueError where a safetensors file is cut short or no such file; only its header is read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt"):
            pass
    except SafetensorError as error:
        size = path.stat().st_size
        raise ValueError(
            f"{str(path)!r} is no whole safetensors file: {error}. It has {size:,} bytes; download it anew"
        ) from error


def check_shards(folder):
    """Raises FileNotFoundError where an index names files of weights that are not there."""
    for index in folder.glob("*.index.json"):
        wanted = set(json.loads(index.read_text(encoding="utf-8")).get("weight_map", {}).values())
        if lost := sorted(name for name in wanted if not (folder / name).exists()):
            raise FileNotFoundError(
                f"{str(folder)!r} lacks {len(lost)} of the {len(wanted)} files of weights that {index.name} names, "
                f"{lost[0]!r} among them. Download them"
            )


def weights_hash(folder):
    """Returns {file name: sha256 in hex} of the files that decide what a checkpoint says: weights and tokenizer."""
    return {name: file_hash(Path(folder) / name) for name in ("model.safetensors", "tokenizer.json")}


def file_hash(path):
    """Returns the sha256 of a file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(folder):
    """Raises ValueError unless every file listed in the folder's birth.json is there with the hash it was born with."""
    birth = Path(folder) / "birth.json"
    if not birth.exists():
        raise FileNotFoundError(f"{str(folder)!r} has no birth.json, so its files cannot be verified. Restore it.")
    for name, expected in json.loads(birth.read_text(encoding="utf-8"))["files"].items():
        path = Path(folder) / name
        found = file_hash(path) if path.exists() else "missing"
        if found != expected:
            raise ValueError(
                f"{str(path)!r} is not the file its birth.json describes (sha256 {found[:12]}, expected "
                f"{expected[:12]}): it is damaged or was changed. Restore it with `git checkout` or `make weights`."
            )
