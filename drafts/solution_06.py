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
# # Lab 06: where should facts come from?
#
# A search, its score, a test for evidence, a program that refuses, and an open task at the end. Write the code where a
# cell says so, run it, then run the check below it. A check prints one line when it passes and says what to ask
# yourself when it does not. Your verdict on the whole lab: `pytest --nbval-lax --nbval-current-env
# labs/06_retrieval.ipynb`.
#
# About 45 minutes. You may use plain Python and everything imported below, but not `bm25s`, and not the functions of
# `spectrum.retrieval` that do the same.

# %%
import math
import re

from spectrum.checks import lab_06


# %% [markdown]
# ## Task 1: BM25
#
# 12 minutes · about 9 lines · `math`
#
# `question` is a list of words, `documents` a list of lists of words. Return the score of each document. A word of the
# question that is in $n$ of $N$ documents has idf $\ln(1 + (N - n + 0.5) / (n + 0.5))$, and adds, where it occurs $f$
# times in a document of length $l$ (mean length $\bar l$), idf $\cdot f / (f + k_1 (1 - b + b\, l / \bar l))$.
#
# <details><summary>Nudge</summary>
#
# Which parts belong to the word alone, and which to the word in one document?
# </details>
# <details><summary>Error you may see</summary>
#
# "a word twice in a document": `n` counts documents, `f` counts occurrences.
# </details>
# <details><summary>Pseudocode</summary>
#
# Mean length. For each document, start at 0; for each word of the question count the documents that hold it, take its
# idf, count it in the document, add. Collect.
# </details>

# %% tags=["task"]
def bm25(question, documents, k1=1.5, b=0.75):
    """list of words, list of lists of words -> list of scores, one for each document"""
    ### BEGIN SOLUTION
    mean = sum(map(len, documents)) / len(documents)
    scores = [0.0] * len(documents)
    for word in question:
        n = sum(word in document for document in documents)
        idf = math.log(1 + (len(documents) - n + 0.5) / (n + 0.5))
        for number, document in enumerate(documents):
            f = document.count(word)
            scores[number] += idf * f / (f + k1 * (1 - b + b * len(document) / mean))
    return scores
    ### END SOLUTION


# %% tags=["check"]
lab_06.check_bm25(bm25)


# %% [markdown]
# ## Task 2: recall at k
#
# 8 minutes · about 3 lines · plain Python
#
# `found` has a list of document numbers for each question, the best first, perhaps empty. `wanted` has a set of the
# numbers that answer it, at least one. Return the mean, over all questions, of the share of the wanted that is among
# the first k.
#
# <details><summary>Nudge</summary>
#
# Two questions decide: what do you divide by for one question, and over how many questions is the mean?
# </details>
# <details><summary>Error you may see</summary>
#
# "the mean over questions with a hit": a search that gives up would be rewarded.
# </details>
# <details><summary>Pseudocode</summary>
#
# For each question: the set of the first k, intersected with the wanted; its size by the number wanted. Sum, divide by
# the number of questions.
# </details>

# %% tags=["task"]
def recall_at_k(found, wanted, k):
    """list of lists of numbers, list of sets of numbers, k -> recall, 0 to 1"""
    ### BEGIN SOLUTION
    shares = [len(right & set(hits[:k])) / len(right) for hits, right in zip(found, wanted, strict=True)]
    return sum(shares) / len(shares)
    ### END SOLUTION


# %% tags=["check"]
lab_06.check_recall_at_k(recall_at_k)


# %% [markdown]
# ## Task 3: evidence
#
# 7 minutes · about 4 lines · `re`
#
# Return the numbers, counted from 0, of the lines that hold the answer as whole words. Spaces around the answer do not
# count, capitals do. An answer without words has no evidence.
#
# <details><summary>Nudge</summary>
#
# "12 dollars" is in "112 dollars". What must not stand right before an answer, and right after?
# </details>
# <details><summary>Error you may see</summary>
#
# "'D.9' is found in 'D19'": a dot has a meaning in a pattern.
# </details>
# <details><summary>Pseudocode</summary>
#
# Strip. If nothing is left: an empty list. A pattern: no letter or digit before, the escaped answer, none after.
# Number the lines, keep those in which it is found.
# </details>

