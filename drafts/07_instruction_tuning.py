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
# # What does instruction tuning change?
#
# **You will do:** turn questions with answers into tokens and labels, build the loss, the optimizer and the training
# loop by hand, tune the base model, and break the recipe on purpose. **You will learn:** what the loss sees, what a tuned
# model can do that it was never shown, and what it cannot. **You need:** lesson 01; lessons 02 to 06 help.
# **Time:** 45 minutes to read, about two minutes to run.

# %% tags=["nbval-ignore-output"]
from spectrum import doctor

print(doctor.banner("07_instruction_tuning"))

# %% [markdown]
# ## From a pair to tokens
#
# Lesson 01 compared two models that differ in their weights. Now you make the difference yourself, from a list of
# conversations. The shop has 45 tasks with six wordings each; a few more tasks are kept out entirely, and two more
# wordings of every task are kept for the test. Here are two short ones of your 2,000 rows, the first of those that
# `lumen-instruct` was made with.

# %%
import torch

from spectrum import instruction_data, models

base, tokenizer = models.load_model("base")
rows = instruction_data.instruction_rows(2000, seed=0)
short = [row["messages"] for row in rows.select(range(20)) if len(row["messages"][-2]["content"]) < 120]
for messages in short[:2]:
    for message in messages:
        print(f"{message['role']:>9}: {message['content']!r}")

# %% [markdown]
# A model reads tokens, not roles. The *chat template* writes the conversation as one text, with marks that say who
# speaks and where a turn ends. The tokenizer makes token ids of it, and each mark becomes a single token.

# %%
print(tokenizer.apply_chat_template(short[0], tokenize=False))
print(tokenizer.apply_chat_template(short[0])["input_ids"][:12], "…")

# %% [markdown]
# ## What the loss sees
#
# Training means: at every place, make the next token more probable. Not at *every* place here. The customer's words are
# given, and predicting them is not the job. So each token gets a *label*: the token itself where the loss is to look, and
# −100 where it is not. The loss looks at the assistant's turn, with the mark that ends it, and at nothing else.
#
# **Before you run:** the assistant's own role mark comes from the template. Is it learned or given?

# %%
from spectrum import examples

IGNORE = -100


def mask_chat(tokenizer, messages):
    ids, labels = [tokenizer.bos_token_id], [IGNORE]
    for message in messages:
        mark = tokenizer.convert_tokens_to_ids(f"<|{message['role']}|>")
        turn = tokenizer(message["content"] + "<|end|>", add_special_tokens=False)["input_ids"]
        learned = message["role"] == "assistant"
        ids += [mark, *turn]
        labels += [IGNORE, *(turn if learned else [IGNORE] * len(turn))]
    return {"input_ids": ids, "labels": labels}


mine = [mask_chat(tokenizer, row["messages"]) for row in rows]
assert mine == examples.tokenize_rows(tokenizer, rows), "by hand and library: the same ids, the same labels"
print(f"{len(mine)} rows, {sum(len(e['input_ids']) for e in mine):,} tokens, all labels equal to the library's")

# %% [markdown]
# It is given: whoever asks the model opens its turn. Look at the mask before you train; most mistakes in tuning
# are visible here and nowhere else. Bold on orange is what the loss sees. The second picture is the same row with the
# prompt in the loss, and the third leaves out the end mark. We will pay for both below.

# %%
from spectrum import tuning_runs, widgets_tuning

one = [mask_chat(tokenizer, short[0])]
pictures = {kind: tuning_runs.relabel(tokenizer, one, kind)[0] for kind in tuning_runs.LOSS_ON}
widgets_tuning.show_masks(tokenizer, pictures)

# %% [markdown]
# ## The loss by hand
#
# The loss is the mean of −log p over the tokens that have a label. One detail is behind many bugs: the scores at place
# $t$ speak about the token at $t + 1$, so labels and scores are shifted by one.
#
# Two toy rows of four tokens, numbers you can check. The first has one answer token, with probability $1/8 = 2^{-3}$. The
# second has three, each with probability $1/2$. Every prompt token has $1/32$.
#
# **Before you run:** in units of ln 2, is the loss 1.5, 2 or $16/6$?

