"""Trains the embedded models from nothing: `make weights`, or e.g. `python -m tools.train_weights lumen-small`.

Each model is written to spectrum/weights/<name>/ with its birth certificate, birth.json. A run that was killed goes on
from its last checkpoint in build/ when the same command is given again.
"""

import argparse
import hashlib
import json
import subprocess
import time
import zlib
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import GenerationConfig

from spectrum import seeds
from spectrum.checkpoints import weights_hash
from spectrum.examples import IGNORE
from spectrum.generate import complete
from spectrum.precision import processor
from spectrum.shop import corpus, instruction_data
from spectrum.shop.tokenizer import SPECIALS, TURN_END, make_tokenizer
from spectrum.train import train
from tools.lumen import MuonWithAdamW, new_model

ROOT = Path(__file__).parents[1]
LENGTH, BATCH, WARMUP_STEPS, STRIPS, LATE = 512, 4, 60, 0.08, 0.4  # LATE: the share of tokens of the late mix
RUNS = {
    "lumen-small": {"steps": 5000, "lr": 2e-3},
    "lumen-base": {"steps": 12500, "lr": 1.5e-3},
    "lumen-large": {"steps": 20000, "lr": 1e-3},
}
INSTRUCT = {"rows": 40000, "epochs": 1, "lr": 1e-3, "batch_size": 24}


def build_tokenizer(folder):
    """Returns the tokenizer all embedded models share, trained on the first documents of the corpus."""
    tokenizer = make_tokenizer(text for _, text in corpus.documents(seed=0, count=8000))
    tokenizer.save_pretrained(folder)
    return tokenizer


def corpus_windows(tokenizer, steps, cache, seed=0):
    """Returns (windows, seen), both (steps * BATCH, LENGTH): token ids, and whether the loss looks at each.

    Documents end to end, but for a copying warm-up at the start and a share of STRIPS of repeated tokens throughout:
    without them a model unlearns to copy single words. In seven documents of eight the loss looks at the answers only,
    at what the text before them lets a reader predict: the rest of a message cannot be predicted, and once its grammar
    is learned it only adds noise to the gradient.
    """
    mark = hashlib.sha256((tokenizer.backend_tokenizer.to_str() + corpus_sample(seed)).encode()).hexdigest()[:12]
    count, path = steps * BATCH, cache / f"corpus-{steps}-{seed}-{mark}.npz"
    if not path.exists():
        windows, seen = np.zeros((count, LENGTH), dtype=np.uint16), np.ones((count, LENGTH), dtype=bool)
        fill_windows(windows, seen, tokenizer, seed)
        rng, words = seeds.seeded("strips", seed), corpus.single_tokens(tokenizer)
        for i in range(count):
            if i < WARMUP_STEPS * BATCH or rng.random() < STRIPS:
                pool = words if rng.random() < 0.5 else range(len(SPECIALS), len(tokenizer))
                windows[i], seen[i] = corpus.repeated_tokens(rng, LENGTH, pool), True
        np.savez(path.with_suffix(".part.npz"), windows=windows, seen=seen)
        path.with_suffix(".part.npz").replace(path)
    stored = np.load(path)
    return stored["windows"], stored["seen"]


def corpus_sample(seed):
    """Returns the first documents as one text: it changes whenever what the corpus holds does."""
    samples = (corpus.marked_documents(f"{seed}/0", 300, shares) for shares in (corpus.SHARES, corpus.LATE_SHARES))
    return str(LATE) + "".join(text for sample in samples for _, text in sample)


def fill_windows(windows, seen, tokenizer, seed, chunk=2000):
    """Fills the rows with documents in the order of the corpus, each after an end-of-text token, and what is seen."""
    ids, mask, filled, number = windows.reshape(-1), seen.reshape(-1), 0, 0
    with tqdm(total=len(ids), desc="writing the corpus", unit="token") as bar:
        while filled < len(ids):
            shares = corpus.SHARES if filled < (1 - LATE) * len(ids) else corpus.LATE_SHARES
            for new, look in tokenized_documents(tokenizer, f"{seed}/{number}", chunk, shares):
                stop = min(filled + len(new), len(ids))
                ids[filled:stop], mask[filled:stop] = new[: stop - filled], look[: stop - filled]
                bar.update(stop - filled)
                filled = stop
            number += 1


