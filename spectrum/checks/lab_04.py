"""Checks of labs/04_reasoning.ipynb."""

import random
from functools import cache

import numpy as np

from spectrum import prompts
from spectrum.checks.machinery import check, expect, expect_reason, fresh_seed, short
from spectrum.generate import complete
from spectrum.lessons.reasoning import steps
from spectrum.models import load_model

GOAL = 0.95  # of bills; one prompt has none of them, a chain that adds step by step 7 in 10, the worked lab all
CALLS = 8  # prompts a letter, at most


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


def expect_text(value, what):
    """Raises CheckFailed unless the value is text or None."""
    expect(value is None or isinstance(value, str), f"{what}: expected text or None, got {short(value)}",
           "An answer stays text here: '12', not 12.")  # fmt: skip


@check
def check_is_right(function):
    """The learner's `is_right(text, gold)` compares the last number of the text with the gold number, exactly."""
    found = function("4 + 7 = 11, 11 + 12 = 23. Total 23.", "23")
    expect(isinstance(found, bool), f"expected True or False, got {short(found)}", "Return a comparison.")
    cases = (
        ("4 + 7 = 11, 11 + 12 = 23. Total 23.", "23", True, "The answer stands in the last place, terms in the first."),
        ("60 + 52 = 112. Total 112.", "12", False, "'12' is contained in '112'. Compare whole numbers."),
        ("23 + 5 = 28. Total 28.", "23", False, "The answer stands in the last place, terms in the first."),
        ("60 + 52 = 112. Total 112.", "112", True, "Read the number up to its last digit, and not the full stop."),
        ("12 + 3 = 15. Total 15.", "12", False, "The true number among the steps is no right answer."),
        ("Total 1,023.", "1023", True, "'1,023' is one number: drop the comma."),
        ("Total 1,234,567.", "1234567", True, "'1,234,567' is one number: drop all its commas."),
        ("Total 12 dollars.", "12", True, "The last number, and not the last word."),
        ("Total -4.", "4", False, "-4 is not 4: the sign belongs to the number."),
        ("I cannot add.", "4", False, "A text without a number has no answer, so it is wrong, and no error."),
        ("", "4", False, "An empty answer has no number, so it is wrong, and no error."),
        ("So it is 12.", "12", True, "The last number counts, with 'Total' before it or without."),
        ("Total 23.\nI am sure.", "23", True, "The last number may stand in any line."),
        ("In order 3 5.", "5", True, "3 5 is two numbers: a space parts them."),
        ("Total 4.2.", "4", False, "4.2 is not 4, however near."),
        ("Total 4.5.", "4.5", True, "A decimal point between digits belongs to the number."),
        ("Total 4.5.", "4", False, "4.5 is not 4: a decimal point between digits belongs to the number."),
        ("Total 4.5.", "5", False, "4.5 is not 5: a decimal point between digits belongs to the number."),
        ("Total 4.5.", "45", False, "4.5 is not 45: drop commas, and no points."),
    )
    for text, gold, wanted, hint in cases:
        found = function(text, gold)
        expect(found == wanted, f"is_right({text!r}, {gold!r}) should be {wanted}, got {short(found)}", hint)
    rng = fresh()
    for _ in range(50):
        a, b, claimed = rng.randrange(2, 90), rng.randrange(2, 90), rng.randrange(2, 200)
        text = f"{a} + {b} = {a + b}. Total {claimed}."
        found = function(text, str(a + b))
        expect(found == (a + b == claimed), f"is_right({text!r}, '{a + b}') gave {found}",
               "Only the number after the last one counts: read again what the text claims.")  # fmt: skip


