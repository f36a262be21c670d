"""LoRA and QLoRA steps on the Qwen3-8B architecture with random weights: `python -m tools.gpu_reference`.

Speed and memory do not depend on the values of the weights, so nothing is downloaded; the loss only shows that training
works. Rank 16 on all linear layers, rows of 2,048 tokens, gradient checkpointing. The results go to results/<device>/
with what made them. With `--small`, a tiny model of the same architecture on whatever device there is.
"""

import argparse
import json
import platform
import statistics
import subprocess
import time
from pathlib import Path

import torch

from spectrum import adapters
from spectrum.ledger import ledger
from spectrum.train import train

ROOT = Path(__file__).parents[1]
RANK, LENGTH = 16, 2048
QWEN3_8B = {
    "vocab_size": 151936, "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "max_position_embeddings": 40960,
    "tie_word_embeddings": False,
}  # fmt: skip
SMALL = {
    **QWEN3_8B, "vocab_size": 512, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
}  # fmt: skip


def build(shape, method, device, seed=0):
    """Returns a Qwen3 with random weights in bf16 and an untrained LoRA; for "qlora" its linear layers are in NF4."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(seed)
    with torch.device(device):
        torch.set_default_dtype(torch.bfloat16)
        model = Qwen3ForCausalLM(Qwen3Config(**shape))
        torch.set_default_dtype(torch.float32)
    if method == "qlora":
        for name, layer in adapters.find_layers(model).items():
            parent = model.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], in_four_bits(layer))
    model = adapters.add_lora(model, RANK)
    model.enable_input_require_grads()
    model.gradient_checkpointing_enable()
    return model


def in_four_bits(layer):
    """Returns a linear layer without bias as NF4 with double quantization, computed in bf16."""
    import bitsandbytes as bnb

    small = bnb.nn.Linear4bit(
        layer.in_features, layer.out_features, bias=False, compute_dtype=torch.bfloat16, quant_type="nf4",
        compress_statistics=True,
    )  # fmt: skip
    weight = layer.weight.detach()
    small.weight = bnb.nn.Params4bit(weight.cpu(), requires_grad=False, quant_type="nf4", compress_statistics=True)
    return small.to(weight.device)


def rows(vocabulary, count, length, seed=0):
    """Returns `count` examples of `length` tokens: a strip of 16 repeated, so that there is something to learn."""
    generator, examples = torch.Generator().manual_seed(seed), []
    for _ in range(count):
        strip = torch.randint(0, vocabulary, (16,), generator=generator).tolist()
        ids = (strip * (length // 16 + 1))[:length]
        examples.append({"input_ids": ids, "labels": ids})
    return examples


def measure(method, shape, device, steps, batch_size, length):
    """Returns what a run of `steps` measured: tokens per second, bytes, loss and gradient norm."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    model = build(shape, method, device)
    examples = rows(shape["vocab_size"], 8 * batch_size, length)
    records = train(model, examples, steps=steps, lr=2e-4, batch_size=batch_size, length=length, schedule="constant",
                    precision="bf16", progress=True)  # fmt: skip
    spent = [b["seconds"] - a["seconds"] for a, b in zip(records[2:], records[3:], strict=False)]  # the first warm up
    predicted = ledger(
        model.get_base_model().config, method, rank=RANK, batch=batch_size, length=length, checkpointing=True
    )
    return {
        "method": method,
        "tokens per second": round(batch_size * length / statistics.median(spent), 1),
        "peak bytes": torch.cuda.max_memory_allocated() if device == "cuda" else None,
        "predicted bytes": predicted,
        "loss": [round(r["loss"], 4) for r in records],
        "gradient norm": [round(r["gradient_norm"], 4) for r in records],
    }


def provenance(device):
    """Returns what made the numbers: device, versions, commit, date."""
    import bitsandbytes
    import peft
    import transformers

    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    versions = {m.__name__: m.__version__ for m in (torch, transformers, peft, bitsandbytes)}
    name = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    return {"date": time.strftime("%Y-%m-%d"), "commit": commit or "unknown", "device": name, "versions": versions}


def main(arguments=None):
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a tiny model, to see that everything runs")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--out", type=Path, help="the file to write; by default results/<device>/qwen3_8b.json")
    options = parser.parse_args(arguments)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not options.small:
        raise SystemExit("no GPU here: the 8B model would take days. Use --small to see that everything runs.")
    shape, length = (SMALL, 64) if options.small else (QWEN3_8B, LENGTH)
    runs = [measure(m, shape, device, options.steps, options.batch, length) for m in ("lora", "qlora")]
    about = provenance(device)
    out = options.out or ROOT / "results" / about["device"].replace(" ", "_").lower() / "qwen3_8b.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({**about, "shape": shape, "rank": RANK, "length": length, "runs": runs}, indent=1) + "\n")
    for run in runs:
        print(f"{run['method']:6s} {run['tokens per second']:10,.0f} tokens/s, peak {run['peak bytes']}, "
              f"loss {run['loss'][0]} to {run['loss'][-1]}")  # fmt: skip
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