def tokenized_documents(tokenizer, seed, count, shares):
    """Yields (token ids, whether the loss looks at each) for each document."""
    clean = [corpus.answer_spans(marked) for _, marked in corpus.marked_documents(seed, count, shares)]
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


def save(model, tokenizer, folder, birth):
    """Writes the checkpoint in bf16 with its tokenizer, generation settings and birth certificate."""
    ends = [tokenizer.convert_tokens_to_ids(TURN_END), tokenizer.eos_token_id]
    model.generation_config = GenerationConfig(
        eos_token_id=ends, pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id
    )
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    birth["reference"] = reference_answer(model.float().cpu().eval(), tokenizer, folder.name)  # as bf16 is loaded
    (folder / "birth.json").write_text(json.dumps({**birth, "files": weights_hash(folder)}, indent=1) + "\n")
    print(f"wrote {folder}")


def reference_answer(model, tokenizer, name):
    """Returns {"prompt", "answer"}: what the model says to one prompt, for lesson 00 to compare with."""
    text = "I live in Lisbon. I bought two lamps."
    prompt = [{"role": "user", "content": f"Give the city.\n{text}"}] if "instruct" in name else text
    return {"prompt": prompt, "answer": complete(model, tokenizer, [prompt], max_new_tokens=24, progress=False)[0]}


def certificate(name, model, records, tokens, data_hash, device, seed, **more):
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
        "tokens_seen": tokens,
        "tokens_in_loss": sum(r["tokens"] for r in records),
        "trained_length": LENGTH,
        "steps": len(records),
        "device": f"{device}, {processor()}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "seconds": round(records[-1]["seconds"]),
        "loss": [[r["step"], round(r["loss"], 4)] for r in curve],
        **more,
    }


def pretrain(name, weights, cache, device, seed, compiled, bf16):
    """Trains one of the RUNS on the corpus and saves it."""
    tokenizer = build_tokenizer(cache / "tokenizer")
    run = RUNS[name]
    windows, seen = corpus_windows(tokenizer, run["steps"], cache)
    model = new_model(name, tokenizer, seed).to(device)
    records = train(
        model,
        Windows(windows, seen),
        **run,
        optimizer=MuonWithAdamW(model),
        batch_size=BATCH,
        length=LENGTH,
        seed=seed,
        warmup=100,
        schedule="trapezoid",
        shuffle=False,
        precision="bf16" if bf16 else None,
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
        certificate(name, model, records, windows.size, data_hash, device, seed, bf16=bf16, compiled=compiled),
    )


def instruct(weights, cache, device, seed, compiled, bf16):
    """Tunes lumen-base on the course's instruction data, all parameters, and saves it as lumen-instruct."""
    from spectrum.examples import tokenize_rows
    from spectrum.models import load_model

    model, tokenizer = load_model(str(weights / "lumen-base"), device=device)
    rows = instruction_data.instruction_rows(INSTRUCT["rows"], seed=seed)
    examples = tokenize_rows(tokenizer, tqdm(rows, desc="tokenizing"))
    records = train(
        model,
        examples,
        epochs=INSTRUCT["epochs"],
        lr=INSTRUCT["lr"],
        batch_size=INSTRUCT["batch_size"],
        length=LENGTH,
        seed=seed,
        precision="bf16" if bf16 else None,
        checkpoint=cache / "lumen-instruct.pt",
        progress=True,
    )
    data_hash = hashlib.sha256(json.dumps([e["input_ids"] for e in examples]).encode()).hexdigest()
    save(
        model,
        tokenizer,
        weights / "lumen-instruct",
        certificate(
            "lumen-instruct",
            model,
            records,
            sum(len(e["input_ids"]) for e in examples) * INSTRUCT["epochs"],
            data_hash,
            device,
            seed,
            base="lumen-base",
            rows=len(rows),
            bf16=bf16,
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
        elif name in RUNS:
            pretrain(name, **options)
        else:
            raise SystemExit(f"unknown model {name!r}; choose from {', '.join([*RUNS, 'lumen-instruct'])}")


if __name__ == "__main__":
    main()
