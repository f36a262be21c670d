"""Searches whose scores lab 06's check knows: from paper, and from the library bm25s."""

from fractions import Fraction

import numpy as np


def untitled(*texts):
    """Returns documents without a title, (title, text), from lists of words."""
    return [([], list(text)) for text in texts]


IDF, HALF = np.log(1 + 1.5 / 2.5), np.log(2)  # of a word in 2 of 3 documents, in 1 of 2
BY_HAND = (  # question, documents, weight, k1, b, scores, what is asked, hint
    (["x"], untitled(["x", "x", "y"], ["x", "y", "y"], ["y", "y", "y"]), 2, 1.5, 0.75,
     [IDF * 2 / 3.5, IDF / 2.5, 0.0], "a word twice in a document", "f is of this document; n counts documents."),
    (["a"], untitled(["a"], []), 2, 1.5, 0.75, [HALF / 3.625, 0.0], "an empty document",
     "It counts in N and in the mean length, which is 0.5."),
    (["a"], untitled(["a"], []), 2, 1.5, 1, [HALF / 4, 0.0], "an empty document at b = 1",
     "A word that is not there adds nothing: do not divide 0 by 0."),
    (["a", "b"], untitled(["a", "a"], ["b"]), 2, 0, 0.75, [HALF, HALF], "k1 = 0",
     "Then it only counts whether a word is there."),
    (["Kavo"], untitled(["kavo"], ["x"]), 2, 1.5, 0.75, [0.0, 0.0], "'Kavo' and 'kavo'",
     "Words are given as they are to be compared: change no letter."),
    (["ódź"], untitled(["d", "lampa"], ["ódź", "dom"]), 2, 1.5, 0.75, [0.0, HALF / 2.5], "a word in Polish",
     "Words are given as they are to be compared: change no letter."),
    ([], untitled(["a"], ["b"]), 2, 1.5, 0.75, [0.0, 0.0], "no word in the question", "No word, no points."),
    (["a"], [(["a"], []), ([], ["b", "b"])], 2, 1.5, 0.75, [HALF * 2 / 3.5, 0.0], "a title with the word, weight 2",
     "Its f is 2, its length 2."),
)  # fmt: skip

SEARCHES = (  # question, documents, what is asked, hint
    (["x", "y", "x"], untitled(["x", "y", "y"], ["y", "z", "z"]), "a word twice in the question",
     "Every word of the question counts, also one said twice."),
    (["red"], untitled(["red", "lamp"], ["reddish", "enormous", "kettle"], ["a", "bored", "lamp"]),
     "words of all lengths", "Count words, not letters; 'red' is not a part of 'bored'."),
    ([f"w{number}" for number in range(69)] + ["x", "y"],
     untitled(["x"] * 70 + ["y"], ["z"] * 70 + ["y"], *[["z"]] * 70, ["x", "y"]),
     "seventy documents, seventy words in them", "All documents, all words, however many."),
    (["a", "b"], [(["a"], ["b", "c"]), (["b"], ["a", "c"]), ([], ["a", "b"]), (["a", "b"], [])],
     "words in titles", "A word in the title counts `weight` times, in f and in the length."),
)  # fmt: skip


def library_scores(question, documents, weight, k1, b):
    """Returns what bm25s says of documents in which each title is said `weight` times, float64.

    A weight of p / q is a title said p times before a text said q times, with q times k1.
    """
    import bm25s

    p, q = Fraction(weight).as_integer_ratio()
    index = bm25s.BM25(method="lucene", k1=k1 * q, b=b)
    index.index([title * p + text * q for title, text in documents], show_progress=False)
    asked = [word for word in question if word in index.vocab_dict]
    return index.get_scores(asked).astype(float) if asked else np.zeros(len(documents))
