"""The tuning runs behind lesson 15: a dialect or facts learned in full, by LoRA, and by LoRA over a base in four bits.

`run` is one run, a pure function of its settings that a process pool can import; `GRIDS` holds the settings of the
stored sweep. `tools/make_sweeps.py` runs it; notebooks/15_qlora.ipynb reads it and does two short runs in view.
"""

import copy

import torch

from spectrum import adapters, evaluate
from spectrum.examples import pack, tokenize_rows
from spectrum.lessons.lora_rank import runs as rank_runs
from spectrum.models import load_model
from spectrum.quantize import load_quantized
from spectrum.shop import house
from spectrum.sweeps import read_sweep, results_folder
from spectrum.train import precision_of, train

RESULTS = results_folder("15_qlora")
METHODS, SEEDS = ("full", "lora", "qlora"), (0, 1, 2)
RANK, STEPS, BATCH, ROWS = 8, 300, 8, 2400
# Peak learning rates. LoRA and QLoRA share one: over the same data they are to differ in the base alone.
RATES = {"full": 1e-3, "lora": 5e-3, "qlora": 5e-3}
LARGE_RATES = {"full": 2e-5, "lora": 2e-4, "qlora": 2e-4}  # above 100M parameters; QLoRA's own for 7B and 13B
ITEMS = 100  # held-out messages that are answered
LOSS_ROWS, CURVE_ROWS = 200, 64  # held-out rows for the loss at the end, and for each point of the curve
EVERY = 10  # steps between two points of the curve
MORE = 60  # steps that a trained LoRA goes on, with its own base and with the rounded one
FACTS = 256  # planted facts, about what rank 8 can take up in the time: they leave a rounded weight no slack
GRIDS = {
    "methods": [{"method": method, "seed": seed} for method in METHODS for seed in SEEDS],
    "facts": [{"data": "facts", "method": method, "seed": seed} for method in METHODS[1:] for seed in SEEDS],
}


def run(method="qlora", seed=0, steps=None, controls=True, name="base", each_step=None, data="house"):
    """Returns what one run measured: {"loss before", "loss", "curve", "trainable", "seconds", ...}, plain numbers.

    The method is "full", "lora" or "qlora". The data are the "house" dialect, whose losses and scores are on held-out
    messages, or "facts", FACTS planted facts of which nothing can be held out. Losses are nats per completion token,
    "curve" has [step, loss] every EVERY steps. A LoRA is measured over the rounded base too ("loss moved"). With
    `controls` there are the scores, shares of answers right to the letter, before and after, and for a LoRA what
    `repair` returns. `each_step()` is called after every step; what it raises ends the run. Raises ValueError for a
    method or data that do not exist.
    """
    model, tokenizer = starting_model(method, seed, name)
    task = House(seed) if data == "house" else Facts(seed) if data == "facts" else None
    if task is None:
        raise ValueError(f"data must be 'house' or 'facts', not {data!r}")
    found = {"loss before": task.loss(model, tokenizer)}
    found |= {"score before": task.score(model, tokenizer)} if controls else {}
    watch = {"evaluate": watcher(task, tokenizer, each_step), "evaluate_every": 1}
    records = tune(task, model, tokenizer, peak_rate(method, model), steps or task.steps, seed, **watch)
    found |= {
        "loss": task.loss(model, tokenizer),
        "curve": [[r["step"], round(r["held out"], 4)] for r in records if "held out" in r],
        "trainable": adapters.count(model)["trainable"],
        "seconds": round(records[-1]["seconds"], 1),
    }
    if method == "lora":
        found["loss moved"] = task.loss(over_rounded(model, name), tokenizer)
    if controls:
        found["score"] = task.score(model, tokenizer)
        found |= repair(task, model, tokenizer, seed, name) if method == "lora" else {}
    return found


class House:
    """The house dialect: tickets and replies in a form that the base has not seen."""

    steps, batch_size = STEPS, BATCH

    def __init__(self, seed):
        self.seed = seed

    def examples(self, tokenizer):
        """Returns what is trained on, as `train` takes it."""
        return house_examples(tokenizer, seed=self.seed)

    def loss(self, model, tokenizer, rows=None):
        """Returns nats per completion token on the first `rows` of LOSS_ROWS rows that no training shows."""
        return evaluate.mean_loss(model, tokenizer, house.house_rows(LOSS_ROWS, "test", seed=1)[:rows])

    def score(self, model, tokenizer):
        """Returns the share of ITEMS held-out messages answered right to the letter."""
        return house.house_score((model, tokenizer), ITEMS).mean