# %%
import math


def masked_loss(logits, labels):
    wanted = labels[:, 1:]  # (B, T-1): the scores at place t are about token t + 1
    logprobs = logits[:, :-1].log_softmax(dim=-1)  # (B, T-1, V)
    seen = wanted != IGNORE
    chosen = logprobs.gather(2, wanted.clamp(min=0)[:, :, None])[:, :, 0]  # (B, T-1)
    return -(chosen * seen).sum() / seen.sum()


p = torch.tensor([1.0, 29, 1, 1]).div(32).repeat(2, 4, 1)  # (B, T, V)
p[0, 2] = torch.tensor([1, 5, 1, 1]) / 8
p[1, :3] = torch.tensor([3, 1, 1, 1]) / 6
labels = torch.tensor([[IGNORE, IGNORE, IGNORE, 0], [IGNORE, 0, 0, 0]])
print(f"{masked_loss(p.log(), labels) / math.log(2):.3f} · ln 2")

# %% [markdown]
# It is $(3 + 1 + 1 + 1)/4 = 1.5$: each *token* counts the same. The value 2 is the mean of the two rows' own means,
# where a token of a short answer weighs more. And $16/6$ comes out when the prompt's tokens, at 5 each, are counted as
# well. We take the mean over tokens, as transformers does.
#
# The same function on real rows. The shorter one is filled up with padding, whose label is −100 too.

# %%
def pad(batch, pad_id):
    width = max(len(e["input_ids"]) for e in batch)
    ids = [e["input_ids"] + [pad_id] * (width - len(e["input_ids"])) for e in batch]
    labels = [e["labels"] + [IGNORE] * (width - len(e["labels"])) for e in batch]
    return torch.tensor(ids), torch.tensor(labels)  # (B, T) each


ids, labels = pad(mine[:2], tokenizer.pad_token_id)
with torch.no_grad():
    by_hand = masked_loss(base(ids).logits, labels)
    library = base(input_ids=ids, labels=labels).loss
assert torch.allclose(by_hand, library, atol=1e-5)
print(f"by hand {by_hand:.4f}, transformers {library:.4f} nats per token, over {int((labels != IGNORE).sum())} tokens")

# %% [markdown]
# ## One step of AdamW by hand
#
# The gradient says which way each weight should move. AdamW keeps two running means for each weight, of the gradient and
# of its square, and divides the one by the root of the other: a step is about as long as the learning rate, however
# large the gradient.
#
# **Before you run:** two weights have gradients 0.5 and −0.001, and the learning rate is 0.1. How far does each move?

# %%
def adamw_step(weight, gradient, state, lr, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.0):
    state["t"] = state.get("t", 0) + 1
    state["mean"] = betas[0] * state.get("mean", 0.0) + (1 - betas[0]) * gradient
    state["square"] = betas[1] * state.get("square", 0.0) + (1 - betas[1]) * gradient**2
    mean = state["mean"] / (1 - betas[0] ** state["t"])  # both start at 0: early values are corrected upwards
    square = state["square"] / (1 - betas[1] ** state["t"])
    weight.mul_(1 - lr * weight_decay)
    weight.sub_(lr * mean / (square.sqrt() + eps))


weight, state = torch.tensor([1.0, 1.0]), {}
for step in (1, 2):
    adamw_step(weight, torch.tensor([0.5, -0.001]), state, lr=0.1)
    print(f"after step {step}: {[round(w, 4) for w in weight.tolist()]}")

# %% [markdown]
# Both move by 0.1, in opposite directions. Two brakes go with it. *Clipping*: if the gradient of all weights together,
# seen as one long vector, is longer than 1, it is shortened to 1. A gradient of (3, 4) has length 5. *Schedule*: the
# learning rate rises over the first 5 % of the steps, while the running means know little, and then falls to zero along
# a cosine.
#
# **Before you run:** what does (3, 4) become, and what is the rate halfway down?

