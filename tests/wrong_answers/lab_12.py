"""Plausible wrong answers to lab 12, and what the checks must say to each."""

import numpy as np
from wrong_answers.squeezes import all_in_b, cut_rows, divided, in_place, nothing_at_share_1, squeeze, squeezed

from spectrum import adapters

# ---- task 1 ----


def pick(runs, mean="mean", nan=0, by="dev", report="test", highest=False, rim=True, rims_of_all=False, places=None):
    """The right table of tuned ranks, with mistakes by argument."""
    runs = runs if nan is None else runs.fillna(nan)
    means, found = runs.groupby(["rank", "lr"])[["dev", "test"]].agg(mean), {}
    means = means if places is None else means.round(places)
    for rank, rates in means.groupby(level="rank"):
        rates = rates.droplevel("rank")
        rates = rates[::-1] if highest else rates
        best = rates[by].idxmax()
        tried = runs["lr"] if rims_of_all else rates.index
        found[rank] = None if rim and best in (min(tried), max(tried)) else (best, rates[report][best])
    return found


def table(**mistake):
    return lambda runs: pick(runs, **mistake)


def rim_of_what_learned(runs):
    learned, found = runs.dropna(), pick(runs, rim=False)
    for rank, (rate, score) in found.items():
        tried = learned[learned["rank"] == rank]["lr"]
        found[rank] = None if not len(tried) or rate in (tried.min(), tried.max()) else (rate, score)
    return found


def full_left_out(runs):
    return pick(runs[runs["rank"] > 0])


def one_rate_for_all(runs):
    rate = runs.fillna(0).groupby("lr")["dev"].mean().idxmax()
    return {rank: (rate, rows[rows["lr"] == rate]["test"].mean()) for rank, rows in runs.groupby("rank")}


def one_run(runs):
    best = {rank: rows.loc[rows["dev"].idxmax()] for rank, rows in runs.fillna(0).groupby("rank")}
    return {rank: (row["lr"], row["test"]) for rank, row in best.items()}


def fills_in_place(runs):
    runs.fillna(0, inplace=True)
    return pick(runs)


def none_left_out(runs):
    return {rank: pair for rank, pair in pick(runs).items() if pair}


def by_loops(runs):
    rows = [(int(r.rank), r.lr, np.nan_to_num(r.dev), np.nan_to_num(r.test)) for r in runs.itertuples()]
    found = {}
    for rank in sorted({row[0] for row in rows}):
        rates = sorted({row[1] for row in rows if row[0] == rank})
        means = {lr: np.mean([row[2:] for row in rows if row[:2] == (rank, lr)], axis=0) for lr in rates}
        best = max(rates, key=lambda lr: means[lr][0])
        found[rank] = [best, np.float32(means[best][1])] if best not in (rates[0], rates[-1]) else None
    return found


# ---- task 2 ----


def scaling(config, layer, fits=lambda layer, name: f".{layer}".endswith(f".{name}"), last=False, rslora=True,
            ranks=True, alphas=True, root_of_common=False, whole=float):  # fmt: skip
    """The right factor, with mistakes by argument."""

    def own(pattern, common):
        found = [value for name, value in config.get(pattern, {}).items() if fits(layer, name)]
        return found[-last] if found else common

    rank = own("rank_pattern", config["r"]) if ranks else config["r"]
    alpha = whole(own("alpha_pattern", config["lora_alpha"]) if alphas else config["lora_alpha"])
    if rslora and config.get("use_rslora"):
        return alpha / (config["r"] if root_of_common else rank) ** 0.5
    return alpha / rank


def reads(**mistake):
    return lambda config, layer: scaling(config, layer, **mistake)


def new_files_only(config, layer):
    return scaling({key: config[key] for key in ("r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern")},
                   layer)  # fmt: skip


def pops_the_pattern(config, layer):
    pattern, old = config.pop("rank_pattern", {}), dict(config)
    return scaling({**old, "rank_pattern": pattern}, layer)


def zero_is_nothing(config, layer):
    pattern = {name: alpha for name, alpha in config.get("alpha_pattern", {}).items() if alpha}
    return scaling({**config, "alpha_pattern": pattern}, layer)


