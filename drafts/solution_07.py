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
# # Lab 07: what does instruction tuning change?
#
# Mask, loss, padding, a batch that somebody broke, and an open task at the end. Write the code where a cell says so, run
# it, then run the check below it. A check prints one line when it passes and says what to ask yourself when it does not.
# Your verdict on the whole lab: `pytest --nbval-lax --nbval-current-env labs/07_instruction_tuning.ipynb`.
#
# About 45 minutes. You may use torch, the tokenizer and everything imported below.

# %%
import torch

from spectrum.checks import lab_07
from spectrum.models import load_model
from spectrum.widgets_tuning import show_masks

base, tokenizer = load_model("base")
assistant, end = tokenizer.convert_tokens_to_ids(["<|assistant|>", "<|end|>"])
IGNORE = -100
print(f"assistant's mark {assistant}, end mark {end}, padding {tokenizer.pad_token_id}")


# %% [markdown]
# ## Task 1: the mask
#
# 8 minutes · about 8 lines · plain Python
#
# The lesson made labels from messages. Here you only have the token ids of a chat, as they come out of the template, and
# the ids of two marks. A chat may have several turns of the assistant, and a system turn. Give the list of labels: the
# token itself in each turn of the assistant, its end mark included, and −100 everywhere else.
#
# <details><summary>Nudge</summary>
#
# Walk through the ids from left to right and keep one thing in mind: is the assistant speaking?
# </details>
# <details><summary>Error you may see</summary>
#
# "an end mark of the assistant has no label": you stopped labelling one token too early.
# </details>
# <details><summary>Pseudocode</summary>
#
# For each id: append the id if the assistant is speaking, else −100. Then, if the id is the assistant's mark, it speaks
# from now on; if it is an end mark, nobody does.
# </details>

# %% tags=["task"]
def mask(ids, assistant, end):
    """ids (list of T ints), ids of the two marks -> labels (list of T ints)"""
    ### BEGIN SOLUTION
    labels, speaking = [], False
    for token in ids:
        labels.append(token if speaking else IGNORE)
        if token == assistant:
            speaking = True
        elif token == end:
            speaking = False
    return labels
    ### END SOLUTION


# %% tags=["check"]
lab_07.check_mask(mask)


# %% [markdown]
# ## Task 2: the loss
#
# 8 minutes · about 5 lines · torch, but not `cross_entropy` or `nll_loss`
#
# From the scores of a batch, shape (B, T, V), and its labels, shape (B, T), make the mean of −log p over all labelled
# tokens of the batch. The labels are not shifted yet. Every token counts the same, in whichever row it stands.
#
# <details><summary>Nudge</summary>
#
# Work the two toy rows of the lesson on paper: 1.5 · ln 2.
# </details>
# <details><summary>Error you may see</summary>
#
# "index -100 is out of bounds": `gather` wants a token at every place. Give it any token there, and mask the result.
# </details>
# <details><summary>Pseudocode</summary>
#
# Scores without the last place, log-softmaxed; labels without the first. Pick each label's log-probability. Sum those
# whose label is not −100, divide by how many they are, change the sign.
# </details>

# %% tags=["task"]
def loss(logits, labels):
    """logits (B, T, V), labels (B, T) with -100 where nothing is learned -> mean loss, a tensor without dimensions"""
    ### BEGIN SOLUTION
    wanted = labels[:, 1:]  # (B, T-1): the scores at place t are about token t + 1
    logprobs = logits[:, :-1].log_softmax(dim=-1)  # (B, T-1, V)
    chosen = logprobs.gather(2, wanted.clamp(min=0)[:, :, None])[:, :, 0]  # (B, T-1)
    seen = wanted != IGNORE
    return -chosen[seen].sum() / seen.sum()
    ### END SOLUTION


# %% tags=["check"]
lab_07.check_loss(loss)


# %% [markdown]
# ## Task 3: a batch that can be continued
#
# 8 minutes · about 6 lines · `torch.tensor`
#
# From a list of rows of token ids, make the batch that a model can *continue*: the ids, the attention mask (1 for real
# tokens, 0 for padding) and the positions, each of shape (B, T). Positions count 0, 1, 2, … over a row's real tokens;
# padding has position 0. The check compares the scores of the next token with those that each row gets alone.
#
# <details><summary>Nudge</summary>
#
# Which place of a row are the scores of the next token read from?
# </details>
# <details><summary>Error you may see</summary>
#
# "expected sequence of length …": the rows that you give to `torch.tensor` have different lengths.
# </details>
# <details><summary>Pseudocode</summary>
#
# Find the greatest length. For each row, how much padding is missing? Padding, then the row. Zeros, then ones. The
# positions are the running sum of the mask less one, and never below 0.
# </details>