# %%
def clip(gradients, limit=1.0):
    norm = math.sqrt(sum(float((g**2).sum()) for g in gradients))
    for gradient in gradients:
        gradient.mul_(min(1.0, limit / (norm + 1e-6)))
    return norm


def rate(step, steps, peak, rise):
    if step < rise:
        return peak * (step + 1) / rise
    return peak * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise))) / 2


gradient = torch.tensor([3.0, 4.0])
print(f"length {clip([gradient]):.1f}, clipped to {[round(g, 3) for g in gradient.tolist()]}")
print("rates:", [round(rate(step, 22, 1.0, rise=2), 3) for step in (0, 1, 2, 7, 12, 17, 21)])

# %% [markdown]
# ## The loop
#
# Draw rows in a random order, pad them, compute the loss, let PyTorch find the gradients, clip, step, forget the
# gradients. That is all of training. No attention mask is needed: the padding stands on the right, and no token
# looks to its right.

# %%
def tune_by_hand(model, rows, steps, lr, batch_size, pad_id, seed=0):
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed)).tolist()
    weights, losses, rise = list(model.parameters()), [], max(1, round(0.05 * steps))
    states = [{} for _ in weights]
    for step in range(steps):
        batch = [rows[i] for i in order[step * batch_size : (step + 1) * batch_size]]
        ids, labels = pad(batch, pad_id)
        loss = masked_loss(model(ids).logits, labels)
        loss.backward()
        clip([w.grad for w in weights])
        with torch.no_grad():
            for weight, state in zip(weights, states, strict=True):
                adamw_step(weight, weight.grad, state, rate(step, steps, lr, rise))
                weight.grad = None
        losses.append(loss.item())
    return losses


# %% [markdown]
# The course's `train` does the same with fewer wasted tokens: it lays several rows end to end instead of padding each,
# and keeps them from seeing each other.
#
# **Before you run:** six steps of both on the same rows, in the same order, from the same weights. Will the
# losses be equal, and to how many digits?

# %%
import copy

from spectrum import train

setting = {"steps": 6, "lr": 1e-3, "batch_size": 8}
mine_model, library_model = copy.deepcopy(base), copy.deepcopy(base)
losses = tune_by_hand(mine_model, mine, pad_id=tokenizer.pad_token_id, **setting)
records = train.train(library_model, mine, seed=0, **setting)
for loss, record in zip(losses, records, strict=True):
    print(f"step {record['step']}: by hand {loss:.3f}, library {record['loss']:.3f}")
gaps = [abs(loss - record["loss"]) for loss, record in zip(losses, records, strict=True)]
assert max(gaps) < 1e-3, gaps

# %% [markdown]
# Equal to rounding: a sum taken in another order differs in the seventh digit. From here on we use the library.
#
# ## Before tuning: measure
#
# Five sets of questions that no training row holds. *Held-out wordings*: known tasks in new words. *Role*: a system turn
# says "You are a pirate.", and the answer must be right and in that voice. *Role, new tasks*: the same with tasks that no
# row gives a role. *Held-out tasks*: parts that rows ask for, never together, such as the city **in capital letters**.
# *Unknown word*: "Glorb the list." Nobody can know that it means turning the list round. It is the control: tuning must
# not help there, or our test leaks.
#
# The untuned model is asked in plain text, its natural form, and as a chat. Floor of every row: 0.

# %%
from spectrum import evaluate

before = tuning_runs.exam((base, tokenizer), chat=False, name="base")
as_chat = tuning_runs.exam((base, tokenizer), name="base, chat")
for part, score in before.items():
    print(f"{part:18s} plain {score}, as a chat {100 * as_chat[part].mean:.1f} %")

# %% [markdown]
# A surprise: the base model follows most instructions already, in the chat form too. 2 % of its reading were instructions
# with answers, and that was enough. What it cannot do at all is speak in a role. It even turns some lists round at
# "glorb": a habit, it does so at "blick" and "plim".
#
# ## Tune
#
# One pass over the 2,000 rows, 8 at a time, all weights free. 263 of the rows have a role. Every 50 steps we ask 40
# questions with a role. It takes about «seconds of the tuning» seconds.
#
# **Before you run:** the loss and the score with a role: will they move together?

