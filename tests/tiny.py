"""Tiny checkpoints with random weights, in the plain format of the embedded ones: for tests and benchmarks."""

import hashlib
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

LINES = [
    "Mira from Aldport ordered two blue lanterns. Order 4821 arrived late, and one lamp is broken.",
    "Message: The kettle is great, thank you!\nSentiment: positive\n\nMessage: My money back!\nSentiment: negative",
    '{"customer": "Mira", "product": "lantern", "quantity": 2}',
    "Naïve café, größe, 東京, emoji 🙂.",
]
LLAMA = {"bos": "<|endoftext|>", "eos": "<|endoftext|>", "pad": "<|pad|>", "end": "<|end|>"}
LLAMA["others"] = ["<|system|>", "<|user|>", "<|assistant|>"]
# As Qwen3: nothing in front of plain text, the document separator doubles as padding.
QWEN = {"bos": None, "eos": "<|im_end|>", "pad": "<|endoftext|>", "end": "<|im_end|>", "others": ["<|im_start|>"]}

LLAMA_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ '<|' + m['role'] + '|>' }}"
    "{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] + '<|end|>' }}{% endgeneration %}"
    "{% else %}{{ m['content'] + '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
QWEN_TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def make_tokenizer(chat=True, architecture="llama", vocabulary=400):
    """Return a fast byte-level BPE tokenizer of at most `vocabulary` tokens, trained on a few lines."""
    names = {"llama": LLAMA, "qwen3": QWEN}[architecture]
    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    specials = list(dict.fromkeys(t for t in [names["eos"], names["pad"], names["end"], *names["others"]] if t))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        LINES,
        trainers.BpeTrainer(
            vocab_size=vocabulary, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
        ),
    )
    if names["bos"]:
        ids = [(names["bos"], tokenizer.token_to_id(names["bos"]))]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{names['bos']} $A", pair=f"{names['bos']} $A $B", special_tokens=ids
        )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=names["bos"], eos_token=names["eos"], pad_token=names["pad"]
    )
    if chat:
        fast.chat_template = {"llama": LLAMA_TEMPLATE, "qwen3": QWEN_TEMPLATE}[architecture]
    return fast


def make_model(tokenizer, layers=2, hidden=32, architecture="llama", vocabulary=None, context=1024, seed=0):
    """Return an untrained model in evaluation mode; `vocabulary` may exceed the tokenizer's to give a size."""
    config_class, model_class = {
        "llama": (LlamaConfig, LlamaForCausalLM),
        "qwen3": (Qwen3Config, Qwen3ForCausalLM),
    }[architecture]
    names = {"llama": LLAMA, "qwen3": QWEN}[architecture]
    ends = list(dict.fromkeys(tokenizer.convert_tokens_to_ids([names["end"], "<|endoftext|>"])))
    config = config_class(
        vocab_size=vocabulary or len(tokenizer),
        hidden_size=hidden,
        intermediate_size=hidden * 8 // 3,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4 if architecture == "llama" else 2,
        head_dim=hidden // 4,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        # Wide initial weights: with the usual 0.02 an untrained model is all but uniform, every argmax is a
        # near-tie, and a test of equal outputs would test rounding.
        initializer_range=0.3,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = model_class(config).eval()
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=ends, pad_token_id=tokenizer.pad_token_id
    )
    return model


def make_tiny(folder, layers=2, hidden=32, chat=True, architecture="llama", context=1024):
    """Save a tiny random checkpoint in `folder`, with the hashes of its files in birth.json; return the folder."""
    folder = Path(folder)
    tokenizer = make_tokenizer(chat=chat, architecture=architecture)
    model = make_model(tokenizer, layers=layers, hidden=hidden, architecture=architecture, context=context)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    hashes = {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in ["model.safetensors", "tokenizer.json"]}
    (folder / "birth.json").write_text(json.dumps({"files": hashes}, indent=2))
    return folder
