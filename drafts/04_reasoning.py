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
# # When do written steps help?
#
# **You will do:** let a model add numbers with and without written steps, move the steps to where they cannot help,
# let many samples vote, and split one order into a chain of calls. **You will learn:** what steps are good for, which
# mistakes a vote removes and which it keeps, and when a chain beats one prompt. **You need:** lessons 01 and 02.
# **Time:** 40 minutes to read, about «seconds from top to bottom» seconds to run.

# %% tags=["nbval-ignore-output"]
from spectrum import doctor

print(doctor.banner("04_reasoning"))

# %% [markdown]
# ## Two ways to answer
#
# The task is a total of two to seven numbers from 2 to 19. You ask for it in two ways: "Add the numbers." and the same
# with "step by step". The instruct model was tuned on both orders, with totals of up to seven numbers; it knows what
# steps look like. So this lesson does not ask whether a prompt can *invent* steps, but what they do once written.
#
# **Before you run:** which of the two answers do you trust?

# %%
from spectrum import generate, models, prompts

base, tokenizer = models.load_model("base")
instruct, _ = models.load_model("instruct")
ORDERS = {"no steps": "Add the numbers.", "steps": prompts.stepwise("Add the numbers.")}


def ask_sum(way, numbers):
    return prompts.chat(f"{ORDERS[way]}\n{numbers}")


for way in ORDERS:
    answer = generate.complete(instruct, tokenizer, [ask_sum(way, "8 + 15 + 6 + 19 + 4")], max_new_tokens=80)[0]
    print(f"{way:8s} {ORDERS[way]!r}: {answer}")

# %% [markdown]
# The true total is 52. One sum proves nothing, so we count; and to count we need a rule that reads the answer out of a
# text.
#
# ## Reading the answer
#
# Steps hold many numbers, and only one is the answer: the last. Two shortcuts go wrong. The *first* number of the text
# is a term of the sum. And asking whether the text *contains* the right number says yes too often.
#
# **Before you run:** the true total is 12. Which of the three rules accept "60 + 52 = 112. Total 112."?

# %%
import re


def read_answer(text):
    found = re.findall(r"-?\d+(?:[.,]\d+)*", text)
    return found[-1].replace(",", "") if found else None


text = "60 + 52 = 112. Total 112."
print("last number:", read_answer(text) == "12")
print("first number:", re.search(r"\d+", text)[0] == "12")
print("contained:", "12" in text)

# %% [markdown]
# Only the last rule accepts it: "12" stands inside "112". A score with that rule would be too high, and highest where
# answers are long, that is, with written steps. It would make your finding for you. The library reads as you do.

# %%
from spectrum import steps, voting

for sample in (text, "Total 1,023.", "no number", "4 + 7 = 11, 11 + 12 = 23. Total 23."):
    assert read_answer(sample) == voting.last_number(sample)
for item in steps.sums(2, terms=4):
    print(f"{item.input}  ->  {item.gold!r}  ->  {read_answer(item.gold)}")

# %% [markdown]
# ## How long a sum?
#
# Now both ways on 40 sums of each length, from a split that no training text holds. Lengths 8 and 9 are beyond
# anything the model was trained on. The floor is always saying the most frequent true total, the ceiling 100 %.
#
# **Before you run:** without steps, one pass must do all additions. With steps, every single one must be right. Draw
# both curves from 2 to 9 terms.

# %%
from spectrum import evaluate, widgets_voting

LENGTHS = (2, 3, 4, 5, 6, 7, 8, 9)
questions = {terms: steps.sums(40, terms) for terms in LENGTHS}


def right(answer, item):
    return read_answer(answer) == read_answer(item.gold)


def measure(way, items):
    asked = [ask_sum(way, item.input) for item in items]
    return evaluate.evaluate(instruct, tokenizer, items, asked, right, name=way, max_new_tokens=100, progress=False)


