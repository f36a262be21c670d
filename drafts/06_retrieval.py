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
# # Where should facts come from?
#
# **You will do:** ask a model for facts it has read and for facts it has not, build a search engine by hand, let the
# model read what the search finds, bury a fact in a long text, and hand it a wrong document. **You will learn:** what
# no prompt can supply, why finding and answering are two scores, and who must say "I don't know". **You need:** lesson
# 01. **Time:** 35 minutes to read, «t» seconds to run.

# %% tags=["nbval-ignore-output"]
from spectrum import doctor

print(doctor.banner("06_retrieval"))

# %% [markdown]
# ## What the model has read, and what it has not
#
# The shop has 96 products. The facts of 48 were in the training text; the other 48 are *new arrivals*, drawn by the
# same dice and kept out of every text. Six questions can be asked on each. You take 120 on each half.

# %%
from spectrum import evaluate, generate, models, prompts, retrieval, world

instruct, tokenizer = models.load_model("instruct")
known, arrivals = (retrieval.questions(products, n=120) for products in (world.KNOWN, world.ARRIVALS))
for item in (*known[:2], *arrivals[:2]):
    print(f"{item.input:42s} {item.gold}")

# %% [markdown]
# ## Closed book: four ways to ask
#
# *Closed book* means that the model gets the question and nothing else. You try four prompts: the plain order, an
# urgent one, one that allows "not stated", and one with six solved questions on *other* arrivals, answers true. An
# answer counts where the true value stands in it. The floor is always saying the most frequent value of the field.
#
# **Before you run:** which prompt will get the arrivals right? And what will the model say when it cannot know?

# %%
ORDER = "Answer the question."
asked = {item.input for item in arrivals}
others = [item for item in retrieval.questions(world.ARRIVALS) if item.input not in asked][:6]
solved = [(item.input, item.gold) for item in others]
WAYS = {
    "plain order": lambda q: prompts.chat(f"{ORDER}\n{q}"),
    "urgent": lambda q: prompts.chat(f"{ORDER} Think hard, and be exact.\n{q}"),
    "may say not stated": lambda q: prompts.chat(f"{ORDER} If you do not know, answer: not stated.\n{q}"),
    "six solved examples": lambda q: prompts.order_turns(ORDER, solved, q),
}
closed, sayings = {}, {}
for half, items in (("known", known), ("arrivals", arrivals)):
    for way, write in WAYS.items():
        said = retrieval.closed_book(instruct, tokenizer, items, write, progress=False)
        sayings[half, way] = said
        held = [bool(retrieval.evidence(i.gold, [a])) for a, i in zip(said, items, strict=True)]
        floor = retrieval.guess_floor(items)
        closed[half, way] = evaluate.Score(f"{half}: {way}", held, floor=floor, ceiling=1.0)
evaluate.score_table(closed.values())[["name", "n", "score %", "low", "high", "floor", "ceiling"]]

# %% [markdown]
# Facts it has read come back: «known plain» %. Of the arrivals «best arrivals» % at best, no better than a guess. A
# prompt selects among what a model holds; it puts nothing in. How does the model sound where it knows nothing?

# %%
for item, answer in list(zip(arrivals, sayings["arrivals", "plain order"], strict=True))[:4]:
    print(f"{item.input:42s} says {answer!r}, true: {item.gold!r}")
unsure = {way: sayings["arrivals", way].count("not stated") for way in WAYS}
print("says 'not stated' out of 120:", unsure)

# %% [markdown]
# It invents a value of the right kind, in the tone in which it tells the truth. So the facts must come from outside:
# find the document first, then let the model read it. That is *retrieval*, and it has two parts. The first is search.
#
# ## Search by hand, on five documents
#
# BM25 (Robertson et al. 1994) gives a document points for each word that it shares with the question. A rare word
# counts more than a frequent one: its *idf* is $\ln\left(1 + \frac{N - n + 0.5}{n + 0.5}\right)$, when $n$ of $N$
# documents hold it. A word that occurs $f$ times counts $\frac{f}{f + k_1 (1 - b + b \cdot l / \bar l)}$: a second
# occurrence adds less than the first, and a document longer ($l$) than the average ($\bar l$) is held back.
#
# **Before you run:** which of the five will be on top for "Who makes the Kavo lamp?", and will it be the right one?

