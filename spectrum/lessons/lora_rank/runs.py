"""The tuning runs behind lesson 12: planted facts or the house style, by LoRA of any rank or in full.

`run` is one run, a pure function of its settings that a process pool can import; `GRIDS` holds the settings of every
stored sweep. `tools/make_sweeps.py` runs them; notebooks/12_lora_rank.ipynb reads them.
"""

import copy
import statistics
from itertools import product
from pathlib import Path

from spectrum import adapters
from spectrum.evaluate import mean_loss
from spectrum.examples import tokenize_rows
from spectrum.lessons.lora_by_hand.runs import kind_ranks, with_cut
from spectrum.lessons.lora_rank.material import DRAWERS, MADE, as_row, material, own_rows
from spectrum.lessons.lora_rank.scores import all_but_priority, answers, is_real, kept, recall, stored_bits
from spectrum.models import load_model, loaded_dtype
from spectrum.passes import autocast, precision_of
from spectrum.provenance import provenance
from spectrum.sweeps import read_sweep, results_folder
from spectrum.train import train

RESULTS = results_folder("12_lora_rank")
RANKS = (1, 2, 4, 8, 16, 32, 64)
SEEDS = (0, 1, 2)
CUTS = (8, 64)  # ranks to which the update of a full fine-tuning is cut
COUNTS = (64, 256, 1024)
# ---- constants to look at again when the base changes: first run the sweep "rates", then set the usual rates ----
LORA_RATES = (5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2)
FULL_RATES = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3)
# The usual rate of each rank with alpha = 2r, and of full fine-tuning (rank 0). The sweep "rates" finds the best near
# 0.01 at rank 1, 0.005 at 8, 0.001 at 64 and in full: about 0.01 / √rank; each is that of these grids next to it.
USUAL = {0: 1e-3, 1: 1e-2, 2: 1e-2, 4: 5e-3, 8: 5e-3, 16: 2e-3, 32: 2e-3, 64: 1e-3}
# Every fact is read READ times, however many there are: a step reads BATCH rows, or a PARTS-th where that is fewer.
READ, BATCH, PARTS = 32, 16, 4
STYLE_RUN = {"batch_size": 8, "steps": 96}
TICKET_RUN = {"batch_size": 8, "steps": 128}
# ---- end of those constants ----


