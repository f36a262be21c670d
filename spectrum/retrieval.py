"""Search in documents, and answers from what it finds: BM25, rank fusion, scores of a ranking, refusing.

BM25 and rank fusion are built by hand in notebooks/06_retrieval.ipynb; the search here is the library bm25s.
The vectors that a search by meaning compares come from `spectrum.embedder`.
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
        return [hit for hit in best_of(self.documents, self.scores(text), k) if hit.score > 0]


class DenseSearch:
    """A search by meaning over documents with their vectors, (n, C), each of length 1.

    `embed` turns a question into its vector, (C,). A score is the cosine of the angle between the two, -1 to 1.
    Raises ValueError where there is not one vector for each document.
    """

    def __init__(self, documents, vectors, embed):
        if len(documents) != len(vectors) or not len(documents):
            raise ValueError(f"There are {len(documents)} documents and {len(vectors)} vectors. Give one for each.")
        self.documents, self.vectors, self.embed = list(documents), np.asarray(vectors, dtype=np.float32), embed

    def scores(self, text):
        """Returns the score of every document, (n,)."""
        return self.vectors @ np.asarray(self.embed(text), dtype=np.float32)  # n, C @ C -> n

    def best(self, text, k):
        """Returns the k best Hits, the best first. Raises ValueError for k below 1."""
        return best_of(self.documents, self.scores(text), k)


def best_of(documents, scores, k):
    """Returns the k best Hits of documents with their scores, (n,), the best first, equal ones in their order.

    Raises ValueError for k below 1.
    """
    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1.")
    return [Hit(documents[i], float(scores[i])) for i in np.argsort(-scores, kind="stable")[:k]]


def fuse(rankings, k=60):
    """Returns the Hits of several rankings of one question as one: rank fusion (Cormack et al. 2009).

    A document scores the sum of 1 / (k + rank) over the rankings that hold it; what it scored in them does not count,
    for points of BM25 and cosines are no common measure. Equal ones stay in the order in which they are met.
    """
    scores = {}
    for hits in rankings:
        for rank, hit in enumerate(hits, 1):
            scores[hit.document] = scores.get(hit.document, 0.0) + 1 / (k + rank)
    return best_of(list(scores), np.array(list(scores.values())), len(scores)) if scores else []


# ---- scores of a ranking ----


def recall_at_k(found, items, k, name=""):
    """Returns the Score of a search: for each question, whether its line is among the first k Hits found for it.

    Raises ValueError where there is not one list of hits for each item.
    """
    check_found(found, items)
    hit = [any(h.document.answers(i) for h in hits[:k]) for hits, i in zip(found, items, strict=True)]
    return Score(name or f"recall at {k}", np.array(hit, dtype=float), floor=0.0, ceiling=1.0)


def reciprocal_rank(found, items, name=""):
    """Returns the Score of 1 / the rank of the first right Hit, 0 where there is none; its mean is MRR.

    The second place is worth half of the first. Raises ValueError where there is not one list of hits for each item.
    """
    check_found(found, items)
    ranks = [first_right(hits, item) for hits, item in zip(found, items, strict=True)]
    return Score(name or "MRR", [1 / rank if rank else 0.0 for rank in ranks], floor=0.0, ceiling=1.0)


def first_right(hits, item):
    """Returns the rank, from 1, of the first Hit that answers an item, or 0."""
    return next((rank for rank, hit in enumerate(hits, 1) if hit.document.answers(item)), 0)


def ndcg_at_k(found, items, documents, k=10, name=""):
    """Returns the Score nDCG at k (Järvelin & Kekäläinen 2002): what is right among the first k, the earlier the more.

    A right document in rank r is worth 1 / log2(1 + r); the sum is divided by the largest that the documents, all that
    were searched, allow. Raises ValueError where an item has no right document, or not its own list of hits.
    """
    check_found(found, items)
    shares = []
    for hits, item in zip(found, items, strict=True):
        right = sum(document.answers(item) for document in documents)
        if not right:
            raise ValueError(f"No document answers {item.input!r}, so nDCG is not defined for it. Leave it out.")
        gains = [hit.document.answers(item) / np.log2(1 + rank) for rank, hit in enumerate(hits[:k], 1)]
        shares.append(min(1.0, sum(gains) / sum(1 / np.log2(1 + rank) for rank in range(1, min(right, k) + 1))))
    return Score(name or f"nDCG at {k}", shares, floor=0.0, ceiling=1.0)


def check_found(found, items):
    """Raises ValueError where there is not one list of hits for each item."""
    if len(found) != len(items):
        raise ValueError(f"There are {len(items)} questions and hits for {len(found)}. Search once for each question.")


# ---- answers ----


def above(hits, threshold):
    """Returns the Hits that score at least `threshold`: what scores less is about something else."""
    return [hit for hit in hits if hit.score >= threshold]


def answer(model, tokenizer, items, found, write=prompts.read, progress=None):
    """Returns the model's answers to the items, read from the Hits found for each.

    Where there are none, the answer is NOT_STATED and the model is not asked. `write(lines, question)` makes the
    prompt. `progress` as in `generate.complete`. Raises ValueError where there is not one list of hits for each item.
    """
    check_found(found, items)
    asked = [n for n, hits in enumerate(found) if hits]
    lines = [[hit.document.text for hit in found[n]] for n in asked]
    said = read_lines(model, tokenizer, [items[n] for n in asked], lines, write, progress)
    answers = [NOT_STATED] * len(items)
    for n, text in zip(asked, said, strict=True):
        answers[n] = text
    return answers


def read_lines(model, tokenizer, items, lines, write=prompts.read, progress=None):
    """Returns the model's answers to the items, each read from its own list of lines; see `answer`."""
    chats = [prompts.chat(write(each, item.input)) for each, item in zip(lines, items, strict=True)]
    return complete(model, tokenizer, chats, max_new_tokens=READ_TOKENS, progress=progress) if chats else []


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
