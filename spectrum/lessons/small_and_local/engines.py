"""One model in two engines, torch and llama.cpp over an exported file: how large, how fast, and are answers the same?

Each engine is a process of its own with one thread, which answers one question after the other, as a phone does.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from spectrum import adapters, export
from spectrum.lessons.small_and_local.in_torch import answer_one_by_one
from spectrum.memory import peak_memory
from spectrum.models import load_model
from spectrum.serve import environment, serve

KINDS = tuple(export.KINDS)
CONTEXT = 2048


def whole(model, name):
    """Returns (model, tokenizer) in 32 bits, with the adapter that was trained over `name` in any format merged in."""
    with tempfile.TemporaryDirectory() as folder:
        adapters.save_adapter(model, folder)
        base, tokenizer = load_model(name, dtype="float32")
        return adapters.load_adapter(base, folder).merge_and_unload(), tokenizer


def compare(model, tokenizer, asked, most, stop=None, kinds=KINDS):
    """Returns [{"engine", "answers", "start", "MB", "file MB", "ms", "read", "write"}], of torch and each kind of file.

    "start" are the seconds until the first question can be asked, "MB" the most memory that the process has held, "ms"
    the median milliseconds of an answer, "read" and "write" tokens a second as llama.cpp has them (torch: none).
    """
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        model.save_pretrained(folder / "torch")
        tokenizer.save_pretrained(folder / "torch")
        size = sum(path.stat().st_size for path in (folder / "torch").glob("*.safetensors"))
        found = [{"engine": "torch", "file MB": size / 1e6, **in_torch(folder / "torch", asked, most, stop)}]
        for kind in kinds:
            path = export.write_gguf(model, tokenizer, folder / kind, kind)
            found.append({"engine": kind, "file MB": path.stat().st_size / 1e6, **in_llama(path, asked, most, stop)})
            path.unlink()
    return [{key: round(each, 3) if isinstance(each, float) else each for key, each in row.items()} for row in found]


def in_torch(folder, asked, most, stop=None):
    """Returns what torch says and takes, in a process of its own."""
    task, start = json.dumps([str(folder), asked, most, stop]), time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", answer_one_by_one.__module__], env=environment(), text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    process.stdin.write(task + "\n")
    process.stdin.flush()
    process.stdout.readline()
    ready = time.perf_counter() - start
    found = json.loads(process.stdout.readline())
    memory = peak_memory(process.pid)
    process.communicate()
    middle = 1000 * float(np.median(found["seconds"]))
    return {"answers": found["answers"], "start": ready, "MB": memory / 1e6, "ms": middle}


def in_llama(path, asked, most, stop=None):
    """Returns what llama.cpp says and takes."""
    with serve(path, context=CONTEXT) as server:
        answers, seconds, timings = ask(server.url, asked, most, stop)
        found = {"answers": answers, "start": server.seconds, "MB": server.memory() / 1e6}
    found["ms"] = 1000 * float(np.median(seconds))
    rates = {"read": ("prompt_n", "prompt_ms"), "write": ("predicted_n", "predicted_ms")}
    return found | {
        what: 1000 * sum(each[n] for each in timings) / sum(each[ms] for each in timings)
        for what, (n, ms) in rates.items()
    }


def ask(url, asked, most, stop=None, **body):
    """Returns (answers, seconds of each, llama.cpp's timings of each) to chats or texts asked at an address, greedily.

    `body` goes into each request as it is: lora=[{"id": 0, "scale": 1.0}] weighs an adapter.
    """
    import openai

    answers, seconds, timings = [], [], []
    with openai.OpenAI(base_url=url, api_key="none") as client:
        for prompt in asked:
            start = time.perf_counter()
            settings = {"model": "any", "max_tokens": most, "temperature": 0, "stop": stop, "extra_body": body}
            if isinstance(prompt, str):
                reply = client.completions.create(prompt=prompt, **settings)
                answers.append(reply.choices[0].text)
            else:
                reply = client.chat.completions.create(messages=prompt, **settings)
                answers.append(reply.choices[0].message.content)
            seconds.append(time.perf_counter() - start)
            timings.append(reply.timings)
    return answers, seconds, timings
