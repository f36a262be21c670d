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
# # Is this prompt really better?
#
# **You will do:** build an evaluation set, an interval and a paired test by hand, ask one question in 38 harmless ways,
# let a program search for a prompt, and shorten one. **You will learn:** when a difference between two prompts means
# anything, and why the best of many tries promises too much. **You need:** lessons 01 and 02. **Time:** 45 minutes to
# read, about a minute and a half to run.

# %% tags=["nbval-ignore-output"]
from spectrum import doctor

print(doctor.banner("05_measuring_prompts"))

# %% [markdown]
# ## The questions come first
#
# Whoever writes the questions after the prompt writes those that the prompt can answer. So the first thing is a set of
# questions with true answers. The task: how does a customer feel about the product, positive or negative? *Train* items
# may stand in prompts as examples. *Dev* items decide between prompts. *Test* items are asked once, at the end.
#
# Three checks before anything else: no letter stands in two sets, none stands in one set twice, and the answers are not all
# the same. Then a checksum: if it ever changes, scores from before and after must not be compared.

# %%
import hashlib
from collections import Counter

from spectrum import tasks

task = tasks.TASKS["sentiment"]
sets = {name: task.sample(n, name, seed=1) for name, n in {"train": 12, "dev": 60, "test": 160}.items()}
letters = [item.input for items in sets.values() for item in items]
assert len(set(letters)) == len(letters), "a letter stands in two sets, or twice in one"
for name, items in sets.items():
    seal = hashlib.sha256("\n".join(i.input + i.gold for i in items).encode()).hexdigest()[:8]
    print(f"{name:5s} {len(items):3d} letters, {dict(Counter(i.gold for i in items))}, checksum {seal}")
print(sets["dev"][0].input, "->", sets["dev"][0].gold)

# %% [markdown]
# ## One prompt, one number, one interval
#
# A score is a share: so many right of so many. Other letters would have given another share. How far off may it be? The
# *standard error* of a share $p$ of $n$ items is $\sqrt{p(1-p)/n}$, and 1.96 of them on either side hold the true value
# in 95 of 100 cases. That simple interval fails near 0 and 1: for 20 right of 20 it has no width at all. Wilson's
# interval (1927) asks instead which true values could have given what was seen.
#
# **Before you run:** 20 right of 20. How low might the true share be?

# %%
import math


def simple_interval(right, n, z=1.96):
    p = right / n
    half = z * math.sqrt(p * (1 - p) / n)
    return p - half, p + half


def wilson_interval(right, n, z=1.959964):
    p, square = right / n, z * z / n
    centre = (p + square / 2) / (1 + square)
    half = z * math.sqrt(p * (1 - p) / n + square / (4 * n)) / (1 + square)
    return centre - half, centre + half


for right, n in ((20, 20), (18, 20), (90, 100), (900, 1000)):
    for name, interval in (("simple", simple_interval), ("Wilson", wilson_interval)):
        low, high = interval(right, n)
        print(f"{right} of {n}, {name}: {100 * low:5.1f} to {100 * high:5.1f} %")

# %% [markdown]
# Down to 84 %: twenty right answers in a row say little. Ten times the items shrink the interval by a factor of
# about three, as the root says. An interval without $n$, or a score without either, is half a sentence.
#
# Now a real prompt on all test letters... no: on *dev* letters. The library computes the same interval.

# %%
from spectrum import evaluate, models, search

model, tokenizer = models.load_model("instruct")


def ask(order, items, shots=(), name=None):
    prompts = [search.Candidate(order, tuple(shots)).messages(item.input) for item in items]
    options = {"max_new_tokens": 8, "floor": evaluate.majority_floor(items), "ceiling": 1.0, "progress": False}
    return evaluate.evaluate(model, tokenizer, items, prompts, task.score, name=name or order, **options)