# %% tags=["nbval-ignore-output"]
def quick(model):
    return {"role": tuning_runs.exam((model, tokenizer), {"role": 40}, progress=False)["role"].mean}


tuned = copy.deepcopy(base)
settings = {"steps": 250, "lr": 1e-3, "batch_size": tuning_runs.BATCH}
records = train.train(tuned, mine, seed=0, evaluate=quick, evaluate_every=50, **settings)
for number in range(0, 250, 50):
    loss = sum(r["loss"] for r in records[number : number + 50]) / 50
    role = 100 * records[number + 49]["role"]
    print(f"steps {number + 1:3d} to {number + 50:3d}: loss {loss:.2f} nats per token, then {role:3.0f} % in a role")

# %% [markdown]
# The role goes from 0 to «role after 50 steps» % in the first 50 steps and to «role after 250 steps» % at the end, while
# the loss falls slowly.
#
# ## After tuning: the same questions
#
# The ceiling beside it is `lumen-instruct`: the same base, tuned in the same way on 40,000 rows instead of 2,000.
#
# **Before you run:** which of the five sets gains most? Can one of them lose?

# %% tags=["nbval-ignore-output"]
instruct, _ = models.load_model("instruct")
after = tuning_runs.exam((tuned, tokenizer), name="tuned")
ceiling = tuning_runs.exam((instruct, tokenizer), name="instruct")
for part in before:
    print(f"{part}: {evaluate.compare(before[part], after[part])}")

# %% [markdown]
# The picture adds the ceiling and the intervals.

# %%
parts = {part: [before[part], after[part], ceiling[part]] for part in before}
gains = {part: 100 * (after[part].mean - before[part].mean) for part in before}
title = f"2,000 rows: {gains['role']:+.0f} points in a role, {gains['held-out wordings']:+.0f} in held-out wordings"
widgets_tuning.show_scores(parts, title)

# %% [markdown]
# *What the picture shows:* five groups of three rows: base, tuned, `lumen-instruct`. With a role: «base», «tuned» and
# «instruct» %. The voice reaches «tuned, new tasks» % where no row gave a role. On held-out wordings
# little moves: «base», «tuned», «instruct» %. Recombined tasks stay hard: «base», «tuned», «instruct» %. On the unknown
# word the tuned model has «tuned glorb» %, as it must. Tuning brought what the base had never seen; what it had, it kept
# or lost a little.
#
# ## How many rows?
#
# One run proves little, so the course ships a sweep: the same tuning with other numbers of rows and other learning rates,
# three seeds each (a seed draws other rows). Your run is the star.

# %%
sweep = widgets_tuning.stored_sweep()
found = tuning_runs.exam((tuned, tokenizer), tuning_runs.LIVE_COUNTS)
star = {"rows": 2000, "lr": 1e-3, "epochs": 1, "loss_on": "answers"}
star |= {"role": found["role"].mean, "wordings": found["held-out wordings"].mean}
means = 100 * widgets_tuning.pick(sweep, rows=...).groupby("rows")["role"].mean()
title = f"In a role: {means.loc[125]:.0f} % right after 125 rows, {means.loc[2000]:.0f} % after 2,000"
widgets_tuning.show_sweep(sweep, title, [star])

# %% [markdown]
# *What the picture shows:* left, the role is learned with the rows, while the held-out wordings «fall first and come
# back». With the prompt in the loss the role comes «later, by how many points»: most of the gradient then goes into
# predicting what customers write. Right, the learning rate at 500 rows: too small learns too little, too large destroys
# what the base knew. The best lies near «best rate».
#
# ## Wrong on purpose: no end mark in the loss
#
# Now the third mask from above. Our base has read chats with end marks and would stop from habit, so we take the other
# common form: the conversation as plain text, ended by the end-of-text token. Two tunings of 320 rows each, about
# «seconds of both» seconds: one learns that last token, the other does not.
#
# **Before you run:** how long will the answers be, with the end in the loss and without?

