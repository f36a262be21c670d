"""Checks of labs/01_base_and_instruct.ipynb."""

from functools import cache
from itertools import accumulate
from types import SimpleNamespace

import numpy as np
import torch

from spectrum.checks.machinery import check, expect, expect_choice, expect_close, fresh_seed, is_whole, short
from spectrum.evaluate import evaluate
from spectrum.generate import answer_logprobs
from spectrum.models import load_model
from spectrum.prompts import chat
from spectrum.shop import tasks

GOAL_JSON, GOAL_WISH = 0.9, 0.85  # well below the worked lab: fresh samples must not fail a right answer
WHY_IT_WORKS = {
    "a": "the word wish tells the model what to look for in the letter",
    "b": "the model chooses among the words that it is given, so they must be those that count as right",
    "c": "any list of words makes the model answer in one word, and which wish it is it knows by itself",
}


@cache
def model(name):
    """Returns (model, tokenizer) of the profile, loaded once for all checks."""
    return load_model(name)


# ---- task 1 ----


@check
def check_nucleus(function):
    """The learner's `nucleus(logits, temperature, p)` lists the fewest tokens that share at least p."""
    five = torch.tensor([0.05, 0.4, 0.1, 0.3, 0.15]).log()
    cases = (
        (1.0, 0.6, [1, 3], "0.4 + 0.3 is the first sum that is at least 0.6. The token that crosses p belongs to it."),
        (1.0, 0.3, [1], "One token has more than 0.3 by itself."),
        (1.0, 0.75, [1, 3, 4], "Sort by probability first, the likeliest first: 0.4, 0.3, 0.15 …"),
        (1.0, 0.97, [1, 3, 4, 2, 0], "0.95 is less than 0.97: the last one is needed too."),
        (1.0, 1.0, [1, 3, 4, 2, 0], "All of it is shared by all tokens, however the sum is rounded."),
        (0.5, 0.9, [1, 3, 4], "Divide the logits by the temperature: 0.5 squares the shares, 0.55, 0.31, 0.08, …"),
        (4.0, 0.6, [1, 3, 4], "Divide the logits by the temperature: above 1 the shares come closer together."),
        (0.0, 0.9, [1], "At temperature 0 nothing can be divided: the largest logit has it all."),
    )
    for temperature, p, wanted, hint in cases:
        what = f"shares 0.05, 0.4, 0.1, 0.3, 0.15 at temperature {temperature:g} and p = {p:g}"
        expect_tokens(function(five, temperature, p), wanted, what, hint)
    check_extremes(function)
    for size in (5000, 49_000):
        drawn = 3 * torch.randn(size, generator=torch.Generator().manual_seed(fresh_seed())).double()
        shares, order = torch.softmax(drawn / 0.7, dim=-1).sort(descending=True, stable=True)
        count = 100
        p = float(shares[:count].sum() - shares[count - 1] / 2)  # in the middle of a token, where rounding is far
        expect_tokens(function(drawn, 0.7, p), order[:count].tolist(), f"{size} random logits, p = {p:.3f}",
                      "A hundred tokens are wanted. Compare the first of them with logits.topk(5).")  # fmt: skip


def expect_tokens(got, wanted, what, hint):
    """Raises CheckFailed unless `got` is the list of token numbers that is wanted."""
    expect(isinstance(got, list) and all(map(is_whole, got)),
           f"{what}: expected a list of token numbers, got {short(got)}", ".tolist() makes plain numbers.")  # fmt: skip
    expect(got == wanted, f"{what}: expected {short(wanted)}, got {short(got)}", hint)


def check_extremes(function):
    """Raises CheckFailed unless equal, huge and very unequal logits are taken as the task says."""
    cases = (
        ([2.0, 2.0, 1.0, 2.0], 0.0, 0.9, [0], "At temperature 0 one token is taken, the first of equals."),
        ([1.0, 2.0, 1.0, 1.0], 1.0, 0.6, [1, 0], "Of equals the smaller number comes first: stable=True keeps them."),
        ([0.0] * 40, 1.0, 0.49, list(range(20)), "Forty equals, 0.025 each: 20 of them share 0.5."),
        ([0.0, 1000.0, 999.0], 1.0, 0.7, [1], "exp(1000) overflows; the shares here are 0.73 and 0.27."),
        ([0.0, 1000.0, 999.0], 1.0, 0.9, [1, 2], "exp(1000) overflows; the shares here are 0.73 and 0.27."),
        ([1000.0, 0.0, 999.0], 1.0, 0.9, [0, 2], "exp(1000) overflows; the shares here are 0.73 and 0.27."),
        ([0.0] * 4, 1.0, 0.5, [0, 1], "0.25 + 0.25 is 0.5, and that is at least p."),
        ([0.0, -30.0, -200.0], 1.0, 1.0, [0, 1, 2], "With p = 1 all tokens belong to it, however the sum is rounded."),
        ([-2000.0, -2001.0], 1.0, 0.7, [0], "exp(-2000) is 0; the shares here are 0.73 and 0.27."),
        ([0.0, 1.0, 0.5], 0.001, 0.999, [1], "A small temperature makes the logits huge; it is not 0."),
    )
    for logits, temperature, p, wanted, hint in cases:
        for dtype in (torch.float32, torch.float64):
            what = f"logits {short(logits, 40)} at temperature {temperature:g} and p = {p:g}"
            expect_tokens(function(torch.tensor(logits, dtype=dtype), temperature, p), wanted, what, hint)


