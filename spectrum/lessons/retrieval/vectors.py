"""The vectors of lesson 06's passages and questions, stored: `python -m spectrum.lessons.retrieval.vectors` makes them.

So search by meaning runs without the embedder; with it, questions of one's own have vectors too.
"""

import hashlib
from functools import cache

import numpy as np
from safetensors.numpy import load_file, save_file

from spectrum import embedder, retrieval
from spectrum.lessons.retrieval import reference
from spectrum.sweeps import results_folder

PATH = results_folder("06_retrieval") / "vectors.safetensors"


def texts():
    """Returns {name: texts} of what has stored vectors."""
    return {
        "passages": [passage.text for passage in reference.passages()],
        "questions": [question.input for question in reference.questions()],
    }


@cache
def stored():
    """Returns {"passages": (n, C), "questions": (m, C)}; ValueError where the texts are others by now."""
    found = load_file(PATH)
    for name, of in texts().items():
        if found[f"{name}.hash"].tobytes() != digest(of):
            raise ValueError(f"The {name} changed since their vectors were stored. Run: python -m {__name__}")
    return {name: found[name].astype(np.float32) for name in texts()}


def digest(of):
    """Returns the hash of texts, 32 bytes."""
    return hashlib.sha256("\0".join(of).encode()).digest()


def search(pair=None):
    """Returns the DenseSearch over the reference's passages.

    Questions of the course have stored vectors; others need the embedder, as the `pair` (model, tokenizer), and raise
    ValueError without it.
    """
    known = dict(zip(texts()["questions"], stored()["questions"], strict=True))

    def embed(text):
        if text in known:
            return known[text]
        if pair is None:
            raise ValueError(f"{text!r} has no stored vector. Fetch the embedder first: {embedder.COMMAND}")
        return embedder.embed(*pair, [text])[0]

    return retrieval.DenseSearch(reference.passages(), stored()["passages"], embed)


def make():
    """Writes the vectors of all passages and questions, in 16 bits, with the hashes of their texts."""
    pair, arrays = embedder.load_embedder(), {}
    for name, of in texts().items():
        arrays[name] = embedder.embed(*pair, of, progress=True).astype(np.float16)
        arrays[f"{name}.hash"] = np.frombuffer(digest(of), dtype=np.uint8)
    PATH.parent.mkdir(parents=True, exist_ok=True)
    save_file(arrays, PATH, metadata={"model": f"{embedder.PACKAGE} {embedder.VERSION}", "sha256": embedder.SHA256})
    print(f"wrote {PATH.name}: " + ", ".join(f"{len(of)} {name}" for name, of in texts().items()))


if __name__ == "__main__":
    make()
