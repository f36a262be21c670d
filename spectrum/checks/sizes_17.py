"""What the tensors of a GGUF file take, as lab 17's first check knows it: by hand, by gguf, and of written files."""

import functools
import math
import tempfile
from pathlib import Path

import gguf
from transformers import LlamaConfig, LlamaForCausalLM

from spectrum import export
from spectrum.checks.machinery import fresh_seed
from spectrum.models import load_model

EMBEDDING, HEAD, NORM = "model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"
KINDS = tuple(export.KINDS)
SMALL = {EMBEDDING: (4, 64), NORM: (64,)}
DEEP = {f"model.layers.{n}.mlp.up_proj.weight": (32 * n, 64) for n in range(1, 301)}
LARGE = {EMBEDDING: (128_256, 4_096), HEAD: (128_256, 4_096)} | {
    f"model.layers.{n}.mlp.gate_proj.weight": (14_336, 4_096) for n in range(32)
}
ROUNDED = "Only matrices are rounded. A norm or a bias is a vector and keeps its 32 bits."
ONCE = "A tied head is the embedding under another name: the file holds it once. An untied one is a matrix of its own."
NAMES = "Only the tensor named lm_head.weight is the tied head, not whatever has lm_head in its name."
AXES = "Whatever has two axes or more is rounded, along its last axis. One axis or none stays in 32 bits."
HAND = (  # shapes, tied, {kind: bytes}, what is asked, hint
    (SMALL, False, {"f32": 1280, "f16": 768, "q8_0": 528, "q4_0": 400}, "a 4 × 64 matrix and a norm of 64", ROUNDED),
    (SMALL | {HEAD: (4, 64)}, True, {"f32": 1280, "f16": 768, "q8_0": 528, "q4_0": 400}, "the same and a tied head",
     ONCE),
    (SMALL | {HEAD: (4, 64)}, False, {"f32": 2304, "f16": 1280, "q8_0": 800, "q4_0": 544}, "an untied head", ONCE),
    (SMALL, True, {"f32": 1280, "f16": 768, "q8_0": 528, "q4_0": 400}, "a tied head that the list leaves out", ONCE),
    ({EMBEDDING: (4, 64), "lm_head.bias": (50,), "lm_head_norm.weight": (3,), "old.lm_head.weight": (1, 32)}, True,
     {"f32": 1364, "f16": 788, "q8_0": 518, "q4_0": 374}, "names that only look like the head's", NAMES),
    ({"model.layers.0.experts": (3, 2, 64), "model.scale": (), "model.norm.bias": (5,)}, False,
     {"f32": 1560, "f16": 792, "q8_0": 432, "q4_0": 240}, "three axes, one and none", AXES),
    ({"x": (1, 1), "y": (7, 3)}, False, {"f32": 88, "f16": 44}, "rows of 1 and of 3, in no blocks",
     "Without blocks, a row may have any length."),
    ({"x": (48,), "y": (31, 32)}, False, {"q8_0": 1246, "q4_0": 750}, "a bias of 48 and rows of 32",
     "A vector is not rounded, so that it has to fit no blocks."),
    (DEEP, False, {"f32": 369_868_800, "f16": 184_934_400, "q8_0": 98_246_400, "q4_0": 52_012_800},
     "three hundred layers", "All tensors, however many there are."),
    (LARGE, True, {"f32": 9_617_539_072, "f16": 4_808_769_536, "q8_0": 2_554_658_816, "q4_0": 1_352_466_432},
     "the largest matrices of a model of eight billion weights", "A whole number has room for any size."),
)  # fmt: skip
UNFIT = (  # shapes, tied, the tensor that does not fit
    ({EMBEDDING: (4, 64), "model.rows_of_3": (32, 3)}, True, "model.rows_of_3"),
    ({EMBEDDING: (64, 48), NORM: (48,)}, True, EMBEDDING),
    ({EMBEDDING: (4, 64), "model.experts": (32, 2, 40)}, False, "model.experts"),
    ({EMBEDDING: (4, 64), HEAD: (4, 65)}, False, HEAD),
    ({EMBEDDING: (4, 64), "model.rows_of_16": (2, 16)}, True, "model.rows_of_16"),
)