# ---- task 2 ----


class Toy:
    """A model that can be worked on paper: a table of logits, whose row is the sum of all tokens so far."""

    def __init__(self, table):
        self.table = table  # (V, V)

    def __call__(self, ids, **options):
        expect(ids.ndim == 2 and len(ids) == 1, f"the model was given ids of shape {tuple(ids.shape)}, wanted (1, T)",
               "A batch of one row: torch.tensor([ids]).")  # fmt: skip
        return SimpleNamespace(logits=self.table[ids.cumsum(dim=1) % len(self.table)])  # (1, T) -> (1, T, V)


def toy(tokenizer, seed, large=0.0):
    """Returns a Toy over the tokenizer's vocabulary, its rows moved by different large numbers."""
    generator = torch.Generator().manual_seed(seed)
    size = len(tokenizer)
    return Toy(torch.randn(size, size, generator=generator) + large * torch.randn(size, 1, generator=generator))


def on_paper(table, before, answer):
    """Returns (sum over the answer, sum over prompt and answer, the answer's places one too late) of log-shares."""
    steps, logs = [*before, *answer], table.double().log_softmax(dim=-1)
    rows = [total % len(table) for total in accumulate(steps)]
    each = [float(logs[row, token]) for row, token in zip(rows, steps[1:], strict=False)]
    late = [float(logs[row, token]) for row, token in zip(rows[len(before) :], answer, strict=True)]
    return sum(each[len(before) - 1 :]), sum(each), sum(late)


@check(forbids=("spectrum.generate.answer_logprobs", "spectrum.generate.token_logprobs"))
def check_logprob(function):
    """The learner's `logprob(model, tokenizer, prompt, answer)` is the log-probability of all the answer's tokens."""
    tokenizer = model("instruct")[1]
    prompts = ("Ana lives in", "Año\n sí" * 40, chat("Give the city.\nAna lives in Málaga."))
    answers = (" Oslo", " Rome", "Málaga\n Rome", "\nMálaga", ' {"name": "Ana"}', " to be or not to be" * 20)
    for number, prompt in enumerate(prompts):
        table = toy(tokenizer, number, large=300.0 * (number > 0))
        for answer in answers:
            before = (tokenizer(prompt) if isinstance(prompt, str) else
                      tokenizer.apply_chat_template(prompt, add_generation_prompt=True))["input_ids"]  # fmt: skip
            ids = tokenizer(answer, add_special_tokens=False)["input_ids"]
            got, what = function(table, tokenizer, prompt, answer), f"a toy model and the answer {short(answer, 24)}"
            # Sums of up to 140 numbers of size 5, in 32 bits, beside logits of up to 1,000: rounding stays near 1e-2.
            compare(got, on_paper(table.table, list(before), ids), len(ids), 3e-2 if number else 1e-3, what)
    for name, prompt in (("base", "My name is Ana and I live in"), ("instruct", chat("Give the city.\nAna, Rome."))):
        for answer in (" Oslo", "Rome"):
            wanted = float(answer_logprobs(*model(name), [prompt], [answer])[0])
            got = function(*model(name), prompt, answer)
            expect_close(got, wanted, 2e-3, f"{name}: log-probability of {answer!r}",
                         "Compare its tokens with generate.next_token_table, one by one.")  # fmt: skip


def compare(got, sums, count, tolerance, what):
    """Raises CheckFailed unless a number is the log-probability of an answer; names a mistake that it shows."""
    wanted, whole, late = sums
    expect_close(got, wanted, np.inf, what, "Return one number, not one for each token.")
    known = (
        (whole, "Only the answer counts: the prompt is given, whatever its probability."),
        (late, "Which position's logits say what comes *next*? Those at a token are about the one after it."),
        (wanted / count, "That is the mean over the tokens. Probabilities multiply, so their logs add up."),
        (-wanted, "A log-probability is at most 0: the sign is turned round."),
    )
    near = [hint for value, hint in known if abs(float(got) - value) <= tolerance]
    hint = ("Softmax over all tokens, its log, and of that the answer's own tokens: all of them, after the whole "
            "prompt, line breaks too.")  # fmt: skip
    expect_close(got, wanted, tolerance, f"{what}, {count} tokens", near[0] if near else hint)


# ---- task 3 ----


