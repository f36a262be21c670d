"""The runs behind lab 05's open task: which letters the base model gets right under each of forty pairs of examples.

`run` is one run, a pure function of its settings; `GRIDS` holds the settings of the stored sweep, which
`tools/make_sweeps.py` runs. The check of the lab plays its contests on what is stored, so that no learner waits.
"""

from functools import cache

import numpy as np

from spectrum import prompts, seeds
from spectrum.generate import complete
from spectrum.models import load_model
from spectrum.shop import tasks
from spectrum.sweeps import read_sweep, results_folder

RESULTS = results_folder("05_measuring_prompts")
PAIRS, LETTERS = 40, 80
TASK = tasks.TASKS["product_quoted"]
GRIDS = {"pairs": [{"pair": pair} for pair in range(PAIRS)]}


def pairs_to_show():
    """Returns the pairs of solved train letters that a prompt may show: the product in the letter, in quotes."""
    train, rng = TASK.sample(40, "train", seed=1), seeds.seeded("forty pairs")
    return [rng.sample(train, 2) for _ in range(PAIRS)]


def run(pair, count=LETTERS, name="base"):
    """Returns {"right": a text of one 0 or 1 for each dev letter, as the model answers it under this pair}."""
    letters = TASK.sample(LETTERS, "dev", seed=7)[:count]
    asked = [prompts.show(pairs_to_show()[pair], letter) for letter in letters]
    said = complete(*load_model(name), asked, max_new_tokens=12, stop="\n", progress=False)
    return {"right": "".join(f"{TASK.score(a, letter):.0f}" for a, letter in zip(said, letters, strict=True))}


@cache
def stored_answers():
    """Returns a (40, 80) array of 0 and 1, the stored runs; raises FileNotFoundError where none is stored."""
    table = read_sweep(RESULTS / "pairs").sort_values("pair")
    return np.array([[float(digit) for digit in row] for row in table["right"]])
