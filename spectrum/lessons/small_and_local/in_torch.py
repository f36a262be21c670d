"""torch as an engine, in a process of its own: reads what to ask in a line of JSON, and answers one after the other."""

import json
import sys
import time


def answer_one_by_one(folder, asked, most, stop):
    """Returns {"answers", "seconds"} of a saved model, in 32 bits on one thread, once "ready" was printed."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from spectrum.generate import complete

    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    print("ready", flush=True)
    found = {"answers": [], "seconds": []}
    for prompt in asked:
        start = time.perf_counter()
        found["answers"] += complete(model, tokenizer, [prompt], max_new_tokens=most, stop=stop, progress=False)
        found["seconds"].append(time.perf_counter() - start)
    return found


if __name__ == "__main__":
    print(json.dumps(answer_one_by_one(*json.loads(sys.stdin.readline()))), flush=True)
    sys.stdin.read()  # until it is closed: so that whoever asked can see how much memory this takes
