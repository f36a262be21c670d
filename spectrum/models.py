"""Models by name: the embedded checkpoints, a local folder, or a model of the Hugging Face Hub."""

import argparse
import json
import os
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from spectrum import smollm2
from spectrum.checkpoints import FILES, check_files, check_folder, check_json, download, verify
from spectrum.precision import fast_dtype

WEIGHTS = Path(__file__).parent / "weights"
ADAPTER = "smollm2-shop"  # over SmolLM2, tuned to read orders (lesson 07); trained by tools/train_reader.py
CONTEXT_NAMES = ("max_position_embeddings", "n_positions", "max_seq_len")  # what configs call the reach of positions
HUB_ID = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
DTYPES = ("float32", "bfloat16", "float16")
# A model below this size loads in a blink; its progress bar would only clutter a notebook.
QUIET_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Profile:
    """What one kind of machine runs: model names (hub ids with `@revision`), precision and sizes of experiments."""

    base: str
    instruct: str
    dtype: str  # "float32", "bfloat16", "float16", or "auto": what the device computes natively
    batch_size: int
    eval_items: int


PROFILES = {
    "embedded": Profile("lumen-base", "lumen-instruct", dtype="float32", batch_size=64, eval_items=200),
    "laptop": Profile("smollm2", "smollm2", dtype="auto", batch_size=16, eval_items=100),
    "t4": Profile(
        "Qwen/Qwen3-1.7B-Base@ea980cb0a6c2ae4b936e82123acc929f1cec04c1",
        "Qwen/Qwen3-1.7B@70d244cc86ccca08cf5af4e1e306ecf908b1ad5e",
        dtype="auto",
        batch_size=16,
        eval_items=100,
    ),
    "gpu": Profile(
        "Qwen/Qwen3-8B-Base@49e3418fbbbca6ecbdf9608b4d22e5a407081db4",
        "Qwen/Qwen3-8B@b968826d9c46dd6066d109eabc6255188de91218",
        dtype="auto",
        batch_size=32,
        eval_items=200,
    ),
}


def load_model(name=None, device=None, dtype=None):
    """Returns (model, tokenizer) for a role, an embedded checkpoint, a folder or a hub id; the model in eval mode.

    `name` is "base" or "instruct" (the default), as the profile named by SPECTRUM_PROFILE resolves them; a name of
    `embedded_names()`; "smollm2", once it was fetched, or one of `adapter_names()` over it; the path of a folder; or
    `org/name`, optionally with `@revision`. A folder with a birth.json is verified before it is loaded. Embedded
    checkpoints are float32, "smollm2" is what the machine computes fastest, all others what the profile says, unless
    `dtype` does ("float32", "bfloat16" or "float16"). No remote code is ever run.

    Raises ValueError for a name, profile or dtype that does not exist, for a file that differs from its birth.json and
    for one that is no whole checkpoint, FileNotFoundError for a folder that holds no model, and ConnectionError for a
    hub id that cannot be fetched.
    """
    device = pick_device(device)
    if dtype not in (None, *DTYPES):
        raise ValueError(f"dtype must be one of {', '.join(map(repr, DTYPES))}, or None, not {dtype!r}")
    if (found := os.fspath(resolve_role(name))) in adapter_names():
        return load_with_adapter(WEIGHTS / found, device, dtype)
    folder, found = find_model(name, device)
    return load_folder(folder, device, pick_dtype(dtype, device) if dtype else found)


def adapter_names():
    """Returns the names of the adapters that came with the course, sorted; `load_model` takes them with their base."""
    return sorted(path.parent.name for path in WEIGHTS.glob("*/adapter_config.json"))


def load_with_adapter(folder, device, dtype=None):
    """Returns (PeftModel, tokenizer): an adapter of the course over the base that its birth.json names."""
    from spectrum.adapters import load_adapter

    verify(folder)
    base = json.loads((folder / "birth.json").read_text(encoding="utf-8"))["base"]
    model, tokenizer = load_model(base, device, dtype)
    return load_adapter(model, folder).eval(), tokenizer


def find_model(name, device):
    """Returns (folder, torch dtype) of a name that `load_model` accepts, as the profile and the device have it."""
    folder = find_folder(resolve_role(name))
    return folder, loaded_dtype(name, device)


def loaded_dtype(name, device):
    """Returns the torch dtype that `load_model` would load a name in; nothing is read or downloaded."""
    found = os.fspath(resolve_role(name))
    if found in embedded_names():
        return pick_dtype("float32", device)
    return pick_dtype("auto", device) if found == smollm2.NAME else pick_profile_dtype(device)


def pick_profile_dtype(device):
    """Returns the torch dtype in which the active profile loads what is not embedded."""
    return pick_dtype(active_profile().dtype, device)


