"""Texts with a total in them, as lab 04's checks hand them out: which number is the answer, who wins, what is right."""

LONG = "I take the numbers one after the other, as they stand, and write each total down. "  # over 64 characters
HUGE = "1234567890" * 7

ANSWERS = (
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
    ("From 12→15.", "15", True, "12→15 is two numbers: a sign that is no point, comma or minus parts them."),
    ("Total 4.2.", "4", False, "4.2 is not 4, however near."),
    ("Total 1234568.", "1234567", False, "1234568 is not 1234567, however near: compare every digit."),
    ("Total 9007199254740993.", "9007199254740992", False, "A float has 16 digits; text keeps them all."),
    ("Total 4.5.", "4.5", True, "A decimal point between digits belongs to the number."),
    ("Total 4.5.", "4", False, "4.5 is not 4: a decimal point between digits belongs to the number."),
    ("Total 4.5.", "5", False, "4.5 is not 5: a decimal point between digits belongs to the number."),
    ("Total 4.5.", "45", False, "4.5 is not 45: drop commas, and no points."),
    ("12", "12", True, "A text may be a number and nothing else."),
    (f"1 + 1 = 2. {LONG}Total 23.", "23", True, "A text may be long: its last number counts, wherever it stands."),
    ("1 + " * 99 + "1 = 100. Total 100.", "100", True, "A text may hold many numbers: the last one counts."),
    (f"Total {HUGE}.", HUGE, True, "A number may have many digits: compare all of them."),
    (f"Total {HUGE}.", f"{HUGE[:-1]}1", False, "A number may have many digits: compare all of them."),
    ("60 + 52 = 112. Total 112.", "1120", False, "The text says 112. Compare whole numbers."),
    ("9 + 3 = 12. Total 12.", "112", False, "The text says 12, and not 112. Compare whole numbers."),
    ("Total 1,234.5.", "1234.5", True, "Commas and a decimal point may stand in one number."),
    ("Total -4.", "-4", True, "-4 is -4: the sign belongs to the number."),
)

READING = (["-4", "4", "-4"], ["1,023", "23", "1,023"], ["4.5", "5", "4.5"], ["0", "1", "0"],
           ["1,234,567", "7", "1,234,567"], ["2→1234567", "1234568", "3→1234567"],
           ["0.0000001", "3", "0.0000001"])  # fmt: skip
TIES = (["9", "8", "9", "8"], ["8", "9", "8", "9"], ["10", "9", "10", "9"], ["9", "10", "9", "10"],
        ["9", "8", "8", "9"], ["5", "7", "6"])  # fmt: skip


def say(numbers):
    """Returns a text for each number, which is the last one in it."""
    return [f"1 + 1 = 2. Total {number}." for number in numbers]


SCORES = (  # samples, true numbers, share, what is counted, hint
    ([say("556"), say("788"), say("999"), say("122")], "5791", 1 / 2, "two of four votes are right",
     "Vote by hand first. A sample that is right among others is not a right vote."),
    ([["4 + 7 = 11. Total 11.", "Total 12.", "Total 12.", "7 + 4 = 11. Total 11.", "So it is 11."]], ["11"], 1,
     "three of five texts say 11, as is true", "Two equal texts are not two routes. The answers vote, not the texts."),
    ([say("34"), say("43")], "44", 1 / 2, "two ties, the truth seen first in one of them",
     "The true answer must not break a tie: whoever votes does not know it. The first seen wins."),
    ([["no"], say("4"), ["never"], say("4")], "4444", 1 / 2, "two of four questions have no answer at all",
     "A question that nobody answered is wrong. Divide by all questions."),
    ([say(["112"])], ["12"], 0, "'12' is contained in '112'", "The vote must be equal to the true number."),
    ([say(["112"])], ["11"], 0, "'112' begins with '11'", "The vote must be equal to the true number."),
    ([say(["12"])], ["112"], 0, "'112' ends with '12'", "The vote must be equal to the true number."),
    ([say(["11"])], ["112"], 0, "the vote is 11 and the truth is 112", "The vote must be equal to the true number."),
    ([say(["-4"])], ["4"], 0, "the vote is -4 and the truth is 4", "-4 is not 4: the sign belongs to the number."),
    ([say(["2→15", "2→15", "2"])], ["15"], 1, "two of three texts end in 15", "12→15 is two numbers, as in task 1."),
    ([["no", "never", *say("4")]], "4", 1, "one of three has an answer", "A text without a number does not vote."),
    ([[], say("4"), []], "444", 1 / 3, "two of three questions have no sample at all",
     "A question without a sample is wrong. Divide by all questions."),
    ([[]], "4", 0, "the only question has no sample", "A question without a sample is wrong, and no error."),
    ([say(["9"] * 66 + ["8"] * 67)], "8", 1, "67 of 133 texts say 8", "However many texts there are, all vote."),
    ([say("4")] * 66 + [say("5")] * 33, "4" * 99, 2 / 3, "66 of 99 votes are right", "Divide by all questions."),
)  # fmt: skip