# %%
import math
import re


def words(text):
    return re.findall(r"\w+", text.lower())


def bm25(question, documents, k1=1.5, b=0.75):
    split = [words(document) for document in documents]
    average = sum(map(len, split)) / len(split)
    scores = []
    for document in split:
        score = 0.0
        for word in words(question):
            n, f = sum(word in other for other in split), document.count(word)
            idf = math.log(1 + (len(split) - n + 0.5) / (n + 0.5))
            score += idf * f / (f + k1 * (1 - b + b * len(document) / average))
        scores.append(score)
    return scores


five = ["The Kavo lamp is red.", "The Kavo lamp is made by Dahl.", "The Kavo kettle is blue."]
five += ["The Bino lamp is made by Galt.", "We ship the lamp, the kettle and the rake to Oslo."]
for score, document in sorted(zip(bm25("Who makes the Kavo lamp?", five), five, strict=True), reverse=True):
    print(f"{score:.3f}  {document}")

# %% [markdown]
# The two lines on the Kavo lamp lead, and the *wrong* one is first: it is shorter. To BM25 "makes" and "made" are two
# words with nothing in common. Search compares spelling, not meaning.
#
# ## The same from a library
#
# `bm25s` stores the points of every word and document beforehand, and so searches millions of documents. Here it is
# on the five, on a question that says a word twice, and on all 576 lines of the catalogue.
#
# **Before you run:** how large may a difference be, if both are the same formula and one counts in 32 bits?

# %%
import bm25s
import numpy as np

library = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
library.index([words(document) for document in five], show_progress=False)
asked_words = [word for word in words("the lamp, the Kavo lamp") if word in library.vocab_dict]
gaps = [np.abs(library.get_scores(asked_words) - bm25("the lamp, the Kavo lamp", five)).max()]

documents = retrieval.catalogue_lines()  # six lines on each of the 96 products, in random order
search = retrieval.Search(documents)  # the same library over documents that know their product and field
texts = [document.text for document in documents]
gaps += [np.abs(search.scores(item.input) - bm25(item.input, texts)).max() for item in arrivals[:3]]
print(f"{len(texts)} documents; largest difference {max(gaps):.1e}")
assert max(gaps) < 1e-5  # scores up to 4 in float32: a rounding is 2e-7, and a few add up

# %% [markdown]
# They are equal up to rounding. From here on the library searches. The first question on the arrivals:

# %%
for rank, hit in enumerate(search.best(arrivals[0].input, 8), 1):
    mark = "<- the answer" if retrieval.answers_it(hit.document, arrivals[0]) else ""
    print(f"{rank}. {hit.score:.2f}  {hit.document.text} {mark}")

# %% [markdown]
# ## The first score: recall at k
#
# The search is right when the line with the answer is among the first k it returns. The share of questions for which
# that holds is *recall at k*. It is counted over **all** questions; a question whose line was not found is a miss, not
# a missing value.
#
# **Before you run:** six lines share a product's name. From which k on must recall be 100 %?

# %%
def recall_at_k(found, items, k):
    hit = [any(retrieval.answers_it(h.document, i) for h in hits[:k]) for hits, i in zip(found, items, strict=True)]
    return sum(hit) / len(items)


DEPTHS = (1, 2, 3, 4, 6, 8, 12, 20)
found = [search.best(item.input, max(DEPTHS)) for item in arrivals]
recalls = {k: retrieval.recall_at_k(found, arrivals, k) for k in DEPTHS}
assert all(abs(recalls[k].mean - recall_at_k(found, arrivals, k)) < 1e-12 for k in DEPTHS)
evaluate.score_table(recalls.values())[["name", "n", "score %", "low", "high", "floor", "ceiling"]]

# %% [markdown]
# ## The second score: answers
#
# Now the model reads the k lines, the best first, then the question. One such prompt:

# %%
print(prompts.read([hit.document.text for hit in found[0][:3]], arrivals[0].input))

