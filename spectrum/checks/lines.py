"""Lines, answers and lists of hits, as lab 06's checks hand them out, with what must come of them."""

LONG = (
    "the long hall behind the yard, past the kettles, the rakes, the lamps and the old scales of "  # over 64 characters
)
MANY = [[900 + n] * n + [n] for n in range(70)]

RECALLS = (  # found, wanted, k, recall, what is asked, hint
    ([[3, 7, 1], [2, 9, 4], [], [5, 6, 8]], [{3}, {4}, {2}, {5, 8, 9, 11}], 3, 0.625,
     "at k = 3, (1 + 1 + 0 + 2/4) / 4", "Count the first question by hand, then the last."),
    ([[3, 7, 1], [2, 9, 4], [], [5, 6, 8]], [{3}, {4}, {2}, {5, 8, 9, 11}], 1, 0.3125,
     "at k = 1, (1 + 0 + 0 + 1/4) / 4", "Only the first k of each list count, and the list begins at its first place."),
    ([[2, 2, 7]], [{2, 5}], 3, 0.5, "a document listed twice, one of two wanted",
     "What was found counts once. Intersect sets."),
    ([[1, 1, 2]], [{2}], 2, 0, "the first two are one document, the wanted is third",
     "First cut to k, then count what is different."),
    ([[1, 2], [2, 1], [4]], [{1}, {1}, {3}], 1, 1 / 3, "a third of the questions", "Divide by all questions."),
    ([[1, 2]], [{2, 3, 4}], 90, 1 / 3, "k = 90, and two documents found", "Fewer than k may be found."),
    ([[], []], [{1}, {2}], 5, 0, "nothing found at all", "Nothing found is recall 0, and no error."),
    ([list(range(100))], [set(range(60, 80)) | {200}], 75, 15 / 21, "k = 75, 21 wanted", "The first k, for every k."),
    ([list(range(100))], [set(range(500))], 100, 1 / 5, "500 wanted", "Divide by all that is wanted."),
    (MANY, [{n} for n in range(70)], 66, 66 / 70, "seventy questions, each hit a place later", "Look at all of them."),
    ([[1]] * 66 + [[2]] * 33, [{1}] * 99, 1, 2 / 3, "66 of 99 questions", "However many questions, all of them count."),
)  # fmt: skip

SHOP_LINES = (
    "The Kavo lamp costs 112 dollars.",
    "The Kavo lamp costs 12 dollars.",
    "The Bino rake costs 12 dollars.",
)
EDGES = (
    ("", [], "An empty answer is in every text, as Python sees it, and is evidence of nothing."),
    ("   ", [], "An answer of spaces says nothing."),
    ("not stated", [], "No line holds it."),
    (" 112 dollars ", [0], "Spaces around an answer do not change it."),
    ("112", [0], "A part of a line is enough, as long as it is whole words."),
    ("dollars 12", [], "The words must stand in this order."),
    ("rake", [2], "A word in the middle of a line counts."),
    ("12 dollar", [], "'12 dollar' ends inside of 'dollars': whole words, on the right too."),
    ("amp", [], "'amp' stands inside of 'lamp': letters around it count as well as digits."),
    ("kavo lamp", [], "'kavo' is not 'Kavo': capitals count."),
    ("12 dollars.", [1, 2], "A full stop is a sign like others: escape what has a meaning in a pattern."),
)
LINES = (
    ("D.9", ["on shelf D19."], [], "A dot is a dot: escape the answer."),
    ("12 dollars", ["It costs 112 dollars, before 12 dollars."], [0], "Its first place is inside of '112'; look on."),
    ("12 dollars", ["12 dollars here, 12 dollars there."], [0], "A line counts once, however often it says it."),
    ("red", ["A red lamp.", "A red lamp."], [0, 1], "Equal lines are two lines: number them as you go."),
    ("A34", ["Shelf BA34.", "Shelf A34B."], [], "A capital letter beside it is a letter too."),
    ("D.9", ["D 9", "D-9"], [], "The signs between the words belong to the answer."),
    ("red.", ["A red lamp."], [], "A full stop in the answer belongs to it."),
    ("\tred\n", ["A red lamp."], [0], "Tabs and line breaks are white space like spaces."),
    ("r", ["A ré lamp."], [], "é is a letter."),
    ("-", ["A lamp - red."], [], "A dash is no word, and evidence of nothing."),
    ("Zoë", ["Made by Zo.", "Made by Zoë."], [1], "Letters with accents belong to a word."),
    ("Zo", ["Made by Zoë.", "Made by Zo."], [1], "Letters with accents belong to a word."),
    ("東京", ["Stored in 東京.", "Stored in 東京都."], [0], "Every alphabet has letters."),
    ("é", ["- é -"], [0], "é is a word."),
    ("(red)", ["A (red) lamp.", "A red lamp."], [0], "An answer may begin with a sign, which belongs to it."),
    ("red", [], [], "Without lines there is no evidence, and no error."),
    ("red", ["red"], [0], "An answer may be a whole line."),
    (LONG.strip(), [f"In {LONG}Basel.", f"In {LONG[:75]}."], [0],
     "The whole answer, however long."),
    ("Basel", [f"In {LONG}Basel.", f"In {LONG}Rome."], [0], "The whole line, however long."),
    ("lamp 7", [f"The lamp {number % 80} is red." for number in range(90)], [7, 87],
     "All lines, however many."),
)  # fmt: skip
