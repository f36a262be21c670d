"""The ledger of bytes that one training step needs, from a model's config alone, and the preflight that asks it.

Built by hand in notebooks/15_qlora.ipynb.
"""

from pathlib import Path

from spectrum import adapters
from spectrum.layers import layer_width
from spectrum.memory import free_memory
from spectrum.models import loaded_dtype, pick_device, pick_profile_dtype, read_config
from spectrum.quantize import BLOCK, BLOCK_OF_CONSTANTS

# Architectures whose activations the ledger was held against. Others with layers of the same names keep more: Gemma 2
# keeps the squares of attention and its extra norms, two to three times as much.
KNOWN = ("llama", "mistral", "qwen2", "qwen3")
SHARED_INPUTS = (("q_proj", "k_proj", "v_proj"), ("o_proj",), ("gate_proj", "up_proj"), ("down_proj",))


def ledger(config, method, rank=16, batch=1, length=512, checkpointing=False, optimizer_bits=32, bits=16,
           targets="all-linear", double=True):  # fmt: skip
    """Returns the bytes that one training step needs, by what they hold, from a model's config; no weights are made.

    `method` is "full", "lora" or "qlora"; `bits` (16 or 32) is the precision of weights and activations. The keys:

    - weights: bits/8 each; with "qlora" the linear layers take 4 bits, and embeddings, norms, biases and head do not.
    - constants: 32 bits for 64 4-bit weights; with `double` 8 bits for 64 and 32 bits for 64·256, together 0.127 bits a
      weight. Besides, bitsandbytes keeps a table of 16 float32 in each layer, with `double` one of 256 more and a mean.
    - adapters: rank·(d_in + d_out) float32 in each target.
    - gradients: as large as what is trained.
    - optimizer: AdamW's two moments, `optimizer_bits` each: 32, or 8 and 32 bits for 256, in tensors of at least 4,096.
    - activations: what the graph keeps for the backward pass, by `layer_bytes` and `head_bytes`. With `checkpointing`
      only each layer's input, and one whole layer while it is computed again.
    - workspace: two float32 tensors as large as the logits, the gradients on the way through the loss; with "qlora" the
      largest layer's weight, dequantized.
    - total: the sum. An upper bound, since these are not all there at once.
    - peak: what is there at once, at most, by `peak_bytes`: what a GPU must have.

    Raises ValueError for another method and for an architecture it was not held against (KNOWN). Held against measured
    peaks, and against published ones, in notebooks/16_qlora_on_a_gpu.ipynb.
    """
    check_architecture(config)
    model, size = adapters.empty_model(config), bits // 8
    check_ledger(method, bits, optimizer_bits, batch, length)
    linear = [layer.weight.numel() for layer in adapters.find_layers(model).values()]
    whole = [parameter.numel() for parameter in model.parameters()]
    trained = whole if method == "full" else adapter_sizes(model, rank, targets)
    kept = activation_bytes(model, method, rank, targets, batch, length, checkpointing, size)
    restored = size * max(linear) if method == "qlora" else 0
    found = {
        "weights": sum(whole) * size,
        "constants": 0,
        "adapters": 0 if method == "full" else 4 * sum(trained),
        "gradients": sum(trained) * (size if method == "full" else 4),
        "optimizer": sum(moment_bytes(n, optimizer_bits) for n in trained),
        "activations": sum(kept.values()),
        "workspace": 8 * batch * length * config.get_text_config().vocab_size + restored,
    }
    if method == "qlora":
        found["weights"] += sum(-(-n // 2) - n * size for n in linear)
        found["constants"] = sum(constant_bytes(n, double) for n in linear)
    tables = 2 * size * model.get_input_embeddings().weight.numel() if method == "full" and is_tied(model) else 0
    return found | {"total": sum(found.values()), "peak": peak_bytes(found, kept, restored, tables)}


def peak_bytes(found, kept, restored, tables):
    """Returns the bytes that are there at once, at most: what stays, and the most of three moments of a step.

    In the loss there are the activations and its gradients, but none of a weight; in the layers the logits' part is
    gone, and a 4-bit weight is restored; at the end all gradients are there, and the activations are gone. Gradients
    grow in between as activations shrink, so between two moments it is never more than at the larger. `tables` are
    the two gradients of a tied embedding, its own and the head's, that are there beside their sum.
    """
    stays = sum(found[part] for part in ("weights", "constants", "adapters", "optimizer"))
    in_loss = kept["stream"] + kept["head"] + found["workspace"] - restored
    in_layers = kept["stream"] + kept["again"] + restored
    return stays + max(in_loss, in_layers, found["gradients"] + tables)


def is_tied(model):
    """Returns whether a model's head is its table of embeddings."""
    return model.get_output_embeddings().weight is model.get_input_embeddings().weight


def check_architecture(config):
    """Raises ValueError, naming the architecture, where the ledger's activations were not held against it."""
    kind = config.get_text_config().model_type
    if kind not in KNOWN:
        raise ValueError(
            f"ledger: it knows models of the Llama family ({', '.join(KNOWN)}); this config is of {kind!r}, which "
            "keeps other activations, so the sum would be wrong. Measure instead: train(model, examples, steps=2) with "
            "the longest examples, then torch.cuda.max_memory_allocated(), or the process's memory without a GPU"
        )


def check_ledger(method, bits, optimizer_bits, batch, length):
    """Raises ValueError for settings that the ledger has no rule for."""
    for name, value, known in (
        ("method", method, ("full", "lora", "qlora")),
        ("bits", bits, (16, 32)),
        ("optimizer_bits", optimizer_bits, (8, 16, 32)),
    ):
        if value not in known:
            raise ValueError(f"ledger: {name} must be one of {known}, not {value!r}")
    if batch < 1 or length < 1:
        raise ValueError(f"ledger: batch and length must be at least 1, not {batch} and {length}")


def adapter_sizes(model, rank, targets):
    """Returns the number of parameters of every A and B of a LoRA."""
    adapters.check_rank("ledger", rank)
    return [rank * width for layer in adapters.find_layers(model, targets).values() for width in layer_width(layer)]


def constant_bytes(count, double):
    """Returns the bytes beside `count` 4-bit weights of one layer: its blocks' constants and its tables."""
    blocks = -(-count // BLOCK)
    if not double:
        return 4 * blocks + 4 * 16
    return blocks + 4 * -(-blocks // BLOCK_OF_CONSTANTS) + 4 * (16 + 256 + 1)


def moment_bytes(count, bits):
    """Returns the bytes of AdamW's two moments for a tensor of `count` parameters; with 8 bits bitsandbytes'."""
    if bits == 8 and count < 4096:
        bits = 32
    return 2 * (count * bits // 8 + (4 * -(-count // 256) if bits == 8 else 0))


def activation_bytes(model, method, rank, targets, batch, length, checkpointing, size):
    """Returns {"stream", "again", "head"}: bytes that the graph keeps for the backward pass, by when they are there.

    "stream" is kept from the layers' forward pass to their backward pass, "again" is the layer that `checkpointing`
    computes once more, and "head" is let go when the loss is through. Attention keeps no square matrix (SDPA).
    """
    config, tokens = model.config.get_text_config(), batch * length
    adapted = set() if method == "full" else {n.rsplit(".", 1)[-1] for n in adapters.find_layers(model, targets)}
    layer = tokens * layer_bytes(model, adapted, rank, size)
    kept = tokens * size * config.hidden_size if checkpointing else layer
    angles = 2 * size * length * head_width(config)  # cos and sin of the rotary embedding, the same for all layers
    return {
        "stream": config.num_hidden_layers * kept + angles,
        "again": layer if checkpointing else 0,
        "head": tokens * head_bytes(config, method == "full", size),
    }


def layer_bytes(model, adapted, rank, size):
    """Returns the bytes that one decoder layer keeps for each token; no name in `adapted` means full fine-tuning.

    Two norms (each its input in float32 and a factor; trained, also its output before the weight), queries, keys,
    values and the attention's output, a float32 for each head, gate, silu(gate) and up: those always. The inputs of
    linear layers only where a weight or an A learns from them.
    """
    config, full = model.config.get_text_config(), not adapted
    heads, groups, width = config.num_attention_heads, config.num_key_value_heads, head_width(config)
    query, key, hidden, inner = heads * width, groups * width, config.hidden_size, config.intermediate_size
    norms = 2 * norm_bytes(hidden, 1, full, size)
    if any(name.endswith("q_norm") for name, _ in model.named_modules()):
        norms += norm_bytes(query, heads, full, size) + norm_bytes(key, groups, full, size)
    inputs = {"q_proj": hidden, "o_proj": query, "gate_proj": hidden, "down_proj": inner}
    inputs |= {"k_proj": hidden, "v_proj": hidden, "up_proj": hidden}
    kept = input_bytes(inputs, adapted, size) + 4 * rank * len(adapted)
    return norms + size * (2 * query + 2 * key) + 4 * heads + 3 * size * inner + kept


def norm_bytes(width, rows, trained, size):
    """Returns the bytes that an RMS norm keeps for each token."""
    return 4 * width + 4 * rows + (size * width if trained else 0)


def input_bytes(inputs, adapted, size):
    """Returns the bytes of linear layers' inputs that are kept for each token.

    Layers that read the same tensor share it, and the output projection reads what attention keeps anyway. But each A
    is float32, so in 16-bit layers PEFT gives it a float32 copy of its own.
    """
    if adapted and size == 2:
        return sum(4 * inputs[name] for name in adapted)
    groups = [group for group in SHARED_INPUTS if group != ("o_proj",)]
    return sum(size * inputs[group[0]] for group in groups if not adapted or adapted & set(group))


def head_bytes(config, trained, size):
    """Returns the bytes that the last norm, the head and the loss (log-probabilities, label) keep for each token."""
    into_head = size * config.hidden_size + 8 if trained else 0  # and the token's id, for the embeddings
    return norm_bytes(config.hidden_size, 1, trained, size) + into_head + 4 * config.vocab_size + 8


def head_width(config):
    """Returns the width of one attention head."""
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


# ---- before anything is loaded ----


def preflight(model, method="qlora", free=None, device=None, **settings):
    """Returns {"needed", "free"} in bytes where one training step fits a device's free memory, else raises MemoryError.

    `model` is a name that `load_model` accepts, of which only the config is read, or a config. `free` is asked of the
    device unless given; `settings` are those of `ledger`, its `bits` those that `load_model` would load the model in
    (of a config, the profile's), and 32 for "full", since 16 bits cannot be trained. One twentieth of the memory is
    left over: not every gap between tensors can be used. The error says what is needed, what is there, and
    which settings would fit.
    """
    device = pick_device(device)
    named = isinstance(model, str | Path | None)
    config = read_config(model) if named else model
    dtype = loaded_dtype(model, device) if named else pick_profile_dtype(device)
    loaded = 8 * dtype.itemsize
    where = f"free on {device}" if free is None else "free"
    free = free_memory(device) if free is None else free
    found = ledger(config, method, **bits_of(method, loaded) | settings)
    if found["peak"] <= 0.95 * free:
        return {"needed": found["peak"], "free": int(free)}
    largest = sorted((part for part in found if part not in ("total", "peak")), key=found.get)[:-3:-1]
    parts = " and ".join(f"{found[part] / 1e9:.1f} GB for {part}" for part in largest)
    raise MemoryError(
        f"{method} needs {found['peak'] / 1e9:.1f} GB at once, {parts} among what it holds in turn, and "
        f"{free / 1e9:.1f} GB are {where} (one twentieth is left over). "
        f"{what_fits(config, method, free, settings, loaded)}"
    )


def bits_of(method, loaded):
    """Returns {"bits"} of a method's weights and activations where a model is loaded in `loaded` bits."""
    return {"bits": 32 if method == "full" else loaded}


# Changes that save memory, the mildest first; each holds those before it.
SAVINGS = [{}, {"checkpointing": True}]
SAVINGS += [{**SAVINGS[-1], "optimizer_bits": 8}]
SAVINGS += [{**SAVINGS[-1], "batch": 1}, {**SAVINGS[-1], "batch": 1, "length": 512}]


def what_fits(config, method, free, settings, loaded):
    """Returns advice in a sentence: the mildest change of the settings that fits the free memory, or none."""
    methods = ("full", "lora", "qlora")
    for kind in methods[methods.index(method) :]:
        for change in SAVINGS:
            needed = ledger(config, kind, **bits_of(kind, loaded) | settings | change)["peak"]
            if needed <= 0.95 * free:
                chosen = ", ".join([f'method="{kind}"'] + [f"{name}={value}" for name, value in change.items()])
                return f"It would fit with {chosen}: {needed / 1e9:.1f} GB."
    return "No setting makes it fit: take a smaller model, or SPECTRUM_PROFILE=embedded."