# %% [markdown]
# The model was tuned to read two to five lines. Eight values of k are about «t» seconds of work.
#
# **Before you run:** recall can only rise with k. Draw the curve of the answers beside it.

# %% tags=["nbval-ignore-output"]
answers = {}
for k in DEPTHS:
    said = retrieval.answer(instruct, tokenizer, arrivals, [hits[:k] for hits in found], progress=False)
    answers[k] = retrieval.score(said, arrivals, f"answers, k = {k}")
best_k = max(DEPTHS, key=lambda k: answers[k].mean)
shares = [100 * answers[k].mean for k in (best_k, 20)]
title = f"Recall only rises; answers peak at k = {best_k} ({shares[0]:.0f} %), and k = 20 gives {shares[1]:.0f} %"

# %% [markdown]
# The picture of both, with the floor of the answers:

# %%
from spectrum import widgets_retrieval

widgets_retrieval.show_depths(recalls, answers, title, answers[1].floor)

# %% [markdown]
# Up to k = 6 the answers follow the recall: what is found is read. Beyond it, nothing more is found and the reader
# drowns: «score at 20» % at k = 20, with a recall of 100 %. Had you measured answers alone, you would blame the
# search; had you measured recall alone, you would not have seen it. Split the answers by whether the line was there:

# %%
for k in (1, 3, 6, 20):
    there = [any(retrieval.answers_it(h.document, i) for h in f[:k]) for f, i in zip(found, arrivals, strict=True)]
    right = answers[k].correct.astype(bool)
    inside = [r for r, t in zip(right, there, strict=True) if t]
    outside = [r for r, t in zip(right, there, strict=True) if not t]
    print(f"k = {k:2d}: line found {sum(inside)} of {len(inside)} right, not found {sum(outside)} of {len(outside)}")

# %% [markdown]
# ## Position: the same lines, turned round
#
# The best hits stood first, farthest from the question. `prompts.read_nearest` turns the list round: same lines, same
# length, the best one last.
#
# **Before you run:** can the order alone repair k = 20?

# %%
nearest = {}
for k in (6, 20):
    hits = [f[:k] for f in found]
    said = retrieval.answer(instruct, tokenizer, arrivals, hits, write=prompts.read_nearest, progress=False)
    nearest[k] = retrieval.score(said, arrivals, f"best last, k = {k}")
    print(evaluate.compare(answers[k], nearest[k]))

# %% [markdown]
# ## Position and length, one dial at a time
#
# A cleaner trial: invented products, one line with the answer, and lines on other products around it. The line stands
# first, in the middle or last; the text has 60 to 900 tokens. The model was trained on windows of 512 tokens, but its
# look-ups were far shorter: five lines are about 60. 40 questions a point, about «t» seconds.
#
# **Before you run:** large models are known to be "lost in the middle" (Liu et al. 2023): good at both ends of the
# context, worse between. Which shape do you expect here, and what happens past 512?

# %% tags=["nbval-ignore-output"]
LENGTHS = (60, 120, 240, 480, 900)


def read_buried(tokens, place, filler="lines", n=40):
    rng = world.seeded("buried", tokens, place, filler)
    items = [retrieval.buried(rng, tokenizer, tokens, retrieval.PLACES[place], filler) for _ in range(n)]
    chats = [prompts.chat(prompts.read(item.details["lines"], item.input)) for item in items]
    said = generate.complete(instruct, tokenizer, chats, max_new_tokens=12, progress=False)
    return retrieval.score(said, items, f"{filler}, {tokens} tokens, {place}", floor=1 / 8)


buried = {place: {tokens: read_buried(tokens, place) for tokens in LENGTHS} for place in retrieval.PLACES}
first, last = (100 * buried[place][480].mean for place in ("first", "last"))
title = f"At 480 tokens: {last:.0f} % right where the fact stands last, {first:.0f} % where it stands first"

# %% [markdown]
# The floor drawn is one guess in eight: colours, makers and warehouses have eight values, the other fields more.

# %%
widgets_retrieval.show_places(buried, title, 1 / 8, trained=512)

