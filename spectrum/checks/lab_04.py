"""Checks of labs/04_reasoning.ipynb."""

import random
from functools import cache
from numbers import Real

from spectrum import prompts
from spectrum.checks.machinery import check, expect, expect_choice, expect_close, fresh_seed, short
from spectrum.checks.totals import ANSWERS, LONG, READING, SCORES, TIES, say
from spectrum.generate import complete
from spectrum.lessons.reasoning import steps
from spectrum.models import load_model

GOAL = 0.95  # of bills; one prompt has none of them, a chain that adds step by step 7 in 10, the worked lab all
CALLS = 8  # prompts a letter, at most
CLOSE = 1e-7  # a share in float32 is off by 3e-8 at most
FORBIDDEN = ("spectrum.lessons.reasoning.voting",)
# Why does the chain that adds step by step lose bills? Measured on 120 letters in the worked lab.
REASONS = {
    "a": "the model does not know some of the prices",
    "b": "the model reads the wrong quantity in some letters",
    "c": "the model adds two numbers wrongly in a step",
    "d": "the model writes a step too many or too few",
}
REFUTED = {
    "a": "Ask for the price of each product alone, and count: nearly all prices are right.",
    "b": "Ask for the quantity of each letter alone, and count: all of them are right.",
    "c": "Go through the steps of the bills that are wrong: 48 + 12 = 60 is right, and so are nearly all others.",
}


def fresh():
    """Returns a random generator with a new seed, so that no answer can be written for one input."""
    return random.Random(fresh_seed())


@cache
def model():
    """Returns (model, tokenizer) of the instruct model, loaded once for all checks."""
    return load_model("instruct")


def ask(texts):
    """Returns the instruct model's answers to a list of prompts, each asked as a chat of its own."""
    return complete(*model(), [prompts.chat(text) for text in texts], max_new_tokens=72, progress=False)


def first_most_frequent(numbers):
    """Returns the number that stands most often in a list, the first seen among equals."""
    return max(dict.fromkeys(numbers), key=numbers.count)


def expect_text(value, what):
    """Raises CheckFailed unless the value is text or None."""
    expect(value is None or isinstance(value, str), f"{what}: expected text or None, got {short(value)}",
           "An answer stays text here: '12', not 12.")  # fmt: skip


# ---- 1: one answer ----


@check(forbids=FORBIDDEN)
def check_is_right(function):
    """The learner's `is_right(text, gold)` compares the last number of the text with the gold number, exactly."""
    for text, gold, wanted, hint in ANSWERS:
        found = function(text, gold)
        expect(str(found) in ("True", "False"), f"want True or False, got {short(found)}", "Return a comparison.")
        expect(bool(found) == wanted, f"is_right({short(text)}, {gold!r}) should be {wanted}, got {found}", hint)
    rng = fresh()
    for _ in range(50):
        a, b, claimed = rng.randrange(2, 90), rng.randrange(2, 90), rng.randrange(2, 200)
        text = f"{a} + {b} = {a + b}. Total {claimed}."
        found = function(text, str(a + b))
        expect(found == (a + b == claimed), f"is_right({text!r}, '{a + b}') gave {found}",
               "Only the number after the last one counts: read again what the text claims.")  # fmt: skip


# ---- 2: the vote ----


@check(forbids=FORBIDDEN)
def check_vote(function):
    """The learner's `vote(texts)` returns the answer that most texts reach, the first seen among equals, or None."""
    routes = ["4 + 7 = 11. Total 11.", "4 + 8 = 12. Total 12.", "7 + 4 = 11. Total 11."]
    found = function(list(routes))
    expect_text(found, "a vote")
    expect(found in ("11", "12"), f"the vote of {short(routes)} should be an answer, got {short(found)}",
           "Read the last number of each text first: the answers vote, and the winner is an answer.")  # fmt: skip
    texts = ["4 + 7 = 11. Total 11.", "Total 12.", "Total 12.", "7 + 4 = 11. Total 11.", "So it is 11."]
    found = function(list(texts))
    expect(found == "11", f"three of five texts reach 11, and the vote says {short(found)}",
           "Two equal texts are not two routes. The answers vote, not the texts.")  # fmt: skip
    found = function(["no", "none", "never", "Total 8."])
    expect(found == "8", f"three texts without a number and 'Total 8.' should give '8', got {short(found)}",
           "A text without an answer does not vote.")  # fmt: skip
    for silent in (["no", "none"], [""], []):
        found = function(silent)
        expect(found is None, f"the vote of {silent} should be None, got {short(found)}", "Nobody voted: say so.")
    for order in TIES:
        expect_vote(function, order, order[0], "Neither size nor the last word decides: among equals take the one "
                    "seen first.")  # fmt: skip
    for numbers in READING:
        expect_vote(function, numbers, numbers[0].split("→")[-1].replace(",", ""),
                    "Read the numbers as in task 1: sign, decimal point, commas, every digit, and 0 too.")  # fmt: skip
    expect_vote(function, ["9"] * 66 + ["8"] * 67, "8", "However many texts there are, all of them vote.")
    found = function([f"{number}. {LONG}Total {total}." for number, total in (("1", "5"), ("1", "6"), ("2", "6"))])
    expect(found == "6", f"three long texts that end in 5, 6 and 6: expected '6', got {short(found)}",
           "A text may be long: its last number votes, wherever it stands.")  # fmt: skip
    rng = fresh()
    for _ in range(50):
        numbers = [str(rng.randrange(10, 14)) for _ in range(rng.randrange(1, 12))]
        expect_vote(function, numbers, first_most_frequent(numbers), "Count them on paper.")


