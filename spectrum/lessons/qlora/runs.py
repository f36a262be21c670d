"""The tuning runs behind lesson 15: planted facts learned by LoRA over a base as it is and over a base in four bits.

`run` is one run, a pure function of its settings that a process pool can import; `GRIDS` holds the settings of the
stored sweeps on lumen, `REAL` those on SmolLM2. `tools/make_sweeps.py` runs them; notebooks/15_qlora.ipynb reads them.
"""

import copy
import statistics

import torch

from spectrum import adapters
from spectrum.evaluate import mean_loss
from spectrum.examples import pack, tokenize_rows
from spectrum.lessons.lora_rank import runs as rank_runs
from spectrum.models import load_model
from spectrum.passes import autocast, precision_of
from spectrum.provenance import provenance
from spectrum.quantize import load_quantized
from spectrum.shop import scoring
from spectrum.sweeps import read_sweep, results_folder
from spectrum.train import train

RESULTS = results_folder("15_qlora")
SEEDS, ALPHA = (0, 1, 2), 16
RANK, RATE, FACTS = 8, 5e-3, 256  # with room to spare: the recall is 100 % whatever becomes of the base
# Without: so few steps of rank 1 leave some of the facts unlearned, so that the recall can tell two bases apart.
TIGHT = {"rank": 1, "count": 256, "lr": 2e-3, "steps": 320, "batch_size": 4}
LARGE_RATE = 2e-4  # of the run in view above 100M parameters; QLoRA's own for 7B and 13B
PROTECT = 132  # questions on what tuning and rounding must not break
GRIDS = {
    "facts": rank_runs.grid(rounded=(False, True), rank=(RANK,), seed=SEEDS),
    "tight": [{**TIGHT, **more} for more in rank_runs.grid(rounded=(False, True), seed=SEEDS)],
}
REAL = {
    "untuned": rank_runs.grid(name=("smollm2",), rounded=(False, True)),
    "facts": rank_runs.grid(name=("smollm2",), rounded=(False, True), rank=(16,), lr=(1e-3,), count=(64,), seed=(0,)),
}


def run(name="base", rounded=False, rank=0, lr=RATE, count=FACTS, steps=None, batch_size=None, seed=0,
        protect=PROTECT, each_step=None):  # fmt: skip
    """Returns what one run measured, plain numbers: a model as it is or `rounded` to NF4, untuned or with a LoRA.

    With a `rank` above 0 the model learns `count` planted facts, α 16: "score" is the share recalled, "loss" in nats
    per completion token, "seconds" those of the training. Nothing can be held out: they are asked as they were
    taught. A LoRA over a base as it is, is asked once more over the rounded one ("score moved", "loss moved"); "loss
    random" is that of a random adapter of its size there. With `protect`, "protected" is the share of lumen's general
    skills by so many questions, or of a real model's general knowledge, with the "bits per byte" of prose.
    `each_step()`, where given, is called after every step; what it raises ends the run.
    """
    model, tokenizer = start(name, rounded)
    precision, found = precision_of(model.dtype), {}
    if rank:
        model = adapters.add_lora(model, rank, ALPHA, seed=seed)
        rows, items = rank_runs.material("facts", count, seed)
        told = {key: value for key, value in {"steps": steps, "batch_size": batch_size}.items() if value}
        watch = {"evaluate": lambda model: each_step() or {}, "evaluate_every": 1} if each_step else {}
        settings = rank_runs.settings_of("facts", count) | told | watch
        examples = tokenize_rows(tokenizer, rows)
        records = train(model, examples, lr=lr, seed=seed, progress=False, precision=precision, **settings)
        found |= {"seconds": round(records[-1]["seconds"], 1), "n": count}
    with autocast(precision, model.device):
        if rank:
            found |= {"score": rank_runs.recall(model, tokenizer, items), "loss": mean_loss(model, tokenizer, rows)}
        if rank and not rounded:
            moved = over_rounded(model, name)
            found |= {"score moved": rank_runs.recall(moved, tokenizer, items)}
            found |= {"loss moved": mean_loss(moved, tokenizer, rows)}
            found |= {"loss random": mean_loss(over_rounded(adapters.random_like(model), name), tokenizer, rows)}
        if protect:
            found |= rank_runs.kept(model, tokenizer, protect, name)
    if rank_runs.is_real(name):
        found["provenance"] = {**provenance(model, name), "passes": precision or "as loaded"}
    return found


def start(name="base", rounded=False):
    """Returns (model, tokenizer), the linear layers in NF4 if `rounded`, where 4-bit layers run: both are compared."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return load_quantized(name, device=device) if rounded else load_model(name, device)


def tight_for(model):
    """Returns the settings of a run with little room, TIGHT, for a large model at the rate of large ones."""
    return TIGHT | ({"lr": LARGE_RATE} if adapters.count(model)["total"] > 100_000_000 else {})


def skills(rounded, name="base", n=PROTECT):
    """Returns the Score of n questions on lumen's general skills, of a model as it is or `rounded` to NF4."""
    return scoring.protected(start(name, rounded), n)


def facts_batch(tokenizer, rows):
    """Returns a packed batch of rows of planted facts, {"input_ids", "labels", "position_ids"}."""
    return pack(tokenize_rows(tokenizer, rank_runs.material("facts", rows * rank_runs.DRAWERS, 0)[0]), 512)


def untaught(count=FACTS):
    """Returns the loss of lumen-base, rounded and without an adapter, on the planted facts: a mean over SEEDS."""
    model, tokenizer = start(rounded=True)
    rows = [rank_runs.material("facts", count, seed)[0] for seed in SEEDS]
    return statistics.mean(mean_loss(model, tokenizer, each) for each in rows)


def over_rounded(model, name="base"):
    """Returns a PeftModel: the adapter of a model, as it is, over its base rounded to four bits."""
    from peft import get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

    (active,) = model.active_adapters
    rounded = get_peft_model(load_quantized(name)[0], copy.deepcopy(model.peft_config[active]))
    lost = set_peft_model_state_dict(rounded, get_peft_model_state_dict(model)).unexpected_keys
    if lost:
        raise ValueError(f"over_rounded: the rounded base has no place for {lost[0]!r}; is it the adapter's own base?")
    return rounded.eval()


def repaired(moved, unrounded, retrained):
    """Returns the share of the loss that rounding added to a tuned model that training over the rounded base took back.

    Above 1 if the adapter trained over the rounded base is the better one; NaN where rounding added nothing.
    """
    added = moved - unrounded
    return (moved - retrained) / added if added > 0 else float("nan")


def stored(name="tight", real=False):
    """Returns the stored runs of a grid (of REAL if `real`) as a table: arguments of `run` and what it measured."""
    return read_sweep(RESULTS / ("real" if real else "") / name)
