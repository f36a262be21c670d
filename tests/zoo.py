"""Tiny models of many architectures with random weights: what real models do that the embedded ones do not."""

import torch
from tiny import make_tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16}
PLAIN = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "max_position_embeddings": 256}
# Architecture: (model_type, settings). Wide initial weights, as in `tiny.make_model`, so that leaks show.
ZOO = {
    "llama": ("llama", {**PLAIN, **HEADS, "initializer_range": 0.3, "tie_word_embeddings": False}),
    "llama tied": ("llama", {**PLAIN, **HEADS, "initializer_range": 0.3, "tie_word_embeddings": True}),
    "qwen3": ("qwen3", {**PLAIN, **HEADS, "initializer_range": 0.3, "tie_word_embeddings": True}),
    "qwen2": ("qwen2", {**PLAIN, "num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.3}),
    "mistral": ("mistral", {**PLAIN, **HEADS, "initializer_range": 0.3, "sliding_window": 16}),
    "gemma2": ("gemma2", {**PLAIN, **HEADS, "initializer_range": 0.3, "sliding_window": 16}),
    "gemma3": ("gemma3_text", {**PLAIN, **HEADS, "initializer_range": 0.3, "sliding_window": 16}),
    "gpt2": ("gpt2", {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 256, "initializer_range": 0.3}),
    "falcon": ("falcon", {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "alibi": True,
                          "initializer_range": 0.3}),
    "opt": ("opt", {"hidden_size": 64, "ffn_dim": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
                    "word_embed_proj_dim": 64, "max_position_embeddings": 256, "init_std": 0.3}),
    "bloom": ("bloom", {"hidden_size": 64, "n_layer": 2, "n_head": 4, "initializer_range": 0.3}),
    "mpt": ("mpt", {"d_model": 64, "n_layers": 2, "n_heads": 4, "max_seq_len": 256, "initializer_range": 0.3}),
    "mixtral": ("mixtral", {**PLAIN, **HEADS, "num_local_experts": 4, "num_experts_per_tok": 2,
                            "initializer_range": 0.3}),
    "mamba": ("mamba", {"hidden_size": 64, "num_hidden_layers": 2, "state_size": 8, "initializer_range": 0.3}),
}  # fmt: skip


def make_animal(name, seed=0, **changes):
    """Return (model, tokenizer) of an architecture of the zoo, untrained, in evaluation mode."""
    kind, settings = ZOO[name]
    tokenizer = make_tokenizer(architecture="qwen3")
    ids = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), **ids, **{**settings, **changes})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config).eval()
    model.generation_config = GenerationConfig(eos_token_id=tokenizer.eos_token_id)
    return model, tokenizer


def save_animal(folder, name, seed=0, shard=None, **changes):
    """Save a model of the zoo with its tokenizer in `folder`, in shards of `shard` ("20KB") where given."""
    model, tokenizer = make_animal(name, seed, **changes)
    model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    tokenizer.save_pretrained(folder)
    return folder
