"""What one may plan on a card before anything is loaded: which settings fit, and about how long they will take."""

import pandas as pd

from spectrum.ledger import ledger
from spectrum.lessons.qlora_on_a_gpu import published
from spectrum.lessons.qlora_on_a_gpu.published import multiplied_weights, operations

# Name: GB that programs can use, and 10^12 operations a second of dense 16-bit products.
SIZES = {"T4, 16 GB": 15, "RTX 4090, 24 GB": 24, "L40S, 48 GB": 48, "H100, 80 GB": 80}
CARDS = {name: (gigabytes, published.CARDS[name.split(",")[0]]) for name, gigabytes in SIZES.items()}
METHODS = {"full": "full", "lora": "LoRA", "qlora": "QLoRA"}
SAVINGS = [{"checkpointing": again, "batch": batch} for again in (False, True) for batch in (8, 4, 2, 1)]
SAVINGS.append({"checkpointing": True, "batch": 1, "optimizer_bits": 8})  # the fastest first
USED = 0.3  # of what a card promises: between the published 24 and 39 % for adapters


def fitting(config, method, gigabytes, length=2048, rank=16):
    """Returns the fastest settings of SAVINGS that fit so many GB and leave a twentieth, with "GB"; None if none do."""
    bits = 32 if method == "full" else 16
    for change in SAVINGS:
        needed = ledger(config, method, rank=rank, length=length, bits=bits, **change)["peak"] / 1e9
        if needed <= 0.95 * gigabytes:
            return change | {"GB": needed}
    return None


def fit_table(configs, cards=CARDS, length=2048):
    """Returns a DataFrame, a row for each model and a column for each card: the first method that fits, or "–"."""
    rows = {}
    for name, config in configs.items():
        for card, (gigabytes, _) in cards.items():
            methods = (METHODS[m] for m in METHODS if fitting(config, m, gigabytes, length))
            rows.setdefault(name, {})[card] = next(methods, "–")
    return pd.DataFrame(rows).T


def plan(config, card, tokens, length=2048, rank=16):
    """Returns a DataFrame, a row for each method that fits a card: settings, GB, tokens a second, minutes for tokens.

    Predicted, all of it: the bytes by the ledger, the time by counting operations, at USED of what the card promises.
    """
    gigabytes, rate = CARDS[card]
    rows = {}
    for method, name in METHODS.items():
        if found := fitting(config, method, gigabytes, length, rank):
            needed = operations(multiplied_weights(config), method, found["checkpointing"])
            speed = USED * rate * 1e12 / needed
            rows[name] = {
                "rows at once": found["batch"],
                "checkpointing": found["checkpointing"],
                "AdamW bits": found.get("optimizer_bits", 32),
                "GB": round(found["GB"], 1),
                "tokens a second": round(speed, -1 if speed < 1000 else -2),
                "minutes": round(tokens / speed / 60, 1),
            }
    return pd.DataFrame(rows).T