def run(data="facts", count=64, rank=8, alpha=None, rslora=False, targets="all-linear", lr=None, dropout=0.0,
        steps=None, batch_size=None, seed=0, protect=0, inspect=False, name="base", each_step=None):  # fmt: skip
    """Returns what one run measured: {"score", "loss", "last loss", "trainable", "seconds", "n", …}, plain numbers.

    `data` is "facts" (`count` planted facts, the score is the share recalled, and "bits" what the model holds of them),
    "style" or "ticket" (the house reply or ticket, the score on held-out messages) or own data that `read_rows` reads,
    prompts and completions or chats (the score on an eighth of the prompts, which are not trained on); rank 0 is full
    fine-tuning. `alpha` is 2·rank unless given, a habit that the stored sweeps on lumen follow (lesson 12 compares it).
    With `protect` > 0 the score on that many items of general skills is measured as well. With `inspect`, "energy rank"
    is the median rank that holds 90 % of a layer's update; a LoRA is also squeezed to each smaller rank ("squeezed to
    8") and replaced by random numbers of its size ("random"). `each_step()`, where given, is called after every step;
    what it raises ends the run. Of a model that is not embedded, what is protected are general knowledge and prose, and
    the provenance of the run is noted. Raises ValueError for data that cannot be used.
    """
    # All weights are trained in 32 bits, also where the model would be loaded in 16; the passes are in 16 then as well.
    base, tokenizer = load_model(name, dtype=None if rank else "float32")
    precision = precision_of(loaded_dtype(name, base.device))
    model = copy.deepcopy(base) if inspect and not rank else base
    if rank:
        model = adapters.add_lora(model, rank, alpha or 2 * rank, targets, dropout, rslora, seed)
    else:
        model.requires_grad_(True)
    rows, items = material(data, count, seed)
    if data not in MADE:
        tokenize_rows(tokenizer, own_rows(data))  # what is held out must fit as well, and is not asked before the end
    told = {"steps": steps, "batch_size": batch_size}
    settings = settings_of(data, count) | {key: value for key, value in told.items() if value}
    watch = {"evaluate": lambda model: each_step() or {}, "evaluate_every": 1} if each_step else {}
    examples = tokenize_rows(tokenizer, rows)
    records = train(model, examples, lr=lr or rate_of(rank), seed=seed, progress=False, precision=precision, **settings,
                    **watch)  # fmt: skip
    losses = [record["loss"] for record in records]
    found = {
        "loss": [round(loss, 4) for loss in losses[:: max(1, len(losses) // 40)]],
        "last loss": statistics.mean(losses[-8:]),
        "seconds": round(records[-1]["seconds"], 1),
        "trainable": adapters.count(model)["trainable"],
        "n": sum(len(item.gold.split()) for item in items) if data == "facts" else len(items),
    }
    # Asked in the format of the passes: full fine-tuning holds 32 bits, and is not to gain by that, nor to take longer.
    with autocast(precision, base.device):
        score = answers(model, tokenizer, items)
        found["score"] = score.mean
        if data == "facts":
            found["bits"] = stored_bits(model, tokenizer, rows)
        if data == "ticket":
            found["held out"] = mean_loss(model, tokenizer, [as_row(item) for item in items])
            found["but priority"] = all_but_priority(score.answers, items)
        if protect:
            found |= kept(model, tokenizer, protect, name)
    if is_real(name):
        found["provenance"] = {**provenance(base, name), "passes": precision or "as loaded"}
    return found | (look_inside(base, model, tokenizer, items, rank) if inspect else {})


def look_inside(base, model, tokenizer, items, rank):
    """Returns the rank of the update, and what is left of the score without most of it.

    Of a full fine-tuning "energy rank", the same for each kind of layer ("rank of q_proj"), and the scores of the
    update cut to CUTS ("cut to 8"). Of a LoRA also the scores squeezed to smaller ranks and with random numbers.
    """
    if not rank:
        update = adapters.differences(base, model)
        found = {"energy rank": middle_rank(update)}
        found |= {f"rank of {kind}": middle for kind, middle in kind_ranks(update).items()}
        return found | {f"cut to {cut}": recall(with_cut(base, update, cut), tokenizer, items) for cut in CUTS}
    found = {"energy rank": middle_rank(adapters.deltas(model))}
    smaller = [r for r in RANKS if r < rank]
    found |= {f"squeezed to {r}": recall(adapters.compress(model, r), tokenizer, items) for r in smaller}
    return found | {"random": recall(adapters.random_like(model), tokenizer, items)}


def middle_rank(updates):
    """Returns the median over layers of the rank that holds 90 % of the layer's update."""
    return float(statistics.median(adapters.energy_rank(delta) for delta in updates.values()))


def rate_of(rank):
    """Returns the usual peak learning rate of a rank, that of the next lower one where none is known; 0 is in full."""
    return USUAL[max(known for known in USUAL if known <= rank)] if rank else USUAL[0]


def settings_of(data, count):
    """Returns {"steps", "batch_size"} of a run."""
    if data != "facts":
        return dict(TICKET_RUN if data == "ticket" else STYLE_RUN)
    rows = -(-count // DRAWERS)
    batch = max(1, min(BATCH, rows // PARTS))
    return {"steps": READ * rows // batch, "batch_size": batch}


# ---- the stored sweep ----


def grid(**choices):
    """Returns the list of settings in which each argument takes each of its values."""
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


# Attention alone, the MLPs alone and all linear layers of lumen-base at nearly the same number of parameters.
MATCHED = ({"targets": "attention", "rank": 7}, {"targets": "mlp", "rank": 5}, {"targets": "all-linear", "rank": 3})
# Three rules that agree at rank 8, where the factor is 2: alpha fixed, alpha = 2r ("rates" has it), rank-stabilized.
FIXED, STABLE = 16, 2 * 8**0.5
# The knee: each fact read 32 times, then 1,024 in the steps of 256. Longer runs have the best rate of "knee_rates".
KNEE_RUNS = [{"count": count, "steps": steps} for count, steps in
             ((64, 128), (256, 512), (1024, 2048), (1024, 512))]  # fmt: skip
KNEE_RATES = {64: 5e-3, 256: 2e-3, 1024: 2e-3}
# One seed scans the rates of the style; the best of each rank is repeated, and a lower one that learns most of it.
STYLE_AGAIN = {0: (2e-4, 5e-4), 1: (3e-3,), 4: (5e-3, 1e-2), 16: (3e-3, 5e-3), 64: (3e-3, 5e-3)}
STYLE_BETWEEN = {0: (3e-4,), 16: (4e-3,), 64: (4e-3,)}  # where the two neighbours are too low and perhaps too high
KNEE_RANKS, KNEE_BATCH, STYLE_RANKS = (1, 2, 4), 4, (1, 4, 16, 64)
STYLE_RATES, STYLE_FULL_RATES = (1e-3, 2e-3, 3e-3, 5e-3, 1e-2), (2e-4, 5e-4, 1e-3)
GRIDS = {
    "rates": grid(rank=(1, 8, 64), lr=LORA_RATES, seed=SEEDS) + grid(rank=(0,), lr=FULL_RATES, seed=SEEDS),
    "facts": [
        *grid(count=COUNTS, rank=(0, 64), inspect=(True,), seed=SEEDS),
        *grid(count=COUNTS, rank=RANKS[:-1], seed=SEEDS),
    ],
    "tuned": [
        *grid(data=("style",), rank=STYLE_RANKS, alpha=(FIXED,), lr=STYLE_RATES, protect=(132,), seed=(0,)),
        *grid(data=("style",), rank=(0,), lr=STYLE_FULL_RATES, protect=(132,), seed=(0,)),
        *({"data": "style", "rank": rank, **({"alpha": FIXED} if rank else {}), "lr": lr, "protect": 132, "seed": seed}
          for again, seeds in ((STYLE_AGAIN, SEEDS[1:]), (STYLE_BETWEEN, SEEDS))
          for seed in seeds for rank, rates in again.items() for lr in rates),
    ],
    "knee_rates": [
        {**run, **more, "rank": 1, "alpha": FIXED, "batch_size": KNEE_BATCH, "seed": 0}
        for run, rates in (({"count": 256, "steps": 512}, (1e-3, 2e-3, 5e-3)),
                           ({"count": 1024, "steps": 2048}, (5e-4, 1e-3)))
        for more in grid(lr=rates)
    ],
    "knee": [
        {**run, **more, "alpha": FIXED, "lr": KNEE_RATES[run["count"]], "batch_size": KNEE_BATCH}
        for run in KNEE_RUNS
        for more in grid(rank=KNEE_RANKS, seed=SEEDS)
    ],
    "style": [
        *grid(data=("style",), rank=(0,), protect=(132,), inspect=(True,), seed=SEEDS),
        *grid(data=("style",), rank=RANKS, protect=(132,), seed=SEEDS),
    ],
    "scaling": [
        {**rule, **more}
        for rule in ({"alpha": FIXED}, {"alpha": STABLE, "rslora": True})
        for more in grid(rank=(1, 64), lr=LORA_RATES[:-1], seed=SEEDS)
    ],
    # What the bench shows first, its default setting at each rank: the other ranks are in the sweeps above.
    "bench": grid(rank=(16, 32), alpha=(FIXED,), lr=(5e-3,), seed=SEEDS),
    "placement": [
        {**place, **more, "count": 256}
        for place in MATCHED
        for more in grid(lr=(5e-3, 1e-2, 2e-2), seed=SEEDS)
    ],
}  # fmt: skip

# The same questions of SmolLM2: on the ticket, of which it learns all but the priority, and on facts: those want room.
REAL_RANKS, REAL_RATES = (1, 4, 16, 64), (3e-4, 5e-4, 1e-3, 3e-3)
# Repeated with two more seeds: the lowest rate that learned all but the priority, and a higher one for comparison.
REAL_AGAIN = ((0, 3e-5), (1, 5e-4), (4, 5e-4), (16, 5e-4), (64, 5e-4), (64, 1e-3))
TICKET, PLANTED = ({"name": ("smollm2",), "data": (data,), "protect": (1,)} for data in ("ticket", "facts"))
REAL = {
    "ticket": [
        *grid(**TICKET, rank=REAL_RANKS, alpha=(FIXED,), lr=REAL_RATES, seed=(0,)),
        *grid(**TICKET, rank=(1,), alpha=(FIXED,), lr=(1e-2,), seed=(0,)),
        *grid(**TICKET, rank=(0,), lr=(1e-5, 3e-4), seed=(0,)),
        *grid(**TICKET, rank=(0,), lr=(3e-5, 1e-4), inspect=(True,), seed=(0,)),
    ],
    "again": [{**more, "rank": rank, **({"alpha": FIXED} if rank else {}), "lr": lr}
              for more in grid(**TICKET, seed=SEEDS[1:]) for rank, lr in REAL_AGAIN],
    "facts": [
        *({"rank": rank, "alpha": FIXED, "lr": lr, **more} for rank, lr in ((1, 3e-3), (64, 1e-3))
          for more in grid(**PLANTED, count=(256,), seed=(0,))),
        *grid(**PLANTED, count=(256,), rank=(0,), lr=(1e-4,), inspect=(True,), seed=(0,)),
    ],
    # The other two rules for alpha at the rate that is good under the first, which "ticket" has.
    "alpha": [
        *grid(**TICKET, rank=(1,), alpha=(2,), lr=(1e-3,), seed=(0,)),
        *grid(**TICKET, rank=(64,), alpha=(128,), lr=(1e-3,), seed=(0,)),
        *grid(**TICKET, rank=(1, 64), alpha=(STABLE,), rslora=(True,), lr=(1e-3,), seed=(0,)),
    ],
    # In half the steps, where the ticket is not learned yet, at nearly the same number of parameters.
    "placement": [
        {**more, **place}
        for place in ({"targets": "attention", "rank": 8}, {"targets": "mlp", "rank": 5},
                      {"targets": "all-linear", "rank": 3})
        for more in grid(**TICKET, steps=(64,), alpha=(FIXED,), lr=(1e-3,), seed=(0,))
    ],
}  # fmt: skip


def stored(folder=RESULTS):
    """Returns all stored runs as one table, the settings that a run left to their defaults filled in.

    Columns are the arguments of `run`, what it measured, "sweep" (the grid's name), "scale" (the factor on B·A) and
    "usual" (whether the learning rate is the usual one of its rank).
    Raises FileNotFoundError where no sweep was run.
    """
    import pandas as pd

    names = [name for name in GRIDS if any((Path(folder) / name).glob("run-*.json"))]
    if not names:
        raise FileNotFoundError(f"{str(folder)!r} holds no sweep; `make sweeps` runs them")
    table = pd.concat([read_sweep(Path(folder) / name).assign(sweep=name) for name in names], ignore_index=True)
    filled = pd.DataFrame([fill(row) for row in table.to_dict("records")])
    return filled[filled["error"].isna()].reset_index(drop=True)


def stored_real(*names):
    """Returns the stored runs on SmolLM2 of grids of REAL as a table: the arguments of `run` and what it measured."""
    import pandas as pd

    return pd.concat([read_sweep(RESULTS / "real" / name) for name in names], ignore_index=True)


def gentlest(runs):
    """Returns the runs of the lowest rate at which seed 0 has 99 of 100 tickets right, whatever their priority.

    More the ticket does not teach, and a higher rate forgets more. Where that was not asked, a score of 47 % tells it.
    """
    first = runs[runs["seed"] == 0]
    learned = (first["but priority"] >= 0.99) | (first["but priority"].isna() & (first["score"] >= 0.47))
    return runs[runs["lr"] == first[learned]["lr"].min()]


def real_rules():
    """Returns the runs of ranks 1 and 64 on the ticket and SmolLM2, at one rate, as `stored_real`, and their "rule"."""
    import pandas as pd

    others, fixed = stored_real("alpha"), stored_real("ticket")
    fixed = fixed[fixed["rank"].isin(others["rank"]) & fixed["lr"].isin(others["lr"])]
    stable = others["rslora"].eq(True)  # a run that does not say has NaN
    parts = {"alpha fixed": fixed, "alpha = 2r": others[~stable], "rsLoRA": others[stable]}
    return pd.concat([runs.assign(rule=rule) for rule, runs in parts.items()], ignore_index=True)


def untuned(measure="protected"):
    """Returns what the untuned SmolLM2 has, from lesson 07's stored runs: general knowledge, or "bits per byte"."""
    reading = read_sweep(results_folder("07_instruction_tuning") / "real" / "reading")
    return float(reading[(reading["name"] == "smollm2") & (reading["steps"] == 0)][measure].iloc[0])


def fill(record):
    """Returns a record of a sweep with defaults where it says nothing of a setting."""
    plain = {"data": "facts", "count": 64, "rank": 8, "rslora": False, "targets": "all-linear", "protect": 0}
    found = {**record, **{k: v for k, v in plain.items() if record.get(k) is None or record[k] != record[k]}}
    rank, told = int(found["rank"]), lambda key: record.get(key) is not None and record[key] == record[key]
    found["alpha"] = record["alpha"] if told("alpha") else 2 * rank
    found["lr"] = record["lr"] if told("lr") else rate_of(rank)
    found["steps"] = int(record["steps"]) if told("steps") else settings_of(found["data"], found["count"])["steps"]
    found["count"] = int(found["count"]) if found["data"] == "facts" else 0
    found["scale"] = scale_of(found["alpha"], rank, found["rslora"]) if rank else 1.0
    found["usual"] = abs(found["lr"] - rate_of(rank)) < 1e-9
    return found


def scale_of(alpha, rank, rslora=False):
    """Returns the factor on B·A: alpha / rank, or alpha / √rank for rsLoRA (Kalajdzievski 2023)."""
    return alpha / rank ** (0.5 if rslora else 1.0)
