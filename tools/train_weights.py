"""Trains the embedded models from nothing: `make weights`, or e.g. `python -m tools.train_weights lumen-small`.

Each model is written to spectrum/weights/<name>/ with its birth certificate, birth.json. A run that was killed goes on
from its last checkpoint in build/ when the same command is given again.
"""

import argparse
import hashlib
import json
import platform
import subprocess
import time
import zlib
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from spectrum import corpus, world
from spectrum.examples import IGNORE
from spectrum.generate import complete
from spectrum.train import train

ROOT = Path(__file__).parents[1]
LENGTH, BATCH, WARMUP_STEPS, FULL_LOSS_STEPS = 512, 4, 100, 4500
SHAPES = {
    "lumen-small": {
        "hidden_size": 112,
        "intermediate_size": 288,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "steps": 4000,
        "lr": 3e-3,
    },
    "lumen-base": {
        "hidden_size": 192,
        "intermediate_size": 512,
        "num_hidden_layers": 6,
        "num_attention_heads": 3,
        "steps": 8000,
        "lr": 2e-3,
    },
    "lumen-large": {
        "hidden_size": 384,
        "intermediate_size": 1024,
        "num_hidden_layers": 8,
        "num_attention_heads": 6,
        "steps": 20000,
        "lr": 1e-3,
    },
}
INSTRUCT = {"rows": 30000, "epochs": 1, "lr": 1e-3, "batch_size": 24}


def build_tokenizer(folder):
    """Returns the tokenizer all embedded models share, trained on the first documents of the corpus."""
    tokenizer = corpus.make_tokenizer(text for _, text in corpus.documents(seed=0, count=8000))
    tokenizer.save_pretrained(folder)
    return tokenizer


def corpus_windows(tokenizer, steps, cache, seed=0):
    """Returns (windows, seen), both (steps * BATCH, LENGTH): token ids, and whether the loss looks at each.

    First the copying warm-up, then documents end to end. The loss looks at everything for FULL_LOSS_STEPS; after that,
    in seven documents of eight, at the answers only: what the text before them lets a reader predict. The rest of a
    message cannot be predicted, and once its grammar is learned it only adds noise to the gradient.
    """
    count, path = steps * BATCH, cache / f"corpus-{steps}-{seed}.npz"
    if not path.exists():
        windows, seen = np.zeros((count, LENGTH), dtype=np.uint16), np.ones((count, LENGTH), dtype=bool)
        rng, warm = world.seeded("warm-up", seed), WARMUP_STEPS * BATCH
        for i in range(warm):
            windows[i] = corpus.repeated_tokens(rng, LENGTH, len(tokenizer))
        fill_windows(windows[warm:], seen[warm:], tokenizer, seed)
        seen[: FULL_LOSS_STEPS * BATCH] = True
        np.savez(path.with_suffix(".part.npz"), windows=windows, seen=seen)
        path.with_suffix(".part.npz").replace(path)
    stored = np.load(path)
    return stored["windows"], stored["seen"]


def fill_windows(windows, seen, tokenizer, seed, chunk=2000):
    """Fills the rows with documents in the order of the corpus, each after an end-of-text token, and what is seen."""
    ids, mask, filled, number = windows.reshape(-1), seen.reshape(-1), 0, 0
    with tqdm(total=len(ids), desc="writing the corpus", unit="token") as bar:
        while filled < len(ids):
            for new, look in tokenized_documents(tokenizer, f"{seed}/{number}", chunk):
                stop = min(filled + len(new), len(ids))
                ids[filled:stop], mask[filled:stop] = new[: stop - filled], look[: stop - filled]
                bar.update(stop - filled)
                filled = stop
            number += 1


def tokenized_documents(tokenizer, seed, count):
    """Yields (token ids, whether the loss looks at each) for each document."""
    clean = [corpus.answer_spans(marked) for _, marked in corpus.marked_documents(seed, count)]
    encoded = tokenizer([text for text, _ in clean], return_offsets_mapping=True)
    for number, (text, spans) in enumerate(clean):
        look = np.ones(len(encoded["input_ids"][number]), dtype=bool)
        if spans and zlib.crc32(text.encode()) % 8:
            starts, stops = np.array(encoded["offset_mapping"][number]).T
            look = np.zeros_like(look)
            for start, stop in spans:
                look |= (stops > start) & (starts < stop)
        yield encoded["input_ids"][number], look