def resolve_role(name):
    """Returns the profile's name for "base", "instruct" or None (the instruct model); any other name as it is."""
    profile = active_profile()
    return {None: profile.instruct, "base": profile.base, "instruct": profile.instruct}.get(name, name)


def read_config(name=None):
    """Returns the config of a model that `load_model` accepts; of a hub id only this small file is downloaded."""
    from transformers import AutoConfig

    folder = find_folder(resolve_role(name), ("config.json",))
    check_json(folder / "config.json")
    return AutoConfig.from_pretrained(folder, trust_remote_code=False)


def load_folder(folder, device, dtype, **options):
    """Returns (model, tokenizer) from a checkpoint folder, verified first if it is embedded or has a birth.json.

    `options` go to from_pretrained of the model.
    """
    check_folder(folder)
    folder = Path(folder)
    check_files(folder)
    if folder.parent == WEIGHTS or (folder / "birth.json").exists():
        verify(folder)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with _quiet_loading(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, trust_remote_code=False, **options)
    return model.to(device).eval(), tokenizer


def active_profile():
    """Returns the Profile named by the environment variable SPECTRUM_PROFILE ("embedded" when it is unset)."""
    name = os.environ.get("SPECTRUM_PROFILE") or "embedded"
    if name not in PROFILES:
        raise ValueError(f"SPECTRUM_PROFILE is {name!r}, which is no profile. Set it to one of: {', '.join(PROFILES)}.")
    return PROFILES[name]


def embedded_names():
    """Returns the names of the checkpoints that came with the course, sorted."""
    return sorted(folder.parent.name for folder in WEIGHTS.glob("*/config.json"))


def find_folder(name, files=FILES):
    """Returns the folder of a checkpoint: an embedded one, the given path, or the download of a hub id's files."""
    text = os.fspath(name)
    if text in embedded_names():
        return WEIGHTS / text
    if text == smollm2.NAME:
        return smollm2.find()
    path = Path(text).expanduser()
    if path.is_dir():
        return path
    if path.is_absolute() or text.startswith((".", "~")) or text.count("/") > 1 or "\\" in text:
        raise FileNotFoundError(f"There is no folder {text!r}. Give the folder that holds the model's config.json.")
    if match := HUB_ID.fullmatch(text):
        return download(match["repo"], match["revision"], files)
    raise ValueError(_unknown(text))


def _unknown(text):
    names = embedded_names()
    near = get_close_matches(text, [*names, "base", "instruct", smollm2.NAME], n=1)
    suggestion = f" Did you mean {near[0]!r}?" if near else ""
    have = ", ".join(names) if names else "none; `make weights` trains them"
    return (
        f"There is no model named {text!r}.{suggestion} Embedded checkpoints: {have}. "
        "Also accepted: 'smollm2', 'base', 'instruct', the path of a folder, or a hub id such as 'Qwen/Qwen3-1.7B'."
    )


def pick_device(device=None):
    """Returns `device` as a string if given, else the best one here: "cuda", "mps" or "cpu"."""
    if device is not None:
        return str(device)
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def pick_dtype(rule, device):
    """Returns the torch dtype for a rule ("auto": what the device computes fastest, or a dtype's name) on a device."""
    import torch

    return fast_dtype(device) if rule == "auto" else getattr(torch, rule)


def count_parameters(model):
    """Returns the number of parameters of `model`, a shared (tied) one counted once."""
    return sum(parameter.numel() for parameter in model.parameters())


def context_length(model):
    """Returns how many tokens (prompt and answer together) the model's positions reach, None where nothing says so."""
    config = model.config.get_text_config()
    return next((size for name in CONTEXT_NAMES if isinstance(size := getattr(config, name, None), int)), None)


@contextmanager
def _quiet_loading(folder):
    """Hides the loading bar of a small checkpoint, and puts the setting back."""
    from transformers.utils import logging

    size = sum(file.stat().st_size for file in Path(folder).glob("*.safetensors"))
    hide = size < QUIET_BYTES and logging.is_progress_bar_enabled()
    if hide:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        if hide:
            logging.enable_progress_bar()


def main(arguments=None):
    """Fetches the real model, or the embedder of lesson 06: `python -m spectrum.models fetch smollm2 minilm`."""
    from spectrum import embedder

    parser = argparse.ArgumentParser(prog="python -m spectrum.models", description=main.__doc__)
    parser.add_argument("action", choices=["fetch"])
    fetchers = {smollm2.NAME: smollm2.fetch, embedder.NAME: embedder.fetch}
    parser.add_argument("names", nargs="+", choices=fetchers)
    try:
        for name in parser.parse_args(arguments).names:
            fetchers[name]()
    except (ConnectionError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