lengths = {way: {terms: measure(way, items) for terms, items in questions.items()} for way in ORDERS}
floors = {t: voting.tally([read_answer(i.gold) for i in items])[0][1] / 40 for t, items in questions.items()}
seven = [100 * lengths[way][7].mean for way in ORDERS]
title = f"Totals of seven numbers: {seven[0]:.0f} % right without steps, {seven[1]:.0f} % with steps"
widgets_voting.show_lengths(lengths, title, floors)

# %% [markdown]
# *What the picture shows:* «two curves: without and with steps, at 2, at 5 and at 7 terms». At 8 and 9 terms, which no
# training text holds, steps give «score at 8» and «score at 9» %. Each token that the model writes is one more pass
# through its six layers, and what it has written it can read again.
#
# The gain over lengths 4 to 7, on the same sums, and its price in tokens:

# %%
def pool(way, chosen=(4, 5, 6, 7)):
    found = [lengths[way][terms] for terms in chosen]
    joined = evaluate.Score(way, [c for score in found for c in score.correct])
    return joined, sum(score.tokens_out for score in found) / len(found)


(direct, short), (written, long) = pool("no steps"), pool("steps")
gain = evaluate.compare(direct, written)
print(gain)
print(f"tokens of an answer: {short:.0f} without steps, {long:.0f} with steps, {long / short:.1f} times as many")

# %% [markdown]
# ## Is it the steps, or the room?
#
# Perhaps more tokens simply mean more computation, whatever they say. Or the steps are an ornament, and the model
# knows the total anyway. Four controls tell. No instruction was tuned for them, so they are *shown*: the base model
# gets four solved sums in one form, no instruction, and then the open one.

# %%
shots = steps.sums(4, terms=5, split="train")
shown = {form: steps.arranged(shots, form) for form in steps.FORMS}
for form, examples in shown.items():
    print(f"{form:14s} {examples[0].gold}")

# %% [markdown]
# The score reads the number after "Total", wherever that stands. The last column asks how often an answer *has* the
# form that it was shown: a control that the model refuses to follow controls nothing.
#
# **Before you run:** in which form will the score stay high, and will the model really write shuffled steps?

# %%
import pandas as pd

five = questions[5]


def by_form(form, name, opening=""):
    def stated(answer, item):
        return voting.stated_total(opening + answer) == read_answer(item.gold)

    asked = [prompts.show(shown[form], item) + opening for item in five]
    return evaluate.evaluate(base, tokenizer, five, asked, stated, name, 80, stop="\n", progress=False)


forms = {form: by_form(form, form) for form in steps.FORMS}
opened = by_form("steps after", "steps after, opened", " Total")
kept = [sum(steps.form_of(answer) == form for answer in score.answers) / 40 for form, score in forms.items()]
table = evaluate.score_table([*forms.values(), opened])[["name", "n", "score %", "low", "high"]]
table.assign(**{"form kept %": [*(f"{100 * share:.0f}" for share in kept), "-"]})

# %% [markdown]
# Look at the last column first. Shown shuffled steps, the model kept that form in «shuffled kept» % of its answers,
# steps after the total in «after kept» %, dots in «filler kept» %. «Its habit of steps in order is stronger than four
# examples.» A demonstration is a request, not a switch, and a score under a form that was not kept says nothing about
# the form.
#
# So the last row opens the answer with "Total": the number must come first. It has «opened» %, against «no steps» %
# without steps and «steps» % with them. Steps *after* the total cannot help it.
#
# ## Does it read what it wrote?
#
# A stronger control takes the pen out of the model's hand. You write the steps, and it writes only the total. They are
# the true ones, or shuffled, or hold one slip carried on to the end, or belong to another sum.
#
# **Before you run:** with another sum's steps, whose total will it write?

