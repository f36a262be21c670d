# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 02: how much do examples buy?
#
# A prompt with examples, a score that reads words, calibration, an honest choice of the order, and an open task at the
# end. Write the code where a cell says so, run it, then run the check below it. A check prints one line when it passes
# and says what to ask yourself when it does not. Your verdict on the whole lab: `pytest --nbval-lax
# --nbval-current-env labs/02_few_shot.ipynb`.
#
# About 45 minutes. You may use plain Python and everything imported below, but not `spectrum.calibration` and not
# `spectrum.prompts`.

# %%
import re
from itertools import permutations

import numpy as np

from spectrum.checks import lab_02


# %% [markdown]
# ## Task 1: a prompt and its answer
#
# 8 minutes · about 4 lines · plain Python
#
# `pool` holds (text, label) pairs, and `item` is one such pair, perhaps one of the pool's own. Return two texts. The
# prompt shows the first k pairs of the pool that do not have the item's text, each as a line "text -> label", and then
# the item's text with " ->". The answer is what the model should write next: in plain text, the space belongs to it.
#
# <details><summary>Nudge</summary>
#
# The item's label must not be anywhere in the prompt that the item could be read off. Where could it slip in?
# </details>
# <details><summary>Error you may see</summary>
#
# "the open item stands among its own examples": take it out of the pool *before* you take the first k.
# </details>
# <details><summary>Pseudocode</summary>
#
# Others: pairs of the pool whose text is another one. For the first k: text, " -> ", label, line break. Then the item's
# text and " ->". The answer is a space and the item's label.
# </details>

# %% tags=["task"]
def build(pool, item, k):
    """list of (text, label), one (text, label), number of examples -> (prompt, answer), both text"""
    ### BEGIN SOLUTION
    others = [pair for pair in pool if pair[0] != item[0]][:k]
    shots = "".join(f"{text} -> {label}\n" for text, label in others)
    return f"{shots}{item[0]} ->", f" {item[1]}"
    ### END SOLUTION


# %% tags=["check"]
lab_02.check_build(build)


# %% [markdown]
# ## Task 2: is it right?
#
# 10 minutes · about 4 lines · `re`
#
# A model wrote some text, and it may have written more than the label: "It is correct." Count it as right where it
# names exactly one of the labels, and that one is the true one. Capitals do not matter. Labels are whole words, and a
# label may hold another one: "incorrect" is not "correct", "not urgent" not "urgent", "good enough" not "good".
#
# <details><summary>Nudge</summary>
#
# Look for all labels at once. Which of two labels that begin at the same place, or overlap, should win?
# </details>
# <details><summary>Error you may see</summary>
#
# "'The claim is incorrect.' counts as correct": `in` finds letters, not words.
# </details>
# <details><summary>Pseudocode</summary>
#
# Sort the labels by length, longest first, escape each with `re.escape`, and join them with |. Find all of them between
# word boundaries in the text, both in lower case. Right: the *set* of what was found is the true label alone.
# </details>

# %% tags=["task"]
def is_right(text, label, labels):
    """text of an answer, the true label, all labels -> True or False"""
    ### BEGIN SOLUTION
    longest = sorted((re.escape(name.lower()) for name in labels), key=len, reverse=True)
    found = re.findall(rf"\b(?:{'|'.join(longest)})\b", text.lower())
    return set(found) == {label.lower()}
    ### END SOLUTION


# %% tags=["check"]
lab_02.check_is_right(is_right)


# %% [markdown]
# ## Task 3: calibration
#
# 8 minutes · about 4 lines · `np`
#
# `logprobs` (N, C) are the log-probabilities of C labels under N prompts; `empty` (M, C) are those of the same labels
# under M inputs that say nothing. Return (N, C) calibrated shares: each label's share among the labels, divided by its
# mean share over the empty inputs, scaled so that a row adds up to 1.
#
# <details><summary>Nudge</summary>
#
# Shares first, mean second. If an empty input itself is calibrated, what must come out?
# </details>
# <details><summary>Error you may see</summary>
#
# "expected 0.333333, got 0.818182": the label that the prompt prefers gains instead of losing.
# </details>
# <details><summary>Pseudocode</summary>
#
# Shares of a row: exp(row - its largest), divided by its sum. Lean: the mean of the empty rows' shares, (C,). Divide
# the shares of logprobs by the lean, then each row by its sum.
# </details>

