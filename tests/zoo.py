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
    "gpt2": ("gpt2", {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 256, "initializer_range": 0.3,
                      "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}),
    "falcon": ("falcon", {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "alibi": True,
                          "initializer_range": 0.3}),
    "opt": ("opt", {"hidden_size": 64, "ffn_dim": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
                    "word_embed_proj_dim": 64, "max_position_embeddings": 256, "init_std": 0.3, "dropout": 0.0}),
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


# ---- templates ----

TURN = "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
HEADER = "<|im_start|>assistant\n"
# As Qwen3: thinks unless told otherwise, and writes no thinking block in an answer that another turn follows.
THINKING = (
    "{% for m in messages %}{% if m['role'] == 'assistant' and loop.last %}"
    "{{ '<|im_start|>assistant\n<think>\n\n</think>\n\n' + m['content'] + '<|im_end|>\n' }}"
    "{% else %}" + TURN + "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{% endif %}"
)
PLAIN_TURNS = "{% for m in messages %}" + TURN + "{% endfor %}{% if add_generation_prompt %}"
# As DeepSeek-R1: every answer is to begin with thinking, and a finished one shows none.
OPENS = PLAIN_TURNS + "{{ '<|im_start|>assistant\n<think>\n' }}{% endif %}"
MARKED = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}{% if m['role'] == 'assistant' %}"
    "{% generation %}{{ m['content'] + '<|im_end|>\n' }}{% endgeneration %}"
    "{% else %}{{ m['content'] + '<|im_end|>\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n' }}{% endif %}"
)
# As Gemma 2: no system turn, and turns must alternate.
STRICT = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}"
    + TURN + "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)  # fmt: skip
DROPS = (
    "{% for m in messages %}{% if m['role'] != 'system' %}" + TURN + "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
ENDLESS = (
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
TOOLS = (
    "{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{{ (m['content'] or '') + ((m.tool_calls | tojson) if m.tool_calls else '') + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def with_template(template, architecture="qwen3"):
    """Return a tokenizer of a tiny model with a chat template of ours."""
    tokenizer = make_tokenizer(architecture=architecture)
    tokenizer.chat_template = template
    return tokenizer