@check
def check_vote(function):
    """The learner's `vote(texts)` returns the answer that most texts reach, the first seen among equals, or None."""
    routes = ["4 + 7 = 11. Total 11.", "4 + 8 = 12. Total 12.", "7 + 4 = 11. Total 11."]
    found = function(list(routes))
    expect_text(found, "a vote")
    expect(found in ("11", "12"), f"the vote of {short(routes)} should be an answer, got {short(found)}",
           "Read the last number of each text first: the answers vote, and the winner is an answer.")  # fmt: skip
    texts = ["4 + 7 = 11. Total 11.", "Total 12.", "Total 12.", "7 + 4 = 11. Total 11.", "So it is 11."]
    found = function(list(texts))
    expect(found == "11", f"three of five texts reach 11, and the vote says {found}",
           "Two equal texts are not two routes. The answers vote, not the texts.")  # fmt: skip
    found = function(["no", "none", "never", "Total 8."])
    expect(found == "8", f"three texts without a number and 'Total 8.' should give '8', got {short(found)}",
           "A text without an answer does not vote.")  # fmt: skip
    found = function(["no", "none"])
    expect(found is None, f"texts without any number should give None, got {short(found)}", "Nobody voted: say so.")
    for order in (["9", "8", "9", "8"], ["8", "9", "8", "9"], ["10", "9", "10", "9"], ["9", "10", "9", "10"]):
        found = function([f"Total {number}." for number in order])
        expect(found == order[0], f"votes {order} are a tie: expected the first seen, {order[0]}, got {short(found)}",
               "Neither size nor the last word decides: among equals take the one seen first.")  # fmt: skip
    for numbers in (["-4", "4", "-4"], ["1,023", "23", "1,023"], ["4.5", "5", "4.5"], ["0", "1", "0"]):
        found, wanted = function([f"Total {number}." for number in numbers]), numbers[0].replace(",", "")
        expect(found == wanted, f"votes {numbers}: expected {wanted!r}, got {short(found)}",
               "Read the numbers as in task 1: sign, decimal point, commas, and 0 too.")  # fmt: skip
    rng = fresh()
    for _ in range(50):
        numbers = [str(rng.randrange(10, 14)) for _ in range(rng.randrange(1, 12))]
        wanted = max(dict.fromkeys(numbers), key=numbers.count)
        texts = [f"1 + 1 = 2. Total {number}." for number in numbers]
        given = list(texts)
        found = function(given)
        expect(given == texts, "the list of texts has changed", "Only read it.")
        expect(found == wanted, f"votes {numbers}: expected {wanted}, got {short(found)}", "Count them on paper.")


@check
def check_vote_score(function):
    """The learner's `vote_score(samples, golds)` is the share of questions whose vote is right."""
    say = "Total {}.".format
    samples = [[say(5), say(5), say(6)], [say(7), say(8), say(8)], [say(9), say(9), say(9)], [say(1), say(2), say(2)]]
    found = function([list(row) for row in samples], ["5", "7", "9", "1"])
    expect(isinstance(found, int | float | np.floating), f"expected one number, got {short(found)}", "A share, 0 to 1.")
    expect(abs(found - 1) > 1e-9, "all four questions count as right, and two have a wrong majority",
           "That some sample is right does not help: nobody knows which one. Only the vote counts.")  # fmt: skip
    expect(abs(found - 7 / 12) > 1e-9, "7/12 is the share of single samples that are right",
           "Vote first, then score: one answer for each question.")  # fmt: skip
    expect(
        abs(found - 0.5) < 1e-9, f"two of four votes are right: expected 0.5, got {found:.4g}", "Vote by hand first."
    )
    routes = [["4 + 7 = 11. Total 11.", "Total 12.", "Total 12.", "7 + 4 = 11. Total 11.", "So it is 11."]]
    found = function(routes, ["11"])
    expect(abs(found - 1) < 1e-9, f"three of five texts reach 11, which is true: expected 1, got {found:.4g}",
           "Two equal texts are not two routes. The answers vote, not the texts.")  # fmt: skip
    tie = function([[say(3), say(4)], [say(4), say(3)]], ["4", "4"])
    expect(abs(tie - 0.5) < 1e-9, f"two ties, the truth seen first in one of them: expected 0.5, got {tie:.4g}",
           "The true answer must not break a tie: whoever votes does not know it. The first seen wins.")  # fmt: skip
    silent = function([["no"], [say(4)], ["never"], [say(4)]], ["4"] * 4)
    expect(abs(silent - 0.5) < 1e-9, f"two of four questions have no answer at all: expected 0.5, got {silent:.4g}",
           "A question that nobody answered is wrong. Divide by all questions.")  # fmt: skip
    for row, gold, share, hint in (
        ([say(112)], "12", 0, "'12' is contained in '112'. The vote must be equal to the true number."),
        ([say(112)], "11", 0, "'112' begins with '11'. The vote must be equal to the true number."),
        ([say(-4)], "4", 0, "-4 is not 4: the sign belongs to the number."),
        (["no", "never", say(4)], "4", 1, "A text without a number does not vote."),
    ):
        given = [list(row)]
        found = function(given, [gold])
        expect(abs(found - share) < 1e-9, f"{row} against {gold!r}: expected {share}, got {found:.4g}", hint)
        expect(given == [row], "the samples have changed", "Only read them.")
    rng = fresh()
    for _ in range(20):
        rows = [[str(rng.randrange(10, 13)) for _ in range(rng.randrange(1, 9))] for _ in range(rng.randrange(1, 9))]
        golds = [str(rng.randrange(10, 13)) for _ in rows]
        wins = [max(dict.fromkeys(row), key=row.count) == gold for row, gold in zip(rows, golds, strict=True)]
        found = function([[say(number) for number in row] for row in rows], golds)
        expect(abs(found - sum(wins) / len(wins)) < 1e-9, f"votes {rows} against {golds}: expected {sum(wins)} of "
               f"{len(wins)}, got {found:.4g}", "Which of these votes do you count differently?")  # fmt: skip


