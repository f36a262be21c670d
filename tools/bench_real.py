"""Times the course's loops against the plain way on SmolLM2: `python -m tools.bench real`.

Each way runs in a process of its own, in turns, so that its peak of memory is its own and whatever else the machine
does hits all. Training: LoRA of rank 8 on house tickets, batches of 8, the same rows in the same order; the Trainer has
its defaults (float32, each batch padded to its longest row). Answering: the same chats, answers of equal length.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from spectrum.lessons.lora_rank.material import material

STEPS, BATCH, RATE, ROUNDS = 8, 8, 1e-3, 3
PROMPTS, NEW_TOKENS = 32, 16


def run_train():
    """Returns (tokens, seconds, held-out loss) of STEPS steps of `spectrum.train`."""
    from spectrum import train

    model, tokenizer, examples, rows = setting(None)
    settings = {"lr": RATE, "warmup": 1, "schedule": "constant", "betas": (0.9, 0.999), "shuffle": False}
    precision = train.precision_of(model.dtype)
    seconds = timed(lambda: train.train(model, examples, steps=STEPS, batch_size=BATCH, precision=precision,
                                        progress=False, **settings))  # fmt: skip
    return count(examples), seconds, held_out(model, tokenizer, rows)


def run_trainer():
    """Returns (tokens, seconds, held-out loss) of as many steps of transformers' Trainer over peft's LoRA."""
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    model, tokenizer, examples, rows = setting("float32")
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(), max_steps=STEPS, per_device_train_batch_size=BATCH, learning_rate=RATE,
        lr_scheduler_type="constant", train_sampling_strategy="sequential", save_strategy="no", logging_strategy="no",
        report_to=[], disable_tqdm=True, use_cpu=True)  # fmt: skip
    collator = DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100)
    trainer = Trainer(model=model, args=arguments, train_dataset=examples, data_collator=collator)
    return count(examples), timed(trainer.train), held_out(model, tokenizer, rows)


def setting(dtype):
    """Returns (model with a LoRA, tokenizer, training examples, held-out rows)."""
    from spectrum import adapters, models
    from spectrum.examples import tokenize_rows

    model, tokenizer = models.load_model("smollm2", dtype=dtype)
    rows = material("ticket", 0, 0)[0]
    examples = tokenize_rows(tokenizer, rows[: STEPS * BATCH])
    return adapters.add_lora(model, 8, 16), tokenizer, examples, rows[-32:]


def count(examples):
    """Returns how many tokens the examples have, padding not counted."""
    return sum(len(example["input_ids"]) for example in examples)


def held_out(model, tokenizer, rows):
    """Returns the loss on rows that were not trained on, in nats per token of the answers."""
    from spectrum.evaluate import mean_loss

    model.eval()
    return mean_loss(model, tokenizer, rows)


def run_complete():
    """Returns (tokens, seconds, None) of `complete`."""
    from spectrum.generate import complete

    return answering(lambda model, tokenizer, chats: complete(model, tokenizer, chats, NEW_TOKENS, progress=False))


def run_generate():
    """Returns (tokens, seconds, None) of transformers' `generate` on one batch of all prompts, padded on the left."""
    return answering(lambda model, tokenizer, chats: generate(model, tokenizer, chats))


def run_one():
    """Returns (tokens, seconds, None) of transformers' `generate`, one prompt at a time."""
    return answering(lambda model, tokenizer, chats: [generate(model, tokenizer, [chat]) for chat in chats])


def generate(model, tokenizer, chats):
    """Answers chats in one batch with `generate`."""
    import torch

    tokenizer.padding_side = "left"
    options = {"add_generation_prompt": True, "tokenize": True, "return_dict": True, "return_tensors": "pt"}
    inputs = tokenizer.apply_chat_template(chats, padding=True, **options)
    with torch.inference_mode():
        model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=tokenizer.pad_token_id)


def answering(answer):
    """Returns (tokens, seconds, None) of answering PROMPTS chats about letters to the shop."""
    from spectrum import models, prompts

    model, tokenizer = models.load_model("smollm2")
    chats = [prompts.chat(item.input) for item in material("ticket", 0, 0)[1][:PROMPTS]]
    answer(model, tokenizer, chats[:1])  # the first call sets up
    return PROMPTS * NEW_TOKENS, timed(lambda: answer(model, tokenizer, chats)), None


def timed(function):
    """Returns the seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


WAYS = {"train": run_train, "Trainer": run_trainer, "complete": run_complete, "generate": run_generate,
        "generate, one at a time": run_one}  # fmt: skip


def compare():
    """Runs each way ROUNDS times, in turns, prints what each took, and the medians' ratios with their bars."""
    found = {way: [] for way in WAYS}
    for number in range(ROUNDS):
        for way in WAYS:
            found[way].append(apart(way))
            tokens, seconds, loss, peak = found[way][-1]
            end = "" if loss is None else f", held-out loss {loss:.3f}"
            print(f"{number + 1}. {way:24}{tokens / seconds:7.0f} tokens/s, peak {peak:.2f} GB{end}", flush=True)
    rate = {way: statistics.median(tokens / seconds for tokens, seconds, _, _ in runs) for way, runs in found.items()}
    peak = {way: statistics.median(run[3] for run in runs) for way, runs in found.items()}
    print(f"train / Trainer: {rate['train'] / rate['Trainer']:.2f} times the tokens/s (bar 2), "
          f"{peak['train'] / peak['Trainer']:.0%} of its peak memory (bar 70 %)")  # fmt: skip
    print(f"complete / generate: {rate['complete'] / rate['generate']:.2f} times batched (bar 1), "
          f"{rate['complete'] / rate['generate, one at a time']:.1f} times one at a time (bar 4)")  # fmt: skip


def apart(way):
    """Returns [tokens, seconds, loss, peak memory in GB] of a way, run in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "tools.bench_real", way], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{way}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    result = WAYS[sys.argv[1]]()
    print(json.dumps([*result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6]))