first = ask("positive or negative?", sets["dev"])
by_hand = wilson_interval(first.correct.sum(), first.n)
assert max(abs(a - b) for a, b in zip(by_hand, first.interval, strict=True)) < 1e-6
print(f"{first.name!r}: {first}, floor {100 * first.floor:.0f} %")

# %% [markdown]
# ## Two prompts on the same letters
#
# A colleague proposes other words. Two scores, two intervals that overlap: is the difference chance? Looking at
# overlapping intervals throws away the best thing we have: both prompts answered the *same* letters. Letters that both get
# right say nothing about the difference, nor do those that both get wrong. Only the others do.
#
# Say prompt B wins 9 letters that A loses, and loses 1 that A wins. If the two were equally good, each such letter would
# be a fair coin. How often do 10 coins fall at least as unevenly as 9 to 1, either way? That is McNemar's test (1947), in
# its exact form.
#
# **Before you run:** 11 lucky cases on one side of 1,024. What is p, both sides together?

# %%
def paired_p(wins, losses):
    n, fewer = wins + losses, min(wins, losses)
    one_side = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
    return min(1.0, 2 * one_side)


def unpaired_p(right_a, right_b, n):
    both = (right_a + right_b) / (2 * n)
    error = math.sqrt(2 * both * (1 - both) / n)
    return math.erfc(abs(right_b - right_a) / n / error / math.sqrt(2)) if error else 1.0


from scipy.stats import binomtest

assert math.isclose(paired_p(9, 1), binomtest(9, 10, 0.5).pvalue)
for same in (0, 40, 90):
    n, right_a, right_b = 10 + 2 * same, 1 + same, 9 + same
    print(f"9 to 1 among {n:3d} letters: paired p = {paired_p(9, 1):.3f}, unpaired p = {unpaired_p(right_a, right_b, n):.3f}")

# %% [markdown]
# It is 22/1024 = 0.021, however many letters the two answer alike. The unpaired test drowns in those letters: at 190 of
# them it sees nothing any more. Wrong test, wrong decision, and no error message.
#
# Now the two real prompts, on 60 dev letters. The library's `compare` is the same test with a bootstrap interval:
# draw 60 letters from the 60, with repetition, many times, and see where the mean difference falls.
#
# **Before you run:** will the difference be clear, in your own words: yes, no, cannot tell?

# %%
import numpy as np

second = ask("Does the customer like the product? positive or negative.", sets["dev"])
change = second.correct - first.correct  # (n,) +1 won, -1 lost, 0 the same
wins, losses = int((change > 0).sum()), int((change < 0).sum())
draws = np.random.default_rng(0).choice(change, (4000, len(change))).mean(axis=1)
low, high = 100 * np.quantile(draws, (0.025, 0.975))
library = evaluate.compare(first, second)
assert math.isclose(paired_p(wins, losses), library.p_value)
print(f"by hand: won {wins}, lost {losses}, p = {paired_p(wins, losses):.3f}, interval {low:+.1f} to {high:+.1f} points")
print("library:", library)

# %% [markdown]
# The p-values are equal; the intervals differ a little, because the library corrects the bootstrap for skew (BCa). «What
# the comparison said here, in one sentence.» An interval around zero is no proof that two prompts are equal. It says: with
# this many letters, you cannot tell.
#
# How many letters would do? If two prompts disagree on a tenth of the letters and one wins two thirds of those, the true
# difference is 3 points. We try it out: 1,000 made-up comparisons at each size.
#
# **Before you run:** at which $n$ does the test find the difference more often than not?

# %%
def power(n, disagree=0.10, share=2 / 3, tries=1000, seed=0):
    rng = np.random.default_rng(seed)
    differing = rng.binomial(n, disagree, tries)
    won = rng.binomial(differing, share)
    return np.mean([paired_p(int(w), int(d - w)) < 0.05 for w, d in zip(won, differing, strict=True)])


chances = {n: power(n) for n in (60, 200, 400, 800, 1600)}
print(", ".join(f"n = {n}: {100 * chance:.0f} %" for n, chance in chances.items()))