# %% tags=["task"]
def calibrate(logprobs, empty):
    """(N, C) and (M, C) log-probabilities -> (N, C) calibrated shares"""
    ### BEGIN SOLUTION
    shares = [np.exp(x - x.max(axis=1, keepdims=True)) for x in (logprobs, empty)]
    real, nothing = (x / x.sum(axis=1, keepdims=True) for x in shares)
    ratio = real / nothing.mean(axis=0)
    return ratio / ratio.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% tags=["check"]
lab_02.check_calibrate(calibrate)


# %% [markdown]
# ## Task 4: an honest choice of the order
#
# 6 minutes · about 3 lines · `permutations`
#
# `dev` and `test` are functions: a list of examples in, a score out. Try every order of the examples, choose the one
# with the best score on dev, and return it as a list with the score that you may report.
#
# <details><summary>Nudge</summary>
#
# Which of the two functions may be called 24 times, and which once?
# </details>
# <details><summary>Error you may see</summary>
#
# "the test set was asked 24 times": then the choice was made on it.
# </details>
# <details><summary>Pseudocode</summary>
#
# All permutations, as lists. The one with the largest dev score (the first of equals). Return it and its test score.
# </details>

# %% tags=["task"]
def pick_order(examples, dev, test):
    """list of examples, two score functions -> (best order as a list, the score to report)"""
    ### BEGIN SOLUTION
    best = max((list(order) for order in permutations(examples)), key=dev)
    return best, test(best)
    ### END SOLUTION


# %% tags=["check"]
lab_02.check_pick_order(pick_order)


# %% [markdown]
# ## Task 5, open: eight poor examples
#
# 15 minutes · about 6 lines · goal: 70 % of 160 fresh sentences
#
# The labels are two invented words, *mango* for positive and *pixel* for negative, so the base model has only examples
# to go by. `ask(examples, texts)` gives (N, 2) log-probabilities of mango and pixel; each call may show eight pairs of
# the pool at most, and you may call it four times. Under the first eight pairs about half of the answers are right. Write
# `classify`, which returns a label for each text, and say in one sentence why it works.
#
# <details><summary>Nudge</summary>
#
# Print how often each label is the likelier one under the first eight. Other examples, another order, calibration, or
# the mean of several prompts: what can you measure without knowing a true answer?
# </details>
# <details><summary>Error you may see</summary>
#
# "… is not a pair of the pool": choose pairs, and leave their labels as they are.
# </details>
# <details><summary>Pseudocode</summary>
#
# Four times: draw four sentences of each label with a fixed seed, shuffle, ask about all texts, and calibrate what came
# by itself (batch calibration: your `calibrate`, the same array twice). Add the four up; the larger column names the
# label.
# </details>

# %%
pool, trial = lab_02.pool(), lab_02.sentences(100, "dev", 1)
texts = [text for text, _ in trial]
found = lab_02.ask(pool[:8], texts)
answers = [("mango", "pixel")[place] for place in found.argmax(axis=1)]
print(f"the first eight: {100 * lab_02.share_right(answers, trial):.0f} % right, {answers.count('mango')} times mango")


# %% tags=["task"]
def classify(ask, pool, texts):
    """ask (examples, texts -> log-probabilities), 60 (text, label) pairs, N texts -> list of N labels"""
    ### BEGIN SOLUTION
    draw, total = np.random.default_rng(1), 0
    kinds = [[pair for pair in pool if pair[1] == label] for label in ("mango", "pixel")]
    for _ in range(4):
        shots = [kind[i] for kind in kinds for i in draw.choice(len(kind), 4, replace=False)]
        found = ask([shots[i] for i in draw.permutation(8)], texts)
        total = total + calibrate(found, found)
    return [("mango", "pixel")[place] for place in total.argmax(axis=1)]
    ### END SOLUTION


why = ""  # one sentence of at least eight words: why does it work?

# %% tags=["solution-only"]
why = "The first eight lean to one word whatever the text says; dividing by the lean leaves what the texts change."
mine = classify(lab_02.ask, pool, texts)
print(f"four prompts, calibrated: {100 * lab_02.share_right(mine, trial):.0f} % right, {mine.count('mango')} mango")

# %% tags=["check"]
lab_02.check_classify(classify, why)
