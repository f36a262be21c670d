"""The shapes of nine published models. From a shape a LoRA can be counted; no weights are needed.

The numbers are those of the models' own config.json files.
"""

from transformers import LlamaConfig, Qwen3Config

COLUMNS = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "vocab_size",
)  # fmt: skip
# Name: the architecture, whether head and embedding share one weight, and the columns above.
MODELS = {
    "SmolLM2-135M": (LlamaConfig, True, 576, 1536, 30, 9, 3, 64, 49152),
    "SmolLM2-360M": (LlamaConfig, True, 960, 2560, 32, 15, 5, 64, 49152),
    "Qwen3-0.6B": (Qwen3Config, True, 1024, 3072, 28, 16, 8, 128, 151936),
    "Llama-3.2-1B": (LlamaConfig, True, 2048, 8192, 16, 32, 8, 64, 128256),
    "Qwen3-1.7B": (Qwen3Config, True, 2048, 6144, 28, 16, 8, 128, 151936),
    "Llama-2-7B": (LlamaConfig, False, 4096, 11008, 32, 32, 32, 128, 32000),
    "Qwen3-8B": (Qwen3Config, False, 4096, 12288, 36, 32, 8, 128, 151936),
    "Qwen3-32B": (Qwen3Config, False, 5120, 25600, 64, 64, 8, 128, 151936),
    "Llama-3-70B": (LlamaConfig, False, 8192, 28672, 80, 64, 8, 128, 128256),
}


def configs():
    """Returns {name: transformers config} of the published models, from the smallest to the largest."""
    made = {}
    for name, (kind, tied, *sizes) in MODELS.items():
        made[name] = kind(tie_word_embeddings=tied, **dict(zip(COLUMNS, sizes, strict=True)))
    return made
