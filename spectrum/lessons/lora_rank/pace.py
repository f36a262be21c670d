"""How long a run of the bench takes on this machine: a few steps and answers are timed, and thrown away."""

from spectrum import adapters, evaluate, records
from spectrum.examples import tokenize_rows
from spectrum.lessons.lora_rank import runs as rank_runs
from spectrum.lessons.lora_rank.material import as_row, material
from spectrum.models import load_model, loaded_dtype
from spectrum.passes import precision_of
from spectrum.train import train

TRIED, ASKED = 4, 16  # steps, of which the first is not counted, and answers


def key_of(settings):
    """Returns the settings on which the pace of a run depends most; of the rank it depends less."""
    made = settings["count"] if settings["data"] == "facts" else 0
    return {"bench": "lora", "model": settings["name"], "data": settings["data"], "count": made}


def measure(settings, each_step=lambda *_: None):
    """Returns the pace of a run with these settings, measured now and kept: seconds a step, and around the steps.

    Loads the model as `runs.run` does, trains a few steps, and asks some of what is asked at the end. `each_step()` is
    called after every step; what it raises ends this. Raises ValueError as the run would.
    """
    lap, name, data = records.clock(), settings["name"], settings["data"]
    base, tokenizer = load_model(name)
    chosen = {key: settings[key] for key in ("targets", "dropout", "rslora")}
    model = adapters.add_lora(base, settings["rank"], settings["alpha"], **chosen)
    rows, items = material(data, settings["count"], settings["seed"])
    examples = tokenize_rows(tokenizer, rows)
    load = lap()
    size = rank_runs.settings_of(data, settings["count"])["batch_size"]
    steps = train(model, examples, steps=TRIED, batch_size=size, lr=settings["lr"], progress=False, evaluate_every=1,
                  precision=precision_of(loaded_dtype(name, base.device)),
                  evaluate=lambda _: each_step() or {})  # fmt: skip
    step = (steps[-1]["seconds"] - steps[0]["seconds"]) / (TRIED - 1)
    lap()
    rank_runs.recall(model, tokenizer, items[:ASKED])
    answer = lap() * len(items) / min(ASKED, len(items))
    return records.keep_pace(key_of(settings), step, load + answer + look(model, tokenizer, data, rows, items, lap),
                             settings["rank"])  # fmt: skip


def look(model, tokenizer, data, rows, items, lap):
    """Returns the seconds that the run's other questions to the model will take, from a few of them."""
    if data == "facts":
        rank_runs.stored_bits(model, tokenizer, rows[:ASKED])
        return lap() * len(rows) / min(ASKED, len(rows))
    if data == "ticket":
        evaluate.mean_loss(model, tokenizer, [as_row(item) for item in items[:ASKED]])
        return lap() * len(items) / min(ASKED, len(items))
    return 0.0


def keep(settings, found, seconds):
    """Notes the pace of a run that was done, from what it measured and how many seconds it took in all."""
    step = found["seconds"] / settings["steps"]
    return records.keep_pace(key_of(settings), step, max(0.0, seconds - found["seconds"]), settings["rank"])


def tell(settings):
    """Returns in a sentence how long a run with these settings will take on this machine, as far as it is known."""
    return records.pace_text(records.find_pace(key_of(settings), settings["rank"]), settings["steps"])