# %%
rows = {}
for kind, texts in steps.forged(five).items():
    heads = [prompts.show(shown["steps"], item) for item in five]
    asked = [f"{head} {text} Total".replace("  ", " ") for head, text in zip(heads, texts, strict=True)]
    totals = generate.complete(base, tokenizer, asked, max_new_tokens=5, stop="\n", progress=False)
    found = [read_answer(total) for total in totals]
    last = [read_answer(text) for text in texts]
    true = sum(right(total, item) for total, item in zip(totals, five, strict=True))
    copied = sum(a == b is not None for a, b in zip(last, found, strict=True))
    rows[kind] = {"the sum's true total %": 100 * true / 40, "last number of the steps %": 100 * copied / 40}
taken = pd.DataFrame(rows).T.round(0).astype(int)
taken

# %% [markdown]
# With another sum's steps it writes «that other total in … %» of the cases, and a slip reaches the total in «share» %.
# «The steps are no ornament: the adding happens in them, and the total is read off their end, true or not.» The same
# fact is a warning: tidy steps with one slip lead to a wrong total, and the model does not object. In large models
# steps and answer can be tied less closely, and steps may be written to fit an answer; this test tells you which kind
# you have.
#
# ## Many samples, one vote
#
# At temperature 0 a model gives one text. Above 0 it gives another each time, by another route. *Self-consistency*
# draws many and takes the answer that most of them reach (Wang et al. 2022). It has two rules. The *answers* vote, not
# the texts, for two routes to the same total belong together. And a tie goes to whichever answer came first: nobody
# who votes knows the true one.
#
# **Before you run:** four texts say 11, 12, 12 and 11. What does a vote over texts say, and a vote over answers?

# %%
import random


def majority(answers):
    counts = {}
    for answer in answers:
        if answer is not None:  # a text without a number does not vote
            counts[answer] = counts.get(answer, 0) + 1
    return max(counts, key=counts.get) if counts else None  # max keeps the first of equals


texts = ["4 + 7 = 11. Total 11.", "Total 12.", "Total 12.", "7 + 4 = 11. Total 11."]
print("over texts:  ", majority(texts))
print("over answers:", majority([read_answer(text) for text in texts]))
for trial in range(200):
    drawn = random.Random(trial).choices(["11", "12", "13", None], k=6)
    assert majority(drawn) == voting.majority(drawn)

# %% [markdown]
# Now real samples: 20 sums of four terms, 40 samples of each, both ways, at three temperatures: 4,800 texts. It takes
# about «seconds of the sampling» seconds.
#
# **Before you run:** what will heat do to a single sample with steps, and to one without?

# %% tags=["nbval-ignore-output"]
voters = steps.sums(20, terms=4, seed=2)
golds = [read_answer(item.gold) for item in voters]
pools = {}
for way in ORDERS:
    for heat in (0.5, 1.0, 1.5):
        asked = [ask_sum(way, item.input) for item in voters]
        pools[way, heat] = voting.sample(instruct, tokenizer, asked, 40, heat, max_new_tokens=56)
        found = [[read_answer(text) for text in texts] for texts in pools[way, heat]]
        share = sum(row.count(gold) for row, gold in zip(found, golds, strict=True)) / 800
        print(f"{way:8s} T = {heat}: {100 * share:3.0f} % of single samples right, e.g. {pools[way, heat][0][0]!r}")

# %% [markdown]
# From the 40 samples of a sum you can draw 1, 2, 3, … at random, each put back, let them vote, and do that 200 times.
# The left picture shows how often such a vote is right, the right one how often two of them *differ*. That is the
# variance: the part of the mistakes that chance makes. A third curve has sums of *eight* terms, one more than the
# model was tuned on. Sampling it takes «seconds» seconds. The temperature is 1.5 for all.
#
# **Before you run:** which curves rise, and which only get steadier?

# %% tags=["nbval-ignore-output"]
eight = steps.sums(12, terms=8, seed=2)
texts = voting.sample(instruct, tokenizer, [ask_sum("steps", i.input) for i in eight], 40, 1.5, max_new_tokens=96)