def expect_vote(function, numbers, wanted, hint):
    """Raises CheckFailed unless texts that end with these numbers elect the wanted one."""
    found = function(say(numbers))
    expect_text(found, "a vote")
    expect(found == wanted, f"votes {short(numbers)}: expected {wanted!r}, got {short(found)}", hint)


# ---- 3: the score of votes ----


@check(forbids=FORBIDDEN)
def check_vote_score(function):
    """The learner's `vote_score(samples, golds)` is the share of questions whose vote is right."""
    first, golds, *_ = SCORES[0]
    found = function([list(row) for row in first], list(golds))
    for value, what in ((1, "some sample is right in all four"), (7 / 12, "7 of the 12 single samples are right")):
        mistaken = isinstance(found, Real) and abs(found - value) <= CLOSE
        expect(not mistaken, f"two of four votes are right: expected 0.5, got {value:.4g}",
               f"It is true that {what}, but nobody knows which. Vote first, then score.")  # fmt: skip
    for samples, golds, share, what, hint in SCORES:
        expect_close(function([list(row) for row in samples], list(golds)), share, CLOSE, what, hint)
    rng = fresh()
    for _ in range(20):
        rows = [[str(rng.randrange(10, 13)) for _ in range(rng.randrange(1, 9))] for _ in range(rng.randrange(1, 9))]
        golds = [str(rng.randrange(10, 13)) for _ in rows]
        wins = sum(first_most_frequent(row) == gold for row, gold in zip(rows, golds, strict=True))
        expect_close(function([say(row) for row in rows], golds), wins / len(golds), CLOSE,
                     f"votes {short(rows)} against {golds}", "Which vote do you count differently?")  # fmt: skip


# ---- 4: the chain ----


@check
def check_chain(function):
    """The learner's `chain(ask, links, text)` calls the links in order, each with the input and all answers so far."""
    asked, found = linked(function, ["Product? {0}", "Price of {1}?", "{1} costs {2}. Write to {0}."], "Ana {x}")
    wanted = ["Product? Ana {x}", "Price of <1>?", "<1> costs <2>. Write to Ana {x}."]
    expect(len(asked) == 3, f"three links should make three calls, got {len(asked)}", "One call for each link.")
    expect("Ana {x}" in asked[0], f"the first prompt is {asked[0]!r}", "{0} stands for the input.")
    expect("{1}" not in asked[1] and "{2}" not in asked[2], f"a prompt still holds a place to fill in: {asked[1:]}",
           "link.format(...) wants the input and every answer so far, in this order.")  # fmt: skip
    expect("<1>" in asked[1], f"the second prompt is {asked[1]!r}, the first answer was '<1>'",
           "{1} stands for the first answer, not for the input.")  # fmt: skip
    expect(asked[2] == wanted[2], f"the third prompt should be {wanted[2]!r}, got {asked[2]!r}",
           "A link may use any answer so far, and the input too. Keep them all, in order.")  # fmt: skip
    expect(asked == wanted, f"expected the prompts {wanted}, got {asked}", "Fill in the templates and change nothing.")
    expect(found == ["<1>", "<2>", "<3>"], f"expected a list of the three answers, got {short(found)}",
           "Return the answers, in a list, without the input.")  # fmt: skip
    for links, wanted in ((["{0}?", "{0}?"], ["<1>", "<2>"]), (["Hello."], ["<1>"]), ([], [])):
        asked, found = linked(function, links, "in")
        expect(found == wanted, f"links {links}: expected {wanted}, got {short(found)}",
               "One call for each link: a model may answer another time in another way.")  # fmt: skip
    expect_answers_kept(function)
    count = 70
    asked, found = linked(function, ["".join(f"{{{i}}}" for i in range(k + 1)) for k in range(count)], "in")
    expect(len(found) == count, f"{count} links should give {count} answers, got {short(found)}", "One for each link.")
    expect(asked[-1] == "in" + "".join(f"<{i}>" for i in range(1, count)), f"link {count} was asked {short(asked[-1])}",
           "Link k gets the input and the k - 1 answers before it.")  # fmt: skip