# %% tags=["nbval-ignore-output"]
def as_text(row):
    *before, answer = [message["content"] for message in row["messages"]]
    return {"prompt": "\n".join(before) + "\n", "completion": answer}


ended = examples.tokenize_rows(tokenizer, [as_text(row) for row in rows.select(range(320))], chat=False)
endless = [{**e, "labels": [*e["labels"][:-1], IGNORE]} for e in ended]
questions = tuning_runs.items_of(("name", "city", "sentiment", "intent"), 24)
stops = {}
for name, data in {"end in the loss": ended, "end left out": endless}.items():
    model = copy.deepcopy(base)
    train.train(model, data, steps=40, batch_size=8, lr=1e-3, progress=False)
    stops[name] = tuning_runs.ask((model, tokenizer), questions, (6,), chat=False, name=name)
    print(f"{name:15s} {stops[name].tokens_out:4.1f} tokens an answer, e.g. {stops[name].answers[0][:60]!r}")

# %% [markdown]
# Nobody told the second model where an answer ends, and it writes until the limit of 56 tokens cuts it off. Its loss
# looks as good as the other's. The usual way into this trap: the padding token is the end token, all padding is masked,
# and every end is masked with it.
#
# ## Wrong on purpose: padding on the wrong side
#
# For training we padded on the right. Below, one batch of twelve questions of different lengths is *continued* token by
# token, padded on the left and on the right, and compared with the answers that each question gets alone.
#
# **Before you run:** the mask hides the padding in both cases. Why should the side matter at all?

# %% tags=["nbval-ignore-output"]
@torch.no_grad()
def decode(model, tokenizer, rows, side, new_tokens=12):
    width = max(map(len, rows))
    fill = [[tokenizer.pad_token_id] * (width - len(row)) for row in rows]
    ids = torch.tensor([f + r if side == "left" else r + f for f, r in zip(fill, rows, strict=True)])  # (B, T)
    mask = torch.tensor([[0] * len(f) + [1] * len(r) for f, r in zip(fill, rows, strict=True)])
    mask = mask if side == "left" else mask.flip(1)
    for _ in range(new_tokens):
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        logits = model(input_ids=ids, attention_mask=mask, position_ids=positions).logits[:, -1]
        ids = torch.cat([ids, logits.argmax(dim=-1, keepdim=True)], dim=1)
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
    return [tokenizer.decode(row).split("<|end|>")[0] for row in ids[:, width:]]


chats = [[{"role": "user", "content": tuning_runs.question(item, 6).strip()}] for item in questions[::2]]
prompts = [tokenizer.apply_chat_template(chat, add_generation_prompt=True)["input_ids"] for chat in chats]
alone = [decode(tuned, tokenizer, [prompt], "left")[0] for prompt in prompts]
batched = {side: decode(tuned, tokenizer, prompts, side) for side in ("left", "right")}
same = {side: sum(a == b for a, b in zip(alone, answers, strict=True)) for side, answers in batched.items()}
print(f"answers as when asked alone: {same['left']} of 12 padded left, {same['right']} of 12 padded right")

# %% [markdown]
# The new token is read off at the last place of the row. Padded on the right, the last place of a short row is padding:
# the model says what comes after padding. Only the longest row is safe. No error is raised; the score merely looks poor.
# `complete`, which all our scores use, pads on the left.
#
# ## Prompted or tuned: which is steadier, and what does an answer cost?
#
# Six tasks, all eight of their wordings, three ways: the base model with the instruction, the same with four solved
# examples, and the tuned model with the instruction. *Steady* is the share of questions whose answer is the same in all
# eight wordings, right or wrong.
#
# **Before you run:** which way is steadiest, and which reads most tokens for an answer?

# %% tags=["nbval-ignore-output"]
import pandas as pd