@check(forbids=("transformers.PreTrainedTokenizerBase.apply_chat_template",))
def check_chat_text(function):
    """The learner's `chat_text(messages)` writes what the chat template of lumen-instruct writes."""
    user, system = ({"role": "user", "content": "Give the city.\nI live in Málaga. "},
                    {"role": "system", "content": "You are a robot."})  # fmt: skip
    hints = (
        ("<|user|>", "Each message starts with its role between <| and |>."),
        ("<|end|>", "Each message is closed by <|end|>."),
        ("<|endoftext|>", "The text starts with <|endoftext|>, once."),
    )
    turn = [user, {"role": "assistant", "content": "Málaga"}]
    other = [{"role": "user", "content": "Give the name.\nI am Ana, of 日本. "}]
    for messages in ([user], other, [system, user], [*turn, user], [system, *(turn * 40), *other]):
        text, wanted = function(messages), template(messages)
        for mark, hint in hints:
            found, needed = str(text).count(mark), wanted.count(mark)
            expect(found == needed, f"{mark} occurs {found} times, expected {needed}, in a chat of {len(messages)}",
                   hint)  # fmt: skip
        expect(str(text).endswith("<|assistant|>"), f"the text ends with {str(text)[-20:]!r}",
               "Without the opened assistant turn the model does not know that it is its turn to speak.")  # fmt: skip
        expect(text == wanted, f"expected {short(wanted, 200)}, got {short(text, 200)}",
               "Compare them character by character: is a line break or a space too much?")  # fmt: skip


def template(messages):
    """Returns the text that the chat template of lumen-instruct makes of messages."""
    tokenizer = model("lumen-instruct")[1]
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


# ---- tasks 4 and 5 ----


@check
def check_prompt(function, goal=GOAL_JSON, n=100):
    """The learner's `prompt(message, keys)` makes lumen-instruct answer with the right JSON on fresh items."""
    items = tasks.TASKS["json"].sample(n, "dev", seed=fresh_seed())
    texts = [function(item.input, item.details["keys"].split(" and ")) for item in items]
    for text, item in zip(texts, items, strict=True):
        expect(isinstance(text, str), f"the prompt should be text, got {type(text).__name__}", "Return one str.")
        expect(item.input in text, "the prompt does not hold the message",
               "The model can only use what the prompt shows it.")  # fmt: skip
    score = evaluate(*model("instruct"), items, [chat(text) for text in texts], tasks.TASKS["json"].score,
                     max_new_tokens=56)  # fmt: skip
    wrong = [
        f"{a!r} instead of {i.gold!r}" for a, i, c in zip(score.answers, items, score.correct, strict=True) if not c
    ]
    expect(score.mean >= goal,
           f"{100 * score.mean:.0f} % of {n} fresh messages came out as the right JSON, wanted {100 * goal:.0f} %",
           f"For example {(wrong or [''])[0]}. Does the prompt say which keys, and that the answer is to be JSON? "
           "This model knows a list of keys only as 'a and b and c'.")  # fmt: skip
    expect_shown(function, ["name", "city"])
    keys = [f"größe{number}" for number in range(80)]
    missing = [key for key in keys if key not in function("Hello!", keys)]
    expect(not missing, f"of {len(keys)} keys, {len(missing)} are not in the prompt", "Name every key, as it is.")


def expect_shown(function, *more):
    """Raises CheckFailed unless a long letter that is not plain ASCII stands in the prompt, whole."""
    letter = "Año nuevo, こんにちは! " + "Please read on. " * 20 + "The end."
    expect(letter in function(letter, *more), "of a long letter, or of its accents, something is missing in the prompt",
           "Put the whole message in, as it is.")  # fmt: skip


@check
def check_beat_it(function, explanation, goal=GOAL_WISH, n=100):
    """The learner's `wish_prompt(message)` names the customer's wish on fresh letters; an explanation is chosen."""
    items = tasks.TASKS["intent"].sample(n, "dev", seed=fresh_seed())
    texts = [function(item.input) for item in items]
    expect(all(i.input in text for i, text in zip(items, texts, strict=True)), "a prompt does not hold its message",
           "The model can only use what the prompt shows it.")  # fmt: skip
    expect_shown(function)
    reached = right_wishes(items, texts)
    expect(reached >= goal, f"{100 * reached:.0f} % of {n} fresh messages right, wanted {100 * goal:.0f} %",
           "Which words count as right, and does the model know that?")  # fmt: skip
    bare, others = (right_wishes(items, [f"{order}\n{item.input}" for item in items]) for order in (
        "Name the wish.", "Choose the wish: broken, late, missing, wrong or billing."))  # fmt: skip
    expect_choice(explanation, WHY_IT_WORKS, "b", {
        "a": f"'Name the wish.' has that word, and gets {100 * bare:.0f} % of the same letters right.",
        "c": f"'Choose the wish: broken, late, missing, wrong or billing.' has such a list, and gets "
             f"{100 * others:.0f} % of the same letters right.",
    })  # fmt: skip


def right_wishes(items, texts):
    """Returns the share of letters whose wish the instruct model names, asked with these texts."""
    return evaluate(*model("instruct"), items, [chat(text) for text in texts],
                    lambda answer, item: answer.strip() == item.gold, max_new_tokens=12).mean  # fmt: skip