def curve(pool, items):
    answers = [[read_answer(text) for text in texts] for texts in pool]
    return voting.vote_curve(answers, [read_answer(item.gold) for item in items])


curves = {way: curve(pools[way, 1.5], voters) for way in ORDERS} | {"steps, 8 terms": curve(texts, eight)}
greedy = {way: measure(way, voters).mean for way in ORDERS} | {"steps, 8 terms": measure("steps", eight).mean}
ends = {way: [100 * table["right"].iloc[i] for i in (0, -1)] for way, table in curves.items()}
title = "1 and 40 samples: " + "; ".join(f"{way} {a:.0f} and {b:.0f} % right" for way, (a, b) in ends.items())
widgets_voting.show_curves(curves, title, greedy)

# %% [markdown]
# *What the picture shows:* sums of four terms with steps go from «a to b» % right, without steps from «a to b», and
# eight terms from «a to b». On the right «all three fall». A vote finds what the model says *most often*. If that is
# the truth, chance mistakes are voted down. If it is not, more samples only make a wrong answer more certain:
# **variance falls, bias does not.** With eight terms «most samples of a sum leave out the same number, and agree».
#
# The dashed lines are temperature 0, one text each. The vote with steps ends «above / at / below» its line, so look
# there before you pay 40 times.
#
# Which temperature suits a vote? The vote of 40 beside the single sample:

# %%
def compare_temperatures(n=40):
    views = [widgets_voting.vote_view(pools, voters, way, heat, n) for way, heat in pools]
    columns = {"T": "temperature", "single %": "single", "vote of 40 %": "vote"}
    return pd.DataFrame({name: [view[key] for view in views] for name, key in columns.items()}, [v["way"] for v in views])


heats = compare_temperatures()
heats.assign(**{name: (100 * heats[name]).round() for name in ("single %", "vote of 40 %")})

# %% [markdown]
# At 0.5 «single and vote at 0.5»: where all samples agree a vote has nothing to choose from. At 1.5 «single and vote
# at 1.5». Heat makes samples different, which a vote needs, and worse, which it must repair.
#
# ## One prompt, or a chain?
#
# Steps can also be spread over several calls, the answer to one prompt standing in the next. That is a *chain*: a loop
# of a few lines, in which `{0}` is the input and `{1}`, `{2}`, … are the answers so far.

# %%
def chain(answer, links, inputs):
    rows = [[text] for text in inputs]
    for link in links:
        said = answer([prompts.chat(link.format(*row)) for row in rows])
        for row, text in zip(rows, said, strict=True):
            row.append(text)
    return [row[1:] for row in rows]


def answer(chats):
    return generate.complete(instruct, tokenizer, chats, max_new_tokens=40, progress=False)


letters = steps.facts_asked("maker", 100)
LINKS = ["Give the product.\n{0}", "Answer the question.\nWho makes the {1}?"]
chained = chain(answer, LINKS, [item.input for item in letters])
assert chained == prompts.chain(answer, LINKS, [item.input for item in letters])
print(letters[0].input, chained[0], sep="\n")

# %% [markdown]
# A letter names a product, and we ask who makes it. No letter says so: the model must read the product, then remember.
# The chain takes two calls. One prompt can ask for both in three ways. The last row is a control: the chain's second
# call gets the product of the *next* letter. It must fail, or the second call knows more than it was told. The floor
# is the most frequent maker.
#
# **Before you run:** the model was tuned on single orders only. Which rows will be near zero?