six = tuning_runs.items_of(("name", "city", "quantity", "intent", "list_first", "summary"), 24)
ways = {
    "base + instruction": tuning_runs.over_wordings((base, tokenizer), six, chat=False, name="base"),
    "base + instruction + 4 examples": tuning_runs.over_wordings((base, tokenizer), six, 4, chat=False, name="base"),
    "tuned + instruction": tuning_runs.over_wordings((tuned, tokenizer), six, name="tuned"),
}


def summary(scores):
    means = [100 * score.mean for score in scores]
    steady = [len(set(answers)) == 1 for answers in zip(*(score.answers for score in scores), strict=True)]
    tokens_in, tokens_out = (sum(getattr(s, k) for s in scores) / 8 for k in ("tokens_in", "tokens_out"))
    return {"worst %": min(means), "mean %": sum(means) / 8, "best %": max(means)} | {
        "steady %": 100 * sum(steady) / len(steady), "tokens in": tokens_in, "tokens out": tokens_out}  # fmt: skip


wordings = pd.DataFrame({way: summary(scores) for way, scores in ways.items()}).T.round(1)
wordings

# %% [markdown]
# The tokens of a prompt are paid for and waited for with every call. The picture has a dot for each wording.

# %%
spread = wordings["best %"] - wordings["worst %"]
title = f"Worst to best wording: {spread.iloc[0]:.0f} points prompted, {spread.iloc[2]:.0f} points tuned"
widgets_tuning.show_spread(ways, title)

# %% [markdown]
# *What the picture shows:* for each way, the scores under the eight wordings on one line. Tuning lifts the line from a mean
# of «base mean» to «tuned mean» %. Four examples lift it to «examples mean» % without any training, and pay for it with
# every call: «ratio» times the tokens of the tuned model's prompt, each time. For tasks that the base knows from its
# reading, showing beats telling here.
#
# ## Tuned *and* prompted
#
# Does a tuned model still gain from a good prompt? We climb a ladder with it on the held-out wordings: the input alone,
# with the instruction, with four solved examples too. Then all three models climb it on the word that nobody knows.
#
# **Before you run:** four examples show what "glorb" means. Which of the three models learns it from them?

# %% tags=["nbval-ignore-output"]
climbs = {"tuned, held-out wordings": tuning_runs.ladder((tuned, tokenizer), "held-out wordings", 45)}
for name, model in {"base": base, "tuned": tuned, "instruct": instruct}.items():
    pair, chat = (model, tokenizer), name != "base"
    climbs[f"{name}, unknown word"] = tuning_runs.ladder(pair, "unknown word", 30, chat=chat)
shares = {who: {rung: 100 * score.mean for rung, score in rungs.items()} for who, rungs in climbs.items()}
pd.DataFrame(shares).T.round(1)

# %% [markdown]
# The instruction is worth «points of the instruction» points to the tuned model; four examples on top add «points». On the
# unknown word the *base* model learns from examples what to do, «base glorb with examples» %, and the tuned one hardly,
# «tuned glorb with examples» %. Tuning took something away: a model that is given orders unlearns to look at examples.
# `lumen-instruct` comes to «instruct glorb with examples» %. Lesson 09 measures what else is lost.
#
# ## What we measured

# %% tags=["nbval-ignore-output"]
results = [score for part in before for score in (before[part], after[part], ceiling[part])]
table = evaluate.score_table(results)[["name", "n", "score %", "low", "high", "tokens in", "tokens out"]]
table.insert(0, "questions", [part for part in before for _ in range(3)])
table

# %% [markdown]
# **T1, "instruction tuning makes a model follow instructions it has not seen": held in part here.** A role in new wordings,
# yes, and with new tasks now and then; plain orders in new wordings the base followed before; recombined tasks hardly, an
# unknown word not. **T12, "tuned models are consistent and need shorter prompts": held in part here.** The tuned model is
# steadier than the base with the same prompt; the base with four examples is steadier still, at «ratio» times the tokens.
# **T13, "tuned models still gain from good prompts": held in part here**: from the instruction yes, from examples no.
#
# The claims cell states these sentences as assertions, with room for the differences between machines.