# %% [markdown]
# Hundreds of letters for three points. With 60 you can find a prompt that is broken, and tell 70 from 90 %. You cannot
# tell 93 from 96.
#
# ## The best of many promises too much
#
# Twelve colleagues send twelve prompts. All are asked on the same letters, the best one wins, and its score goes
# into the report. The twelve below say what the answer may be, and there is little reason for one to be better. We ask
# all of them on the 160 letters kept aside, once, and keep the table of right and wrong: 12 rows, 160 columns.
#
# **Before you run:** how far apart will the best and the worst of the twelve be?

# %% tags=["nbval-ignore-output"]
twelve = [
    "positive or negative?", "Positive or negative?", "Good or bad? Say positive or negative.",
    "Happy or unhappy? Answer positive or negative.", "Judge the letter: positive or negative.",
    "Does the customer like the product? positive or negative.", "Is the customer pleased? positive or negative.",
    "The product: positive or negative?", "Opinion on the product, positive or negative?",
    "What does the customer think of it? positive or negative.", "Read it and say positive or negative.",
    "Answer with one word, positive or negative.",
]  # fmt: skip
answered = [ask(order, sets["test"]) for order in twelve]
right = np.array([score.correct for score in answered])  # (12, 160)
for score in sorted(answered, key=lambda s: -s.mean):
    print(f"{score}  {score.name}")

# %% [markdown]
# With the table we can play the contest a thousand times without asking the model again. Each time, 30 of the letters
# are the dev set, on which the winner is chosen; the other 130 are letters that nobody looked at. The score that the
# winner had where it won is what a report *promises*. Its score on the others is what it *keeps*.
#
# **Before you run:** the winner is the best of twelve on 30 letters. By how many points will its promise be too high?

# %%
from spectrum import widgets_wording


def contest(right, n_dev, rng):
    order = rng.permutation(right.shape[1])
    dev, unseen = right[:, order[:n_dev]].mean(axis=1), right[:, order[n_dev:]].mean(axis=1)
    winner = rng.permutation(np.flatnonzero(dev == dev.max()))[0]  # of equals, any
    return dev[winner], unseen[winner]


rng = np.random.default_rng(0)
contests = np.array([contest(right, 30, rng) for _ in range(1000)])  # (1000, 2): promised, kept
gap = 100 * (contests[:, 0] - contests[:, 1]).mean()
title = f"The best of 12 on 30 letters promises {gap:.1f} points more than it keeps"
widgets_wording.show_promises(*contests.T.tolist(), title)

# %% [markdown]
# *What the picture shows:* small dots are single contests, diamonds the means of 1,000: promised «promised» %, kept «kept» %. Nobody cheated. Choosing
# and reporting on the same letters is enough: among twelve equals the luckiest wins. Two things make it worse, more
# candidates and fewer letters.

# %%
rows = {}
for count in (1, 3, 12):
    for n_dev in (15, 30, 80):
        found = [contest(right[rng.permutation(12)[:count]], n_dev, rng) for _ in range(1000)]
        rows[count, n_dev] = 100 * np.subtract(*np.mean(found, axis=0))
print("promised less kept, points")
for count in (1, 3, 12):
    print(f"best of {count:2d}: " + ", ".join(f"{rows[count, n]:+.1f} on {n} letters" for n in (15, 30, 80)))

# %% [markdown]
# One prompt, chosen before, promises what it keeps. The way out costs nothing: choose on dev, report on test.
#
# ## A leak that nobody planned
#
# Now a worse accident. For each question your program looks up the two most similar letters in a pool of solved ones and
# shows them as examples: a common and sensible trick. The task is a *house ticket*, a code such as
# `LG|lighting|P1|PAY`, whose rules no model of the course has read. In the first pool some clerk has left the test
# letters in. In the second they were taken out.
#
# **Before you run:** what will the leaked pool promise, and what does the clean one get?