def linked(function, links, text, said=None):
    """Returns (prompts asked, what the learner's chain returned) with a model that says "<1>", "<2>", … or `said`."""
    asked = []

    def pretend(prompt):
        asked.append(prompt)
        return f"<{len(asked)}>" if said is None else said

    return asked, function(pretend, list(links), text)


def expect_answers_kept(function):
    """Raises CheckFailed unless braces, spaces, letters and length of an answer and of the input stay."""
    cases = (
        ("{0} and {2}", "Fill in a template once: braces in an answer are text like any other."),
        (" {{a}} ", "Spaces and doubled braces of an answer stay as they are."),
        ("line\n\n", "Line breaks of an answer stay as they are."),
        ("", "An empty answer is an answer."),
        ("Łódź → 東京", "Letters of every alphabet stay as they are."),
        (LONG, "A long answer stays as long as it is."),
    )
    for said, hint in cases:
        asked, found = linked(function, ["{0}?", "{1}!", "É {1} {2} {0}"], said, said)
        wanted = [f"{said}?", f"{said}!", f"É {said} {said} {said}"]
        expect(asked == wanted, f"input and answers are {said!r}: expected the prompts {wanted}, got {asked}", hint)
        expect(found == [said] * 3, f"each answer is {said!r}: expected three of them, got {short(found)}", hint)


# ---- 5: the bill ----


@check(forbids=FORBIDDEN)
def check_bill(function, reason, goal=GOAL, n=40):
    """The learner's `bill(ask, letters)` says what each customer owes; `reason` is the letter of an explanation."""
    letters, calls, known = steps.bills(n, "dev", seed=fresh_seed()), [], {}
    texts = [item.input for item in letters + letters[: n * 2 // 3]]  # more than 64, some of them twice

    def counted(asked):
        expect(not isinstance(asked, str), "ask got one text", "ask takes a list of prompts, and returns a list.")
        calls.extend(asked)
        expect(len(calls) <= CALLS * len(texts), f"more than {CALLS} prompts a letter", "Four orders are enough.")
        new = [text for text in dict.fromkeys(asked) if text not in known]
        known.update(zip(new, ask(new) if new else [], strict=True))
        return [known[text] for text in asked]

    answers = function(counted, texts)
    expect(isinstance(answers, list) and len(answers) == len(texts),
           f"expected {len(texts)} texts in a list, got {short(answers)}", "One for each letter.")  # fmt: skip
    for answer in answers:
        expect_text(answer, "a bill")
    expect_choice(reason, REASONS, "d", REFUTED)
    expect(calls, "the model was never asked", "The prices are in the model's memory: ask for them.")
    pairs = list(zip(answers[:n], letters, strict=True))
    missed = [f"{a!r} instead of {i.gold} for {short(i.input, 60)}" for a, i in pairs if read_last(a) != i.gold]
    share = 1 - len(missed) / n
    expect(share >= goal, f"{100 * share:.0f} % of {n} fresh bills right, wanted {100 * goal:.0f} %",
           f"For example {missed[:1]}. Which link fails? Look at the answers link by link.")  # fmt: skip
    expect(answers[n:] == answers[: len(texts) - n], "a letter that comes a second time gets another answer",
           "One for each letter, in order, however many there are.")  # fmt: skip
    calls.clear()
    expect(function(counted, texts[::-1]) == answers[::-1], "the same letters, the last one first, get other answers",
           "An answer depends on its letter alone.")  # fmt: skip


def read_last(text):
    """Returns the last whole number of a text as digits, or None: read by splitting, not by the lesson's pattern."""
    words = "".join(c if c.isdigit() else " " for c in text or "").split()
    return words[-1] if words else None
