"""The tuning runs behind lesson 15: the house dialect learned in full, by LoRA, and by LoRA over a base in four bits.

`run` is one run, a pure function of its settings that a process pool can import; `GRIDS` holds the settings of the
stored sweep. `tools/make_sweeps.py` runs it; notebooks/15_qlora.ipynb reads it and does two short runs in view.
"""

import copy
from pathlib import Path

import torch

from spectrum import adapters, tuning_effects
from spectrum.examples import pack, tokenize_rows
from spectrum.models import load_model
from spectrum.quantize import load_quantized
from spectrum.train import train

RESULTS = Path(__file__).parents[1] / "results" / "15_qlora" / "methods"
METHODS, SEEDS = ("full", "lora", "qlora"), (0, 1, 2)
RANK, STEPS, BATCH, ROWS = 8, 300, 8, 2400
# Peak learning rates. LoRA and QLoRA share one: over the same data they are to differ in the base alone.
RATES = {"full": 1e-3, "lora": 5e-3, "qlora": 5e-3}
LARGE_RATES = {"full": 2e-5, "lora": 2e-4, "qlora": 2e-4}  # above 100M parameters; QLoRA's own for 7B and 13B
PRECISION = {torch.float16: "fp16", torch.bfloat16: "bf16"}  # of the forward pass; adapters stay in float32
ITEMS = 100  # held-out messages that are answered
LOSS_ROWS, CURVE_ROWS = 240, 96  # held-out rows for the loss at the end, and for each point of the curve
EVERY = 15  # steps between two points of the curve
GRIDS = {"methods": [{"method": method, "seed": seed} for method in METHODS for seed in SEEDS]}


def run(method="qlora", seed=0, steps=STEPS, items=ITEMS, name="base", each_step=None):
    """Returns what one run measured: {"loss before", "loss", "score", "curve", "trainable", ...}, plain numbers.

    The method is "full", "lora" or "qlora"; losses are nats per completion token on held-out rows of the house dialect,
    "curve" has [step, loss] every EVERY steps, "score" the share of answers right to the letter (none where
    `items` is 0). A LoRA is measured besides over the rounded base ("loss moved", "score moved"), and so is a random
    adapter of the same norms ("loss random"). `each_step()` is called after every step; what it raises ends the run.
    Raises ValueError for a method that does not exist.
    """
    model, tokenizer = starting_model(method, seed, name)
    held_out = tuning_effects.house_rows(LOSS_ROWS, "test", seed=1)
    found = {"loss before": tuning_effects.mean_loss(model, tokenizer, held_out)}
    records = train(
        model,
        tokenize_rows(tokenizer, tuning_effects.house_rows(ROWS, "train", seed)),
        steps=steps,
        lr=peak_rate(method, model),
        batch_size=BATCH,
        seed=seed,
        precision=PRECISION.get(model.dtype),
        progress=False,
        evaluate=watcher(tokenizer, held_out[:CURVE_ROWS], each_step),
        evaluate_every=1,
    )
    measured = {"": model}
    if method == "lora":
        measured |= {" moved": over_rounded(model, name), " random": over_rounded(adapters.random_like(model), name)}
    found |= {f"loss{how}": tuning_effects.mean_loss(m, tokenizer, held_out) for how, m in measured.items()}
    measured.pop(" random", None)
    if items:
        found |= {f"score{how}": tuning_effects.house_score((m, tokenizer), items).mean for how, m in measured.items()}
    return {
        **found,
        "curve": [[r["step"], round(r["held out"], 4)] for r in records if "held out" in r],
        "trainable": adapters.count(model)["trainable"],
        "seconds": round(records[-1]["seconds"], 1),
    }


def starting_model(method, seed=0, name="base"):
    """Returns (model, tokenizer) ready for training: all weights free, or a fresh LoRA over the base or its rounding.

    Raises ValueError for a method that does not exist.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(map(repr, METHODS))}, not {method!r}")
    model, tokenizer = load_quantized(name) if method == "qlora" else load_model(name)
    return (model if method == "full" else adapters.add_lora(model, RANK, seed=seed)), tokenizer


def peak_rate(method, model):
    """Returns the peak learning rate of a method for a model of this size."""
    return (LARGE_RATES if adapters.count(model)["total"] > 100_000_000 else RATES)[method]


def house_batch(tokenizer, rows=BATCH):
    """Returns a packed batch of rows of the house dialect, {"input_ids", "labels", "position_ids"}."""
    return pack(tokenize_rows(tokenizer, tuning_effects.house_rows(rows, "train")), 512)


def watcher(tokenizer, rows, each_step=None):
    """Returns what `train` calls at each step: it calls each_step and, at every EVERYth, measures the loss."""
    calls = []

    def watch(model):
        calls.append(each_step() if each_step else None)
        if len(calls) % EVERY:
            return {}
        return {"held out": tuning_effects.mean_loss(model, tokenizer, rows)}

    return watch


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


def stored():
    """Returns the stored runs as a table: method, seed, the losses, scores and curves of `run`."""
    from spectrum.sweeps import read_sweep

    return read_sweep(RESULTS)