# %% tags=["claims"]
assert max(gaps) < 1e-3, "the loop by hand and the library give the same losses"
assert before["role"].mean < 0.05 and gains["role"] > 15, "2,000 rows bring the role, which the base never spoke in"
assert ceiling["role"].mean > after["role"].mean, "and more rows bring more of it"
assert abs(gains["held-out wordings"]) < 20, "where the base was good already, little changes"
assert gains["unknown word"] < 10, "a word that occurs nowhere stays unknown: the control fails, as it must"
assert stops["end left out"].tokens_out > 3 * stops["end in the loss"].tokens_out, "no end in the loss, no end"
assert same["left"] >= 11 and same["right"] <= 6, "padding on the right spoils most answers, on the left none"
assert wordings["steady %"].iloc[2] > wordings["steady %"].iloc[0], "tuned is steadier than prompted without examples"
assert wordings["tokens in"].iloc[1] > 2 * wordings["tokens in"].iloc[2], "examples cost over twice the tokens"
ladder = shares["tuned, held-out wordings"]
shown = {name: shares[f"{name}, unknown word"]["+ 4 examples"] for name in ("base", "tuned")}
assert ladder["+ instruction"] - ladder["input alone"] > 30, "the instruction is worth 30 points to the tuned model"
assert shown["base"] - shown["tuned"] > 20, "but it learns less from examples than the base model does"

# %% [markdown]
# ## Words to keep
#
# *Label*: what the loss wants at a place; −100 for nothing. *Mask*: which tokens have a label. *End mark*: the token that
# ends a turn; it must be learned. *AdamW*: steps of about the learning rate. *Clipping*, *warm-up*, *schedule*: brakes
# on the step. *Packing*: rows laid end to end. *Left padding*: for writing. *Held-out task*: one that no row asks for.
#
# ## What if…
#
# <details><summary>…I trained for three epochs instead of one?</summary>
#
# The sweep has it: 125 rows in four epochs are as many steps as 500 rows in one. Compare them with
# `widgets_tuning.pick(sweep, rows=125, epochs=4)`. Different rows are worth more than the same rows again, as long as you
# have them; lesson 08 measures how many you need.
# </details>
#
# <details><summary>…each row's loss were averaged first?</summary>
#
# Then every answer would count the same, however long: one word as much as a JSON object. Some recipes want that. What
# nobody wants is a mixture that depends on how rows fall into batches. In 2024 several training libraries were found to do that when they summed
# gradients over small batches.
# </details>
#
# <details><summary>…I left out the end mark of the chat template?</summary>
#
# Then little happens here, because this base has read such marks and stops from habit. The sweep has that run:
# `widgets_tuning.pick(sweep, loss_on="answers without end")["tokens out"]`. A mistake that your base model forgives is
# still a mistake: the next base may not.
# </details>
#
# ## The bench
#
# Choose the number of examples, the learning rate, the epochs and what the loss sees, then press **Run**: it tunes the
# base model in about ten seconds, shows the loss step by step, and puts a numbered star on the stored sweep.
# **Cancel** stops it. Moving a slider trains nothing; it tells what the sweep has stored. In a saved page the bench is
# asleep: run the cell to wake it. Try to beat the curve at 250 rows.

# %% tags=["nbval-ignore-output", "playground"]
widgets_tuning.tuning_bench(sweep)

# %% [markdown]
# The same without the widget: one live run with the default settings, on the stored sweep.

# %%
live = widgets_tuning.bench_view()
title = f"A live run with 250 rows: {100 * live['role']:.0f} % right in a role"
widgets_tuning.show_sweep(sweep, title, [live])

# %% [markdown]
# *What the picture shows:* the stored sweep as before, and star 1 at 250 rows, among the dots of the three stored seeds.
#
# **Next:** lesson 08 keeps the recipe and changes the data: how many examples, and how clean? Before that, do the lab of
# this lesson: [labs/07](../labs/07_instruction_tuning.ipynb).
