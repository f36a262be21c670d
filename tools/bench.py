"""Benchmarks, each against the plain way of doing the same, in one process: `python -m tools.bench generate`."""

import argparse
import time

PROMPTS, PROMPT_TOKENS, NEW_TOKENS = 200, 60, 24


def bench_generate():
    """Print how much faster `complete` is than `model.generate` called once per prompt."""
    from spectrum.models import embedded_names, load_model

    cases = {"untrained, 4 layers of 256": random_model}
    if "lumen-base" in embedded_names():
        cases["lumen-base"] = lambda: load_model("lumen-base")
    for name, load in cases.items():
        compare_generate(name, *load())


def random_model():
    """Return (model, tokenizer): a Llama of about 3M parameters with random weights."""
    from tests.tiny import make_model, make_tokenizer

    tokenizer = make_tokenizer()
    return make_model(tokenizer, layers=4, hidden=256, vocabulary=2048), tokenizer


def compare_generate(name, model, tokenizer):
    """Time the ways of answering the same prompts, and print each as a ratio to one prompt at a time."""
    from spectrum.generate import complete
    from spectrum.models import count_parameters

    prompts = make_prompts(tokenizer)
    complete(model, tokenizer, prompts[:2], max_new_tokens=2)  # the first call pays for imports
    slow, expected = timed(lambda: [generate_one(model, tokenizer, prompt) for prompt in prompts])
    library, _ = timed(lambda: generate_batched(model, tokenizer, prompts))
    fast, answers = timed(lambda: complete(model, tokenizer, prompts, max_new_tokens=NEW_TOKENS, progress=False))
    same = sum(a == b for a, b in zip(answers, expected, strict=True))
    print(f"{name}: {count_parameters(model) / 1e6:.1f}M parameters, {PROMPTS} prompts of {PROMPT_TOKENS} ± 12 tokens")
    print(f"  generate, one prompt at a time  {slow:6.2f} s")
    print(f"  generate, batches of 64         {library:6.2f} s  {slow / library:5.1f}×")
    print(
        f"  complete                        {fast:6.2f} s  {slow / fast:5.1f}×  ({same} of {PROMPTS} answers the same)"
    )


def make_prompts(tokenizer):
    """Return plain texts of about PROMPT_TOKENS tokens each, pseudo-random but always the same."""
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
    """Return the greedy answer of transformers' own `generate` to one prompt."""
    inputs = tokenizer(prompt, return_tensors="pt").to(model.device)
    out = model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False)
    return tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def generate_batched(model, tokenizer, prompts):
    """Run transformers' own `generate` on batches of 64, sorted by length, padded on the left."""
    prompts = sorted(prompts, key=len)
    for start in range(0, len(prompts), 64):
        inputs = tokenizer(prompts[start : start + 64], return_tensors="pt", padding=True, padding_side="left")
        model.generate(**inputs.to(model.device), max_new_tokens=NEW_TOKENS, do_sample=False)


def timed(function):
    """Return (seconds, result) of one call."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


BENCHMARKS = {"generate": bench_generate}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmark", choices=BENCHMARKS)
    BENCHMARKS[parser.parse_args().benchmark]()


if __name__ == "__main__":
    main()
