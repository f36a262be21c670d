"""Automatic search for a prompt: an instruction with solved examples, judged on dev items at a fixed number of calls.

Both searches judge on the same items and pay for each answer, so equal budgets are equal costs. Built by hand in
notebooks/05_measuring_prompts.ipynb; `spectrum.lessons.measuring_prompts.dspy_search` lets DSPy search the same space.
"""

from dataclasses import dataclass

import numpy as np

from spectrum import prompts, seeds
from spectrum.generate import complete


@dataclass(frozen=True)
class Candidate:
    """One prompt to try: an instruction, and solved examples as (text, answer) pairs."""

    instruction: str
    shots: tuple = ()

    def messages(self, text):
        """Returns the prompt for a text as messages, the instruction in each turn of the user."""
        return prompts.order_turns(self.instruction, self.shots, text)


@dataclass(frozen=True, eq=False)
class Trial:
    """A candidate with what it got right on the items it was judged on, and the calls spent so far."""

    candidate: Candidate
    correct: np.ndarray  # (n,) 0 or 1 per item
    spent: int

    @property
    def mean(self):
        """The dev score, a share."""
        return float(self.correct.mean())


def judge(model, tokenizer, score, **options):
    """Returns right(candidate, items) -> (n,) array of 0 and 1, which asks the model; `options` go to `complete`.

    An answer that was given once is remembered. The searches pay for it all the same: a rival might not have a memory.
    """
    memory = {}

    def right(candidate, items):
        new = [item for item in items if (candidate, item.input) not in memory]
        answers = complete(model, tokenizer, [candidate.messages(i.input) for i in new], **options) if new else []
        for item, answer in zip(new, answers, strict=True):
            memory[candidate, item.input] = float(score(answer, item))
        return np.array([memory[candidate, item.input] for item in items])

    return right


def shot_sets(items, sizes=(0, 1, 2, 4), each=2, seed=0):
    """Returns sets of (text, answer) pairs drawn from the items: `each` of every size, of size 0 the one there is."""
    rng, found = seeds.seeded("shot sets", seed), []
    for size in sizes:
        if size > len(items):
            raise ValueError(f"a set of {size} examples cannot be drawn from {len(items)} items. Give more items.")
        for _ in range(each if size else 1):
            found.append(tuple((i.input, i.gold) for i in rng.sample(list(items), size)))
    return found


def space(instructions, shots):
    """Returns every Candidate of the instructions × sets of examples; ValueError where one of them is empty."""
    if not instructions or not shots:
        raise ValueError("the space is empty. Give at least one instruction and one set of examples, such as ().")
    return [Candidate(instruction, tuple(shot)) for instruction in instructions for shot in shots]


def trials_of(budget, items, candidates):
    """Returns how many candidates a budget of calls can judge on all items; ValueError where it is not one."""
    if not len(items):
        raise ValueError("there are no dev items to judge on.")
    if budget < len(items):
        raise ValueError(f"a budget of {budget} calls does not judge one candidate on {len(items)} items.")
    return min(budget // len(items), len(candidates))


def random_search(right, candidates, items, budget, seed=0):
    """Returns the Trials of candidates drawn at random, without repetition, until the budget of calls is spent."""
    drawn = seeds.seeded("random search", seed).sample(candidates, trials_of(budget, items, candidates))
    return [Trial(c, right(c, items), (n + 1) * len(items)) for n, c in enumerate(drawn)]


def guided_search(right, candidates, items, budget, seed=0, explore=0.5):
    """Returns the Trials of a search that first draws at random, then changes one part of the best so far.

    A share `explore` of the trials is random. Every later one takes the best candidate and changes its instruction or
    its examples, not both; where all such neighbours were tried, it draws at random again. Raises ValueError for a
    share outside 0 to 1.
    """
    if not 0 <= explore <= 1:
        raise ValueError(f"explore is {explore}; it is the share of random trials, from 0 to 1.")
    rng, count = seeds.seeded("guided search", seed), trials_of(budget, items, candidates)
    left, trials = list(candidates), []
    while len(trials) < count:
        near = neighbours(best(trials).candidate, left) if trials and len(trials) >= explore * count else []
        chosen = rng.choice(near or left)
        left.remove(chosen)
        trials.append(Trial(chosen, right(chosen, items), (len(trials) + 1) * len(items)))
    return trials


def neighbours(candidate, others):
    """Returns those of the others that share exactly one part with the candidate."""
    return [o for o in others if (o.instruction == candidate.instruction) != (o.shots == candidate.shots)]


def best(trials):
    """Returns the Trial with the highest dev score; of equals the one found first."""
    if not trials:
        raise ValueError("there is no trial to choose from.")
    return max(trials, key=lambda trial: trial.mean)


def progress(trials):
    """Returns (calls spent, best dev score so far), a list of each, for a curve."""
    return [t.spent for t in trials], list(np.maximum.accumulate([t.mean for t in trials]))
