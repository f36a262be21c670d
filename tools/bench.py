"""Benchmarks against the plain way of doing the same, in one run: `python -m tools.bench generate`, and so on."""

import argparse
import time

PROMPTS, PROMPT_TOKENS, NEW_TOKENS = 200, 60, 24


def bench_generate():
    """Prints how much faster `complete` is than `model.generate` called once per prompt."""
    from spectrum.models import embedded_names, load_model

    cases = {"untrained, 4 layers of 256": random_model}
    if "lumen-base" in embedded_names():
        cases["lumen-base"] = lambda: load_model("lumen-base")
    for name, load in cases.items():
        compare_generate(name, *load())


def random_model():
    """Returns (model, tokenizer): a Llama of about 3M parameters with random weights."""
    from tests.tiny import make_model, make_tokenizer

    tokenizer = make_tokenizer()
    return make_model(tokenizer, layers=4, hidden=256, vocabulary=2048), tokenizer


def compare_generate(name, model, tokenizer):
    """Times the ways of answering the same prompts, and prints each as a ratio to one prompt at a time."""
    from spectrum.generate import complete
    from spectrum.models import count_parameters

    prompts = make_prompts(tokenizer)
    complete(model, tokenizer, prompts[:2], max_new_tokens=2)  # the first call pays for imports
    print(f"{name}: {count_parameters(model) / 1e6:.1f}M parameters, {PROMPTS} prompts of {PROMPT_TOKENS} ± 12 tokens")
    ways = {
        "generate, one at a time": lambda: [generate_one(model, tokenizer, prompt) for prompt in prompts],
        "generate, batches of 64": lambda: generate_batched(model, tokenizer, prompts),
        "complete": lambda: complete(model, tokenizer, prompts, max_new_tokens=NEW_TOKENS, progress=False),
    }
    results = {way: timed(function) for way, function in ways.items()}
    wall_1, cpu_1, expected = results["generate, one at a time"]
    for way, (wall, cpu, _) in results.items():
        print(f"  {way:25}{wall:7.2f} s {wall_1 / wall:5.1f}×   processor time {cpu:7.2f} s {cpu_1 / cpu:5.1f}×")
    same = sum(a == b for a, b in zip(results["complete"][2], expected, strict=True))
    print(f"  {same} of {PROMPTS} answers are the same token for token; rounding decides between near-equal tokens")


def make_prompts(tokenizer):
    """Returns plain texts of about PROMPT_TOKENS tokens each, pseudo-random but always the same."""
    import numpy as np

    random = np.random.default_rng(0)
    words = [" lantern", " broken", " order", " 4821", " Mira", " late", " thank", " kettle", "."]
    prompts = []
    for length in random.integers(PROMPT_TOKENS - 12, PROMPT_TOKENS + 13, PROMPTS):
        ids = []
        while len(ids) < length:
            ids += tokenizer(str(random.choice(words)), add_special_tokens=False)["input_ids"]
        prompts.append(tokenizer.decode(ids[:length]))
    return prompts


def generate_one(model, tokenizer, prompt):
    """Returns the greedy answer of transformers' own `generate` to one prompt."""
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    out = model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False)
    return tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def generate_batched(model, tokenizer, prompts):
    """Runs transformers' own `generate` on batches of 64, sorted by length, padded on the left."""
    prompts = sorted(prompts, key=len)
    for start in range(0, len(prompts), 64):
        inputs = tokenizer(prompts[start : start + 64], return_tensors="pt", padding=True, padding_side="left")
        model.generate(**inputs.to(model.device), max_new_tokens=NEW_TOKENS, do_sample=False)


def timed(function):
    """Returns (seconds, processor seconds, result) of one call; on a busy machine trust the second."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def bench_train():
    """Prints how much faster `spectrum.train` is than transformers' Trainer, and that both end at the same loss."""
    from tools.bench_train import compare

    compare()


def bench_lora():
    """Prints the same for LoRA adapters of rank 8."""
    from tools.bench_train import compare

    compare(rank=8)


def bench_pool(steps=100):
    """Prints the time of 7 LoRA runs in a pool of two processes as a share of their time one after the other."""
    import tempfile
    from concurrent.futures import ThreadPoolExecutor
    from functools import partial

    from spectrum.lessons.lora_rank import runs as rank_runs
    from spectrum.sweeps import run_sweep

    grid = [{"count": 64, "rank": rank, "steps": steps} for rank in rank_runs.RANKS]
    rank_runs.run(**grid[0])  # the first call pays for imports
    seconds = {}
    for name, executor in {"one after the other": ThreadPoolExecutor(1), "pool of two": None}.items():
        with tempfile.TemporaryDirectory() as folder:
            seconds[name] = timed(partial(run_sweep, rank_runs.run, grid, folder, executor))[0]
        print(f"{len(grid)} runs of {steps} steps, {name}: {seconds[name]:.1f} s")
    print(f"the pool takes {seconds['pool of two'] / seconds['one after the other']:.2f} of the time (bar 0.65)")


def bench_real():
    """Prints how training and answering with SmolLM2 compare with the Trainer and with `generate`."""
    from tools.bench_real import compare

    compare()


BENCHMARKS = {"generate": bench_generate, "train": bench_train, "lora": bench_lora, "pool": bench_pool,
              "real": bench_real}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmark", choices=BENCHMARKS)
    BENCHMARKS[parser.parse_args().benchmark]()


if __name__ == "__main__":
    main()