# %% [markdown]
# «The shape.» The last place holds «last at 900» % at 900 tokens, past the trained length; the first falls to
# «first at 240» % at 240, far inside it. So what counts here is not the window but what the *tuning* looked like:
# short texts. This is no "lost in the middle": «only the end is good». Is it the length, or the rivals that look like
# the answer? At 240 tokens, with customers' letters instead of lines:

# %%
control = [read_buried(240, place, filler) for filler in retrieval.FILLERS for place in retrieval.PLACES]
evaluate.score_table(control)[["name", "n", "score %", "low", "high", "floor", "ceiling"]]

# %% [markdown]
# «Both: letters leave the last place at … and the middle at …, but the first at ….» And one limit is hard. The model
# has 1,024 positions, and what does not fit cannot be read at all:

# %% tags=["nbval-ignore-output"]
long = retrieval.buried(world.seeded("too long"), tokenizer, 1100, 0.0)
try:
    generate.complete(instruct, tokenizer, [prompts.chat(prompts.read(long.details["lines"], long.input))])
except ValueError as error:
    print(error)

# %% [markdown]
# The tokenizer warns, and the course's `complete` refuses. Much software cuts the text silently, often its beginning. From here on: six lines,
# the best last.
#
# ## A wrong document, on purpose
#
# Catalogues have mistakes. You hand over a single line that answers the question with a wrong value.
#
# **Before you run:** on arrivals the model has nothing to set against it. On known products it *knows* better. Whom
# does it believe?

# %%
believed = {}
for half, items in (("known", known), ("arrivals", arrivals)):
    pairs = [retrieval.wrong_line(item) for item in items]
    chats = [prompts.chat(prompts.read([line], i.input)) for (line, _), i in zip(pairs, items, strict=True)]
    said = generate.complete(instruct, tokenizer, chats, max_new_tokens=12, progress=False)
    wrong = [answer == value for answer, (_, value) in zip(said, pairs, strict=True)]
    true = [answer == item.gold for answer, item in zip(said, items, strict=True)]
    believed[half] = evaluate.Score(f"{half}: says the wrong value", wrong, floor=0.0, ceiling=1.0)
    believed[half, "true"] = evaluate.Score(f"{half}: says the true value", true, floor=0.0, ceiling=1.0)
evaluate.score_table(believed.values())[["name", "n", "score %", "low", "high", "floor", "ceiling"]]

# %% [markdown]
# The document wins, even over knowledge: «known wrong» % against «known true» %. An answer from retrieval is as true
# as its source, and evidence shows *where* a claim comes from, not that it is right.
#
# ## "I don't know"
#
# Two kinds of questions have no answer in the catalogue: the *product* does not exist, or its *line* is missing. The
# search returns something all the same. Was the model not tuned to say "not stated"? It was, on a few mixed lines.
# First that case, then the two of ours.

# %%
from spectrum import tasks

lookups = [item for item in tasks.TASKS["lookup"].sample(400) if item.gold == "not stated"]
asks = [prompts.ask(tasks.TASKS["lookup"], item) for item in lookups]
said = generate.complete(instruct, tokenizer, [prompts.chat(text) for text in asks], max_new_tokens=12, progress=False)
print("as in its tuning: ", retrieval.score(said, lookups, floor=0.0))

nowhere = retrieval.unanswerable(120)
six = {"answer there": [f[:6] for f in found], "no such product": [search.best(i.input, 6) for i in nowhere]}
six["line missing"] = [
    [h for h in f[:7] if not retrieval.answers_it(h.document, i)][:6] for f, i in zip(found, arrivals, strict=True)
]
items_of = {"answer there": arrivals, "no such product": nowhere}
items_of["line missing"] = [tasks.Item(i.task, i.input, "not stated", i.details) for i in arrivals]
raw = {
    kind: retrieval.answer(instruct, tokenizer, items_of[kind], hits, write=prompts.read_nearest, progress=False)
    for kind, hits in six.items()
}
for kind in ("no such product", "line missing"):
    print(f"{kind:18s}", retrieval.score(raw[kind], items_of[kind], floor=0.0), "for example", raw[kind][:3])

# %% [markdown]
# A habit from one kind of text does not carry over to another. So the program around the model must refuse, and it
# has two handles. *Threshold*: do not read documents that score low, and refuse where none is left. You choose it on
# other questions, about known products and invented ones. *Evidence*: refuse where the answer stands, as a whole, in
# none of the documents that were read.
#
# **Before you run:** which guard catches which kind? Could one of them refuse true answers?