# %% tags=["task"]
def pad_left(rows, pad_id):
    """rows (list of lists of ids), id of the padding -> ids, mask, positions, each (B, T)"""
    ### BEGIN SOLUTION
    width = max(len(row) for row in rows)
    ids = torch.tensor([[pad_id] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    return ids, mask, positions
    ### END SOLUTION


# %% tags=["check"]
lab_07.check_pad_left(pad_left)


# %% [markdown]
# ## Task 4: what is wrong with this batch?
#
# 12 minutes · about 12 lines · torch
#
# A colleague wants to train on the batch below tonight. Look at its first row, then write the function that inspects such
# batches: right-padded chats of one question and one answer. It returns the set of the faults it finds:
#
# - `"shifted"`: a label is not the token at its own place. Then the other tests mean nothing: return `{"shifted"}` alone.
# - `"prompt"`: there is a label at or before the assistant's mark.
# - `"end"`: a row's last end mark has no label.
# - `"padding"`: there is a label where the attention mask is 0.
#
# <details><summary>Nudge</summary>
#
# One row at a time is fine. Where is the assistant's mark, and where is the last end mark?
# </details>
# <details><summary>Error you may see</summary>
#
# "Boolean value of Tensor with more than one value is ambiguous": you want `.any()`.
# </details>
# <details><summary>Pseudocode</summary>
#
# Seen: where labels are not −100. Any seen label that differs from its id: shifted, and done. Any seen label where the
# mask is 0: padding. For each row: any seen label up to the assistant's mark: prompt; last end mark not seen: end.
# </details>

# %%
batch = lab_07.colleagues_batch()
first = {name: batch[name][0].tolist() for name in ("input_ids", "labels")}
print("attention mask of the last six places:", batch["attention_mask"][0, -6:].tolist())
show_masks(tokenizer, {"first row": first})


# %% tags=["task"]
def find_faults(batch, assistant, end):
    """batch {"input_ids", "attention_mask", "labels"}, each (B, T), ids of the two marks -> set of names"""
    ### BEGIN SOLUTION
    ids, labels, faults = batch["input_ids"], batch["labels"], set()
    seen = labels != IGNORE
    if (seen & (labels != ids)).any():
        return {"shifted"}
    if (seen & (batch["attention_mask"] == 0)).any():
        faults.add("padding")
    for row in range(len(ids)):
        start = int((ids[row] == assistant).nonzero()[0])
        last = int((ids[row] == end).nonzero()[-1])
        if seen[row, : start + 1].any():
            faults.add("prompt")
        if not seen[row, last]:
            faults.add("end")
    return faults
    ### END SOLUTION


# %% tags=["solution-only"]
print(find_faults(batch, assistant, end))

# %% tags=["check"]
lab_07.check_find_faults(find_faults)


# %% [markdown]
# ## Task 5, open: beat a number with few rows
#
# 12 minutes · a few lines · goal: at least 78 % on 200 questions of the test split
#
# `lab_07.pool()` holds 2,400 rows, each `{"task", "wording", "prompt", "completion"}`, on all 45 tasks. Choose at most 160
# of them. The check tunes the base model on your rows, two epochs, and asks it five tasks (`lab_07.TARGETS`) in two
# wordings that no row has. Untuned it has about 40 % of them right, and the first 160 rows of the pool do not help.
# Beat the goal, and say in one sentence why your choice works.
#
# <details><summary>Nudge</summary>
#
# How many of the first 160 rows say anything about the five tasks?
# </details>
# <details><summary>Error you may see</summary>
#
# "a row is not one of the pool": choose rows, and leave them as they are.
# </details>
# <details><summary>Pseudocode</summary>
#
# For each of the five tasks, take its first 32 rows of the pool; they have all the wordings among them.
# </details>

# %% tags=["task"]
def choose_rows(rows):
    """list of rows -> list of at most 160 of them"""
    ### BEGIN SOLUTION
    return [row for name in lab_07.TARGETS for row in [r for r in rows if r["task"] == name][:32]]
    ### END SOLUTION


why = ""  # one sentence of at least eight words: why does your choice work?

# %% tags=["solution-only"]
why = "All 160 rows are about the five tasks, 32 each, in all six wordings, so no step is spent on anything else."
chosen = choose_rows(lab_07.pool())
print(len(chosen), "rows,", len({(row["task"], row["wording"]) for row in chosen}), "pairs of task and wording")

# %% tags=["check"]
lab_07.check_choose_rows(choose_rows, why)