# %%
BOTH = ["Give the product.", "Say who makes it."]
orders = {"one question": "Who makes the product in the message?"}
orders |= {"one sentence": prompts.compound(BOTH), "numbered steps": prompts.numbered(BOTH)}
said = {name: answer([prompts.chat(f"{order}\n{i.input}") for i in letters]) for name, order in orders.items()}
said["chain of two"] = [row[1] for row in chained]
said["next letter's product"] = answer([prompts.chat(LINKS[1].format("", r[0])) for r in chained[1:] + chained[:1]])
tries = {}
for name, texts in said.items():
    hits = [item.gold in text for text, item in zip(texts, letters, strict=True)]  # anywhere in it: generous
    tries[name] = evaluate.Score(f"maker: {name}", hits, floor=evaluate.majority_floor(letters), ceiling=1.0)
evaluate.score_table(tries.values())[["name", "n", "score %", "low", "high", "floor"]]

# %% [markdown]
# The chain has «chain» %, the best single prompt «best single» %. Each call is an order that the model knows; together
# they are one that it never saw. That is as far as this result goes: a model tuned on orders of two parts, or a large
# one, may need no chain here.
#
# A chain can lose as well. Take the last word of a list, in capital letters. *One* prompt keeps the list in view; the
# second call of the chain sees a lone word.
#
# **Before you run:** if each link is right nine times in ten, how often is a chain of two?

# %%
lists = steps.last_in_capitals(100)
PARTS = ["Give the last word.", "Rewrite this in capital letters."]
orders = {"one sentence": prompts.compound(PARTS), "numbered steps": prompts.numbered(PARTS)}
said = {name: answer([prompts.chat(f"{order}\n{i.input}") for i in lists]) for name, order in orders.items()}
links = prompts.chain(answer, [PARTS[0] + "\n{0}", PARTS[1] + "\n{1}"], [item.input for item in lists])
said["chain of two"] = [row[1] for row in links]
words = {}
for name, texts in said.items():
    hits = [text.strip() == item.gold for text, item in zip(texts, lists, strict=True)]
    words[name] = evaluate.Score(f"capitals: {name}", hits, floor=0.0, ceiling=1.0)
evaluate.score_table(words.values())[["name", "n", "score %", "low", "high", "floor"]]

# %% [markdown]
# To see why, measure each link alone: the first as it was, the second on the *true* last words.

# %%
alone = answer([prompts.chat(f"{PARTS[1]}\n{item.details['last']}") for item in lists])
first = sum(row[0] == item.details["last"] for row, item in zip(links, lists, strict=True)) / 100
second = sum(text.strip() == item.gold for text, item in zip(alone, lists, strict=True)) / 100
print(f"link 1: {first:.2f}, link 2: {second:.2f}, product {first * second:.2f}; the chain {words['chain of two'].mean:.2f}")
print("a miss:", next((f"{i.gold} became {t}" for t, i in zip(alone, lists, strict=True) if t.strip() != i.gold), "none"))

# %% [markdown]
# A chain is right about as often as the *product* of its links, here «product», for one wrong link spoils all that
# follow. The best single prompt has «best single» %. Splitting pays where the whole is too hard for one call, not
# where a link alone is harder than the whole.
#
# ## What we measured
#
# **P3, "chain of thought raises accuracy on multi-step arithmetic": «held / in part» here**, and it grows with the
# number of terms. What helps is steps written *before* the answer, true, and in order. «It ends where the training
# lengths ended.» **P6, "step-by-step instructions beat one compound order", its second half: «verdict» here.** A chain
# wins where each call is an order that the model knows and the whole is not; it loses where a link alone is weaker
# than the whole.

# %%
direct.name, written.name, opened.name = "4 to 7 terms, no steps", "4 to 7 terms, steps", "total before the steps"
table = evaluate.score_table([direct, written, opened, *tries.values(), *words.values()])
table[["name", "n", "score %", "low", "high"]]

# %% [markdown]
# The claims as assertions, with room for the differences between machines.