class Facts:
    """Planted facts, as in lesson 12: what is asked is what was trained on, since nobody could know it otherwise."""

    def __init__(self, seed):
        self.rows, self.items = rank_runs.material("facts", FACTS, seed)
        self.steps, self.batch_size = rank_runs.settings_of("facts", FACTS).values()

    def examples(self, tokenizer):
        """Returns what is trained on, as `train` takes it."""
        return tokenize_rows(tokenizer, self.rows)

    def loss(self, model, tokenizer, rows=None):
        """Returns nats per completion token on the first rows, by default on all."""
        return evaluate.mean_loss(model, tokenizer, self.rows[:rows])

    def score(self, model, tokenizer):
        """Returns the share of the facts that are recalled."""
        return rank_runs.recall(model, tokenizer, self.items)


def repair(task, model, tokenizer, seed=0, name="base"):
    """Returns what rounding the base under a trained LoRA does, and what a little more training makes of it.

    "score moved" is the LoRA's over the rounded base, "loss random" that of a random adapter of the same norms there.
    Then the LoRA goes on for MORE steps, over its own base and, from the same start and with the same batches, over the
    rounded one: "loss longer", "loss longer moved" (its adapter over the rounded base) and "loss repaired". Two
    trainings from the start would differ by chance as well; these differ in the rounding. The model is changed.
    """
    moved, random = over_rounded(model, name), over_rounded(adapters.random_like(model), name)
    found = {"score moved": task.score(moved, tokenizer), "loss random": task.loss(random, tokenizer)}
    for each in (model, moved):
        tune(task, each, tokenizer, peak_rate("lora", model) / 5, MORE, seed + 100)
    return found | {
        "loss longer": task.loss(model, tokenizer),
        "loss longer moved": task.loss(over_rounded(model, name), tokenizer),
        "loss repaired": task.loss(moved, tokenizer),
    }


def tune(task, model, tokenizer, lr, steps, seed, **watch):
    """Trains the model on a task and returns the records of `train`."""
    settings = {"lr": lr, "steps": steps, "batch_size": task.batch_size, "seed": seed, "progress": False}
    return train(model, task.examples(tokenizer), precision=precision_of(model.dtype), **settings, **watch)


def starting_model(method, seed=0, name="base"):
    """Returns (model, tokenizer) ready for training: all weights free, or a fresh LoRA over the base or its rounding.

    Raises ValueError for a method that does not exist.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(map(repr, METHODS))}, not {method!r}")
    device = "cuda" if torch.cuda.is_available() else "cpu"  # where 4-bit layers run: the methods are to be compared
    if method == "qlora":
        model, tokenizer = load_quantized(name, device=device)
    else:  # all weights are trained in 32 bits, also where the profile would load 16
        model, tokenizer = load_model(name, device=device, dtype="float32" if method == "full" else None)
    return (model if method == "full" else adapters.add_lora(model, RANK, seed=seed)), tokenizer


def peak_rate(method, model):
    """Returns the peak learning rate of a method for a model of this size."""
    return (LARGE_RATES if adapters.count(model)["total"] > 100_000_000 else RATES)[method]


def house_examples(tokenizer, rows=None, seed=0):
    """Returns the training examples of the house dialect as `train` takes them, ROWS by default."""
    return tokenize_rows(tokenizer, house.house_rows(rows or ROWS, "train", seed))


def house_batch(tokenizer, rows=BATCH):
    """Returns a packed batch of rows of the house dialect, {"input_ids", "labels", "position_ids"}."""
    return pack(house_examples(tokenizer, rows), 512)


def watcher(task, tokenizer, each_step=None):
    """Returns what `train` calls at each step: it calls each_step and, at every EVERYth, measures the task's loss."""
    calls = []

    def watch(model):
        calls.append(each_step() if each_step else None)
        return {} if len(calls) % EVERY else {"held out": task.loss(model, tokenizer, CURVE_ROWS)}

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


def stored(name="methods"):
    """Returns the stored runs of a grid as a table: method, seed, the losses, scores and curves of `run`."""
    return read_sweep(RESULTS / name)
