"""What a graph keeps for the way back, for lab 16: by hand, by the memory that lives on, and of models of any depth."""

import gc
import warnings
from contextlib import contextmanager
from functools import partial as part

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM
from transformers.modeling_outputs import CausalLMOutput

from spectrum import adapters
from spectrum.checks.gate import expect, short
from spectrum.checks.machinery import is_whole
from spectrum.checks.memory import stored_bytes
from spectrum.train import recomputing

LARGEST, MOST = 4, 3  # layers of a model that may be asked for, and how many models
BYTES = "A number in 32 bits takes four bytes, in 16 bits two, and a token's id eight. Ask the tensor's memory."
ONCE = "Three layers read one and the same tensor. It lies in memory once, whoever keeps it: know it by its address."
LEFT_OUT = ("Weights and buffers are there anyway, and a part or a transposed view of one lies in the same memory: "
            "compare addresses of whole pieces of memory.")  # fmt: skip
WHOLE = ("Whoever keeps a part of a tensor keeps all of its memory alive, and a tensor that repeats another by "
         "`expand` takes no more than that one: count pieces of memory, not the numbers in a view.")  # fmt: skip


@contextmanager
def one_thread():
    """Lets torch compute in one thread: several would wait for one another where models are small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


# ---- small models whose bytes are known by hand ----


class Toy(torch.nn.Module):
    """A frozen table of 50 rows of 8 numbers, three linear layers without biases, and a way through them to a loss."""

    def __init__(self, way, trained=("one",), dtype=torch.float32):
        super().__init__()
        self.table, self.way = torch.nn.Embedding(50, 8), way
        self.one, self.two, self.three = (torch.nn.Linear(8, 8, bias=False) for _ in range(3))
        self.register_buffer("scale", torch.ones(4, 8)[1:])  # begins inside its memory
        self.requires_grad_(False).to(dtype)
        for name in trained:
            getattr(self, name).requires_grad_(True)

    def forward(self, input_ids, labels=None, **others):
        return CausalLMOutput(loss=self.way(self, self.table(input_ids), input_ids).sum())


IDS = torch.tensor([[3, 41, 7, 12, 9], [30, 2, 2, 5, 8]])  # 10 tokens, whose rows in the table are 320 bytes
OTHERS = torch.tensor([[3, 41, 17, 12, 9], [30, 2, 22, 5, 28]])
SELECTED = "What is kept depends on what runs: here only the rows whose id is above 9 go through the layer."
HAND = (  # how to make the model, ids, bytes, what it is, hint
    (part(Toy, lambda m, x, ids: m.one(x)), IDS, 320, "one trained layer keeps its input,", BYTES),
    (part(Toy, lambda m, x, ids: m.one(x), dtype=torch.bfloat16), IDS, 160, "the same in bfloat16", BYTES),
    (part(Toy, lambda m, x, ids: m.one(x), dtype=torch.float64), IDS[:1], 320, "five tokens in float64", BYTES),
    (part(Toy, lambda m, x, ids: m.one(x) + m.two(x) + m.three(x), ("one", "two", "three")), IDS, 320,
     "three trained layers that read one tensor", ONCE),
    (part(Toy, lambda m, x, ids: m.two(m.one(x)), ("one", "two")), IDS, 640, "two trained layers in a row", ONCE),
    (part(Toy, lambda m, x, ids: m.two(m.one(x)), ("two",)), IDS, 320, "a trained layer after a frozen one",
     "A frozen layer below everything that is trained keeps nothing."),
    (part(Toy, lambda m, x, ids: m.one(x) @ m.two.weight.T[:, :3] * m.scale[1, :3]), IDS, 320,
     "a part of a frozen weight, transposed, and of a buffer", LEFT_OUT),
    (part(Toy, lambda m, x, ids: m.one(x)[:, :1] * m.two.weight[0], ("one", "two")), IDS, 640,
     "the first token of each row is all that a second layer reads", WHOLE),
    (part(Toy, lambda m, x, ids: x.mean(1, keepdim=True).expand(2, 5, 8) * m.one.weight[0]), IDS, 64,
     "a mean that `expand` repeats five times", WHOLE),
    (part(Toy, lambda m, x, ids: m.one(x[ids > 9])), IDS, 96, "three rows of ten, by their ids,", SELECTED),
    (part(Toy, lambda m, x, ids: m.one(x[ids > 9])), OTHERS, 192, "six rows of ten, by their ids,", SELECTED),
    (part(Toy, lambda m, x, ids: x, ("table",)), IDS, 80, "a trained table keeps the ids it looked up,",
     "Only weights and buffers are left out. The ids are kept, so they count."),
    (part(Toy, lambda m, x, ids: m.two(m.one(x)), ()), IDS, 0, "where nothing is trained",
     "Without anything to learn there is no graph and no way back."),
    (part(Toy, lambda m, x, ids: m.one(x[ids > 9])), torch.arange(5000).reshape(50, 100) % 50, 128_000,
     "4,000 rows of 5,000, by their ids,", SELECTED),
)  # fmt: skip


# ---- models of any depth ----

KINDS = {"llama": (LlamaConfig, LlamaForCausalLM), "qwen3": (Qwen3Config, Qwen3ForCausalLM)}


def plain_model(kind, layers, hidden=32, inner=80, heads=4, groups=2, width=8, words=101, **others):
    """Returns a model of an architecture with random weights, in training mode, without a cache."""
    config_class, model_class = KINDS[kind]
    sizes = {"hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers, "vocab_size": words}
    heads = {"num_attention_heads": heads, "num_key_value_heads": groups, "head_dim": width}
    tied = others.pop("tied", False)
    return model_class(config_class(**sizes, **heads, tie_word_embeddings=tied, use_cache=False, **others)).train()


class Maker:
    """Gives small models of n layers that are otherwise the large one, with ids, and notes how many were asked for."""

    def __init__(self, kind, method, dtype, checkpointing, shape, rank=4, targets="all-linear", **sizes):
        self.kind, self.method, self.dtype, self.checkpointing = kind, method, dtype, checkpointing
        self.rank, self.targets, self.sizes = rank, targets, sizes
        self.ids, self.asked = torch.arange(shape[0] * shape[1]).reshape(shape) % 101, []

    def __call__(self, n):
        expect(is_whole(n) and n >= 1, f"make was asked for {short(n)} layers: it gives 1 to {LARGEST}",
               "A model without layers has nothing to measure.")  # fmt: skip
        expect(n <= LARGEST, f"make was asked for {n} layers: only 1 to {LARGEST} can be had",
               "The large one is what you cannot afford to run. Measure small ones and reckon.")  # fmt: skip
        self.asked.append(n)
        expect(len(self.asked) <= MOST, f"make was asked for {len(self.asked)} models: {self.asked}, at most {MOST} "
               "can be had", "Most layers keep the same. How many measurements does that take?")  # fmt: skip
        return self.build(int(n)), self.ids.clone()

    def build(self, n):
        """Returns the model of n layers, in training mode."""
        model = plain_model(self.kind, n, **self.sizes).to(self.dtype)
        if self.method == "lora":
            model = adapters.add_lora(model, self.rank, targets=self.targets)
        if self.checkpointing:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                recomputing(model, True)
        return model.train()

    def __str__(self):
        how = {"lora": f"LoRA on {self.targets} layers", "full": "full fine-tuning"}[self.method]
        kind, dtype = self.kind.capitalize(), str(self.dtype).removeprefix("torch.")
        return f"{kind}, {how}, {dtype}" + ", with checkpointing" * self.checkpointing


FULL, HALF = torch.float32, torch.bfloat16
WAYS = (  # a maker, the layers of the large model
    (part(Maker, "llama", "lora", FULL, False, (3, 20)), 12),
    (part(Maker, "llama", "lora", FULL, True, (3, 20)), 16),
    (part(Maker, "qwen3", "full", HALF, False, (1, 33)), 9),
    (part(Maker, "qwen3", "full", FULL, True, (2, 7), hidden=48), 70),
    (part(Maker, "qwen3", "lora", HALF, False, (2, 16), rank=3, targets="mlp"), 10),
    (part(Maker, "llama", "lora", FULL, False, (1, 5), words=501, targets="mlp"), 1),
    (part(Maker, "llama", "lora", HALF, False, (1, 5), targets="attention"), 2),
)
THREE = {  # the three ways of the prediction, all of one architecture in bfloat16
    "full": ("full", False), "lora": ("lora", False), "lora, checkpointing": ("lora", True)}  # fmt: skip


def three_ways():
    """Returns {way: kB that the graph of a model of four layers keeps}, in bfloat16."""
    sizes = {"hidden": 64, "inner": 192, "width": 16}
    made = {way: Maker("qwen3", method, HALF, again, (2, 64), rank=8, **sizes)
            for way, (method, again) in THREE.items()}  # fmt: skip
    return {way: kept_bytes(maker.build(4), maker.ids) / 1000 for way, maker in made.items()}


# ---- counted here ----


def pieces(model):
    """Returns the addresses of the memory that a model's weights and buffers lie in."""
    return {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}


