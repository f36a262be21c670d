"""Models and LoRAs as GGUF files, which llama.cpp runs without torch: on a laptop, a phone, behind an HTTP address.

A GGUF file is one file with everything: weights, tokenizer, chat template. What runs it here is the package xllamacpp
(llama.cpp as a wheel), the extra "serve" of this package: `xllamacpp.Server` answers at an address of this machine in
the form of OpenAI's interface. tests/test_export.py shows how, and holds its answers against torch's.
"""

import json
import re
from pathlib import Path

import gguf

KINDS = {
    "f32": gguf.GGMLQuantizationType.F32,
    "f16": gguf.GGMLQuantizationType.F16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,  # 8 bits, even levels, a constant of 16 bits for 32 weights
    "q4_0": gguf.GGMLQuantizationType.Q4_0,  # 4 bits, in the same way
}
BLOCKS = {"q8_0": 32, "q4_0": 32}
ARCHITECTURES = {"llama": gguf.MODEL_ARCH.LLAMA, "qwen3": gguf.MODEL_ARCH.QWEN3}
# How a byte-level tokenizer splits text before it merges, and what llama.cpp calls that.
DIGITS, BYTES = {"type": "Digits", "individual_digits": True}, {"type": "ByteLevel", "add_prefix_space": False}
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPLITS = {
    "gpt-2": [BYTES | {"use_regex": True}],
    "smollm": [DIGITS, BYTES | {"use_regex": True}],
    "qwen2": [{"type": "Split", "pattern": {"Regex": QWEN}}, BYTES | {"use_regex": False}],
}

MORE = re.compile(r"modules_to_save|token_adapter|lora_magnitude|lora_embedding|lora_[AB]\..*bias$")  # than A and B


def write_gguf(model, tokenizer, path, kind="f16"):
    """Returns the path of a GGUF file that holds a model, its tokenizer and its chat template.

    `kind` is one of KINDS and holds for all matrices; norms and biases stay in 32 bits. An adapter is merged first
    (`model.merge_and_unload()`). Raises ValueError for a kind or an architecture that is not there, for a model with an
    adapter in it, for weights in four bits, and where a row does not fit the kind's blocks of 32.
    """
    architecture = check(model, kind)
    path, config = Path(path), model.config
    part = path.with_name(path.name + ".part")
    writer = gguf.GGUFWriter(part, gguf.MODEL_ARCH_NAMES[ARCHITECTURES[architecture]])
    add_sizes(writer, config)
    add_tokenizer(writer, tokenizer, config.vocab_size)
    names = gguf.get_tensor_name_map(ARCHITECTURES[architecture], config.num_hidden_layers)
    for name, tensor in model.named_parameters():  # a tied head is there once, as the embedding
        layer, _, what = name.rpartition(".")
        tensor = rotated(tensor.detach().float().cpu(), layer, config)
        matrix = tensor.ndim > 1
        data = gguf.quants.quantize(tensor.numpy(), KINDS[kind] if matrix else KINDS["f32"])
        writer.add_tensor(f"{names.get_name(layer)}.{what}", data, raw_dtype=KINDS[kind] if matrix else None)
    return finished(writer, part, path)


def write_gguf_adapter(model, path):
    """Returns the path of a GGUF file that holds the one LoRA of a peft model, to be loaded beside its base.

    Raises ValueError for a model without a LoRA or with several, and for one that trains more than A and B (DoRA,
    biases, whole modules): llama.cpp has no place for them.
    """
    config, part = lora_config(model), Path(path).with_name(Path(path).name + ".part")
    base = model.get_base_model()
    architecture = check(base, "f32", adapted=True)
    writer = gguf.GGUFWriter(part, gguf.MODEL_ARCH_NAMES[ARCHITECTURES[architecture]])
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    names = gguf.get_tensor_name_map(ARCHITECTURES[architecture], base.config.num_hidden_layers)
    layers = {name: layer for name, layer in base.named_modules() if hasattr(layer, "lora_A")}
    # A file has one alpha; llama.cpp multiplies by alpha / rank. What a layer's factor differs from that goes into B.
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(config.lora_alpha))
    for name, layer in layers.items():
        (adapter,) = layer.lora_A
        a, b = layer.lora_A[adapter].weight.detach().float(), layer.lora_B[adapter].weight.detach().float()
        b = rotated(b * layer.scaling[adapter] * a.shape[0] / config.lora_alpha, name, base.config)
        for tensor, suffix in ((a, "lora_a"), (b, "lora_b")):
            writer.add_tensor(f"{names.get_name(name)}.weight.{suffix}", tensor.contiguous().cpu().numpy())
    return finished(writer, part, Path(path))


