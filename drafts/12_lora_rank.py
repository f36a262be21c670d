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
# # How much rank does a task need?
#
# **You will do:** turn the dials of LoRA one at a time: learning rate, α and its rule, rank, and which layers. You
# squeeze a trained adapter to a smaller rank, and at the end you run settings of your own on a bench. **You will
# learn:** what a task asks of the rank, what a rank costs, and which of the usual advice holds here. **You need:** lesson
# 11. **Time:** 50 minutes to read, about a minute to run.
#
# The line below says which model runs and what this page cost when it was last measured.

# %% tags=["nbval-ignore-output"]
from spectrum import doctor

print(doctor.banner("12_lora_rank"))

# %% [markdown]
# ## A task whose size is known
#
# "How much rank?" has no answer without "for how much?". So we take a task that can be measured in bits. A *planted fact*
# is the code in a drawer of a locker: a letter out of 8 and a number out of 64, drawn blindly. Nothing hints at it, so
# each code is $3 + 6 = 9$ bits that the model must store. A row asks for one locker and has the codes of four drawers.

# %%
from spectrum import adapters, models, rank_runs, train

base, tokenizer = models.load_model("base")
rows, items = rank_runs.material("facts", 64, seed=0)
print(len(rows), "rows; the first:", rows[0])
for count in rank_runs.COUNTS:
    print(f"{count:5,d} facts are {count * rank_runs.FACT_BITS:6,d} bits")

# %% [markdown]
# First the baseline, by the function that scores everything else: the share of codes that stand right in their place.
# *Floor*: a guess is right once in 512, 0.2 %. *Ceiling*: 100 %.
#
# **Before you run:** the base has never read of a locker. How many of the 64 codes does it get?

# %%
untouched = rank_runs.recall(base, tokenizer, items)
print(f"the untouched base recalls {100 * untouched:.1f} % of 64 codes")

# %% [markdown]
# ## What a rank costs
#
# Now the other side of the scale. A LoRA of rank $r$ has $r(d_\text{in} + d_\text{out})$ numbers in each layer. While it
# trains, each takes 12 bytes beside itself (a gradient and two averages of AdamW); saved, 4 bytes. The last column holds
# the task against it: how many bits must each number store if 1,024 facts are to fit?
#
# **Before you run:** published measurements find about 2 bits in a parameter at most. At which rank does room run out?

# %%
import pandas as pd

full_numbers = models.count_parameters(base)
numbers = {rank: adapters.lora_count(base.config, rank) for rank in rank_runs.RANKS} | {"full": full_numbers}
cost = pd.DataFrame({"numbers": numbers})
cost["% of the base"] = (100 * cost["numbers"] / full_numbers).round(1)
cost["training, MB"] = (12 * cost["numbers"] / 1e6).round(2)
cost["file, MB"] = (4 * cost["numbers"] / 1e6).round(2)
cost["bits a number, 1,024 facts"] = (1024 * rank_runs.FACT_BITS / cost["numbers"]).round(3)
cost.rename_axis("rank")

# %% [markdown]
# Everything that is kept grows in proportion to the rank. By the count alone, even rank 1 has room: under half a bit a
# number. Keep that in mind, because recall will not follow the count.
#
# Time is another cost. A step of each in turn, five rounds, medians, optimizer included.
#
# **Before you run:** rank 64 has 64 times the numbers of rank 1. How many times as long does its step take?

# %%
import copy
import statistics
import time

import torch

from spectrum import examples

batch = examples.pack(examples.tokenize_rows(tokenizer, rows), 512)


def stepper(rank):
    model = adapters.add_lora(copy.deepcopy(base), rank) if rank else copy.deepcopy(base).requires_grad_(True)
    return model, torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-9)


def one_step(model, optimizer):
    start = time.perf_counter()
    model(**batch, use_cache=False).loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return time.perf_counter() - start


# %% [markdown]
# The first round is thrown away: it warms the memory up.

# %% tags=["nbval-ignore-output"]
steppers = {rank: stepper(rank) for rank in (1, 8, 64, 0)}
rounds = [{rank: one_step(*pair) for rank, pair in steppers.items()} for _ in range(6)]
seconds = {rank: statistics.median(each[rank] for each in rounds[1:]) for rank in steppers}
for rank, value in seconds.items():
    print(
        f"{f'rank {rank}' if rank else 'full':8s} {1000 * value:5.0f} ms a step, {100 * value / seconds[0]:3.0f} % of full"
    )

# %% [markdown]
# Memory grows with the rank, 64-fold; time by a third or so.
#
# ## One run in view, and a control
#
# Rank 8 on 64 facts: 128 steps of four rows, so every fact is read 32 times. It takes about five
# seconds. Beside it a control that must *not* work: an adapter of random numbers whose updates have the same
# size and rank.
#
# **Before you run:** how many of the 64 codes for each of the two?

# %%
data = examples.tokenize_rows(tokenizer, rows)
settings = rank_runs.settings_of("facts", 64)  # {"steps": 128, "batch_size": 4}
lora = adapters.add_lora(copy.deepcopy(base), rank=8, seed=0)
_ = train.train(lora, data, lr=rank_runs.rate_of(8), seed=0, progress=False, **settings)
live = rank_runs.recall(lora, tokenizer, items)
control = rank_runs.recall(adapters.random_like(lora), tokenizer, items)
print(f"rank 8: {100 * live:.0f} % of the codes; random numbers of that size: {100 * control:.0f} %")

# %% [markdown]
# ## The learning rate dial
#
# Before we compare ranks: at which learning rate? A rank at a bad rate tells of the rate, not of the rank. So the learning
# rate moves first, for three ranks and for full fine-tuning, on 64 facts, with α = 2r as in lesson 11. That is more than
# a page can train, so the course ships the runs (`make sweeps` makes them): three seeds each, which draw the facts, the
# order and $A$.
#
# The loss of the last steps is a finer measure than the recall. "LoRA Without Regret" (Schulman and others, 2025) reports
# that the best rate of LoRA is about 10 times that of full fine-tuning, whatever the rank, and about 15 times in runs of
# under 100 steps. Its α is 32 at every rank.
#
# **Before you run:** draw the four curves in your head. Does the lowest point move with the rank?

# %%
from spectrum import widgets_rank

stored = rank_runs.stored()
rates = stored[stored["sweep"] == "rates"]
curves = {(f"rank {rank}" if rank else "full"): rates[rates["rank"] == rank] for rank in (1, 8, 64, 0)}
lowest = {name: runs.groupby("lr")["last loss"].mean().idxmin() for name, runs in curves.items()}
title = "Lowest loss: " + ", ".join(f"{name} at {rate:g}" for name, rate in lowest.items())
widgets_rank.show_rates(curves, title)

# %% [markdown]
# *What the picture shows:* four U-shaped curves on logarithmic axes, their lowest points side by side rather than above each
# other: rank 1 wants the highest rate, rank 64 and full fine-tuning the lowest. Beyond its bottom each curve soon jumps to
# where nothing is learned.
#
# A grid of 1, 2, 5 is coarse. The lowest point lies between grid points: put a parabola through the logarithms of the
# lowest one and its two neighbours, and take its bottom. Toy numbers first: heights 4, 1, 2 at places 0, 1, 2 have their
# bottom at 1.25, nearer to the lower neighbour.

# %%
import numpy as np


def bottom(places, heights):
    i = int(np.clip(np.argmin(heights), 1, len(heights) - 2))  # at the rim there is no neighbour on one side
    a, b, _ = np.polyfit(places[i - 1 : i + 2], heights[i - 1 : i + 2], 2)
    return -b / (2 * a) if a > 0 else places[int(np.argmin(heights))]


def best_rate(runs):
    means = np.log(runs.groupby("lr")["last loss"].mean())
    return float(np.exp(bottom(np.log(means.index.to_numpy()), means.to_numpy())))


print("toy bottom:", bottom(np.array([0.0, 1.0, 2.0]), np.array([4.0, 1.0, 2.0])).round(2))
best = {name: best_rate(runs) for name, runs in curves.items()}
by_seed = [best_rate(rates[(rates["rank"] == 8) & (rates["seed"] == s)]) /
           best_rate(rates[(rates["rank"] == 0) & (rates["seed"] == s)]) for s in rank_runs.SEEDS]  # fmt: skip
ratio = {name: rate / best["full"] for name, rate in best.items()}
print({name: f"{rate:.4f}" for name, rate in best.items()})
print({name: f"{value:.1f} times full" for name, value in ratio.items()}, "| rank 8 by seed:", np.round(by_seed, 1))

# %% [markdown]
# So the best rate does move here: 0.013 at rank 1, 0.0054 at rank 8, 0.0014 at rank 64. Full fine-tuning wants 0.0010, and
# LoRA 13 times that at rank 1, 5.5 times at rank 8, 1.5 times at rank 64. "Ten times" is a place to begin a search, no law.
#
# ## The α dial
#
# Why does it move? With α = 2r the factor on $BA$ is 2 at every rank, and a higher rank adds up more products under it. So
# the factor should shrink with the rank, and the question is how fast. Three rules are in use: α fixed, so that the factor
# falls with the rank; α in proportion to the rank, where it stays; and *rsLoRA*, where it falls with the root of the rank.
# We let all three agree at rank 8, where the factor is 2.
#
# **Before you run:** fill in the factors at rank 1 and rank 64 in your head.


# %%
def scale(rule, rank):
    if rule == "alpha fixed":
        return 16 / rank
    if rule == "alpha = 2r":
        return 2 * rank / rank
    return 2 * 8**0.5 / rank**0.5  # rsLoRA: alpha / √r


RULES = {"alpha fixed": {"alpha": 16}, "alpha = 2r": {}, "rsLoRA": {"alpha": rank_runs.STABLE, "rslora": True}}
for rule, options in RULES.items():
    for rank in (1, 8, 64):
        layer = next(iter(adapters.lora_layers(adapters.add_lora(copy.deepcopy(base), rank, **options)).values()))
        assert abs(layer.scaling["default"] - scale(rule, rank)) < 1e-6, "by hand is what peft does"
pd.DataFrame({rule: {rank: round(scale(rule, rank), 3) for rank in rank_runs.RANKS} for rule in RULES}).rename_axis(
    "rank"
)

# %% [markdown]
# So the rules are three ways to write one number, the factor on $BA$. At rank 8 they are one and the same training. Each rule gets
# its learning rate re-tuned, over at least six rates, at rank 1 and at rank 64, three seeds each.
#
# **Before you run:** a factor four times as large: which way does the best learning rate move? Does the lowest loss
# change, once the rate is tuned?

# %%
scaled = pd.concat([rates, stored[stored["sweep"] == "scaling"]])
found = []
for rule in RULES:
    for rank in (1, 64):
        runs = scaled[(scaled["rank"] == rank) & ((scaled["scale"] - scale(rule, rank)).abs() < 0.01)]
        means = runs.groupby("lr")[["last loss", "score"]].mean()
        at = means["last loss"].idxmin()
        same = means.loc[5e-3]  # the best at rank 8, where the rules agree
        found.append({"rule": rule, "rank": rank, "factor": round(scale(rule, rank), 3), "best rate": round(best_rate(runs), 4),
                      "loss there": round(means["last loss"].min(), 4), "recall there %": round(100 * means["score"][at], 1),
                      "recall at 0.005 %": round(100 * same["score"], 1)})  # fmt: skip
scaling = pd.DataFrame(found).set_index(["rank", "rule"]).sort_index()
scaling

# %% [markdown]
# Compare the column "best rate" with the factor: the larger the factor, the lower the rate, at each rank. Under α = 2r the best
# rate falls ninefold from rank 1 to 64; under rsLoRA it halves; under a fixed α it hardly moves, and that is what "whatever
# the rank" was published for. With the rate re-tuned every rule recalls everything; at one rate for all, α = 2r loses a
# third of the codes at rank 64. So the rule matters as a hidden learning rate: it decides whether a rate found at one rank
# can be kept at another.

# %% [markdown]
# ## The rank dial
#
# Now the rank moves: 1 to 64, and full fine-tuning. Every fact is read 32 times, in the same order (128 steps for 64 and
# 256 facts, 512 for 1,024). α = 2r, and each rank trains at its own rate from the U-curves; ranks between them take one
# near 0.01/√r.

# %%
print("learning rates:", {rank or "full": rate for rank, rate in rank_runs.USUAL.items()})
facts = stored[stored["sweep"] == "facts"]
recall = facts.pivot_table(index="rank", columns="count", values="score").mul(100).round(1)
seeds = facts.groupby(["count", "rank"])["score"].agg(["min", "max", "count"])
recall.rename(index={0: "full"})

# %% [markdown]
# Read off the *knee*: the smallest rank whose recall reaches 90 % in the mean over the seeds. More facts are more bits to
# store, and if rank is room, the knee must move to the right.
#
# **Before you run:** for 64, 256 and 1,024 facts, where will it be?


# %%
def knee(runs, bar=0.9):
    means = runs[runs["rank"] > 0].groupby("rank")["score"].mean()  # ranks in order
    reached = means[means >= bar]
    return int(reached.index[0]) if len(reached) else None


knees = {count: knee(facts[facts["count"] == count]) for count in rank_runs.COUNTS}
print("smallest rank that recalls 90 %:", knees)

# %% [markdown]
# The whole curves, with the floor and the ceiling:

# %%
named = {count: f"rank {rank}" if rank else "no rank" for count, rank in knees.items()}
title = "90 % recall: " + ", ".join(f"{named[count]} for {count:,}" for count in knees) + " facts"
groups = {f"{count:,} facts": facts[facts["count"] == count] for count in rank_runs.COUNTS}
widgets_rank.show_by_rank(groups, title, "codes recalled, %", untouched)

# %% [markdown]
# *What the picture shows:* a curve for each number of facts, dots for seeds, and full fine-tuning at the right end. With 64
# facts every rank is enough; with 256 rank 1 has 64 %, and with 1,024 «r1» %. The knee moves from rank 1 to 2 to «knee»: up
# with the number of facts, but far more slowly than the facts. Between rank 2 and 64 the seeds overlap, so read no more
# into those.
#
# ## Want of room, or want of time?
#
# By the count, rank 1 has room for all of them. So why does it recall less? Either the count is wrong about the room,
# or 32 readings are too few. One dial decides: rank 1 on 256 facts, once with four times the steps.
#
# **Before you run:** which of the two is it?

# %%
longer = stored[stored["sweep"] == "long"]
short = facts[(facts["count"] == 256) & (facts["rank"] == 1)]
for name, runs in (("128 steps", short), (f"{rank_runs.LONG * 128} steps", longer)):
    scores = ", ".join(f"{100 * score:.0f}" for score in sorted(runs["score"]))
    print(f"rank 1, 256 facts, {name}: {scores} % over the seeds")

# %% [markdown]
# Four times the steps close the gap: all 256 codes at rank 1, in all seeds. It was want of time, not of room. Recall is all
# or nothing for a code; bits are finer. Each code that the model is sure of counts 9, each that it finds half as unlikely as guessing would
# counts 1. The table has the bits that are stored in each trained number.
#
# **Before you run:** where is a number fullest: at low rank or at high rank, with few facts or with many?

# %%
held = pd.concat([facts, longer])
held = held.assign(density=held["bits"] / held["trainable"])
density = held.pivot_table(index="rank", columns=["count", "steps"], values="density").round(4)
print(f"fullest: {held['density'].max():.2f} bits a trained number (published for large models: about 2)")
density.rename(index={0: "full"})

# %% [markdown]
# The fullest number holds 0.31 bits, a fraction of what is published as possible: none of these adapters is near full. So a
# rank is more than storage. A low rank *learns more slowly*, and the knee says how much rank a task needs **within a
# training of this length**. Whoever quotes a knee must quote the steps.
#
# ## A style
#
# Most tasks are not facts. The house reply has a fixed form, a greeting and a sign-off of its own; only the name and the
# goods change. It is one rule, however many examples show it, so rank should hardly matter. The same ranks and rates, 96
# steps of 8 letters, scored on letters that were not trained on; and four ranks with 384 steps.
#
# **Before you run:** by how many points will rank 1 and rank 64 differ after 96 steps, and after 384?

# %%
style_all = stored[stored["sweep"] == "style"]
style = style_all[style_all["usual"]]
style_long = stored[stored["sweep"] == "style long"]
means, later = (100 * runs.groupby("rank")["score"].mean() for runs in (style, style_long))
title = f"Rank 1 and 64: {means[1]:.0f} and {means[64]:.0f} % after 96 steps, {later[1]:.0f} and {later[64]:.0f} % after 384"
widgets_rank.show_by_rank({"96 steps": style, "384 steps": style_long}, title, "replies right to the letter, %")

# %% [markdown]
# *What the picture shows:* after 96 steps the score climbs with the rank, and unevenly: ranks 4 and 16 have the lower of two
# neighbouring rates and lag behind. After 384 steps «the line». A style needs little rank, too, and low ranks need more
# steps for it.
#
# The update that *full* fine-tuning finds tells the same story from another side. Lesson 11 measured the rank that holds
# 90 % of its energy: out of 192 directions, the median over the layers.
#
# **Before you run:** which update uses more directions: that for a style or that for 1,024 facts?

# %%
looked = stored[stored["energy rank"].notna()].assign(
    task=lambda t: [
        f"{count:,} facts" if data == "facts" else "style" for data, count in zip(t["data"], t["count"], strict=True)
    ]
)
energy = looked.pivot_table(index="task", columns="rank", values="energy rank").round(1)
energy.rename(columns={0: "full", 64: "LoRA, rank 64"})

# %% [markdown]
# ## Which layers?
#
# Rank 3 on all linear layers has about as many numbers as rank 7 on attention alone or rank 5 on the MLPs alone. At
# these matched counts place is the only dial; each place has its rate tuned too. 256 facts, three seeds.
#
# **Before you run:** the LoRA paper put everything into attention. Is that the best place for facts?

# %%
placed = stored[stored["sweep"] == "placement"]
best_places = []
for (place, rank), runs in placed.groupby(["targets", "rank"]):
    means = runs.groupby("lr")["score"].mean()
    at = runs[runs["lr"] == means.idxmax()]
    best_places.append({"layers": place, "rank": rank, "numbers": int(at["trainable"].iloc[0]), "best rate": means.idxmax(),
                        "recall %": round(100 * at["score"].mean(), 1), "lowest seed": round(100 * at["score"].min(), 1),
                        "highest seed": round(100 * at["score"].max(), 1), "bits": round(at["bits"].mean())})  # fmt: skip
places = pd.DataFrame(best_places).set_index("layers").sort_values("recall %")
places

# %% [markdown]
# «which place wins, and whether the seeds' ranges are apart». In LoRA Without Regret, attention alone at rank 256 loses
# to the MLPs alone at rank 128, with fewer numbers.
#
# ## Train large, then squeeze
#
# The update $\Delta W = \frac{\alpha}{r}BA$ of a trained adapter is a matrix like any other. Its SVD gives the best matrix of a smaller
# rank, and that can be split into a new, smaller $A$ and $B$. Our live adapter of rank 8, squeezed by hand to 2, and the
# same by the package.


# %%
def squeeze(A, B, scaling, rank):
    left, values, right = torch.linalg.svd(scaling * (B @ A).double(), full_matrices=False)
    root = values[:rank].sqrt()
    return (root[:, None] * right[:rank]).float(), (left[:, :rank] * root).float()  # (r, d_in), (d_out, r)


small = adapters.compress(lora, 2)
theirs = adapters.deltas(small)
with torch.no_grad():
    for name, layer in adapters.lora_layers(lora).items():
        factors = (side["default"].weight for side in (layer.lora_A, layer.lora_B))
        A, B = squeeze(*factors, layer.scaling["default"], 2)
        assert torch.allclose(B @ A, theirs[name], atol=1e-5), name
squeezed_live = rank_runs.recall(small, tokenizer, items)
print(
    f"equal in all {len(theirs)} layers; recall {100 * live:.0f} % at rank 8, {100 * squeezed_live:.0f} % squeezed to 2"
)