# %%
best = lambda items: [search.best(item.input, 1)[0].score for item in items]
there, absent = best(retrieval.questions(world.KNOWN, 60, seed=1)), best(retrieval.unanswerable(60, seed=1))
threshold = retrieval.choose_threshold(there, absent)
print(f"threshold {threshold:.2f}: products that exist score {min(there):.2f} or more, others {max(absent):.2f} or less")


def guard(kind, low, proof):
    found = [retrieval.above(hits, low) for hits in six[kind]]
    said = retrieval.answer(instruct, tokenizer, items_of[kind], found, write=prompts.read_nearest, progress=False)
    said = retrieval.with_evidence(said, found) if proof else said
    name = " and ".join(["threshold"] * (low > 0) + ["evidence"] * proof) or "the model alone"
    return retrieval.score(said, items_of[kind], f"{kind}: {name}", floor=0.0)


guards = {(kind, low > 0, e): guard(kind, low, e) for kind in six for low in (0.0, threshold) for e in (False, True)}
evaluate.score_table(guards.values())[["name", "n", "score %", "low", "high", "floor", "ceiling"]]

# %% [markdown]
# Judge the three kinds together: whoever always refuses has 100 % in two of them. «The threshold settles products that
# do not exist. Where a line is missing, the product's other lines score high, so it must be evidence: alone it
# catches …, with the threshold ….» Why not all without the threshold? The sixth document was on *another* product, and the answer stood
# there. Evidence says that a text holds these words, not that they answer the question.
#
# And where *nothing* is retrieved, the answer needs no model:

# %%
nothing = search.best("Bonjour, qui fabrique cela?", 6)
print(nothing, retrieval.answer(instruct, tokenizer, arrivals[:1], [nothing]))

# %% [markdown]
# ## In other words
#
# All questions so far had the six forms of the tuning. Here are two other wordings of each, on 16 arrivals. The search
# compares words; the model must understand them.
#
# **Before you run:** which of the two minds other words more?

# %%
import pandas as pd

other = retrieval.reworded(world.ARRIVALS[:16])
lines = [search.best(item.input, 6) for item in other]
said = retrieval.answer(instruct, tokenizer, other, lines, write=prompts.read_nearest, progress=False)
free = retrieval.score(said, other, "other words: answers, k = 6")
found_free = retrieval.recall_at_k(lines, other, 6, "other words: recall at 6")
rows = pd.DataFrame({"wording": [i.details["wording"] for i in other], "right of 16": free.correct.astype(int)})
rows.groupby("wording", sort=False).sum()

# %% [markdown]
# The line is found in «recall free» % of the cases, and the answer is right in «free» %. «It reads "In which warehouse
# …" and fails on …» This is where a model of 3 million parameters stops understanding. A large one reads all twelve
# wordings, and no prompt will teach ours to; that is what tuning is for, in lesson 07.
#
# ## What we measured
#
# **P9, "prompts cannot supply knowledge the model does not have": «verdict» here.** Four prompts leave the arrivals at
# the floor; reading six lines brings them to «nearest 6» %. A control must fail: the lines of *another* question.

# %%
swapped = six["answer there"][7:] + six["answer there"][:7]
said = retrieval.answer(instruct, tokenizer, arrivals, swapped, write=prompts.read_nearest, progress=False)
stranger = retrieval.score(said, arrivals, "arrivals: another question's lines")
shut = [closed[half, "plain order"] for half in ("known", "arrivals")]
shut[0].name, shut[1].name = "known: closed book", "arrivals: closed book"
nearest[6].name = "arrivals: six lines, best last"
rungs = [*shut, stranger, nearest[6]]
title = f"New facts: {100 * shut[1].mean:.0f} % closed book, {100 * nearest[6].mean:.0f} % with retrieval"
from spectrum import plots

said = "; ".join(f"{score.name} {score}" for score in rungs)
plots.show(plots.score_rungs(rungs, title, "prompt", floor=shut[1].floor, ceiling=1.0), alt=said)