def longest_first(config, layer):
    patterns = {key: dict(sorted(value.items(), key=lambda pair: -len(pair[0])))
                for key, value in config.items() if key.endswith("pattern")}  # fmt: skip
    return scaling({**config, **patterns}, layer)


# ---- task 3 ----

PLACES = ("attention", "mlp", "all-linear")


def ranks_by(cost, divide=lambda budget, each: budget // each):
    """Returns a ranks_for whose rank 1 costs `cost(model, layers)`."""

    def ranks_for(model, budget):
        return {p: divide(budget, cost(model, adapters.find_layers(model, p).values())) for p in PLACES}

    return ranks_for


def sides(model, layers):
    return sum(layer.in_features + layer.out_features for layer in layers)


def with_biases(model, layers):
    return sides(model, layers) + sum(layer.out_features for layer in layers if layer.bias is not None)


def with_head(model, layers):
    return sides(model, layers) + 2 * sum(model.get_input_embeddings().weight.shape) * (
        not model.config.tie_word_embeddings)  # fmt: skip


def squares(model, layers):
    return sum(2 * layer.in_features for layer in layers)


def with_base(model, budget):
    every = sum(p.numel() for p in model.parameters())
    return {p: max(0, budget - every) // sides(model, adapters.find_layers(model, p).values()) for p in PLACES}


def all_alike(model, budget):
    rank = budget // sides(model, adapters.find_layers(model).values())
    return dict.fromkeys(PLACES, rank)


def counts_with_peft(model, budget):
    found = ranks_by(sides)(model, budget)
    adapters.add_lora(model, 1)
    return found


def first_64(model, budget):
    return {
        p: budget // max(1, sides(model, list(adapters.find_layers(model, p).values())[:64])) for p in PLACES
    }  # fmt: skip


# ---- task 5 ----


def chosen(**settings):
    """Returns a choose that gives these settings."""
    return lambda model: settings


TUNED, FACTOR, BUDGET, SQUEEZE, RECALL = (
    f"check_{name}" for name in ("tuned", "factor", "budget", "squeeze", "recall"))  # fmt: skip
WRONG = [
    (TUNED, "chosen on test", table(by="test"), "before the rate is chosen"),
    (TUNED, "dev reported", table(report="dev"), "the score on test: expected 0.6, got 0.75"),
    (TUNED, "median of the seeds", table(mean="median"), "neither the median"),
    (TUNED, "best seed", table(mean="max"), "neither the median nor the best"),
    (TUNED, "worst seed", table(mean="min"), "nor the worst seed"),
    (TUNED, "sum over the seeds", table(mean="sum"), "expected 0.5, got 1.5"),
    (TUNED, "runs that went astray left out", table(nan=None), "counts as 0, and is not left out"),
    (TUNED, "highest among equals", table(highest=True), "Among equals the lowest"),
    (TUNED, "rim not looked at", table(rim=False), "the lowest that was tried at this rank"),
    (TUNED, "rim of the rates that learned", rim_of_what_learned, "It was tried, and it is the lowest"),
    (TUNED, "rim of all ranks", table(rims_of_all=True), "not of rank 2"),
    (TUNED, "scores rounded", table(places=3), "Do not round the scores"),
    (TUNED, "two places", table(places=2), "Do not round"),
    (TUNED, "rank 0 left out", full_left_out, "expected a dict with the ranks [0, 1, 4]"),
    (TUNED, "ranks without a score left out", none_left_out, "expected a dict with the ranks [2]"),
    (TUNED, "one rate for all ranks", one_rate_for_all, "Each rank has a rate of its own"),
    (TUNED, "the best run, not the best mean", one_run, "neither the median nor the best"),
    (TUNED, "table changed", fills_in_place, "changed its argument `runs`"),
    (FACTOR, "alpha itself", lambda config, layer: config["lora_alpha"], "alpha by the rank"),
    (FACTOR, "upside down", lambda config, layer: 1 / scaling(config, layer), "alpha by the rank"),
    (FACTOR, "always 2", lambda config, layer: 2.0, "alpha 16, rank 64"),
    (FACTOR, "int(alpha)", reads(whole=int), "Neither is rounded or cut"),
    (FACTOR, "rank 128 at most", lambda config, layer: scaling(config | {"r": min(config["r"], 128)}, layer),
     "No rank is cut"),
    (FACTOR, "alpha 128 at most", reads(whole=lambda alpha: min(alpha, 128)), "No alpha is cut"),
    (FACTOR, "rsLoRA left out", reads(rslora=False), "by the root of the rank"),
    (FACTOR, "old files refused", new_files_only, "your code raised KeyError"),
    (FACTOR, "ranks by layer left out", reads(ranks=False), "rank 4 for q_proj, asked of a q_proj"),
    (FACTOR, "alphas by layer left out", reads(alphas=False), "an alpha of its own"),
    (FACTOR, "root of the common rank", reads(root_of_common=True), "the layer's own rank"),
    (FACTOR, "ends of words", reads(fits=str.endswith), "11 does not end in the layer 1"),
    (FACTOR, "anywhere in the name", reads(fits=lambda layer, name: f".{name}." in f".{layer}."), "The end of the"),
    (FACTOR, "last part alone", reads(fits=lambda layer, name: layer.split(".")[-1] == name), "in different ways"),
    (FACTOR, "last name that fits", reads(last=True), "The first one counts"),
    (FACTOR, "longest name that fits", longest_first, "The first one counts"),
    (FACTOR, "an alpha of 0 taken for none", zero_is_nothing, "0 is an alpha of its own"),
    (FACTOR, "takes the pattern out", pops_the_pattern, "changed its argument `config`"),
    (BUDGET, "model changed", counts_with_peft, "changed its argument `model`"),
    (BUDGET, "base counted", with_base, "expected 54, got"),
    (BUDGET, "rounded to the nearest", ranks_by(sides, lambda b, e: round(b / e)), "expected 54, got 55"),
    (BUDGET, "rounded up", ranks_by(sides, lambda b, e: -(-b // e)), "expected 54, got 55"),
    (BUDGET, "by a fraction", ranks_by(sides, lambda b, e: int(b / e)), "limited by anything else"),
    (BUDGET, "less than the budget", ranks_by(sides, lambda b, e: max(0, b - 1) // e), "Exactly the budget"),
    (BUDGET, "rank 1 at least", ranks_by(sides, lambda b, e: max(1, b // e)), "Round down"),
    (BUDGET, "rank 128 at most", ranks_by(sides, lambda b, e: min(128, b // e)), "limited by anything else"),
    (BUDGET, "A alone", ranks_by(lambda m, ls: sum(x.in_features for x in ls)), "d_in + d_out"),
    (BUDGET, "all weights", ranks_by(lambda m, ls: sum(x.weight.numel() for x in ls)), "d_in + d_out"),
    (BUDGET, "square layers", ranks_by(squares), "expected 41, got"),
    (BUDGET, "biases counted", ranks_by(with_biases), "biases cost nothing"),
    (BUDGET, "head counted", ranks_by(with_head), "The head is never adapted"),
    (BUDGET, "one rank for all", all_alike, "attention: expected 54, got 23"),
    (BUDGET, "the first 64 layers", first_64, "However many there are"),
    (BUDGET, "not whole", ranks_by(sides, lambda b, e: float(b // e)), "expected a whole number, got 54.0"),
    (SQUEEZE, "factor lost", squeeze(factor=1.0), "the update is"),
    (SQUEEZE, "scaled by alpha", squeeze(factor=16.0), "the update is"),
    (SQUEEZE, "loaded with a factor of 1", squeeze(put=lambda alpha, old, rank: 1), "times what it should be"),
    (SQUEEZE, "old rank in the new factor", squeeze(put=lambda alpha, old, rank: old / 16), "which ranks are in them"),
    (SQUEEZE, "old alpha in the new factor", squeeze(put=lambda alpha, old, rank: rank / alpha), "What are the two"),
    (SQUEEZE, "old rank 128 at most", lambda A, B, alpha, share=0.9, new_alpha=16: squeezed(
        A, B, alpha, share, new_alpha, factor=alpha / min(len(A), 128)), "times what it should be"),
    (SQUEEZE, "values not squared", squeeze(power=1), "Energy is the sum of the *squared*"),
    (SQUEEZE, "one rank too few", squeeze(less=1), "expected rank 2, got 1"),
    (SQUEEZE, "rounding counted at share 1", nothing_at_share_1, "share 1: expected rank"),
    (SQUEEZE, "all places at share 1", squeeze(real=0), "it is rounding"),
    (SQUEEZE, "rounding told by a millionth of one", squeeze(absolute=True), "what is rounding is told by the largest"),
    (SQUEEZE, "energies summed in 32 bits", squeeze(precise=False), "Do 32 bits see it"),
    (SQUEEZE, "a thousandth is rounding", squeeze(real=1e-3), "expected rank 2, got 1"),
    (SQUEEZE, "rows cut off", cut_rows, "in no order of importance"),
    (SQUEEZE, "a share nearly held", squeeze(slack=2e-3), "expected rank 4, got 3"),
    (SQUEEZE, "a ten-thousandth of the largest is rounding", squeeze(real=1e-4), "Do 32 bits see it"),
    (SQUEEZE, "A and B swapped", squeeze(turned=True), "wanted (k, 6) and (5, k)"),
    (SQUEEZE, "in place", in_place, "changed its argument `A`"),
    (SQUEEZE, "zeros divided by their size", divided, "numbers that are none"),
    (SQUEEZE, "alpha returned as well", lambda *given: (*squeezed(*given), 16), "expected A and B"),
    (SQUEEZE, "share not used", lambda A, B, alpha, share=0.9, new_alpha=16: squeezed(A, B, alpha), "share 0.97"),
    (SQUEEZE, "new alpha not used", lambda A, B, alpha, share=0.9, new_alpha=16: squeezed(A, B, alpha, share),
     "with a new_alpha of 0.5"),
    (RECALL, "rate in quotes", (chosen(rank=2, lr="0.01"), 0.0), "number above 0"),
    (RECALL, "an endless rate", (chosen(rank=2, lr=float("inf")), 0.0), "number above 0"),
    (RECALL, "a list of layers", (chosen(rank=2, lr=1e-2, targets=["q_proj"]), 0.0), "unknown targets"),
    (RECALL, "full fine-tuning", (chosen(rank=0, lr=5e-4), 0.0), "Rank 0 would be full fine-tuning"),
    (RECALL, "half a rank", (chosen(rank=1.5, lr=1e-2), 0.0), "a whole number from 1 on"),
    (RECALL, "rank too high", (chosen(rank=8, lr=1e-2), 0.0), "allowed are 90,000"),
    (RECALL, "more steps", (chosen(rank=2, lr=1e-2, steps=900), 0.0), "cannot be chosen"),
    (RECALL, "another alpha", (chosen(rank=2, lr=1e-2, alpha=4), 0.0), "alpha is 16"),
    (RECALL, "no rate", (chosen(rank=2), 0.0), "at least 'rank' and 'lr'"),
    (RECALL, "no prediction", (chosen(rank=1, lr=1e-6), None, 0.4, 2), "predict a number"),
    (RECALL, "half the steps, half the facts", (chosen(rank=1, lr=1e-6), 0.5, 0.4, 2), "you predicted 0.5"),
    (RECALL, "far too low a rate", (chosen(rank=1, lr=1e-6), 0.0, 0.4, 2), "fresh facts"),
]  # fmt: skip

RIGHT = [
    (SQUEEZE, "the product in 32 bits, its energies in 64", squeeze(product=lambda A, B: (B @ A).double())),
    (TUNED, "loops, lists and float32", by_loops),
    (FACTOR, "names compared from the end", reads(fits=lambda layer, name: layer.split(".")[-len(name.split(".")):]
                                                  == name.split("."))),
    (BUDGET, "numpy's whole numbers", ranks_by(sides, lambda b, e: np.int64(b // e))),
    (SQUEEZE, "eigenvectors, numpy, float64", all_in_b),
]  # fmt: skip