@check
def check_chain(function):
    """The learner's `chain(ask, links, text)` calls the links in order, each with the input and all answers so far."""
    asked = []

    def pretend(prompt):
        asked.append(prompt)
        return f"<{len(asked)}>"

    links = ["Product? {0}", "Price of {1}?", "{1} costs {2}. Write to {0}."]
    found = function(pretend, list(links), "Ana {x}")
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
    asked.clear()
    function(lambda prompt: asked.append(prompt) or "{0} and {2}", ["{0}?", "{1}!", "{1} {2}"], "in")
    expect(asked[1:] == ["{0} and {2}!", "{0} and {2} {0} and {2}"],
           f"each answer is '{{0}} and {{2}}', and the prompts after the first are {asked[1:]}",
           "Fill in a template once: braces in an answer are text like any other.")  # fmt: skip
    asked.clear()
    said = function(lambda prompt: asked.append(prompt) or " {{a}} ", ["{0}", "{1}"], "in")
    expect(asked[1] == said[0] == " {{a}} ", f"an answer is ' {{{{a}}}} ', asked next {asked[1]!r}, got {said[0]!r}",
           "Spaces and doubled braces of an answer stay as they are.")  # fmt: skip
    asked.clear()
    links = ["{0}?", "{0}?"]
    found = function(pretend, links, "in")
    expect(found == ["<1>", "<2>"], f"two equal links: expected two calls and their answers, got {short(found)}",
           "One call for each link: a model may answer another time in another way.")  # fmt: skip
    expect(links == ["{0}?", "{0}?"], "the list of links has changed", "Only read it.")
    count = fresh().randrange(11, 14)
    asked.clear()
    found = function(pretend, ["".join(f"{{{i}}}" for i in range(k + 1)) for k in range(count)], "in")
    expect(len(found) == count, f"{count} links should give {count} answers, got {short(found)}", "One for each link.")
    expect(asked[-1] == "in" + "".join(f"<{i}>" for i in range(1, count)), f"link {count} was asked {asked[-1]!r}",
           "Link k gets the input and the k - 1 answers before it.")  # fmt: skip


@check
def check_bill(function, why, goal=GOAL, n=60):
    """The learner's `bill(ask, letters)` says in dollars what each customer owes; one sentence says why it works."""
    letters, calls = steps.bills(n, "dev", seed=fresh_seed()), []

    def counted(texts):
        expect(not isinstance(texts, str), "ask got one text", "ask takes a list of prompts, and returns a list.")
        calls.extend(texts)
        expect(len(calls) <= CALLS * n, f"more than {CALLS} prompts a letter", "Four orders are enough.")
        return ask(texts)

    answers = function(counted, [item.input for item in letters])
    expect(isinstance(answers, list) and len(answers) == n, f"expected a list of {n} texts, got {short(answers)}",
           "One answer for each letter, in their order.")  # fmt: skip
    for answer in answers:
        expect_text(answer, "a bill")
    expect(calls, "the model was never asked", "The prices are in the model's memory: ask for them.")
    expect_reason(why, "Say in one sentence why your prompts work where one prompt does not.")
    pairs = list(zip(answers, letters, strict=True))
    missed = [f"{a!r} instead of {i.gold} for {short(i.input, 60)}" for a, i in pairs if read_last(a) != i.gold]
    share = 1 - len(missed) / n
    expect(share >= goal, f"{100 * share:.0f} % of {n} fresh bills right, wanted {100 * goal:.0f} %",
           f"For example {missed[:1]}. Which link fails? Look at the answers link by link.")  # fmt: skip


def read_last(text):
    """Returns the last whole number of a text as digits, or None: read by splitting, not by the lesson's pattern."""
    words = "".join(c if c.isdigit() else " " for c in text or "").split()
    return words[-1] if words else None