class Windows:
    """The rows of a token matrix as training examples whose loss looks where `seen` says."""

    def __init__(self, matrix, seen):
        self.matrix, self.seen = matrix, seen

    def __len__(self):
        return len(self.matrix)

    def __getitem__(self, i):
        ids = torch.from_numpy(self.matrix[i].astype(np.int64))
        return {"input_ids": ids, "labels": torch.where(torch.from_numpy(self.seen[i]), ids, IGNORE)}


def new_model(name, tokenizer, seed=0):
    """Returns an untrained Llama of one of the SHAPES, with a planted induction head."""
    shape = {k: v for k, v in SHAPES[name].items() if k not in ("steps", "lr")}
    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            attention_bias=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            num_key_value_heads=shape["num_attention_heads"],
            **shape,
        )
    )
    plant_induction(model, seed)
    return model


@torch.no_grad()
def plant_induction(model, seed=0, pairs=10):
    """Starts two layers as a weak induction circuit (Olsson et al. 2022): "after X came Y, so after X comes Y again".

    Copying from the context is what every prompt with examples stands on, and it appears only after a long plateau:
    without this start, 420 steps on repeated strips did not get past guessing among the strip's tokens, with it the
    first step does. A head of layer 0 looks one token back (the attention bias makes that a matter of position alone)
    and writes what it saw into directions of its own; two heads of layer 1 look for the place whose predecessor is the
    current token, and copy it. Training is free to change all of it, and does: the first lumen-base ended up copying
    single words badly again. In the spirit of mimetic initialization (Trockman and Kolter 2023).
    """
    generator = torch.Generator().manual_seed(seed)
    width, head = model.config.hidden_size, model.model.layers[0].self_attn.head_dim
    size = min(head, width // 3) // 4 * 4  # directions for: a token itself, the token before it, and the rest to copy
    basis = torch.linalg.qr(torch.randn(width, width, generator=generator))[0].T
    own, before, rest = basis[:size], basis[size : 2 * size], basis[2 * size : 3 * size]
    model.model.embed_tokens.weight.normal_(0, 0.05, generator=generator)
    first, second = (layer.self_attn for layer in model.model.layers[:2])
    frequency = model.config.rope_parameters["rope_theta"] ** (-torch.arange(0, head, 2) / head)
    for projection, angle in ((first.q_proj, 0 * frequency), (first.k_proj, frequency)):
        projection.weight[:head] = 0
        projection.bias[:pairs] = 4 * torch.cos(angle[:pairs])
        projection.bias[head // 2 : head // 2 + pairs] = 4 * torch.sin(angle[:pairs])
    first.v_proj.weight[:size], first.o_proj.weight[:, :size] = own, 0.12 * before.T
    # Dimensions that rotate slowly, so that a match counts far away too.
    slow = torch.cat([torch.arange(head // 2 - size // 4, head // 2), torch.arange(head - size // 4, head)])
    for number, copied in ((0, own), (1, rest)):
        part = slice(number * size // 2, (number + 1) * size // 2)
        second.q_proj.weight[number * head + slow] = 1.35 * own[part]
        second.k_proj.weight[number * head + slow] = 1.35 * before[part]
        second.v_proj.weight[number * head : number * head + size] = copied
        second.o_proj.weight[:, number * head : number * head + size] = 0.3 * copied.T


def save(model, tokenizer, folder, birth):
    """Writes the checkpoint in bf16 with its tokenizer, generation settings and birth certificate."""
    ends = [tokenizer.convert_tokens_to_ids(corpus.TURN_END), tokenizer.eos_token_id]
    model.generation_config = GenerationConfig(
        eos_token_id=ends, pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id
    )
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    birth["reference"] = reference_answer(model.float().cpu().eval(), tokenizer, folder.name)  # as bf16 is loaded
    files = {f: hashlib.sha256((folder / f).read_bytes()).hexdigest() for f in ("model.safetensors", "tokenizer.json")}
    (folder / "birth.json").write_text(json.dumps({**birth, "files": files}, indent=1) + "\n")
    print(f"wrote {folder}")


def reference_answer(model, tokenizer, name):
    """Returns {"prompt", "answer"}: what the model says to one prompt, for lesson 00 to compare with."""
    text = "I live in Lisbon. I bought two lamps."
    prompt = [{"role": "user", "content": f"Give the city.\n{text}"}] if "instruct" in name else text
    return {"prompt": prompt, "answer": complete(model, tokenizer, [prompt], max_new_tokens=24, progress=False)[0]}


def certificate(name, model, records, data_hash, device, seed, **more):
    """Returns what is to be known of a training: commit, seed, data, tokens, device, time, loss in about 100 points."""
    commit = (
        subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
        or "unknown"
    )
    curve = records[:: max(1, len(records) // 100)] + [records[-1]]
    return {
        "name": name,
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit,
        "seed": seed,
        "parameters": sum(p.numel() for p in model.parameters()),
        "corpus_sha256": data_hash,
        "tokens_seen": sum(r["tokens"] for r in records),
        "trained_length": LENGTH,
        "steps": len(records),
        "device": f"{device}, {processor()}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "seconds": round(records[-1]["seconds"]),
        "loss": [[r["step"], round(r["loss"], 4)] for r in curve],
        **more,
    }


def processor():
    """Returns the name of the processor (Linux) or the machine type."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def pretrain(name, weights, cache, device, seed, compiled, bf16):
    """Trains one of the SHAPES on the corpus and saves it."""
    tokenizer = build_tokenizer(cache / "tokenizer")
    shape = SHAPES[name]
    windows, seen = corpus_windows(tokenizer, shape["steps"], cache)
    model = new_model(name, tokenizer, seed).to(device)
    records = train(
        model,
        Windows(windows, seen),
        steps=shape["steps"],
        lr=shape["lr"],
        batch_size=BATCH,
        length=LENGTH,
        seed=seed,
        warmup=200,
        schedule="trapezoid",
        weight_decay=0.01,
        shuffle=False,
        bf16=bf16,
        compiled=compiled,
        checkpoint=cache / f"{name}.pt",
        checkpoint_every=250,
        progress=True,
    )
    data_hash = hashlib.sha256(windows.tobytes()).hexdigest()
    save(
        model,
        tokenizer,
        weights / name,
        certificate(name, model, records, data_hash, device, seed, bf16=bf16, compiled=compiled),
    )


def instruct(weights, cache, device, seed, compiled, bf16):
    """Tunes lumen-base on the course's instruction data, all parameters, and saves it as lumen-instruct."""
    from spectrum.examples import tokenize_rows
    from spectrum.models import load_model

    model, tokenizer = load_model(str(weights / "lumen-base"), device=device)
    rows = corpus.instruction_rows(INSTRUCT["rows"], seed=seed)
    examples = tokenize_rows(tokenizer, tqdm(rows, desc="tokenizing"))
    records = train(
        model,
        examples,
        epochs=INSTRUCT["epochs"],
        lr=INSTRUCT["lr"],
        batch_size=INSTRUCT["batch_size"],
        length=LENGTH,
        seed=seed,
        bf16=bf16,
        checkpoint=cache / "lumen-instruct.pt",
        progress=True,
    )
    data_hash = hashlib.sha256(json.dumps([e["input_ids"] for e in examples]).encode()).hexdigest()
    save(
        model,
        tokenizer,
        weights / "lumen-instruct",
        certificate(
            "lumen-instruct", model, records, data_hash, device, seed, base="lumen-base", rows=len(rows), bf16=bf16
        ),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names",
        nargs="*",
        default=["lumen-base", "lumen-instruct", "lumen-small"],
        help="models to train, in this order",
    )
    parser.add_argument("--weights", type=Path, default=ROOT / "spectrum" / "weights", help="where the checkpoints go")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / "build", help="where the corpus and the resumable state are kept"
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--compiled", action="store_true", help="torch.compile the model (faster; needs a C++ compiler)"
    )
    parser.add_argument("--bf16", action="store_true", help="bf16 autocast (faster where the processor has it)")
    options = vars(parser.parse_args())
    options["cache"].mkdir(parents=True, exist_ok=True)
    for name in options.pop("names"):
        if name == "lumen-instruct":
            instruct(**options)
        elif name in SHAPES:
            pretrain(name, **options)
        else:
            raise SystemExit(f"unknown model {name!r}; choose from {', '.join([*SHAPES, 'lumen-instruct'])}")


if __name__ == "__main__":
    main()
