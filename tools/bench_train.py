"""Times `spectrum.train` against transformers.Trainer on the same rows: `python -m tools.bench train`, or `lora`.

Both start from the same weights and see the same batches in the same order with the same optimizer, learning rates and
clipping, so their losses must agree. What differs: the Trainer pads each batch to its longest row; `train` packs it.
"""

import copy
import statistics
import tempfile
import time

import torch
from transformers import DataCollatorForSeq2Seq, LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments, utils

from spectrum.adapters import add_lora, count
from spectrum.examples import IGNORE, pack, tokenize_rows
from spectrum.models import WEIGHTS, load_model
from spectrum.shop import corpus, instruction_data
from spectrum.shop.tokenizer import make_tokenizer
from spectrum.train import train

# A constant rate: the Trainer's linear warm-up starts at 0 and ours one step later, which alone would part the losses.
SETTINGS = {
    "lr": 5e-4,
    "batch_size": 16,
    "warmup": 1,
    "schedule": "constant",
    "betas": (0.9, 0.99),
    "weight_decay": 0.0,
}


def load_or_make():
    """Returns (model, tokenizer, name): lumen-base, or where it is not there an untrained model of its shape."""
    if (WEIGHTS / "lumen-base" / "model.safetensors").exists():
        return *load_model("lumen-base", device="cpu"), "lumen-base"
    tokenizer = make_tokenizer(text for _, text in corpus.documents(seed=0, count=1500))
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=192, intermediate_size=512, num_hidden_layers=6,
                         num_attention_heads=3, max_position_embeddings=1024, tie_word_embeddings=True,
                         bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
                         pad_token_id=tokenizer.pad_token_id)  # fmt: skip
    return LlamaForCausalLM(config), tokenizer, "an untrained model of lumen-base's shape"


def run_train(model, tokenizer, examples, steps):
    """Trains the model in place with `spectrum.train`; returns (seconds, processor seconds)."""
    return timed(lambda: train(model, examples, steps=steps, shuffle=False, progress=False, **SETTINGS))


def run_trainer(model, tokenizer, examples, steps):
    """Trains the model in place with transformers' Trainer and its padding; returns (seconds, processor seconds)."""
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(), max_steps=steps, per_device_train_batch_size=SETTINGS["batch_size"],
        learning_rate=SETTINGS["lr"], lr_scheduler_type="constant", adam_beta1=SETTINGS["betas"][0],
        adam_beta2=SETTINGS["betas"][1], weight_decay=0.0, max_grad_norm=1.0, train_sampling_strategy="sequential",
        save_strategy="no", logging_strategy="no", report_to=[], disable_tqdm=True, use_cpu=True)  # fmt: skip
    collator = DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=IGNORE)
    trainer = Trainer(model=model, args=arguments, train_dataset=examples, data_collator=collator)
    return timed(trainer.train)


@torch.no_grad()
def held_out_loss(model, examples):
    """Returns the mean loss per token of the loss, in nats, over examples that neither run has seen."""
    model.eval()
    return model(**pack(examples, 512), use_cache=False).loss.item()


def compare(rank=0, steps=30, rounds=3):
    """Prints each run and the ratios of the medians; returns (ratio, ratio by processor time, loss difference).

    With a rank, both train LoRA adapters (peft) of that rank on all linear layers, else all parameters.
    """
    utils.logging.set_verbosity_error()
    model, tokenizer, name = load_or_make()
    rows = instruction_data.instruction_rows(SETTINGS["batch_size"] * steps + 64, seed=1)
    examples = tokenize_rows(tokenizer, rows)
    held_out, examples = examples[:64], examples[64:]
    tokens = sum(len(e["input_ids"]) for e in examples)
    size, threads, rate = SETTINGS["batch_size"], torch.get_num_threads(), product_rate()
    what = f"LoRA of rank {rank}" if rank else "all parameters"
    print(f"{name}, {what}, {steps} steps of {size} rows, {tokens} non-padding tokens, {threads} thread(s)")
    print(f"held-out loss before: {held_out_loss(model, held_out):.4f}; matrix products: {rate / 1e9:.0f} GFLOP/s")
    runs, losses = {"train": [], "Trainer": []}, {}
    for number in range(rounds):  # in turns, so that whatever else the machine does hits both
        for label, run in {"train": run_train, "Trainer": run_trainer}.items():
            tuned = copy.deepcopy(model)
            tuned = add_lora(tuned, rank, seed=0) if rank else tuned
            share = token_operations(tuned) / rate
            runs[label].append([tokens / seconds for seconds in run(tuned, tokenizer, examples, steps)])
            losses[label] = held_out_loss(tuned, held_out)
            wall, cpu = runs[label][-1]
            print(
                f"{number + 1}. {label:8}{wall:7.0f} tokens/s ({wall * share:4.0%} of the product rate), "
                f"{cpu:7.0f} per cpu-second, loss {losses[label]:.5f}"
            )
    wall, cpu = (median_of(runs["train"], i) / median_of(runs["Trainer"], i) for i in (0, 1))
    difference = losses["train"] - losses["Trainer"]
    print(f"train does {wall:.2f} times the Trainer's tokens/s, {cpu:.2f} times per cpu-second (bar 1.5)")
    print(f"at a held-out loss that differs by {difference:+.5f} nats")
    return wall, cpu, difference


def token_operations(model):
    """Returns the floating-point operations of a training step for each token, in matrix products alone.

    Two for each weight forward, two backward to its input, and two for the gradient of each weight that is trained;
    attention scores are left out.
    """
    numbers = count(model)
    return 4 * numbers["total"] + 2 * numbers["trainable"]


def product_rate(size=1024, rounds=8):
    """Returns the floating-point operations per second of a square matrix product in float32, the best of some."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    return 2 * size**3 / min(timed(lambda: a @ b)[0] for _ in range(rounds))


def median_of(runs, i):
    return statistics.median(run[i] for run in runs)


def timed(function):
    """Returns (seconds, processor seconds) of one call; on a busy machine trust the second."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu
