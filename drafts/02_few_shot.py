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
# # How much do examples buy?
#
# **You will do:** put 0 to 8 solved examples into a prompt, for two models and three kinds of labels; try all orders of
# four examples; build contextual calibration by hand; and count what each example costs. **You will learn:** what a
# model takes from examples and what it ignores. **You need:** lesson 01. **Time:** 40 minutes to read, about a minute
# to run.

# %% tags=["nbval-ignore-output"]
from spectrum import doctor

print(doctor.banner("02_few_shot"))

# %% [markdown]
# ## A pattern, shown
#
# Lesson 01 gave orders. Here nobody says what to do: the prompt holds solved examples and an open input, and the model
# goes on. With no example only the frame around the input is left.
#
# **Before you run:** the hidden rule says a sentence as a pirate would. How many examples does the base model need?

# %%
from spectrum import evaluate, models, prompts, tasks

base, tokenizer = models.load_model("base")
instruct, _ = models.load_model("instruct")
SPEAK = tasks.TASKS["say_pirate"]
shots, item = SPEAK.sample(2, "train", seed=2), SPEAK.sample(1, "test", seed=1)[0]
for k in (0, 1, 2):
    prompt = prompts.show(shots[:k], item)
    score = evaluate.evaluate(base, tokenizer, [item], [prompt], lambda a, i: a.strip() == i.gold, stop="\n")
    print(f"k = {k}: {score.answers[0]!r}")
print(f"wanted: {item.gold!r}. The last of the three prompts:\n\n{prompt}")

# %% [markdown]
# Without an example it speaks as a robot, the voice it happened to choose; with one it is a pirate. That is *few-shot
# prompting*: no weight moves, and yet the model does what was only shown.
#
# An instruct model reads conversations, so its examples are turns of one: a question as if the user had asked it, an
# answer as if the assistant had given it. By hand that is a list of messages, equal to the package's.

# %%
def turns(examples, text):
    chat = []
    for shown, answer in examples:
        chat.append({"role": "user", "content": shown})
        chat.append({"role": "assistant", "content": answer})
    return [*chat, {"role": "user", "content": text}]


pairs = [(e.input, e.gold) for e in shots]
assert turns(pairs, item.input) == prompts.turns(pairs, item.input)
print(tokenizer.apply_chat_template(turns(pairs, item.input), tokenize=False, add_generation_prompt=True))

# %% [markdown]
# ## Six tasks, 0 to 8 examples
#
# Six hidden rules: name the city, say it as a pirate, translate into an invented language, take the last of a list; and
# two combinations that no training text holds, the city in capitals and the product in quotes. Each of 102 test inputs
# has its own examples, and a larger k keeps those of a smaller. The instruct model gets them as turns, and all in one
# turn, as its tuning showed examples now and then. *Floor*: always the most frequent true answer of each task.
# *Ceiling*: the truth.
#
# **Before you run:** which step will be the largest: 0 to 1, 1 to 2, 2 to 4, or 4 to 8? About 20 seconds.

# %% tags=["nbval-ignore-output"]
KS = (0, 1, 2, 4, 8)
names = ("city", "say_pirate", "veltish", "list_last", "city_capitals", "product_quoted")
items = [i for name in names for i in tasks.TASKS[name].sample(17, "test", seed=1)]
examples = [tasks.TASKS[i.task].sample(8, "train", seed=f"shots {n}") for n, i in enumerate(items)]
floor = sum(evaluate.majority_floor([i for i in items if i.task == name]) for name in names) / len(names)


def right(answer, item):
    return tasks.TASKS[item.task].score(answer, item)


def sweep(model, form, name):
    asked = {k: [form(e[:k], i) for e, i in zip(examples, items, strict=True)] for k in KS}
    options = {"max_new_tokens": 40, "stop": "\n", "floor": floor, "ceiling": 1.0}
    return {k: evaluate.evaluate(model, tokenizer, items, asked[k], right, f"{name}, k = {k}", **options) for k in KS}


def as_turns(examples, item):
    return prompts.turns([(e.input, e.gold) for e in examples], item.input)


def as_one_turn(examples, item):
    return prompts.chat(prompts.show(examples, item))


patterns = {
    "base": sweep(base, prompts.show, "base"),
    "instruct, turns": sweep(instruct, as_turns, "instruct, turns"),
    "instruct, one turn": sweep(instruct, as_one_turn, "instruct, one turn"),
}

# %% [markdown]
# The scores as lines: the numbers behind them stand in the table at the end.

# %%
from spectrum import widgets_few_shot as show

none, one, most = (100 * patterns["base"][k].mean for k in (0, 1, 8))
title = f"Base: {none:.0f} % without examples, {one:.0f} % with one, {most:.0f} % with eight"
show.show_curves(patterns, title, floor=floor)

# %% [markdown]
# *What the picture shows:* the first example is worth 44 points, the seven after it 7 together. The instruct model
# gets «FORMS». The mean hides the most important
# thing, so here is the base model task by task, in per cent of 17 inputs.

# %%
import numpy as np
import pandas as pd

kinds = np.array([i.task for i in items])
by_task = {name: [100 * patterns["base"][k].correct[kinds == name].mean() for k in KS] for name in names}
pd.DataFrame(by_task, index=pd.Index(KS, name="examples")).round(0).astype(int)

# %% [markdown]
# Four tasks are in the model's reading, and a few examples bring them out: the pirate's voice goes from 6 to 100 %
# with one. The two combinations stay at 18 and 35 % with eight, although the model can name a city. Examples *find* a
# skill that the weights already hold; here they hardly make one.
#
# ## What does the model take from an example?
#
# Next a task with two labels: is the customer's judgement of the product positive or negative? The log-probabilities of
# both labels are compared (lesson 01), so every answer counts. Labels come in three kinds. *Natural*: the words positive
# and negative. *Invented*: two words drawn afresh for each question, so only the examples can tell which is which.
# *Random*: a coin decides for each pair of examples whether their labels are swapped.

# %%
from spectrum import label_tasks

for kind in ("natural", "invented"):
    question = label_tasks.questions(1, 2, kind)[0]
    print(prompts.label(question.shots, question.text), "   <- right:", question.names[question.right], "\n")

# %% [markdown]
# The instruct model gets turns; with none and with eight examples also the form of its tuning, all in one turn.
# Chance is 50 %, the floor. Each of the 100 questions has its own examples, as many of one label as of the other from
# two on; open sentences are the same in every row. Random labels are the control: with invented words they *must*
# stay at chance.
#
# **Before you run:** the labels are natural, but a coin swaps them. How far does the base fall from its score with true
# ones, at eight examples: not at all, to 75 %, to 50 %? About 40 seconds.

# %% tags=["nbval-ignore-output"]
from tqdm.auto import tqdm

CELLS = {
    ("base", "natural", False): KS,
    ("base", "natural", True): (2, 8),
    ("base", "invented", False): KS,
    ("base", "invented", True): (2, 8),
    ("instruct", "natural", False): KS,
    ("instruct", "invented", False): KS,
    ("one turn", "natural", False): (0, 8),
    ("one turn", "invented", False): (0, 8),
}


def one_turn(shots, text):
    shown = "".join(f"Input: {t}\nOutput: {name}\n\n" for t, name in shots)
    return prompts.chat(f"{shown}Input: {text}\nOutput:")


def ask_labels(who, kind, shuffled, k, n=100):
    asked = label_tasks.questions(n, k, kind, shuffled)
    model, chat = {"base": (base, False), "instruct": (instruct, True), "one turn": (instruct, one_turn)}[who]
    found = label_tasks.label_logprobs(model, tokenizer, asked, chat)
    name = f"{who}, {kind}{', random' if shuffled else ''}, k = {k}"
    return evaluate.Score(name, label_tasks.is_right(found, asked), floor=0.5, ceiling=1.0)


labels = {
    f"{who}, {kind}{', random' if shuffled else ''}": {k: ask_labels(who, kind, shuffled, k) for k in ks}
    for (who, kind, shuffled), ks in tqdm(CELLS.items())
}

# %% [markdown]
# Four lines for the base model first.

# %%
of_base = {name: found for name, found in labels.items() if name.startswith("base")}
true, random_, new, control = (100 * found[8].mean for found in of_base.values())
title = f"Base, 8 examples: natural {true:.0f} %, swapped by a coin {random_:.0f} %, invented {new:.0f} %"
show.show_curves(of_base, title, floor=0.5)

# %% [markdown]
# *What the picture shows:* under natural labels the base has 88 % without any example, 95 % with eight, and 94 % with
# swapped ones: it takes the form from them, and the meaning from what it knew, as Min et al. (2022) found in large
# models. Invented words must be learned: 49 to 77 %, and the control stays at chance. What examples teach is only seen
# with labels that the model cannot know. (The README's 94.6 % for invented labels is over easier sentences too: here
# nearly half set praise beside blame.)

# %%
of_instruct = {name: found for name, found in labels.items() if not name.startswith("base")}
from_to = [f"{100 * found[0].mean:.0f} to {100 * found[8].mean:.0f} %" for found in of_instruct.values()]
title = f"Instruct, 0 to 8 examples: natural {from_to[0]}, invented {from_to[1]}"
show.show_curves(of_instruct, title, floor=0.5)
print(evaluate.compare(of_instruct["instruct, natural"][0], of_instruct["instruct, natural"][8]))

# %% [markdown]
# *What the picture shows:* to the instruct model these examples do harm. It sorts a bare sentence with 96 %, and with
# 80 % after eight examples as turns; in one turn «91 and 81 %». Invented labels, which the base learns, stay at chance
# in both forms. A model tuned to follow orders need not be better at following examples: measure it on yours.
#
# ## All orders of four examples
#
# Four examples can stand in 24 orders, and no order says more than another. Three sets of four, two of each class,
# under natural labels and under two invented words; 60 open sentences, the same for all. The examples are read once for
# all 60 (`open_logprobs`), which saves most of the time.
#
# **Before you run:** by how many points will the best and the worst order of one set differ, for each kind? About 15
# seconds.

# %% tags=["nbval-ignore-output"]
import random
from itertools import permutations

opens = label_tasks.questions(60, 0, seed=1)
texts = [q.text for q in opens]
often, often_30 = (max(np.mean([q.right == c for q in some]) for c in (0, 1)) for some in (opens, opens[:30]))
NAMES = {"natural": label_tasks.CLASSES, "invented": ("mango", "pixel")}


def renamed(shots, kind):
    return [(text, NAMES[kind][label_tasks.CLASSES.index(label)]) for text, label in shots]


def ask_all(shots, kind, inputs=texts, model=base, chat=False):  # -> of the inputs, and of two that say nothing
    both = [*inputs, "N/A", "[MASK]"]
    found = label_tasks.open_logprobs(model, tokenizer, renamed(shots, kind), both, NAMES[kind], chat)
    return found[:-2], found[-2:]


def score_of(shares, name):
    return evaluate.Score(name, label_tasks.is_right(shares, opens), floor=often, ceiling=1.0)


sets = {s: [shot for pair in label_tasks.draw_pairs(random.Random(s), 2) for shot in pair] for s in (1, 2, 3)}
found = {
    (kind, s): [ask_all(order, kind) for order in permutations(sets[s])]
    for kind, s in tqdm([(kind, s) for kind in NAMES for s in sets])
}

# %% [markdown]
# A dot is an order. The comparison tests the best against the worst of the widest set on the same sentences; since both
# were picked among 24, its p-value flatters.

# %%
orders = {f"{kind}, set {s}": [score_of(real, "") for real, _ in f] for (kind, s), f in found.items()}
width = {name: 100 * (max(s.mean for s in f) - min(s.mean for s in f)) for name, f in orders.items()}
wide = max(width, key=width.get)
title = f"The order alone moves {wide.replace(',', ' labels,')} by {width[wide]:.0f} points"
show.show_orders(orders, title, floor=often)
worst, *_, best = sorted(orders[wide], key=lambda s: s.mean)
worst.name, best.name = "the worst order", "the best order"
print(evaluate.compare(worst, best))

# %% [markdown]
# *What the picture shows:* natural labels hardly care, 2 points. Under invented labels one set moves by 28 points,
# another by 2. Lu et al. (2021) saw larger models fall from near the state of the art to chance. Here the order matters
# where the labels must be learned, and which set one has matters as well.
#
# ## Calibration by hand
#
# A prompt may lean towards a label before it has read the open text: towards the last one shown, or the most frequent.
# Zhao et al. (2021) measure the lean with inputs that say nothing, "N/A" and "[MASK]", and divide by it. First on
# numbers to check by eye: shares 0.6 and 0.4 under a lean of 0.75 and 0.25 are 0.8 and 1.6, scaled 1/3 and 2/3. The
# answer has changed.

# %%
from spectrum import calibration


def shares(logprobs):
    weights = np.exp(logprobs - logprobs.max(axis=-1, keepdims=True))  # (N, C), without underflow
    return weights / weights.sum(axis=-1, keepdims=True)


def calibrate(logprobs, empty):
    lean = shares(empty).mean(axis=0)  # (M, C) -> (C,)
    ratio = shares(logprobs) / lean
    return ratio / ratio.sum(axis=-1, keepdims=True)


print(calibrate(np.log([[0.6, 0.4]]), np.log([[0.75, 0.25]])))
real, empty = found["invented", 1][0]
assert np.allclose(calibrate(real, empty), calibration.calibrate(real, calibration.lean(empty)))

# %% [markdown]
# Does it help? The lean is largest where examples are lopsided, so the number of positive ones among four now goes from
# 0 to 4, with eight sets each. All questions under one set share its luck, so a set counts as one: n is the number of
# sets, and a set's score is its mean over 30 sentences. A second estimate of the lean needs no empty input: the mean
# over the real questions, whose true answers it never uses (*batch calibration*, Zhou et al. 2023).
#
# **Before you run:** all four examples have the same invented label. What will the base answer, and can calibration
# rescue it? About 10 seconds.

# %% tags=["nbval-ignore-output"]
def lopsided(positive, seed):
    draw = random.Random(f"lopsided {positive} {seed}")
    kinds = ["positive"] * positive + ["negative"] * (4 - positive)
    return [(label_tasks.sentence(draw, kind), kind) for kind in draw.sample(kinds, 4)]


def three_ways(kind, positive, model=base, chat=False):
    ways = {"as asked": [], "N/A": [], "batch": []}
    for shots in (lopsided(positive, seed) for seed in range(8)):
        real, empty = ask_all(shots, kind, texts[:30], model, chat)
        for way, found in zip(ways, (real, calibrate(real, empty), calibrate(real, real)), strict=True):
            ways[way].append(label_tasks.is_right(found, opens[:30]).mean())
    return {way: evaluate.Score(way, means, floor=often_30, ceiling=1.0) for way, means in ways.items()}


cases = {
    "base, invented": ("invented",),
    "base, natural": ("natural",),
    "instruct, natural": ("natural", instruct, True),
}
skewed = {
    case: [three_ways(kind, positive, *which) for positive in range(5)] for case, (kind, *which) in tqdm(cases.items())
}

# %% [markdown]
# The first case as lines: as asked, and divided by each of the two leans.

# %%
curves = {way: {p: skewed["base, invented"][p][way] for p in range(5)} for way in skewed["base, invented"][0]}
before, after = (50 * (curves[way][0].mean + curves[way][4].mean) for way in ("as asked", "N/A"))
title = f"Invented labels, all four examples alike: {before:.0f} % as asked, {after:.0f} % divided by N/A"
show.show_curves(curves, title, "positive ones among four examples", floor=often_30, unit="sets of 30")

# %% [markdown]
# *What the picture shows:* with four examples of one label the base says that label to nearly everything, and is right
# about half the time. Divided by the lean it gets 70 %. With mixed examples there is little to mend. All three cases
# follow, as the change that each division makes, paired on the same sets.

# %%
rows = []
for case, points in skewed.items():
    for name, chosen in (("all alike", (0, 4)), ("mixed", (1, 2, 3))):
        raw, *changed = (
            evaluate.Score(way, np.concatenate([points[p][way].correct for p in chosen])) for way in points[0]
        )
        for score in changed:
            c = evaluate.compare(raw, score)
            rows.append([case, name, score.name, raw.n, 100 * raw.mean, 100 * score.mean, c.difference, c.low, c.high])
columns = ["model, labels", "examples", "divided by", "sets", "before %", "after %", "change", "low", "high"]
effect = pd.DataFrame(rows, columns=columns).round(1)
effect

# %% [markdown]
# Where the lean decides, dividing helps much: 20 points (9 to 29). Natural labels on the base gain nothing, since their
# lean decides nothing. For the instruct model "N/A" says little about real inputs: 7.5 points down, though the interval
# holds zero. Divided by the batch's lean no row falls. Now the 24 orders, whose examples are balanced: the mean score,
# and how far the best and the worst order of a set lie apart.

# %%
ways = {"as asked": lambda real, empty: real, "N/A": calibrate, "batch": lambda real, empty: calibrate(real, real)}
rows = []
for way, function in ways.items():
    for kind in NAMES:
        means = [[100 * score_of(function(*pair), "").mean for pair in found[kind, s]] for s in sets]
        rows.append([kind, way, np.mean(means), np.mean(np.ptp(means, axis=1))])
after_orders = pd.DataFrame(rows, columns=["labels", "divided by", "mean %", "best minus worst order"]).round(1)
after_orders

# %% [markdown]
# Dividing by "N/A" does not narrow the orders' spread; dividing by the batch's mean takes it from 15 to 6 points. How the
# lean is measured matters as much as the division.
#
# ## What does an example cost?
#
# Every example is read again for every answer. Tokens in are exact; the price is made up and easily replaced by your
# provider's; milliseconds are this machine's, in batches of 24, the fastest of three rounds, since whatever else runs
# can only slow them down. For comparison, the *tuned* model: the instruct model with a one-line instruction and no
# example, on the same inputs.
#
# **Before you run:** eight examples instead of none: how many times the tokens, and how many times the milliseconds?

# %% tags=["nbval-ignore-output"]
PRICE_IN, PRICE_OUT = 0.10, 0.40  # dollars for a million tokens: an assumption
options = {"max_new_tokens": 40, "floor": floor, "ceiling": 1.0}
ordered = [prompts.chat(prompts.ask(tasks.TASKS[i.task], i)) for i in items]
tuned = evaluate.evaluate(instruct, tokenizer, items, ordered, right, "instruct, instruction", **options)
some = range(0, len(items), 4)[:24]
asked = {f"base, k = {k}": [prompts.show(examples[n][:k], items[n]) for n in some] for k in KS}
asked["instruct, instruction"] = [ordered[n] for n in some]
fastest = dict.fromkeys(asked, float("inf"))
for _ in range(3):
    for name, shown in asked.items():
        model, stop = (instruct, None) if name.startswith("instruct") else (base, "\n")
        few = [items[n] for n in some]
        timed = evaluate.evaluate(model, tokenizer, few, shown, right, max_new_tokens=40, stop=stop)
        fastest[name] = min(fastest[name], timed.milliseconds)
bill = evaluate.score_table([*patterns["base"].values(), tuned])
bill["ms per answer"] = [round(fastest[name], 1) for name in bill["name"]]
bill["$ per 1,000 answers"] = ((bill["tokens in"] * PRICE_IN + bill["tokens out"] * PRICE_OUT) / 1000).round(4)
bill[["name", "score %", "low", "high", "tokens in", "tokens out", "ms per answer", "$ per 1,000 answers"]]

# %% [markdown]
# Eight examples read eleven times the tokens of none (226 against 20), for an answer that stays four tokens long, and
# take several times the time. The seven examples after the first cost most of it and bring 7 points. The tuned
# model reads 30 tokens and gets 77 %. Tuning pays once the time it took, which the model's birth certificate names, is
# earned back, answer by answer.

# %% tags=["nbval-ignore-output"]
import json
from pathlib import Path

birth = json.loads((Path(instruct.name_or_path) / "birth.json").read_text())
saved = fastest["base, k = 8"] - fastest["instruct, instruction"]
print(f"the tuning took {birth['seconds']} s; each answer without 8 examples saves {saved:.0f} ms")
print(f"break-even after about {1000 * birth['seconds'] / saved:,.0f} answers")

# %% [markdown]
# ## Where this model stops understanding
#
# All sentences so far use the shop's words. Here are twenty judgements about films, soups and hikes, under eight
# natural examples from the shop, in four draws of the examples.
#
# **Before you run:** the base had 95 % on the shop's sentences. And on these?

# %%
CLASSES = label_tasks.CLASSES
outside = [label_tasks.Question((), text, CLASSES, CLASSES.index(c)) for text, c in label_tasks.OUTSIDE]
draws = [[shot for pair in label_tasks.draw_pairs(random.Random(s), 4) for shot in pair] for s in range(4)]
answers = [label_tasks.is_right(ask_all(shots, "natural", [q.text for q in outside])[0], outside) for shots in draws]
strangers = evaluate.Score("outside the shop, k = 8", np.mean(answers, axis=0), floor=0.5, ceiling=1.0)
print(strangers, "in four draws:", [f"{100 * a.mean():.0f} %" for a in answers])

# %% [markdown]
# The interval holds chance, and another draw of examples moves the score by up to 30 points. The model knows *good* and
# *awful*, not *brilliant* and *nightmare*, and no example held those. A large model's words reach further; they end
# somewhere too.
#
# ## The result
#
# Six tasks by examples in both models, the tuned model by an instruction, and labels without and with eight examples.
# The floor is the most frequent answer or chance; the ceiling is the truth.

# %%
chosen = [labels[name][k] for name in labels for k in (0, 8) if k in labels[name]]
results = [*(score for found in patterns.values() for score in found.values()), tuned, *chosen, strangers]
evaluate.score_table(results)[["name", "n", "score %", "low", "high", "floor", "ceiling"]]