def tensor_bytes(shapes, kind, tied):
    """Returns the bytes that gguf gives to the tensors of a file: {name: shape}, one of KINDS, is the head tied."""
    total = 0
    for name, shape in shapes.items():
        if len(shape) < 2:
            total += 4 * math.prod(shape)
        elif not (tied and name == HEAD):
            total += math.prod(gguf.quants.quant_shape_to_byte_shape(shape, export.KINDS[kind]))
    return total


def slips(shapes, kind, tied):
    """Returns {a wrong number of bytes: what made it}, where a mistake can be told by its number."""
    wanted = tensor_bytes(shapes, kind, tied)
    matrices = {name: shape for name, shape in shapes.items() if len(shape) > 1}
    numbers = sum(math.prod(shape) for name, shape in matrices.items() if not (tied and name == HEAD))
    vectors = sum(math.prod(shape) for shape in shapes.values() if len(shape) < 2)
    rate = {"f32": 4, "f16": 2, "q8_0": 34 / 32, "q4_0": 18 / 32}[kind]
    known = {
        wanted - numbers / 16: "These are the codes alone. Each block of 32 weights has a constant of 16 bits beside "
        "them." if kind in export.BLOCKS else "",
        wanted + numbers / 16: "A constant has 16 bits, so 2 bytes." if kind in export.BLOCKS else "",
        wanted - 2 * vectors: "A norm or a bias keeps its 32 bits, which are 4 bytes, also beside 16.",
        wanted - 4 * vectors + rate * vectors: ROUNDED,
        8 * wanted: "These are bits. A byte has eight.",
        wanted / 1e6: "In bytes, please, and not in MB.",
        wanted / 2**20: "In bytes, please, and not in MiB.",
    }  # fmt: skip
    if tied and HEAD in shapes:
        known[tensor_bytes(shapes, kind, False)] = ONCE
    return {number: hint for number, hint in known.items() if number != wanted and hint}


def random_shapes(rng):
    """Returns the shapes of a model with any number of layers: rows are whole blocks, vectors of any length."""
    width, inner, words = (32 * int(rng.integers(1, 9)) for _ in range(3))
    shapes = {EMBEDDING: (words + 1, width), HEAD: (words + 1, width)}
    for layer in range(int(rng.integers(1, 9))):
        shapes |= {f"model.layers.{layer}.up": (inner, width), f"model.layers.{layer}.down": (width, inner),
                   f"model.layers.{layer}.norm": (int(rng.integers(1, 100)),)}  # fmt: skip
    return shapes


@functools.cache
def written():
    """Returns [(whose file, shapes of the model, kind, tied, bytes of its tensors)], written and read by gguf."""
    lumen, tokenizer = load_model("lumen-small", dtype="float32")
    width = 32 * (1 + fresh_seed() % 4)
    models = {"lumen-small": (lumen, True)}
    for tied in (True, False):
        config = LlamaConfig(vocab_size=2048, hidden_size=width, intermediate_size=96, num_hidden_layers=2,
                             num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=tied)  # fmt: skip
        models[f"a Llama of width {width}, {'tied' if tied else 'untied'}"] = LlamaForCausalLM(config), tied
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (model, tied) in models.items():
            shapes = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
            for kind in KINDS:
                path = export.write_gguf(model, tokenizer, Path(folder) / "model.gguf", kind)
                found.append((name, shapes, kind, tied, held(path)))
    return found


def held(path):
    """Returns the bytes of the tensors in a GGUF file, as gguf's own reader counts them."""
    return sum(int(tensor.n_bytes) for tensor in gguf.GGUFReader(path).tensors)
