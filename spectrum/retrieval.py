"""Search in documents, and answers from what it finds: BM25, recall at k, refusing below a threshold.

BM25 and recall at k are built by hand in notebooks/06_retrieval.ipynb; the search here is the library bm25s.
"""

import re
from dataclasses import dataclass

import numpy as np

from spectrum import prompts
from spectrum.evaluate import Score
from spectrum.generate import complete
from spectrum.prompts import NOT_STATED

READ_TOKENS = 12  # no catalogue value is longer than 9 tokens


@dataclass(frozen=True)
class Hit:
    """One document that a search returned, with its score: a document has a `text`, and `answers(item)` for recall."""

    document: object
    score: float


# ---- search ----


def words(text):
    """Returns the words of a text in lower case: what search compares."""
    return re.findall(r"\w+", text.lower())


class Search:
    """A search by BM25 (Robertson et al. 1994, in Lucene's variant) over documents, by the library bm25s.

    `k1` says how much a word's second occurrence still adds, `b` how much long documents are held back (0 not at all).
    Raises ValueError where there are no documents, or no word in them.
    """

    def __init__(self, documents, k1=1.5, b=0.75):
        if not len(documents):
            raise ValueError("There are no documents to search in. Give at least one.")
        import bm25s

        found = [words(d.text) for d in documents]
        if not any(found):
            raise ValueError(f"None of the {len(found)} documents holds a word (the first is {documents[0].text!r}).")
        self.documents = list(documents)
        self.index = bm25s.BM25(method="lucene", k1=k1, b=b)
        self.index.index(found, show_progress=False)

    def scores(self, text):
        """Returns the score of every document, (n,): 0 where it shares no word with the text."""
        known = [word for word in words(text) if word in self.index.vocab_dict]
        return self.index.get_scores(known) if known else np.zeros(len(self.documents), dtype=np.float32)

    def best(self, text, k):
        """Returns the k best Hits, the best first, equal ones in the order of the documents.

        Documents that share no word with the text are left out. Raises ValueError for k below 1.
        """
        if k < 1:
            raise ValueError(f"k is {k}; it must be at least 1.")
        scores = self.scores(text)
        order = np.argsort(-scores, kind="stable")[:k]
        return [Hit(self.documents[i], float(scores[i])) for i in order if scores[i] > 0]


def recall_at_k(found, items, k, name=""):
    """Returns the Score of a search: for each question, whether its line is among the first k Hits found for it.

    Raises ValueError where there is not one list of hits for each item.
    """
    if len(found) != len(items):
        raise ValueError(f"There are {len(items)} questions and hits for {len(found)}. Search once for each question.")
    hit = [any(h.document.answers(i) for h in hits[:k]) for hits, i in zip(found, items, strict=True)]
    return Score(name or f"recall at {k}", np.array(hit, dtype=float), floor=0.0, ceiling=1.0)


# ---- answers ----


def above(hits, threshold):
    """Returns the Hits that score at least `threshold`: what scores less is about something else."""
    return [hit for hit in hits if hit.score >= threshold]


def answer(model, tokenizer, items, found, write=prompts.read, progress=None):
    """Returns the model's answers to the items, read from the Hits found for each.

    Where there are none, the answer is NOT_STATED and the model is not asked. `write(lines, question)` makes the
    prompt. `progress` as in `generate.complete`. Raises ValueError where there is not one list of hits for each item.
    """
    if len(found) != len(items):
        raise ValueError(f"There are {len(items)} questions and hits for {len(found)}. Search once for each question.")
    asked = [n for n, hits in enumerate(found) if hits]
    chats = [prompts.chat(write([h.document.text for h in found[n]], items[n].input)) for n in asked]
    said = complete(model, tokenizer, chats, max_new_tokens=READ_TOKENS, progress=progress) if chats else []
    answers = [NOT_STATED] * len(items)
    for n, text in zip(asked, said, strict=True):
        answers[n] = text
    return answers


def evidence(text, lines):
    """Returns the numbers, from 0, of the lines that hold the text as whole words: [] for none and for an empty text.

    "E3" is no evidence in "E30", and neither is "12 dollars" in "112 dollars".
    """
    if not text.strip():
        return []
    whole = re.compile(rf"(?<!\w){re.escape(text.strip())}(?!\w)")
    return [number for number, line in enumerate(lines) if whole.search(line)]


def with_evidence(answers, found):
    """Returns the answers, and NOT_STATED in place of each that stands in none of the lines found for its question."""
    lines = [[hit.document.text for hit in hits] for hits in found]
    return [a if evidence(a, of) else NOT_STATED for a, of in zip(answers, lines, strict=True)]


def closed_book(model, tokenizer, items, write=prompts.chat, progress=None):
    """Returns the model's answers to the questions alone; `write(question)` makes the chat."""
    return complete(model, tokenizer, [write(item.input) for item in items], READ_TOKENS, progress=progress)


def choose_threshold(answerable, not_answerable):
    """Returns the threshold with the fewest mistakes, from the best scores of questions with and without an answer.

    Refused is what scores below it. Of equally good ones it takes the one in the widest gap between scores.
    Raises ValueError where one of the lists is empty.
    """
    if not len(answerable) or not len(not_answerable):
        raise ValueError("Give scores of questions with an answer and of questions without, at least one of each.")
    good, bad = np.asarray(answerable, dtype=float), np.asarray(not_answerable, dtype=float)
    edges = np.unique(np.concatenate([good, bad]))  # sorted
    candidates = np.concatenate([[edges[0]], (edges[:-1] + edges[1:]) / 2, [edges[-1] + 1]])
    widths = np.concatenate([[0], np.diff(edges), [0]])
    mistakes = np.array([(good < c).sum() + (bad >= c).sum() for c in candidates])
    tied = np.flatnonzero(mistakes == mistakes.min())
    return float(candidates[tied[np.argmax(widths[tied])]])


# ---- a fact in a long text ----