# %% [markdown]
# Now the question of practice: you want to ship rank 8. Train at 8, or train at 64 and squeeze? Stored, on 256 facts, three
# seeds, with the random control at rank 64.
#
# **Before you run:** which of the two is better at rank 8? At rank 1?

# %%
large = facts[(facts["count"] == 256) & (facts["rank"] == 64)]
trained = facts[(facts["count"] == 256) & (facts["rank"] > 0)].groupby("rank")["score"].mean()
squeezed = pd.Series({r: large[f"squeezed to {r}"].mean() for r in rank_runs.RANKS[:-1]} | {64: large["score"].mean()})
table = pd.DataFrame({"trained": trained, "squeezed": squeezed, "random": pd.Series({64: large["random"].mean()})})
title = f"At rank 8: {100 * trained[8]:.0f} % trained there, {100 * squeezed[8]:.0f} % squeezed from rank 64"
widgets_rank.show_squeezed(table, title)

# %% [markdown]
# *What the picture shows:* recall by rank, trained at that rank (solid) and squeezed to it from 64 (dashed); the dot below is
# the random control. Squeezing to 16 costs nothing; at 8 it has 83 % against 100, at 4 only 11 against 97. An adapter trained
# at 64 spreads over more directions than it needs: train at the rank that you want to ship.
#
# ## What is forgotten, by rank
#
# A higher rank can change more. Does it also *break* more? The style runs were asked general skills as well, 132 questions on what the base
# could do before. Up is what was learned, right is what was kept: the upper right corner is where you want to be. Biderman
# and others (2024) found: LoRA learns less and forgets less, and forgets more with the rank.
#
# **Before you run:** order full, rank 64, rank 8 and rank 1 from left to right.

# %% tags=["nbval-ignore-output"]
before = rank_runs.skills(base, tokenizer, 132)
kept = 100 * style.groupby("rank")["protected"].mean()
title = f"General skills {100 * before:.0f} % before; kept {kept[0]:.0f} % full, {kept[1]:.0f} % rank 1, {kept[64]:.0f} % rank 64"
widgets_rank.show_plane(style_all, before, title)

# %% [markdown]
# *What the picture shows:* a dot for each run, a named mark for each mean; squares are the same methods at the next lower
# learning rate. Not the rank decides here but the rate: rank 1, at the highest, keeps least; rank 64, at the lowest, most.
# Full fine-tuning at half its rate learns the style as well and keeps 75 % instead of 52. Compare methods only at the same
# height, each at the lowest rate that gets there: whoever learns less usually also forgets less.
#
# ## What we measured
#
# Every score is a mean over three seeds. Floor: 0.2 % for facts, 0 % for the style. Ceiling: 100 %.


# %%
def span(runs):
    return f"{100 * runs['score'].mean():.0f} ({100 * runs['score'].min():.0f}-{100 * runs['score'].max():.0f})"


parts = {f"{count:,} facts %": facts[facts["count"] == count] for count in rank_runs.COUNTS} | {"style %": style}
result = pd.DataFrame({name: {rank: span(runs) for rank, runs in part.groupby("rank")} for name, part in parts.items()})
result["general skills kept %"] = kept.round(1)
result["numbers"] = [numbers[rank or "full"] for rank in result.index]
result.rename(index={0: "full"}).fillna("-")

# %% [markdown]
# **L3, "start at rank 8 or 16 and raise it only on a plateau": held here, with room to spare.** The style «flat»; 1,024
# facts fit into rank «knee». The knee moves with the number of facts, and with the length of training.
#
# **L4, "higher rank: more capacity, more memory":** memory in proportion, counted. Capacity held as *speed* here: what rank 1
# misses in 128 steps it has in 512. A step takes hardly longer.
#
# **L5, "scaling matters": held here, as a hidden learning rate.** Tuned, all rules do the same; untuned, α = 2r fails at rank 64.
# Only under a fixed α does one rate suit rank 1 and rank 64.
#
# **L6, "ten times the learning rate; all layers beat attention": «held or not».** Here «ratio» times; «order of places».
#
# **L7, "the update a task needs is of low rank": held here for what is needed, not for what full fine-tuning does.** Rank 1 to
# 4 is enough; the update of full fine-tuning spreads over 30 to 50 of 192 directions, for facts and for the style alike.
#
# **T5, "LoRA forgets less": not held here.** With the style learned, full fine-tuning at half its rate keeps 75 % of the
# general skills, rank 64 keeps 72 and rank 32 63 %. The rate decides.

