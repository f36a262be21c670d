"""How well the house dialect is learned, and what is forgotten, by method, learning rate and steps, on dev letters.

`python -m tools.house_rates full:1e-3:450 lora:3e-3:900`: the settings in spectrum/effects/tuning.py are chosen by it.
"""

import sys

from spectrum.effects import tuning
from spectrum.shop import house, tasks
from spectrum.shop.scoring import DEMONSTRATED, by_examples, by_instruction


def dev_items(names, n):
    """Returns about n dev items, spread evenly over the named tasks."""
    return [item for name in names for item in tasks.TASKS[name].sample(-(-n // len(names)), "dev", 7)]


def main():
    rows = house.house_rows(tuning.HOUSE_ROWS, "train")
    for setting in sys.argv[1:]:
        method, rate, steps = setting.split(":")
        rank = 8 if method == "lora" else None
        pair = tuning.tune(tuning.BASE, rows, float(rate), rank, int(steps))
        dialect = by_instruction(pair, dev_items(tasks.HOUSE, 160), (0, 3), chat=True)
        print(f"{setting}: dialect {dialect}, protected {by_examples(pair, dev_items(DEMONSTRATED, 180), 3)}")


if __name__ == "__main__":
    main()