# %% tags=["task"]
def evidence(answer, lines):
    """text, list of texts -> list of the numbers of the lines that hold the text as whole words"""
    ### BEGIN SOLUTION
    answer = answer.strip()
    if not answer:
        return []
    return [n for n, line in enumerate(lines) if re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", line)]
    ### END SOLUTION


# %% tags=["check"]
lab_06.check_evidence(evidence)


# %% [markdown]
# ## Task 4: answer or refuse
#
# 8 minutes · about 5 lines · your `evidence`
#
# `hits` is a list of (line, score), the best first, perhaps empty. `ask(lines, question)` returns a model's answer.
# Leave out the lines that score below the threshold. If none is left, say "not stated" and do not ask. Else hand over
# the rest in the order in which the lesson's model reads best, and return the answer; or "not stated", if it stands in
# none of the lines that were read.
#
# <details><summary>Nudge</summary>
#
# One reason to refuse is known before the model speaks, one after.
# </details>
# <details><summary>Error you may see</summary>
#
# "list index out of range": there is no best hit among none.
# </details>
# <details><summary>Pseudocode</summary>
#
# Keep the lines that score enough. None: refuse. Turn them round, ask, look for evidence in them; without any, refuse.
# </details>

# %% tags=["task"]
def answer_or_refuse(hits, question, ask, threshold):
    """list of (line, score), text, ask (lines, question -> answer), number -> answer or "not stated" """
    ### BEGIN SOLUTION
    lines = [line for line, score in reversed(hits) if score >= threshold]
    if not lines:
        return "not stated"
    answer = ask(lines, question)
    return answer if evidence(answer, lines) else "not stated"
    ### END SOLUTION


# %% tags=["check"]
lab_06.check_answer_or_refuse(answer_or_refuse)


# %% [markdown]
# ## Task 5, open: the right line in the first place
#
# 12 minutes · about 8 lines · goal: 90 % of first hits right, in forms of question that you have not seen
#
# "How much is the Kavo lamp?" finds "The Kavo lamp is red." first, since the line with the price says "costs". Write
# `search_words`: a question in, the text to search with out. `lab_06.trial` gives the share of right first hits with
# the 18 forms that you can see, over the lines of an invented shop, and some misses. The check asks in six new forms,
# about another shop, where the question itself finds even less. Then say in one sentence why it works.
#
# <details><summary>Nudge</summary>
#
# Which words tell the six lines of one product apart? Print `lab_06.SEEN` and `samplers.fact_sentence` for one product.
# </details>
# <details><summary>Error you may see</summary>
#
# A high share in `trial` and a low one in the check: you wrote down whole questions. A new form shares single words
# with the old ones.
# </details>
# <details><summary>Pseudocode</summary>
#
# A table: words that a question may have → words that the line has. Start with the words of the product, which are the
# only ones that find it. For each entry with a word in the question, add the words of the line. "is" helps the wrong
# lines: leave it out.
# </details>

# %%
from spectrum import samplers, world

for field in lab_06.SEEN:
    print(samplers.fact_sentence(world.PRODUCTS[0], field), lab_06.SEEN[field])
share, misses = lab_06.trial(lambda question: question)
print(f"{100 * share:.0f} % of first hits right with the question itself", *misses[:3], sep="\n")


# %% tags=["task"]
def search_words(question):
    """question -> text to search with"""
    ### BEGIN SOLUTION
    table = {
        "colour": "is",
        "much price cost": "costs dollars",
        "heavy weight weigh grams": "weighs grams",
        "warehouse stored": "stored in",
        "shelf": "on shelf",
        "makes maker made company": "made by",
    }
    asked = re.findall(r"\w+", question)
    added = [line for words, line in table.items() if set(words.split()) & {word.lower() for word in asked}]
    product = re.search(r"([A-Z]\w+ \w+)(?!.*[A-Z])", question)[1]  # the last capital letter begins a name
    return " ".join([product, *added])
    ### END SOLUTION


why = ""  # one sentence of at least eight words: why do your words find what the question does not?

# %% tags=["solution-only"]
why = "Search compares spelling, so I put the words of the line in place of the words of the question."
share, misses = lab_06.trial(search_words)
print(f"{100 * share:.0f} % of first hits right in the forms that are shown", *misses[:3], sep="\n")

# %% tags=["check"]
lab_06.check_search_words(search_words, why)
