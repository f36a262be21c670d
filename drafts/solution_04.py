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
# # Lab 04: when do written steps help?
#
# A score that reads answers, a vote, a score of votes, a chain, and an open task at the end. Write the code where a
# cell says so, run it, then run the check below it. A check prints one line when it passes and says what to ask
# yourself when it does not. Your verdict on the whole lab: `pytest --nbval-lax --nbval-current-env
# labs/04_reasoning.ipynb`.
#
# About 45 minutes. You may use plain Python and everything imported below, but not `spectrum.voting`.

# %%
import re
from collections import Counter

from spectrum.checks import lab_04


# %% [markdown]
# ## Task 1: is it right?
#
# 8 minutes · about 4 lines · `re`
#
# A text may hold written steps, and its answer is the last number in it. Say whether that number is the true one.
# Numbers may have a sign, a decimal point or commas between thousands; a text without a number is wrong.
#
# <details><summary>Nudge</summary>
#
# First find all numbers, as text. What is left to do?
# </details>
# <details><summary>Error you may see</summary>
#
# "list index out of range": there is no last number in a text without numbers.
# </details>
# <details><summary>Pseudocode</summary>
#
# Find all of: perhaps a minus sign, digits, and any number of groups of a comma or point with digits after it. If
# there are none: False. Take the last, remove commas, compare with the true number as text.
# </details>

# %% tags=["task"]
def is_right(text, gold):
    """text of an answer, true number as digits -> True or False"""
    ### BEGIN SOLUTION
    found = re.findall(r"-?\d+(?:[.,]\d+)*", text)
    return bool(found) and found[-1].replace(",", "") == gold
    ### END SOLUTION


# %% tags=["check"]
lab_04.check_is_right(is_right)


# %% [markdown]
# ## Task 2: the vote
#
# 8 minutes · about 5 lines · `Counter`
#
# Many texts, one question. Return the answer, as text, that most of them reach. Texts without a number do not vote;
# among equals the answer that was seen first wins; if nobody votes, return None.
#
# <details><summary>Nudge</summary>
#
# What votes: the texts, or what you read out of them?
# </details>
# <details><summary>Error you may see</summary>
#
# "three texts without a number …": None was counted like an answer.
# </details>
# <details><summary>Pseudocode</summary>
#
# Read the last number of each text, leave out None, count. `most_common` keeps the order in which equals were first
# seen.
# </details>

# %% tags=["task"]
def vote(texts):
    """list of texts -> the most frequent answer as text, or None"""
    ### BEGIN SOLUTION
    found = [re.findall(r"-?\d+(?:[.,]\d+)*", text) for text in texts]
    votes = Counter(numbers[-1].replace(",", "") for numbers in found if numbers)
    return votes.most_common(1)[0][0] if votes else None
    ### END SOLUTION


# %% tags=["check"]
lab_04.check_vote(vote)


# %% [markdown]
# ## Task 3: the score of a vote
#
# 6 minutes · about 2 lines · your `vote`
#
# `samples` holds a list of texts for each question, `golds` the true numbers. Give the share of questions whose vote
# is right. Three tempting scores are all higher than this one and all wrong.
#
# <details><summary>Nudge</summary>
#
# Which decisions could somebody make who does not know the true answer?
# </details>
# <details><summary>Error you may see</summary>
#
# "two ties …": you asked whether the truth is among the winners. Only one answer may win.
# </details>
# <details><summary>Pseudocode</summary>
#
# For each question: vote over its texts; is it the true number? Count, divide by the number of questions.
# </details>

# %% tags=["task"]
def vote_score(samples, golds):
    """list of lists of texts, list of true numbers as digits -> share of right votes, 0 to 1"""
    ### BEGIN SOLUTION
    return sum(vote(texts) == gold for texts, gold in zip(samples, golds, strict=True)) / len(golds)
    ### END SOLUTION


# %% tags=["check"]
lab_04.check_vote_score(vote_score)


# %% [markdown]
# ## Task 4: the chain
#
# 8 minutes · about 5 lines · plain Python
#
# `ask` takes one prompt and returns one answer. Each link is a template: `{0}` stands for the input, `{1}` for the
# answer to the first link, `{2}` for the second, and so on. Call the links in order and return the list of answers.
#
# <details><summary>Nudge</summary>
#
# What must you keep from call to call?
# </details>
# <details><summary>Error you may see</summary>
#
# "Replacement index 1 out of range": `format` got the input only.
# </details>
# <details><summary>Pseudocode</summary>
#
# Start a list with the input. For each link, fill the template with the whole list, ask, and append the answer. Return
# all but the input.
# </details>

# %% tags=["task"]
def chain(ask, links, text):
    """ask (prompt -> answer), list of templates, input -> list of answers"""
    ### BEGIN SOLUTION
    row = [text]
    for link in links:
        row.append(ask(link.format(*row)))
    return row[1:]
    ### END SOLUTION


# %% tags=["check"]
lab_04.check_chain(chain)


# %% [markdown]
# ## Task 5, open: what does the customer owe?
#
# 15 minutes · about 6 lines · goal: 95 % of 60 fresh letters
#
# A letter names a product and how many of it, never a price. The price is in the model's memory. `ask` takes a *list*
# of prompts and returns their answers, with the instruct model; `lab_04.ask` is the same for your own trials, and
# `steps.bills` makes letters. One prompt gets almost none right, and the chain that ends with adding the price so many
# times, step by step, about «share of the chain that adds step by step» %. Write `bill`, with at most eight prompts a
# letter, so that the last number of each text is the bill in dollars. Then say in one sentence why it works.
#
# <details><summary>Nudge</summary>
#
# Which single orders does the model know? "Give the quantity.", "Give the product.", "How much is the Kavo lamp?".
# Measure each link alone on `steps.bills(40, "train")`: the details hold the truth. Between two calls, code may do
# what code does well.
# </details>
# <details><summary>Error you may see</summary>
#
# "… instead of 84": adding the same number seven times, the model loses its place. No prompt asks it where it was.
# </details>
# <details><summary>Pseudocode</summary>
#
# Ask for the product of every letter, and for the quantity. Ask for the price of each product. Read the number in it.
# Multiply in Python, and return text.
# </details>

# %%
from spectrum import steps

for item in steps.bills(2, "train"):
    print(item.input, item.details, item.gold, sep="\n")


# %% tags=["task"]
def bill(ask, letters):
    """ask (list of prompts -> list of answers), list of letters -> list of texts that end with the bill"""
    ### BEGIN SOLUTION
    products = ask([f"Give the product.\n{letter}" for letter in letters])
    counts = ask([f"Give the quantity.\n{letter}" for letter in letters])
    prices = ask([f"Answer the question.\nHow much is the {product}?" for product in products])
    found = [re.findall(r"\d+", f"{price} {count}") for price, count in zip(prices, counts, strict=True)]
    return [str(int(numbers[0]) * int(numbers[-1])) if numbers else "" for numbers in found]
    ### END SOLUTION


why = ""  # one sentence of at least eight words: why does it work where one prompt does not?

# %% tags=["solution-only"]
why = "Each call is one order that the model knows, and code does the one thing the model does badly: multiply."
trial = steps.bills(40, "train", seed=1)
texts = bill(lab_04.ask, [item.input for item in trial])
print(texts[0], "|", sum(is_right(text, item.gold) for text, item in zip(texts, trial, strict=True)), "of 40 right")

# %% tags=["check"]
lab_04.check_bill(bill, why)
