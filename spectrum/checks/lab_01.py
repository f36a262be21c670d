"""Checks of labs/01_base_and_instruct.ipynb."""

from functools import cache

import torch

from spectrum.checks.machinery import check, expect, expect_close, expect_reason, fresh_seed
from spectrum.evaluate import evaluate
from spectrum.generate import complete
from spectrum.models import load_model
from spectrum.prompts import chat
from spectrum.shop import tasks

GOAL_JSON, GOAL_WISH = 0.9, 0.85  # well below the worked lab: fresh samples must not fail a right answer


@cache
def model(name):
    """Returns (model, tokenizer) of the profile, loaded once for all checks."""
    return load_model(name)


@check
def check_probabilities(function):
    """The learner's `probabilities(logits, temperature)` is softmax(logits / temperature), at huge logits and 0 too."""
    logits = torch.tensor([1.0, 2.0, 5.0]).log()
    wanted = torch.tensor([0.125, 0.25, 0.625])
    given = logits.clone()
    expect_close(function(given, 1.0), wanted, 1e-5, "probabilities of logits (0, ln 2, ln 5)",
                 "Do you divide exp(logit) by the sum over all tokens?")  # fmt: skip
    expect(torch.equal(given, logits), "the logits that were given have changed", "Make a new tensor: no -= or /=.")
    hotter = function(logits, 2.0)
    weights = torch.tensor([1.0, 2**0.5, 5**0.5])
    expect_close(hotter, weights / weights.sum(), 1e-5, "the same at temperature 2",
                 "Logits are divided by the temperature: above 1 the probabilities come closer together.")  # fmt: skip
    expect_close(function(torch.tensor([1000.0, 0.0]), 1.0), torch.tensor([1.0, 0.0]), 1e-6, "logits of 1000 and 0",
                 "exp(1000) overflows. Subtract the largest logit first: the probabilities stay the same.")  # fmt: skip
    near = torch.tensor([1000.0, 990.0])
    expect_close(function(near.clone(), 1.0), torch.softmax(near, dim=-1), 1e-6, "logits of 1000 and 990",
                 "Cutting logits off makes them equal. Subtract the largest instead.")  # fmt: skip
    expect_close(function(logits, 0.0), torch.tensor([0.0, 0.0, 1.0]), 1e-6, "temperature 0",
                 "At 0 nothing can be divided: all probability goes to the largest logit.")  # fmt: skip
    tie = function(torch.tensor([2.0, 2.0, 1.0]), 0.0)
    expect(abs(float(torch.as_tensor(tie).sum()) - 1) < 1e-6, "at temperature 0 two equals give more than 1 together",
           "One token is taken: argmax names the first of equals.")  # fmt: skip
    drawn = torch.randn(50, generator=torch.Generator().manual_seed(fresh_seed()))
    expect_close(function(drawn, 0.7), torch.softmax(drawn / 0.7, dim=-1), 1e-5, "50 random logits at temperature 0.7",
                 "Compare with torch.softmax on paper: which term differs?")  # fmt: skip


@check
def check_greedy(function):
    """The learner's `greedy(model, tokenizer, prompt, max_new_tokens)` says what `complete` says at temperature 0."""
    instruct = model("instruct")
    items = tasks.TASKS["name_quoted"].sample(4, "dev", seed=fresh_seed())
    for item in items:
        prompt = chat(f"{tasks.TASKS['name_quoted'].instruction(item)}\n{item.input}")
        answer, wanted = function(*instruct, prompt, 12), complete(*instruct, [prompt], max_new_tokens=12)[0]
        expect(
            isinstance(answer, str),
            f"greedy should return text, got {type(answer).__name__}",
            "tokenizer.decode makes text of ids.",
        )
        expect(
            item.input not in answer,
            "the answer holds the prompt",
            "Return only the tokens that came after the prompt.",
        )
        expect(
            "<|" not in answer,
            f"the answer {answer!r} holds an end token",
            "Stop before you add an end token to the answer.",
        )
        expect(not answer.startswith(wanted) or len(answer) == len(wanted),
               f"expected {wanted!r}, got {answer!r}: it goes on after the end",
               "Stop when the next token is in model.generation_config.eos_token_id.")  # fmt: skip
        expect(answer == wanted, f"expected {wanted!r}, got {answer!r}",
               "Is the next token the largest logit at the last position, and added before the next?")  # fmt: skip
    short = function(*instruct, prompt, 1)
    expect(short == complete(*instruct, [prompt], max_new_tokens=1)[0], f"with max_new_tokens=1, got {short!r}",
           "Count the new tokens only, and stop at max_new_tokens.")  # fmt: skip
    letter = "Good morning, this is Ana from Oslo. I ordered 3"  # the base model is far from sure how it goes on
    answer, wanted = function(*model("base"), letter, 16), complete(*model("base"), [letter], max_new_tokens=16)[0]
    expect(answer == wanted, f"a letter to go on with: expected {wanted!r}, got {answer!r}",
           "Nothing is drawn and nothing cut: the likeliest token each time, and the text as it is.")  # fmt: skip