# %% tags=["claims"]
assert gain.difference > 40 and written.mean > 0.8, "written steps bring over 40 points on totals of 4 to 7 terms"
assert lengths["no steps"][7].mean < 0.35, "without steps long totals are mostly wrong"
assert forms["steps"].mean - opened.mean > 0.4, "steps after the total do not help it"
other, slipped = taken.loc["another sum's"].iloc[1], taken.loc["one slip"].iloc[0]
assert other > 70, "the total is read off the steps that stand there, true or not"  # «band»
assert slipped < 30, "a slip in the steps reaches the total"  # «band»
assert ends["steps"][1] - ends["steps"][0] > 10, "with steps a vote of 40 beats a single sample at temperature 1.5"  # «band»
assert max(ends["no steps"][1], ends["steps, 8 terms"][1]) < 50, "where the bias is, 40 samples do not help"  # «band»
assert all(t["differ"].iloc[-1] < t["differ"].iloc[0] for t in curves.values()), "two votes of many samples differ less"
best = max(tries[name].mean for name in ("one question", "one sentence", "numbered steps"))
assert tries["chain of two"].mean - best > 0.4, "the chain of two calls beats every single prompt on the maker"
assert tries["next letter's product"].mean < 0.5, "and it fails on another letter's product, as it must"
best = max(words[name].mean for name in ("one sentence", "numbered steps"))
assert best > words["chain of two"].mean - 0.05, "on the last word in capitals a chain gains nothing"  # «band»
assert abs(words["chain of two"].mean - first * second) < 0.15, "a chain is right as often as the product of its links"

# %% [markdown]
# ## Words to keep
#
# *Chain of thought*: steps written before the answer. *Self-consistency*: many samples, and a vote over their answers.
# *Variance*: the part of the mistakes that another draw may remove. *Bias*: the part that it keeps. *Control*: the
# same with the supposed cause taken away. *Chain*: several calls, each with the answers so far. *Link*: one of them.
#
# ## What if…
#
# <details><summary>…one step is right 98 times in 100?</summary>
#
# Then seven terms, six steps, are right with 0.98⁶ = 89 %, and forty steps with 45 %. Steps move the difficulty from
# one hard pass to many easy ones; they do not abolish it. That is why long chains of thought want a check on the way.
# </details>
#
# <details><summary>…I break ties by the true answer?</summary>
#
# Then your score counts a sum as right whenever the truth is *among* the winners, and with two samples that is "one of
# two is right". Nobody can use such a vote, because whoever asks does not know the answer. Try it: with an even number
# of samples the curve gets teeth that stand out upwards.
# </details>
#
# <details><summary>…the model has no "step by step" in its tuning?</summary>
#
# Show it: that is what the base model did above, with four solved sums and no instruction. Large models write steps
# when told to think step by step (Kojima et al. 2022: 17.7 to 78.7 % on MultiArith), since their reading and tuning
# held such texts too. Small ones did not gain from steps in the first study (Wei et al. 2022). Ours does, because its
# reading was dense with them.
# </details>
#
# ## The explorer
#
# Choose the way, the temperature, the number of samples and a sum: the bars are the votes of the stored samples. Type
# a sum of your own and press **Run** to draw new samples for it, with the settings of the sliders. Look for a sum on
# which 40 samples agree and are wrong. In a saved page the explorer is asleep: run the cell to wake it.

# %% tags=["nbval-ignore-output", "playground"]
def draw(text, way, temperature, n):
    return voting.sample(instruct, tokenizer, [ask_sum(way, text)], n, temperature, max_new_tokens=56, progress=False)[0]


widgets_voting.vote_explorer(pools, voters, draw)

# %% [markdown]
# The same without the widget: the first sum at temperature 1.5, with steps.

# %%
widgets_voting.show_votes(widgets_voting.vote_view(pools, voters, "steps", 1.5, 40))

# %% [markdown]
# *What the picture shows:* a bar for each total that the 40 samples reached, the true one marked.
#
# **Next:** every number of this lesson came with an interval, and some of the differences were small. Lesson 05 asks
# when one prompt is really better than another. Before that, do the lab of this lesson:
# [labs/04](../labs/04_reasoning.ipynb).