def saved_tensors(model, ids):
    """Returns the tensors that the graph of one forward pass with loss saves, one for each time that one is saved."""
    found = []

    def pack(tensor):
        found.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = model(input_ids=ids, labels=ids).loss
    if loss.requires_grad:  # with checkpointing, a graph whose way back is never gone keeps the model for ever
        loss.backward()
        model.zero_grad(set_to_none=True)
    return found


def kept_bytes(model, ids):
    """Returns the bytes that the graph of one forward pass with loss keeps, without weights and buffers."""
    own = pieces(model)
    found = {tensor.untyped_storage().data_ptr(): stored_bytes(tensor) for tensor in saved_tensors(model, ids)}
    return sum(size for address, size in found.items() if address not in own)


class Made(TorchDispatchMode):
    """Notes, while it is on, every piece of memory that an operation has made, without keeping it alive."""

    def __init__(self):
        super().__init__()
        self.found = {}

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        result = function(*arguments, **(named or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                memory = tensor.untyped_storage()
                self.found[memory._cdata] = StorageWeakRef(memory), memory.nbytes()
        return result


def living_bytes(model, ids):
    """Returns what `kept_bytes` does for a model without checkpointing, by what outlives the forward pass."""
    there = [*model.parameters(), *model.buffers()]
    with Made() as made:
        loss = model(input_ids=ids, labels=ids).loss
    gc.collect()
    there = {tensor.untyped_storage()._cdata for tensor in (*there, loss)}
    alive = {at: size for at, (memory, size) in made.found.items() if at not in there and not memory.expired()}
    alive.pop(ids.untyped_storage()._cdata, None)
    return sum(alive.values()) + (stored_bytes(ids) if trains_embeddings(model) else 0)


def trains_embeddings(model):
    """Returns whether a model's table of embeddings learns, which keeps the ids for it."""
    return model.get_input_embeddings().weight.requires_grad


def slips(model, ids):
    """Returns {a wrong number of bytes: what made it}, where a mistake can be told by its number."""
    saved, own, right = saved_tensors(model, ids), pieces(model), kept_bytes(model, ids)
    fresh = [tensor for tensor in saved if tensor.untyped_storage().data_ptr() not in own]
    each = {tensor.untyped_storage().data_ptr(): tensor for tensor in fresh}.values()
    all_of = {tensor.untyped_storage().data_ptr(): stored_bytes(tensor) for tensor in saved}
    weights = sum({p.untyped_storage().data_ptr(): stored_bytes(p) for p in model.parameters()}.values())
    told = [  # the first that gives a number names it
        (right, ""),
        (weights, "These are the model's weights. Asked is what one forward pass keeps besides."),
        (sum(stored_bytes(t) // t.element_size() for t in each), f"These are numbers, and not bytes. {BYTES}"),
        (sum(t.numel() for t in each), f"These are numbers, and not bytes. {BYTES}"),
        (sum(t.nbytes for t in each), WHOLE),
        (sum(stored_bytes(t) for t in fresh), f"Something is counted twice. {ONCE}"),
        (sum(t.nbytes for t in fresh), f"Something is counted twice. {ONCE}"),
        (sum(t.nbytes for t in saved), f"Weights are counted as well. {LEFT_OUT}"),
        (sum(all_of.values()), f"Weights are counted as well. {LEFT_OUT}"),
        (right + weights, f"Weights are counted as well. {LEFT_OUT}"),
        (0 if right > stored_bytes(ids) else None, "These are no bytes at all. A trained layer keeps its input."),
    ]  # fmt: skip
    return {number: hint for number, hint in reversed(told) if number != right}