@check
def check_chat_text(function):
    """The learner's `chat_text(messages)` writes what the chat template of lumen-instruct writes."""
    tokenizer = load_model("lumen-instruct")[1]
    user, system = (
        {"role": "user", "content": "Give the city.\nI live in Oslo. "},
        {"role": "system", "content": "You are a robot."},
    )
    hints = (
        ("<|user|>", "Each message starts with its role between <| and |>."),
        ("<|end|>", "Each message is closed by <|end|>."),
        ("<|endoftext|>", "The text starts with <|endoftext|>, once."),
    )
    for messages in ([user], [system, user], [user, {"role": "assistant", "content": "Oslo"}, user]):
        text, wanted = (
            function(messages),
            tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True),
        )
        for mark, hint in hints:
            found, needed = str(text).count(mark), wanted.count(mark)
            expect(found == needed, f"{mark} occurs {found} times, expected {needed}, in a chat of {len(messages)}",
                   hint)  # fmt: skip
        expect(str(text).endswith("<|assistant|>"), f"the text ends with {str(text)[-20:]!r}",
               "Without the opened assistant turn the model does not know that it is its turn to speak.")  # fmt: skip
        expect(
            text == wanted,
            f"expected {wanted!r}, got {text!r}",
            "Compare them character by character: is a line break or a space too much?",
        )


@check
def check_prompt(function, goal=GOAL_JSON, n=100):
    """The learner's `prompt(message, keys)` makes lumen-instruct answer with the right JSON on fresh items."""
    items = tasks.TASKS["json"].sample(n, "dev", seed=fresh_seed())
    texts = [function(item.input, item.details["keys"].split(" and ")) for item in items]
    for text, item in zip(texts, items, strict=True):
        expect(isinstance(text, str), f"the prompt should be text, got {type(text).__name__}", "Return one str.")
        expect(
            item.input in text,
            "the prompt does not hold the message",
            "The model can only use what the prompt shows it.",
        )
    score = evaluate(
        *model("instruct"),
        items,
        [chat(t) for t in texts],
        lambda a, i: tasks.TASKS["json"].score(a, i),
        max_new_tokens=56,
    )
    sample = next(
        (f"{a!r} instead of {i.gold!r}" for a, i, c in zip(score.answers, items, score.correct, strict=True) if not c),
        "",
    )
    expect(score.mean >= goal,
           f"{100 * score.mean:.0f} % of {n} fresh messages came out as the right JSON, wanted {100 * goal:.0f} %",
           f"For example {sample}. Does the prompt say which keys, and that the answer is to be JSON? "
           "This model knows a list of keys only as 'a and b and c'.")  # fmt: skip


@check
def check_beat_it(function, why, goal=GOAL_WISH, n=100):
    """The learner's `prompt(message)` names the customer's wish on the dev split; one sentence says why it works."""
    items = tasks.TASKS["intent"].sample(n, "dev", seed=fresh_seed())
    texts = [function(item.input) for item in items]
    expect(len(set(texts)) == len(texts), "different messages gave the same prompt", "Put the message into the prompt.")
    expect_reason(why, "Say in one sentence what your prompt gives the model that the bare message does not.")
    score = evaluate(
        *model("instruct"), items, [chat(t) for t in texts], lambda a, i: a.strip() == i.gold, max_new_tokens=12
    )
    expect(score.mean >= goal, f"{100 * score.mean:.0f} % of {n} fresh messages right, wanted {100 * goal:.0f} %",
           "Name the five wishes in the prompt, in the words the answers use.")  # fmt: skip