# %% tags=["claims"]
top = {count: facts[(facts["count"] == count)].groupby("rank")["score"].mean() for count in rank_runs.COUNTS}
assert control < 0.1 and large["random"].mean() < 0.1, "random numbers of the same size recall nothing"
assert top[64][8] > 0.9, "rank 8 holds 64 facts"  # «band»
assert top[256][64] > top[256][1] + 0.1, "256 facts in 128 steps: rank 64 recalls more than rank 1"
assert longer["score"].min() > 0.9, "with four times the steps rank 1 recalls them too"
assert knees[1024] > knees[64], "the knee moves to higher ranks with the number of facts"
assert means[64] - means[1] > 20 > abs(later[64] - later[1]), "a style needs little rank, and at low rank more steps"
assert ratio["rank 1"] > 4 > ratio["rank 64"], "LoRA's best rate is many times that of full fine-tuning at rank 1 only"
assert best["rank 1"] > 3 * best["rank 64"], "with alpha = 2r the best learning rate falls with the rank"
fixed = scaling.xs("alpha fixed", level="rule")["best rate"]
assert 0.33 < fixed[1] / fixed[64] < 3, "with alpha fixed it hardly moves"
assert seconds[64] < 4 * seconds[1] and numbers[64] == 64 * numbers[1], "64 times the numbers, not 64 times the time"

# %% [markdown]
# ## Words to keep
#
# *Planted fact*: something to learn whose size in bits is known. *Knee*: the smallest rank that does the task, at a given length of
# training. *α/r*: the factor on $BA$. *rsLoRA*: α/√r. *U-curve*: a result by learning rate. *Matched*: with the same number
# of trained numbers. *Squeeze*: the best update of a smaller rank, by SVD. *Learn/forget plane*: the new score by the old.
#
# ## What if…
#
# <details><summary>…I raised the rank and left α as it was?</summary>
#
# Then α/r falls with the rank and you have turned two dials. If the result gets worse, you cannot tell a rank that does not help from a
# learning rate that is too small. Raise α with the rank, or tune the rate again.
# </details>
#
# <details><summary>…I had 10,000 facts to teach?</summary>
#
# Count first: 90,000 bits, at 2 bits a number 45,000 numbers, were there all the time in the world. Here the steps ran out long before
# the room did. And ask whether facts belong into weights at all: lesson 06 looks them up, and lesson 09 compares.
# </details>
#
# <details><summary>…the best rank for my own data were wanted?</summary>
#
# Start at 8 or 16 on all linear layers with α = 2r. Tune the learning rate there, over at least a factor of 10. Then try a
# fourth and four times the rank at that rate, three seeds each. If all three agree within the seeds, take the smallest.
# </details>
#
# ## The playground: the LoRA bench
#
# Every dial of this lesson. The sliders read the stored runs at once; **Run** trains your setting live (the line says how long; with 64
# facts a few seconds), **Cancel** stops it. Your runs are numbered crosses in the picture, rows in the table, and stay
# when the kernel is restarted. **Data** takes "facts", "style" or the path of a file with prompts and completions, **Model** any name
# that `load_model` takes. In a saved page the bench is asleep: run the cell to wake it.

# %% tags=["nbval-ignore-output", "playground"]
from spectrum import lora_bench

lora_bench.lora_bench(stored)

# %% [markdown]
# Try to break rank 8: find the learning rate that ruins it, then the α that ruins it at the usual rate. Below is the same view
# without the controls, for the default setting: what a page without a running kernel can show.

# %%
lora_bench.show_bench(stored)

# %% [markdown]
# *What the picture shows:* left the recall by rank, in the middle by learning rate, right the loss along the steps; a
# vertical line marks the chosen setting.
#
# **Next:** lesson 13 puts LoRA beside the other adapters, and several of them into one model. Before that, do the lab of this lesson:
# [labs/12](../labs/12_lora_rank.ipynb).