def finished(writer, part, path):
    """Returns the path, where the whole file now stands in one piece."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(path)
    return path


def check(model, kind, adapted=False):
    """Returns a model's architecture; raises ValueError for what cannot be written."""
    if kind not in KINDS:
        raise ValueError(f"export: {kind!r} is no kind; there are {', '.join(KINDS)}")
    architecture, known = getattr(model.config, "model_type", None), ", ".join(ARCHITECTURES)
    if architecture not in ARCHITECTURES:
        raise ValueError(f"export: a model of architecture {architecture!r} cannot be written here, only {known}; "
                         "llama.cpp's own convert_hf_to_gguf.py knows more than a hundred")  # fmt: skip
    turned = model.config.rope_parameters["rope_type"]
    if turned != "default":
        raise ValueError(f"export: positions are turned by {turned!r}, which is not written here, only the default; "
                         "llama.cpp's own convert_hf_to_gguf.py does it")  # fmt: skip
    if not adapted and any("lora_" in name for name, _ in model.named_parameters()):
        raise ValueError("export: the model has an adapter in it. Merge it first, model.merge_and_unload(), or write "
                         "it alone with write_gguf_adapter")  # fmt: skip
    for name, parameter in model.named_parameters():
        if not parameter.is_floating_point() or hasattr(parameter, "quant_state"):
            raise ValueError(f"export: {name} is in {parameter.dtype}, packed by bitsandbytes. Load the base in 16 or "
                             "32 bits, merge there, and let `kind` round it")  # fmt: skip
        row = parameter.shape[-1]
        if kind in BLOCKS and parameter.ndim > 1 and row % BLOCKS[kind]:
            raise ValueError(f"export: {name} has rows of {row} weights, and {kind} rounds blocks of {BLOCKS[kind]}. "
                             'Take kind="f16"')  # fmt: skip
    return architecture


def lora_config(model):
    """Returns the configuration of a peft model's only LoRA; raises ValueError where there is none, or more in it."""
    configs = getattr(model, "peft_config", {})
    if len(configs) != 1:
        raise ValueError(f"export: the model has {len(configs)} adapters, wanted one LoRA (a model of get_peft_model)")
    (config,) = configs.values()
    # By name: in an adapter that was loaded to be used nothing is trained any more.
    other = [name for name, _ in model.named_parameters() if MORE.search(name)]
    if config.peft_type.value != "LORA" or config.bias != "none" or other:
        raise ValueError("export: llama.cpp loads A and B of a LoRA and nothing else. Merge this adapter, "
                         "model.merge_and_unload(), and write the whole model")  # fmt: skip
    return config


def rotated(tensor, layer, config):
    """Returns a tensor whose rows stand as llama.cpp turns positions: in pairs of neighbours, for q and k of a Llama.

    transformers turns number n of a head together with n + half; llama.cpp together with the next one.
    """
    found = re.search(r"\.self_attn\.([qk])_proj$", layer)
    if config.model_type != "llama" or not found:
        return tensor
    heads = config.num_attention_heads if found[1] == "q" else config.num_key_value_heads
    return tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, -1).transpose(1, 2).reshape(tensor.shape)


def add_sizes(writer, config):
    """Writes the sizes of a model."""
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)


def split_of(made):
    """Returns what llama.cpp calls the way a tokenizer splits text; raises ValueError where it is none of SPLITS."""
    first = made["pre_tokenizer"] or {}
    parts = first.get("pretokenizers", [first])
    for name, wanted in SPLITS.items():
        if len(parts) == len(wanted) and all(part | want == part for part, want in zip(parts, wanted, strict=True)):
            return name
    raise ValueError("export: the tokenizer splits text in a way that is not known here, and llama.cpp would read "
                     "other tokens; its own convert_hf_to_gguf.py knows more")  # fmt: skip


def add_tokenizer(writer, tokenizer, size):
    """Writes a byte-level tokenizer, its marks and its chat template."""
    made = json.loads(tokenizer.backend_tokenizer.to_str())
    if made["model"]["type"] != "BPE" or "ByteLevel" not in json.dumps(made["pre_tokenizer"]):
        raise ValueError(
            "export: only byte-level BPE tokenizers can be written here, as lumen's, SmolLM2's and Qwen's are"
        )
    tokens = [f"[PAD{n}]" for n in range(size)]  # a vocabulary may have more rows than tokens
    kinds = [gguf.TokenType.UNUSED] * size
    for token, place in tokenizer.get_vocab().items():
        tokens[place], kinds[place] = token, gguf.TokenType.NORMAL
    for place, token in tokenizer.added_tokens_decoder.items():
        kinds[place] = gguf.TokenType.CONTROL if token.special else gguf.TokenType.USER_DEFINED
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in made["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(split_of(made))
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    ends = tokenizer.eos_token_id
    writer.add_eos_token_id(ends)
    if tokenizer.bos_token_id is not None:
        writer.add_bos_token_id(tokenizer.bos_token_id)
    if tokenizer.pad_token_id is not None:
        writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_add_bos_token(tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id)
    if tokenizer.chat_template:
        # {% generation %} marks answers for training; only transformers knows it.
        writer.add_chat_template(re.sub(r"{%-?\s*(end)?generation\s*-?%}", "", tokenizer.chat_template))
