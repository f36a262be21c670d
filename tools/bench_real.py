"""Times the course's loops against the plain way on SmolLM2: `python -m tools.bench real`.

Each way runs in a process of its own, in turns, so that its peak of memory is its own and whatever else the machine
does hits all. Training: LoRA of rank 8 on house tickets, batches of 8, the same rows in the same order; the Trainer has
its defaults (float32, each batch padded to its longest row). Answering: chats about letters to the shop, all cut off at
NEW_TOKENS, and questions of general knowledge, of which each answer has its own end.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from spectrum.lessons.lora_rank.material import material

STEPS, BATCH, RATE, ROUNDS = 32, 8, 1e-3, 3
LETTERS, QUESTIONS, NEW_TOKENS = 32, 64, 16


def run_train():
    """Returns (tokens, seconds, peak memory, held-out loss) of STEPS steps of `spectrum.train`."""
    from spectrum import passes, train

    model, tokenizer, examples, rows = setting(None)
    settings = {"lr": RATE, "warmup": 1, "schedule": "constant", "betas": (0.9, 0.999), "shuffle": False}
    precision = passes.precision_of(model.dtype)
    seconds = timed(lambda: train.train(model, examples, steps=STEPS, batch_size=BATCH, precision=precision,
                                        progress=False, **settings))  # fmt: skip
    return count(examples), seconds, peak(), held_out(model, tokenizer, rows)


def run_trainer():
    """Returns (tokens, seconds, peak memory, held-out loss) of as many steps of the Trainer over peft's LoRA."""
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    model, tokenizer, examples, rows = setting("float32")
    arguments = TrainingArguments(
        output_dir=tempfile.mkdtemp(), max_steps=STEPS, per_device_train_batch_size=BATCH, learning_rate=RATE,
        lr_scheduler_type="constant", train_sampling_strategy="sequential", save_strategy="no", logging_strategy="no",
        report_to=[], disable_tqdm=True, use_cpu=True)  # fmt: skip
    collator = DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100)
    trainer = Trainer(model=model, args=arguments, train_dataset=examples, data_collator=collator)
    return count(examples), timed(trainer.train), peak(), held_out(model, tokenizer, rows)


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


def by_complete(model, tokenizer, chats, new_tokens):
    """Answers chats with `complete`."""
    from spectrum.generate import complete

    complete(model, tokenizer, chats, new_tokens, progress=False)


def by_generate(model, tokenizer, chats, new_tokens):
    """Answers chats in one batch, padded on the left, with transformers' `generate`."""
    import torch

    tokenizer.padding_side = "left"
    options = {"add_generation_prompt": True, "tokenize": True, "return_dict": True, "return_tensors": "pt"}
    inputs = tokenizer.apply_chat_template(chats, padding=True, **options)
    with torch.inference_mode():
        model.generate(**inputs, max_new_tokens=new_tokens, do_sample=False, pad_token_id=tokenizer.pad_token_id)


def one_by_one(model, tokenizer, chats, new_tokens):
    """Answers one chat after the other with transformers' `generate`."""
    for chat in chats:
        by_generate(model, tokenizer, [chat], new_tokens)


def run_letters(answer):
    """Returns (tokens, seconds, peak memory, None) of answers of equal length to LETTERS letters."""
    return LETTERS * NEW_TOKENS, *answering(answer, [item.input for item in material("ticket", 0, 0)[1][:LETTERS]])


def run_questions(answer):
    """Returns (answers, seconds, peak memory, None) of QUESTIONS questions with shown examples, answered to the end."""
    from spectrum import general

    return QUESTIONS, *answering(answer, [text for _, text, _ in general.questions()[:QUESTIONS]], 2 * NEW_TOKENS)


def answering(answer, texts, new_tokens=NEW_TOKENS):
    """Returns (seconds, peak memory, None) of answering texts as chats."""
    from spectrum import models, prompts

    model, tokenizer = models.load_model("smollm2")
    chats = [prompts.chat(text) for text in texts]
    answer(model, tokenizer, chats[:1], 2)  # the first call sets up
    return timed(lambda: answer(model, tokenizer, chats, new_tokens)), peak(), None


def peak():
    """Returns the most memory that this process has had until now, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def timed(function):
    """Returns the seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


LETTER_WAYS = {"complete": by_complete, "generate": by_generate, "generate, one at a time": one_by_one}
WAYS = {
    "train": run_train,
    "Trainer": run_trainer,
    **{way: lambda answer=answer: run_letters(answer) for way, answer in LETTER_WAYS.items()},
    "complete, own ends": lambda: run_questions(by_complete),
    "generate, own ends": lambda: run_questions(by_generate),
}


def compare():
    """Runs each way ROUNDS times, in turns, prints what each took, and the medians' ratios with their bars."""
    found = {way: [] for way in WAYS}
    for number in range(ROUNDS):
        for way in WAYS:
            found[way].append(apart(way))
            tokens, seconds, memory, loss = found[way][-1]
            end = "" if loss is None else f", held-out loss {loss:.3f}"
            unit = "answers" if "own ends" in way else "tokens"
            print(f"{number + 1}. {way:24}{tokens / seconds:7.1f} {unit}/s, peak {memory:.2f} GB{end}", flush=True)
    rate = {way: statistics.median(tokens / seconds for tokens, seconds, *_ in runs) for way, runs in found.items()}
    memory = {way: statistics.median(run[2] for run in runs) for way, runs in found.items()}
    print(f"train / Trainer: {rate['train'] / rate['Trainer']:.2f} times the tokens/s (bar 2), "
          f"{memory['train'] / memory['Trainer']:.0%} of its peak memory (bar 70 %)")  # fmt: skip
    print(f"complete / generate: {rate['complete, own ends'] / rate['generate, own ends']:.2f} times batched (bar 1), "
          f"{rate['complete'] / rate['generate']:.2f} where all answers have one length; "
          f"{rate['complete'] / rate['generate, one at a time']:.1f} times one at a time (bar 4)")  # fmt: skip


def apart(way):
    """Returns [tokens, seconds, peak memory, held-out loss] of a way, run in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "tools.bench_real", way], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{way}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    print(json.dumps(WAYS[sys.argv[1]]()))
