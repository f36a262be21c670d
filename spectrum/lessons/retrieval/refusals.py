"""Who refuses, in lesson 06: thresholds on a search's best score, and models that may say that a text does not tell."""

import numpy as np

from spectrum.evaluate import Score
from spectrum.lessons.retrieval import reference, runs
from spectrum.models import ADAPTER


def threshold_curves(method="dense"):
    """Returns {name: (false alarms, refusals)}, both in per cent for each threshold on the best hit's score.

    False alarms are refusals where the reference has the answer: of all questions, and of those in its own words.
    """
    best = {}
    for kind in ("same", "other", "none"):
        found = runs.searched(method, reference.questions(kind))
        best[kind] = np.array([hits[0].score if hits else 0.0 for hits in found])
    cuts = np.unique(np.concatenate([*best.values(), [np.inf]]))
    asked = {"all that it answers": np.concatenate([best["same"], best["other"]]), "asked in its words": best["same"]}
    refused = [100 * (best["none"] < cut).mean() for cut in cuts]
    return {name: ([100 * (scores < cut).mean() for cut in cuts], refused) for name, scores in asked.items()}


def model_refusals():
    """Returns {model: (Score of false alarms, Score of refusals)} of models that may refuse.

    They read the right passage, or three that do not hold the answer.
    """
    found = {}
    for label, which in (("SmolLM2, told that it may", {}), (ADAPTER, {"name": ADAPTER})):
        pair = ({"given": "right", **which}, {"given": "without the right", "k": 3, **which})
        told = [runs.stored("answers", {"what": "answers", "refuse": True, **settings})["refused"] for settings in pair]
        found[label] = tuple(Score(label, each, floor=0.0, ceiling=1.0) for each in told)
    return found