# %% [markdown]
# **P13, "context is limited and position matters": «verdict».** The limit is hard at 1,024 tokens; long before, a fact
# is read or not by where it stands. All results in one table:

# %%
both = [guards[kind, True, True] for kind in six]
ends = [buried[place][480] for place in retrieval.PLACES]
table = evaluate.score_table([*rungs, recalls[1], recalls[6], answers[20], nearest[20], *ends, *both, found_free, free])
table[["name", "n", "score %", "low", "high", "floor", "ceiling"]]

# %% [markdown]
# The claims as assertions, with room for the differences between machines.

# %% tags=["claims"]
assert closed["known", "plain order"].mean > 0.9, "facts of the training text come back closed book"
assert max(closed["arrivals", way].mean for way in WAYS) < 0.2, "no prompt supplies facts that the model has not read"
assert nearest[6].mean > 0.9 and stranger.mean < 0.25, "the right six lines do, another question's lines do not"
assert recalls[1].mean < 0.5 and recalls[6].mean > 0.99, "the first hit is often wrong, the first six hold the line"
assert answers[20].mean < 0.3 < 0.8 < nearest[20].mean, "twenty lines drown the reader, unless the best stands last"
assert all(buried["last"][t].mean > 0.55 for t in LENGTHS), "the last place is read at any length"
assert buried["first"][480].mean < 0.3, "the first place is lost long before the trained length"
assert believed["arrivals"].mean > 0.9 and believed["known"].mean > 0.55, "a wrong document is believed"
assert guards["line missing", False, False].mean < 0.2, "the model alone does not say that a line is missing"
assert all(score.mean > 0.85 for score in both), "threshold and evidence together answer and refuse rightly"
assert found_free.mean > 0.95 and free.mean < 0.8, "other words: the search finds the line, the model misreads them"

# %% [markdown]
# ## Words to keep
#
# *Closed book*: a question without any text. *BM25*: points for shared words, rare ones more. *idf*: how rare a word
# is. *Recall at k*: the share of all questions whose line is among the first k. *Evidence*: the line that holds the
# answer. *Threshold*: the score below which one refuses.
#
# ## What if…
#
# <details><summary>…I search by meaning instead of spelling?</summary>
#
# *Dense* retrieval compares vectors that a model made of question and document, so "makes" meets "made". It needs a
# model trained for it, and may miss rare names and codes, which BM25 never does. Many systems run both. The two scores
# of this lesson judge them all.
# </details>
#
# <details><summary>…recall is counted only over questions for which something was found?</summary>
#
# Then a search that returns one sure line and nothing else has 100 %. Leaving out the questions it gave up on rewards
# giving up. The lab shows three such scores, all higher than the true one.
# </details>
#
# <details><summary>…the wrong document is there on purpose, to deceive?</summary>
#
# Then "the document wins" is an attack: whoever may write into your catalogue writes your answers. A document may also
# hold orders instead of facts (*prompt injection*). Evidence helps a reader to notice; only control over the source
# helps against it.
# </details>
#
# ## The explorer
#
# Type a question and press Enter or **Run**; Tab and the arrow keys reach everything. Try your own words, a product
# that does not exist, k = 20 in both orders, and the evidence switched off. In a saved page the explorer is asleep: run
# the cell to wake it.

# %% tags=["nbval-ignore-output", "playground"]
def read_and_say(lines, question):
    asked = [prompts.chat(prompts.read(lines, question))]
    return generate.complete(instruct, tokenizer, asked, max_new_tokens=12, progress=False)[0]


widgets_retrieval.retrieval_explorer(search, read_and_say, arrivals[0].input, threshold)

# %% [markdown]
# The same without the widget: six documents, the best last, evidence marked.

# %%
widgets_retrieval.show_view(widgets_retrieval.retrieval_view(search, read_and_say, arrivals[0].input, 6, "best last"))

# %% [markdown]
# **Next:** reading took facts from outside, and other words, a missing line or a long text broke the reader. Lesson 07
# changes the model itself. Whether tuning can put facts *into* it is lesson 09. First, the lab of this lesson:
# [labs/06](../labs/06_retrieval.ipynb).
