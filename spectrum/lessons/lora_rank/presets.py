"""Settings of three papers for the bench of lesson 12: what each set, where that stands, and what it is on lumen."""

import pandas as pd

from spectrum.lessons.lora_rank import runs as rank_runs
from spectrum.lessons.lora_rank.pictures import like

PAPERS = {
    "the LoRA paper": {
        "settings": {"rank": 4, "alpha": 32, "rslora": False, "targets": ["q_proj", "v_proj"], "dropout": 0.1},
        "rate": 2e-4,
        "source": "Hu et al. 2021, their command for GPT-2 medium in microsoft/LoRA, examples/NLG",
        "note": "They fixed α once and did not tune it.",
    },
    "QLoRA paper": {
        "settings": {"rank": 64, "alpha": 16, "rslora": False, "targets": "all-linear", "dropout": 0.1},
        "rate": 2e-4,
        "source": "Dettmers et al. 2023, Guanaco 7B and 13B",
        "note": "Their larger models had a dropout of 0.05; the base's four bits are lesson 15's.",
    },
    "Without Regret": {
        "settings": {"alpha": 32, "rslora": False, "targets": "all-linear", "dropout": 0.0},
        "rate": None,  # ten times that of full fine-tuning
        "source": "Schulman et al. 2025",
        "note": "The rank is free, so it stays.",
    },
}
TIMES_FULL = 10


def preset(paper, chosen, stored):
    """Returns (settings, line): what choosing a paper sets over the chosen settings, and what is said of it.

    The rate is the paper's, but on a model of the course's own, which is far smaller, the best that is stored for this
    rank and α, or else the usual one of the rank.
    """
    found = PAPERS[paper]
    settings = chosen | found["settings"]
    lr, said = full_times_ten(chosen["name"]) if found["rate"] is None else paper_rate(found["rate"], settings, stored)
    told = {"rank": "rank", "alpha": "α", "targets": "layers", "dropout": "dropout"}
    sets = ", ".join(
        f"{name} {spell(found['settings'][key])}" for key, name in told.items() if key in found["settings"]
    )
    line = f"<b>{paper}</b> ({found['source']}): {sets}. {found['note']} {said}"
    return found["settings"] | ({"lr": lr} if lr else {}), line


def spell(value):
    """Returns a setting as a reader says it."""
    return " and ".join(value) if isinstance(value, list) else str(value).replace("all-linear", "all linear")


def paper_rate(rate, settings, stored):
    """Returns (rate, sentence) for a paper that names its rate."""
    if rank_runs.is_real(settings["name"]):
        return rate, f"Rate {rate:g}, as in the paper."
    best = best_rate(stored, settings)
    why = "the best stored one" if best else "the usual one of this rank"
    best = best or rank_runs.rate_of(settings["rank"])
    return best, f"Its rate, {rate:g}, suits far larger models than lumen: here it is {best:g}, {why}."


def full_times_ten(name):
    """Returns (rate, sentence): ten times the rate that suits full fine-tuning of a model, None where none is known."""
    full = best_full(name)
    if full is None:
        none = f"It wants {TIMES_FULL} times full fine-tuning's rate; none is stored for this model, so yours stays."
        return None, none
    rate = round(TIMES_FULL * full, 10)
    return rate, f"Rate {rate:g}: {TIMES_FULL} times the {full:g} that suits full fine-tuning here."


def best_full(name):
    """Returns the rate that suits full fine-tuning of a model, from the stored runs; None where there are none.

    Of those that learned the ticket it is the lowest, which forgets least (lesson 12).
    """
    if not rank_runs.is_real(name):
        return rank_runs.USUAL[0]
    runs = stored_real()
    runs = runs[(runs["rank"] == 0) & (runs["name"] == name) & (runs["data"] == "ticket")] if len(runs) else runs
    runs = rank_runs.gentlest(runs) if len(runs) else runs
    return float(runs["lr"].iloc[0]) if len(runs) else None


def best_rate(stored, settings):
    """Returns the stored rate at which the loss ended lowest for a rank and factor, None where nothing is stored."""
    runs = like(stored, settings | {"dropout": 0.0}, "lr")
    if not len(runs):
        return None
    return float(runs["loss"].map(lambda curve: curve[-1]).groupby(runs["lr"]).mean().idxmin())


def stored_real():
    """Returns all stored runs on SmolLM2 as a table like `rank_runs.stored`, an empty one where none is there."""
    there = [name for name in rank_runs.REAL if any((rank_runs.RESULTS / "real" / name).glob("run-*.json"))]
    if not there:
        return pd.DataFrame()
    found = pd.concat([rank_runs.stored_real(name) for name in there], ignore_index=True)
    return pd.DataFrame([rank_runs.fill(row) for row in found[found["error"].isna()].to_dict("records")])