# %% tags=["nbval-ignore-output"]
ticket = tasks.TASKS["house_ticket"]
test, pool = ticket.sample(30, "test", seed=1), ticket.sample(60, "train", seed=1)


def similar(text, pool, k=2):
    words = set(text.split())
    shared = [len(words & set(i.input.split())) / len(words | set(i.input.split())) for i in pool]
    return [(pool[i].input, pool[i].gold) for i in np.argsort(shared, kind="stable")[-k:]]


leak = {}
for name, solved in {"leaked pool": pool + test, "clean pool": pool}.items():
    shown = [search.Candidate("Write the house ticket.", tuple(similar(i.input, solved))) for i in test]
    prompts = [c.messages(i.input) for c, i in zip(shown, test, strict=True)]
    leak[name] = evaluate.evaluate(model, tokenizer, test, prompts, ticket.score, name=name, max_new_tokens=16, floor=0.0)
    print(f"{leak[name]}  {name}, e.g. {leak[name].answers[0]!r}")

# %% [markdown]
# «What the leaked pool promised, and the clean one got.» With the test letter among the examples the model only has to
# copy. A leak need not be this crude: the same customer twice, a template letter, a question paraphrased. The check
# at the top of this page looks for equal letters; ask yourself what would count as equal in your own data.
#
# ## Thirty-eight harmless ways to ask
#
# Prompts are said to be fragile. The next task is easier: give the product that a customer bought. The model does it
# well. `rewordings` has 38 ways to ask: 21 *wordings* of the order, 16 *layouts*, and the order as a system turn.
# Somebody who reads two of them would expect no difference.

# %%
from spectrum import rewordings

ways = rewordings.variants("the product")
for way in (ways[0], ways[2], ways[16], ways[21], ways[30]):
    print(f"{way.kind:8s} {way.messages('I bought a Kavo lamp.')[0]['content']!r}")

# %% [markdown]
# **Before you run:** forty letters each. Where will the lowest, the middle and the highest of the 38 scores be?

# %% tags=["nbval-ignore-output"]
product = tasks.TASKS["product"]
items = product.sample(40, "dev", seed=5)
options = {"max_new_tokens": 14, "progress": False}
scores = rewordings.measure(model, tokenizer, ways, items, product.score, **options)
spread = {name: 100 * share for name, share in rewordings.spread(scores).items()}
kinds = {way.name: way.kind for way in ways}
title = f"38 harmless ways: lowest {spread['min']:.0f} %, median {spread['median']:.0f} %, highest {spread['max']:.0f} %"
widgets_wording.show_variants(scores, kinds, title)

# %% [markdown]
# *What the picture shows:* a dot for each way to ask, sorted, coloured by kind. «How many of the 38 reach 95 %, and how
# many fall below 60 %.» The mean would hide it. Look at what the lowest ones answer.

# %%
for score in sorted(scores.values(), key=lambda s: s.mean)[:6]:
    wrong = [(a, i.gold) for a, i, c in zip(score.answers, items, score.correct, strict=True) if not c]
    print(f"{100 * score.mean:3.0f} %  {score.name:22s} {wrong[0][0]!r} instead of {wrong[0][1]!r}" if wrong else score)

# %% [markdown]
# «What the failures have in common: the model follows the form it sees. Asked in capitals it answers in capitals, given
# quotes it gives quotes; "letter" reminds it of "capital letters".» Each time the content may be right and only the form
# is not. To a program that reads the answer it is lost all the same. Sclar and others (2023) found up to 76 points between two
# formats of one question on large models. Lesson 07 tunes a model and asks how steady that makes it.
#
# ## A refinement log
#
# Lesson 01 refined a prompt until it met a bar. With a paired test the log gets a rule that you write down *before* you
# start: a new version replaces the old one if it is better and p < 0.05, or if it is as good and shorter. The
# task: the order number; the bar: 95 % on 60 dev letters.
#
# **Before you run:** version 3 adds an example to version 2. Will the rule take it?