# %% [markdown]
# **P2, "two to five examples in the prompt teach a pattern without training": held here, for what the weights hold.**
# One example did most of it; two combinations stayed low with eight, natural labels gave the form and not the meaning,
# and the small instruct model sorted worse with examples than without. **P10, "every example costs tokens, money and
# latency": held here.** Every answer pays for all of them, and the later ones buy least.
#
# The claims cell states these sentences as assertions, with room for the differences between machines.

# %% tags=["claims"]
pattern, natural, invented = patterns["base"], labels["base, natural"], labels["base, invented"]
first, rest = pattern[1].mean - pattern[0].mean, pattern[8].mean - pattern[1].mean
assert first > 0.3 and first > 2 * rest, "the first example is worth more than the seven after it"
held_out = np.isin(kinds, ["city_capitals", "product_quoted"])
assert pattern[8].correct[held_out].mean() < 0.45 < 0.8 < pattern[8].correct[~held_out].mean(), "examples find a skill"
swapped, control = labels["base, natural, random"][8].mean, labels["base, invented, random"][8].mean
assert abs(natural[8].mean - swapped) < 0.08, "natural labels may be swapped: the base takes the form from examples"
assert invented[8].mean > 0.65 and control < 0.62, "invented labels are learned, and swapped ones stay at chance"
of_instruct = labels["instruct, natural"]
assert of_instruct[0].mean - of_instruct[8].mean > 0.05, "examples as turns make the instruct model worse"
widths = after_orders.set_index(["labels", "divided by"])["best minus worst order"]
assert widths["natural", "as asked"] < 5 < 8 < widths["invented", "as asked"], "the order matters for invented labels"
assert widths["invented", "batch"] < widths["invented", "as asked"] - 3, "dividing by the batch's lean narrows the spread"
assert effect["change"][0] > 8 and abs(effect["change"][4]) < 3, "calibration helps where the lean decides, only there"
assert pattern[8].tokens_in > 8 * pattern[0].tokens_in, "eight examples cost eight times the tokens or more"
assert fastest["base, k = 8"] > 1.5 * fastest["base, k = 0"], "and they cost time"
assert strangers.mean < natural[8].mean - 0.15, "outside the shop's words the model understands little"

# %% [markdown]
# ## Words to keep
#
# *Few-shot prompt*: solved examples and an open input. *k*: how many. *In-context learning*: what the model does with
# them, without a change to its weights. *Invented labels*: words that only the examples explain. *Lean*: the preference
# of a prompt for a label before it reads the input. *Contextual calibration*: dividing by the lean.
#
# ## What if…
#
# <details><summary>…I choose the best order on the questions I then report?</summary>
#
# You report the luckiest of 24. Choose on a dev set and report on another, as the lab has you do.
# </details>
#
# <details><summary>…the examples stood in one cached prefix?</summary>
#
# If the same examples serve every question, their keys and values can be kept: `label_tasks.open_logprobs` does it
# here, and many providers charge less for a cached prefix. The open input must then come last, and
# examples chosen for each question cannot be cached.
# </details>
#
# <details><summary>…the instruct model got the examples as plain text?</summary>
#
# Try it: `label_tasks.label_logprobs(instruct, tokenizer, asked, chat=False)`. Which form suits a model is a question
# to measure: as turns and as one turn it does not score the same here.
# </details>
#
# ## The bench
#
# Choose up to four examples and their order, write your own, rename the labels, and type a sentence (Enter). The bars
# show both labels' shares as asked, calibrated, and for an empty input. Try one label for all examples, then turn the
# order round. In a saved page the widget sleeps: run the cell.

# %% tags=["nbval-ignore-output", "playground"]
show.few_shot_bench(base, tokenizer)

# %% [markdown]
# The same without the widget, for the first two examples and one sentence from outside the shop.

# %%
view = show.bench_view(base, tokenizer, show.chosen_shots((2, 1), CLASSES), "The film is fantastic.")
show.show_bench(view)

# %% [markdown]
# *What the picture shows:* it looks sure, 95 to 5. But it would say nearly the same of an empty input; calibrated, 62 to
# 38 is left, and the note says why: it never read *film* or *fantastic* in a judgement.
#
# **Next:** lesson 03 asks whether a prompt can fix the voice, the rules and the format. Before that, the lab:
# [labs/02](../labs/02_few_shot.ipynb).
