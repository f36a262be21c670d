"""What others measured on GPUs, with its source, and what the ledger and a count of operations say to it."""

from dataclasses import dataclass, field

import pandas as pd
from transformers import LlamaConfig

from spectrum.layers import empty_model
from spectrum.ledger import is_tied, ledger

GIB = 2**30 / 1e9


def llama(hidden, inner, layers, heads, vocabulary=32000, tied=False, **more):
    """Returns the config of a Llama by its sizes."""
    return LlamaConfig(
        hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
        vocab_size=vocabulary, tie_word_embeddings=tied, **more)  # fmt: skip


CONFIGS = {
    "LLaMA 7B": llama(4096, 11008, 32, 32),
    "LLaMA 13B": llama(5120, 13824, 40, 40),
    "LLaMA 33B": llama(6656, 17920, 60, 52),
    "LLaMA 65B": llama(8192, 22016, 80, 64),
    "Llama-3.2-3B": llama(3072, 8192, 28, 24, 128256, True, num_key_value_heads=8, head_dim=128),
    "Llama-3.1-8B": llama(4096, 14336, 32, 32, 128256, num_key_value_heads=8),
}
SOURCES = {
    "QLoRA": "Dettmers et al. 2023, arXiv 2305.14314, figure 6",
    "LitGPT": "Lightning AI, LitGPT, tutorials/resource-tables.md of 2023-10, one A100",
    "peft": "Hugging Face, peft, method_comparison/MetaMathQA/results, 2025, one L40S",
    "torchtune": "PyTorch, torchtune, README of 2024-10, one RTX 4090",
    "Unsloth": "Unsloth, README of 2025-07, its column Hugging Face + FA2",
}


@dataclass(frozen=True)
class Figure:
    """A published figure: gigabytes of memory (10^9 bytes) that a step of a model by a method took with settings."""

    source: str
    model: str
    method: str
    gigabytes: float
    settings: dict = field(default_factory=dict)

    def predicted(self):
        """Returns the ledger's gigabytes for it."""
        return ledger(CONFIGS[self.model], self.method, **self.settings)["peak"] / 1e9


PAPER = {"rank": 64, "batch": 1, "length": 512, "checkpointing": True}
ALPACA = {"rank": 8, "targets": ["q_proj", "v_proj"], "length": 1304}  # the longest example; adapters on q and v
MATH = {"batch": 4, "length": 768}  # rows of up to 768 tokens
FIGURES = (
    Figure("QLoRA", "LLaMA 7B", "qlora", 6.9, PAPER),
    Figure("QLoRA", "LLaMA 13B", "qlora", 11.3, PAPER),
    Figure("QLoRA", "LLaMA 33B", "qlora", 24.7, PAPER),
    Figure("QLoRA", "LLaMA 65B", "qlora", 45.0, PAPER),
    Figure("LitGPT", "LLaMA 7B", "qlora", 14.14, {**ALPACA, "double": False}),
    Figure("LitGPT", "LLaMA 7B", "qlora", 13.84, ALPACA),
    Figure("LitGPT", "LLaMA 7B", "lora", 29.07, {**ALPACA, "batch": 2}),
    Figure("LitGPT", "LLaMA 13B", "lora", 38.12, ALPACA),
    Figure("LitGPT", "LLaMA 13B", "qlora", 23.14, {**ALPACA, "double": False}),
    Figure("LitGPT", "LLaMA 13B", "qlora", 22.55, ALPACA),
    Figure("peft", "Llama-3.2-3B", "lora", 22.27, {**MATH, "rank": 32, "targets": ["q_proj", "v_proj"]}),
    Figure("peft", "Llama-3.2-3B", "lora", 22.54, {**MATH, "rank": 64, "targets": ["q_proj", "v_proj"]}),
    Figure("peft", "Llama-3.2-3B", "lora", 24.71, {**MATH, "rank": 10, "targets": "mlp"}),
    Figure("peft", "Llama-3.2-3B", "full", 37.24, {**MATH, "optimizer_bits": 16}),  # moments in the weights' own format
)
# Not what the ledger counts: torchtune compiles the model and computes the loss in eight parts; Unsloth gives the
# longest row that fits on a card, under a loss that in 2024 kept the logits once more in 32 bits.
LONGEST = {"rank": 32, "batch": 1, "checkpointing": True}
OTHERS = (
    Figure("torchtune", "Llama-3.1-8B", "qlora", 7.4 * GIB,
           {"rank": 8, "batch": 2, "length": 2048, "checkpointing": True}),
    *(Figure("Unsloth", "Llama-3.1-8B", "qlora", card, {**LONGEST, "length": length})
      for card, length in ((12, 932), (16, 2551), (24, 5789), (40, 12264), (48, 15502), (80, 28454))),
)  # fmt: skip


def memory_table(figures=FIGURES):
    """Returns a DataFrame, a row for each published figure: source, model, method, GB published and predicted."""
    rows = [(f.source, f.model, f.method, f.gigabytes, f.predicted()) for f in figures]
    table = pd.DataFrame(rows, columns=["source", "model", "method", "published, GB", "ledger, GB"])
    return table.assign(ratio=table["ledger, GB"] / table["published, GB"])


# ---- speed ----

# 10^12 operations a second of dense 16-bit products, as NVIDIA's data sheets promise.
CARDS = {"T4": 65, "RTX 4090": 165, "L40S": 362, "H100": 989, "H200": 989}
# Card, model, method, whether with gradient checkpointing (for the H200 assumed: Unsloth's habit, and the table does
# not say), tokens a second, source.
QWEN = "Surogate's table of 2026-08: Unsloth, rank 16 on all linear layers, packed rows of 2,048"
SPEEDS = (
    ("H200", "Qwen3-8B", "qlora", True, 8400, QWEN),
    ("H200", "Qwen3-8B", "lora", True, 9100, QWEN),
    ("L40S", "Llama-3.2-3B", "lora", False, 6776, SOURCES["peft"] + ", rank 32 on q and v"),
    ("L40S", "Llama-3.2-3B", "full", False, 2300, SOURCES["peft"]),
)


def operations(multiplied, method, checkpointing=False):
    """Returns the operations that training takes for one token, where each token is multiplied with so many weights.

    A product takes 2 for each weight: forward, once more where the layer is computed again, on the way back for the
    gradient of the inputs, and for that of the weights where these are trained. Attention and adapters are left out.
    """
    passes = 2 + (method == "full") + checkpointing
    return 2 * passes * multiplied


def multiplied_weights(config):
    """Returns how many weights of a config a token is multiplied with: all but the embeddings, and the head."""
    model = empty_model(config)
    table = model.get_input_embeddings().weight.numel()
    return sum(p.numel() for p in model.parameters()) - (0 if is_tied(model) else table)


def speed_table(configs):
    """Returns a DataFrame of SPEEDS: tokens a second, and the share of what the card promises that this makes."""
    rows = []
    for card, model, method, again, speed, _ in SPEEDS:
        needed = operations(multiplied_weights(configs[model]), method, again)
        used = 100 * speed * needed / (CARDS[card] * 1e12)
        rows.append((card, model, method, again, speed, needed / 1e9, used))
    columns = ["card", "model", "method", "checkpointing", "tokens a second", "10^9 operations a token", "used, %"]
    return pd.DataFrame(rows, columns=columns)