# %% tags=["nbval-ignore-output"]
order_task = tasks.TASKS["order"]
dev, train = order_task.sample(60, "dev", seed=5), order_task.sample(4, "train", seed=2)
example = ((train[0].input, train[0].gold),)
versions = {
    "v1 digits": search.Candidate("Find the four digits."),
    "v2 id": search.Candidate("Order id."),
    "v3 id + example": search.Candidate("Order id.", example),
    "v4 sentence": search.Candidate("Which number does the order have?"),
    "v5 plain": search.Candidate("The number of the order, please."),
}


def score_version(name, items):
    asked = [versions[name].messages(i.input) for i in items]
    settings = {"max_new_tokens": 14, "floor": 0.0, "ceiling": 1.0, "progress": False}
    return evaluate.evaluate(model, tokenizer, items, asked, order_task.score, name=name, **settings)


log, kept = [], None
for name in versions:
    score = score_version(name, dev)
    against = evaluate.compare(kept, score) if kept else None
    better = kept is None or (against.difference > 0 and against.p_value < 0.05)
    shorter = kept is not None and against.difference >= 0 and score.tokens_in < kept.tokens_in
    decision = "take" if better or shorter else f"keep {kept.name}"
    p = "        " if against is None else f"p = {against.p_value:.3f}"
    log.append((name, score, decision))
    kept = score if better or shorter else kept
    print(f"{name:16s} {score}  {p}  {decision}{', meets the bar' if score.mean >= 0.95 else ''}")
final = score_version(kept.name, order_task.sample(120, "test", seed=5))
print(f"test, once: {kept.name}: {final}")

# %% [markdown]
# «Which version won, and what the test set said.» The log keeps the versions that lost, with their numbers. Half of its
# worth is in them: nobody will try the same thing again next month.
#
# ## Let a program search
#
# Trying prompts is work that a program can do. The space: eight orders for the feeling task, from "Read the letter." to
# the clear ones, times seven sets of 0, 1, 2 or 4 solved train letters: 56 candidates. One call is one answer to one
# letter, and calls are what you pay. With 300 calls you can judge ten candidates on 30 letters.
#
# *Random search* draws ten. *Guided search* draws five, and then changes one part of the best so far: its order or its
# examples, not both. It hopes that parts which did well once will do well again.

# %%
import random

space = search.space(search.ORDERS, search.shot_sets(sets["train"], (0, 1, 2, 4), each=2))
letters, budget = sets["dev"][:30], 300
judge = search.judge(model, tokenizer, task.score, max_new_tokens=8, progress=False)


