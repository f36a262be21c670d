"""The cases of lab 02, task 2: (text, true label, whether it is right, hint), and the labels they belong to."""

TRUTHS = (
    ("correct", "correct", True, "Is the label alone right?"),
    ("The claim is correct.", "correct", True, "The answer may hold more than the label."),
    ("Correct!", "correct", True, "Capitals and marks do not matter: compare both in lower case."),
    ("The claim is incorrect.", "correct", False, "`in` finds letters. Do you look for whole words?"),
    ("incorrect", "incorrect", True, "The longer label is a label too."),
    ("Correct or incorrect?", "correct", False, "It names both labels, so it does not answer."),
    ("I cannot say.", "correct", False, "An answer without a label is wrong."),
    ("Correct, quite correct.", "correct", True, "The same label twice is still one label."),
    ("Incorrectly put.", "incorrect", False, 'Is "incorrectly" the word "incorrect"?'),
)
URGENT = (
    ("It is not urgent.", "not urgent", True, "Look for the longest label first."),
    ("It is not urgent.", "urgent", False, '"not urgent" holds "urgent". Look for the longest label first.'),
    ("Urgent: call me.", "urgent", True, "The shorter label counts where it stands alone."),
    ("Urgent, or not urgent?", "not urgent", False, "It names both labels."),
)
ENOUGH = (
    ("That is good enough.", "good enough", True, "Look for the longest label first."),
    ("That is good enough.", "good", False, '"good enough" begins with "good". Look for the longest label first.'),
)
CROWD = [f"label {'x' * 70}{number}" for number in range(80)]
CROWDED = (
    (f"I say {CROWD[79].upper()}.", CROWD[79], True, "Any number of labels, of any length."),
    (f"I say {CROWD[79]} or {CROWD[78]}.", CROWD[79], False, "It names both labels."),
)
FEELINGS = (
    ("They were unhappy.", "happy", False, '"unhappy" is another word than "happy": a word has a left border too.'),
    ("Happy, and not urgent at all.", "happy", True, "Only the labels that are given now count."),
    ("happy2 is no word", "happy", False, "A digit belongs to the word before it."),
    (
        "Sad" + " indeed, I must say" * 9 + ", but happy.",
        "sad",
        False,
        "Read the text to its end: it names both labels.",
    ),
)
ACCENTS = (
    ("Das ist größer.", "groß", False, '"größer" is another word than "groß".'),
    ("GROẞ? Groß!", "groß", True, "Letters beyond ASCII are letters."),
    ("Très bien", "très", True, "Letters beyond ASCII are letters."),
    ("Tres bien", "très", False, "'tres' is another word than 'très'."),
)
CAPITALS = (("I say yes, très bien.", "Yes", True, "Capitals do not matter, in the labels neither."),)
VERSIONS = (
    ("version 1.5 is meant", "1.5", True, "Labels may hold points and digits."),
    ("version 1.5, after 105 others", "1.5", True, "In a pattern a point stands for any character: re.escape."),
)
CASES = (
    (TRUTHS, ["correct", "incorrect"]),
    (URGENT, ["urgent", "not urgent"]),
    (ENOUGH, ["good", "good enough"]),
    (VERSIONS, ["1.5", "2.0"]),
    (CROWDED, CROWD),
    (FEELINGS, ["happy", "sad"]),
    (ACCENTS, ["groß", "très"]),
    (CAPITALS, ["Yes", "No"]),
)