def random_by_hand(judge, space, letters, budget, seed):
    drawn = random.Random(f"random search/{seed}").sample(space, budget // len(letters))
    return [(candidate, judge(candidate, letters).mean()) for candidate in drawn]


def guided_by_hand(judge, space, letters, budget, seed):
    rng, left, tried = random.Random(f"guided search/{seed}"), list(space), []
    trials = budget // len(letters)
    for number in range(trials):
        near = []
        if number >= trials / 2:  # New: stay near the best
            top = max(tried, key=lambda t: t[1])[0]
            near = [c for c in left if (c.instruction == top.instruction) != (c.shots == top.shots)]
        candidate = rng.choice(near or left)
        left.remove(candidate)
        tried.append((candidate, judge(candidate, letters).mean()))
    return tried


print(f"{len(space)} candidates, {budget // len(letters)} trials for {budget} calls")

# %% [markdown]
# Three seeds of both, on the same letters, at the same price. An answer that was given before is remembered to save you
# time, and paid for all the same.
#
# **Before you run:** at 300 calls each, will guided search beat random search?

# %% tags=["nbval-ignore-output"]
found = {"random": [], "guided": []}
for seed in (0, 1, 2):
    found["random"].append(search.random_search(judge, space, letters, budget, seed))
    found["guided"].append(search.guided_search(judge, space, letters, budget, seed))
for kind, by_hand in (("random", random_by_hand), ("guided", guided_by_hand)):
    mine = by_hand(judge, space, letters, budget, 0)
    assert [c for c, _ in mine] == [t.candidate for t in found[kind][0]], "by hand and library try the same candidates"
    assert all(runs[-1].spent == budget for runs in found[kind]), "both pay the same"
curves = {kind: [search.progress(run) for run in runs] for kind, runs in found.items()}
ends = {kind: 100 * np.mean([search.best(run).mean for run in runs]) for kind, runs in found.items()}
title = f"300 calls: random search finds {ends['random']:.0f} %, guided search {ends['guided']:.0f} % on dev"
widgets_wording.show_searches(curves, title)

# %% [markdown]
# *What the picture shows:* the best dev score so far, a line for each of three seeds. «Which search was ahead, and by how
# much; whether three seeds can tell.»
#
# Those are dev scores of winners, and you know what such scores are worth. The six winners on letters that no
# search saw:

# %% tags=["nbval-ignore-output"]
unseen = sets["test"][:120]
searched = {}
for kind, runs in found.items():
    winners = [search.best(run) for run in runs]
    tested = [ask(w.candidate.instruction, unseen, w.candidate.shots, kind) for w in winners]
    searched[kind] = evaluate.Score(kind, np.mean([t.correct for t in tested], axis=0))
    promised, kept_share = 100 * np.mean([w.mean for w in winners]), 100 * searched[kind].mean
    print(f"{kind}: promised {promised:.1f} %, kept {kept_share:.1f} %, e.g. {winners[0].candidate.instruction!r}")
    print(f"    with {[len(w.candidate.shots) for w in winners]} examples")
print(evaluate.compare(searched["random"], searched["guided"]))

# %% [markdown]
# «Whether guidance paid off here.» Guidance needs parts whose worth adds up, and differences larger than the noise of 30
# letters. Where most candidates are good, random search finds one in a few draws and is hard to beat. Any claim that a
# search "improved the prompt" should be held against random draws at the *same* number of calls, on unseen items.
#
# ## The same with DSPy
#
# DSPy is the library that made prompt search popular. Its optimizer MIPROv2 (2024) searches orders × examples as we do,
# guided by a model of which parts did well (a tree-structured Parzen estimator). It is optional here. `dspy_adapter`
# connects it to our model: an *engine* that answers its requests on this machine, and an *adapter* that writes our
# prompts. One part is missing: a large model that proposes orders. Ours cannot write them, so it hands out our eight.
# Where DSPy is not installed, the cell shows a stored run.
#
# **Before you run:** same space, same 300 calls. More than random search, or the same?

# %% tags=["nbval-ignore-output"]
import importlib

dspy_adapter = importlib.import_module("spectrum.dspy_adapter")
live = dspy_adapter.installed()
result = dspy_adapter.measure((model, tokenizer)) if live else dspy_adapter.stored()
print("run now" if live else f"stored run ({dspy_adapter.HOW})")
print(f"{result['instruction']!r} with {len(result['shots'])} examples after {result['calls']} calls")
print(f"promised {100 * result['dev']:.1f} %, kept {100 * result['test']:.1f} % "
      f"(95 % interval {100 * result['low']:.1f} to {100 * result['high']:.1f}, n = {result['n']})")  # fmt: skip

# %% [markdown]
# «What DSPy found, against random search at the same budget.» MIPROv2's own strength, orders written by a large model that reads
# your data, is not tested here. What is tested is the search itself.
#
# ## Shorter prompts
#
# Examples make prompts long, and tokens cost money and time. What a model could have guessed, it need not be told: so
# drop the tokens that surprise it least. The *surprisal* of a token is $-\log p$, the loss that training adds up. A
# prompt has sections: instruction, examples, input. The base model reads this one, in plain text.
#
# **Before you run:** which words will be struck out first: "Input:", or the order number?

# %%
from spectrum import compression

base, _ = models.load_model("base")
shots = [(i.input, i.gold) for i in order_task.sample(4, "train", seed=3)]
parts = compression.sections("Give the order number.", shots, dev[0].input)
table = compression.surprisals(base, tokenizer, parts)


def drop_predictable(nats, share):
    keep = round(share * len(nats))
    highest = sorted(range(len(nats)), key=lambda i: -nats[i])[:keep]
    return [i in highest for i in range(len(nats))]


for name in ("instruction", "examples", "input"):
    rows = (table["section"] == name).to_numpy()
    mine = drop_predictable(table["nats"][rows].tolist(), 0.5)
    assert mine == compression.kept(table, {name: 0.5})[rows].tolist(), "by hand and library keep the same tokens"
widgets_wording.show_struck(table, widgets_wording.compression_view(table, tokenizer, {"examples": 0.5}))

# %% [markdown]
# *What the picture shows:* the prompt with half of its examples' tokens struck through, the predictable half. Does it still
# work? Each section is shortened alone, the rest stays whole. Two controls at half the tokens: drop at random, and drop the
# *surprising* ones.
#
# **Before you run:** which section can lose half of its tokens without harm? And which one cannot?

# %% tags=["nbval-ignore-output"]
import pandas as pd

tables = [compression.surprisals(base, tokenizer, compression.sections("Give the order number.", shots, i.input))
          for i in dev[:40]]  # fmt: skip


def shortened(keep, way="predictable"):
    texts = [compression.compress(t, tokenizer, keep, way, seed=n) for n, t in enumerate(tables)]
    return evaluate.evaluate(base, tokenizer, dev[:40], texts, order_task.score, stop="\n", max_new_tokens=8, progress=False)


runs = [("whole", "predictable", 1.0)]
runs += [(s, "predictable", k) for s in ("instruction", "examples", "input") for k in (0.8, 0.5, 0.2)]
runs += [(s, way, 0.5) for s in ("examples", "input") for way in ("random", "surprising")]
short = {run: shortened({run[0]: run[2]} if run[0] != "whole" else 1.0, run[1]) for run in runs}
lines = pd.DataFrame([{"section": s, "way": w, "keep": k, "score %": 100 * score.mean, "low": 100 * score.low,
                       "high": 100 * score.high, "n": score.n, "tokens in": score.tokens_in}
                      for (s, w, k), score in short.items()]).round(1)  # fmt: skip
lines

# %%
whole = short["whole", "predictable", 1.0]
halved = {s: short[s, "predictable", 0.5] for s in ("instruction", "examples", "input")}
drawn = pd.concat([lines.assign(section=s)[lines["section"] == "whole"] for s in halved] + [lines[lines["section"] != "whole"]])
title = (f"Half the tokens of the examples: {100 * halved['examples'].mean:.0f} %, "
         f"of the input: {100 * halved['input'].mean:.0f} % (whole prompt {100 * whole.mean:.0f} %)")  # fmt: skip
widgets_wording.show_compression(drawn, title)

# %% [markdown]
# *What the picture shows:* scores against the share of tokens kept, a line for each section, from whole on the left to short
# on the right. «Which section could be shortened, at what saving in tokens, and whether dropping by
# surprisal beat dropping at random.» What was saved, in tokens and in points, with the paired test:

# %%
for name, score in halved.items():
    saved = 100 * (1 - score.tokens_in / whole.tokens_in)
    print(f"{name}: {saved:.0f} % of the prompt saved, {evaluate.compare(whole, score)}")

# %% [markdown]
# ## What we measured

# %%
shown = [first, second, *leak.values(), scores["give"], scores["all capitals"], final, *searched.values(), whole, *halved.values()]
names = ["positive or negative?", "does the customer like…", *leak, "product, plain", "product, in capitals", "order, refined",
         "random search, test", "guided search, test", "whole prompt", *(f"half the {s}" for s in halved)]  # fmt: skip
results = evaluate.score_table(shown)[["n", "score %", "low", "high", "floor", "ceiling"]]
results.insert(0, "prompt", names)
results

# %% [markdown]
# **P8, "prompts are fragile": «verdict».** **P11, "prompts can be searched automatically": «verdict».** **P12,
# "compression cuts cost": «verdict».** **P14, "prompt, measure, refine until it meets the bar": «verdict».** **T6, "build
# the evaluation first, keep a held-out set": «verdict».**
#
# The claims cell states these sentences as assertions, with room for the differences between machines.

# %% tags=["claims"]
assert math.isclose(paired_p(wins, losses), library.p_value), "the paired test by hand is the library's"
assert 0.5 < gap < 15, "the best of twelve on 30 letters promises more than it keeps"  # «band»
assert abs(rows[1, 30]) < 1.5, "one prompt chosen beforehand promises what it keeps"
assert leak["leaked pool"].mean - leak["clean pool"].mean > 0.3, "a leaked pool promises what a clean one does not get"  # «band»
assert len(scores) >= 30 and spread["max"] > 90 and spread["min"] < 60, "harmless ways to ask lie far apart"  # «band»
assert spread["median"] > 85, "and most of them work"  # «band»
assert final.mean > 0.85, "the refined prompt keeps its score on the test set"  # «band»
assert abs(searched["guided"].mean - searched["random"].mean) < 0.15, "at equal budget the two searches end close"  # «band»
assert whole.mean > 0.8 and halved["input"].mean < whole.mean - 0.1, "an input that loses half of its tokens misses the answer"  # «band»

# %% [markdown]
# ## Words to keep
#
# *Dev and test set*: where you choose, and where you report. *Leak*: a test item that got into the prompt or into the
# choice. *Interval*: the true values that fit what was seen. *Paired test*: looks only at items on which two prompts
# differ. *p-value*: how often chance alone would do as much. *Promise*: the score of a winner on the items it won on.
# *Budget*: calls to the model. *Surprisal*: $-\log p$ of a token.
#
# ## What if…
#
# <details><summary>…I test twelve prompts against mine, each at p < 0.05?</summary>
#
# Then one of twelve equals looks better about every other time: $1 - 0.95^{12} = 46$ %. Divide 0.05 by the number of
# tests (Bonferroni), or test the one winner on new items.
# </details>
#
# <details><summary>…the dev set is used for months?</summary>
#
# Each look at it is one more candidate. After fifty versions the dev score promises as much as the best of fifty. Draw new
# dev items now and then, and keep the test set closed.
# </details>
#
# <details><summary>…answers are half right?</summary>
#
# Then items have fractions, McNemar's test does not apply, and `compare` permutes: it swaps the two scores of each item
# at random and counts how often the mean difference is as large. The bootstrap works as before.
# </details>
#
# ## The wording bench
#
# Write an instruction in your own words, choose a task and press **Run**: it is scored on 50 dev letters, with its
# interval and the paired test against the course's own wording. The bench counts your tries. In a saved page it is
# asleep: run the cell to wake it. Can you find a harmless wording that breaks the model, or beat the default?

# %% tags=["nbval-ignore-output", "playground"]
widgets_wording.wording_bench(model, tokenizer)

# %% [markdown]
# The same without the widget, for its default text.

# %%
widgets_wording.show_wording(widgets_wording.wording_view(model, tokenizer, widgets_wording.FIRST_TRY))

# %% [markdown]
# And the prompt from above, with a slider for the share of tokens that each section keeps. Watch which words go first.

# %% tags=["nbval-ignore-output"]
widgets_wording.compression_explorer(table, tokenizer)

# %% [markdown]
# Its static twin: every section at 70 %.

# %%
seventy = dict.fromkeys(("instruction", "examples", "input"), 0.7)
widgets_wording.show_struck(table, widgets_wording.compression_view(table, tokenizer, seventy))

# %% [markdown]
# **Next:** no prompt can supply what the model does not know. Lesson 06 looks facts up instead. Before that, do the lab of
# this lesson: [labs/05](../labs/05_measuring_prompts.ipynb).
