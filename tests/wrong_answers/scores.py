"""Wrong scores and recalls, for lab 06's table."""

import math
from fractions import Fraction

import bm25s

# ---- bm25 ----


def scored(question, documents, weight=2, k1=1.5, b=0.75, idf=None, below=None, count=None, length=None, mean=None):
    """Returns BM25 scores of (title, text) pairs with any of its parts replaced by a mistaken one."""
    count = count or (lambda word, title, text: text.count(word) + weight * title.count(word))
    lengths = [(length or (lambda title, text: len(text) + weight * len(title)))(*document) for document in documents]
    average = (mean or (lambda lengths: sum(lengths) / len(lengths)))(lengths)
    scores = [0.0] * len(documents)
    for word in question:
        found = [count(word, *document) for document in documents]
        rare = (idf or (lambda N, n: math.log(1 + (N - n + 0.5) / (n + 0.5))))(len(found), sum(f > 0 for f in found))
        for place, f in enumerate(found):
            norm = (below or (lambda k1, b, share: k1 * (1 - b + b * share)))(k1, b, lengths[place] / average)
            scores[place] += rare * f / (f + norm) if f else 0.0
    return scores


def scored_by(**mistakes):
    """Returns a `bm25` with these mistakes."""
    return lambda q, d, weight=2, k1=1.5, b=0.75: scored(q, d, weight, k1, b, **mistakes)


def without_one(N, n):
    return math.log((N - n + 0.5) / (n + 0.5))


def fixed(question, documents, weight=2, k1=1.5, b=0.75):
    return scored(question, documents, weight)


def fixed_weight(question, documents, weight=2, k1=1.5, b=0.75):
    return scored(question, documents, 2, k1, b)


def whole_weight(question, documents, weight=2, k1=1.5, b=0.75):
    return scored(question, documents, int(weight), k1, b)


def k1_above(question, documents, weight=2, k1=1.5, b=0.75):
    return [score * (k1 + 1) for score in scored(question, documents, weight, k1, b)]


def counts_occurrences(question, documents, weight=2, k1=1.5, b=0.75):
    def idf(word):
        n, N = sum((title + text).count(word) for title, text in documents), len(documents)
        return math.log(1 + max(N - n + 0.5, 0) / (n + 0.5))

    rows = [scored([word], documents, weight, k1, b, idf=lambda N, n, word=word: idf(word)) for word in question]
    return [sum(column) for column in zip(*rows, strict=True)] if rows else [0.0] * len(documents)


def each_word_once(question, documents, weight=2, k1=1.5, b=0.75):
    return scored(dict.fromkeys(question), documents, weight, k1, b)


def letters(title, text):
    return len("".join(title + text))


def inside_of_words(word, title, text):
    return sum(word in other for other in title + text)


def lower_case(question, documents, weight=2, k1=1.5, b=0.75):
    small = [tuple([word.lower() for word in words] for words in document) for document in documents]
    return scored([word.lower() for word in question], small, weight, k1, b)


def of_those_with_words(lengths):
    return sum(lengths) / sum(map(bool, lengths))


def divides_by_zero(question, documents, weight=2, k1=1.5, b=0.75):
    mean = sum(len(text) + weight * len(title) for title, text in documents) / len(documents)
    scores = [0.0] * len(documents)
    for word in question:
        n = sum(word in title + text for title, text in documents)
        for place, (title, text) in enumerate(documents):
            f, length = text.count(word) + weight * title.count(word), len(text) + weight * len(title)
            idf = math.log(1 + (len(documents) - n + 0.5) / (n + 0.5))
            scores[place] += idf * f / (f + k1 * (1 - b + b * length / mean))
    return scores


def sorts_the_question(question, documents, weight=2, k1=1.5, b=0.75):
    question.sort()
    return scored(question, documents, weight, k1, b)


def titles_left_out(question, documents, weight=2, k1=1.5, b=0.75):
    return scored(question, [([], text) for _, text in documents], weight, k1, b)


def weight_in_f_alone(question, documents, weight=2, k1=1.5, b=0.75):
    return scored(question, documents, weight, k1, b, length=lambda title, text: len(title + text))


def one_total(question, documents, weight=2, k1=1.5, b=0.75):
    return sum(scored(question, documents, weight, k1, b))


def five_at_most(question, documents, weight=2, k1=1.5, b=0.75):
    def count(word, title, text):
        return min(text.count(word) + weight * title.count(word), 5)

    return scored(question, documents, weight, k1, b, count=count)


def other_defaults(question, documents, weight=2, k1=1.2, b=0.5):
    return scored(question, documents, weight, k1, b)


def library(question, documents, weight=2, k1=1.5, b=0.75):
    index = bm25s.BM25(method="lucene", k1=k1, b=b)
    index.index([title * 2 + text for title, text in documents], show_progress=False)
    return index.get_scores([word for word in question if word in index.vocab_dict])


# ---- recall_at_k ----


def pairs(found, wanted, k):
    return [(len(right & set(hits[:k])), len(hits[:k]), len(right)) for hits, right in zip(found, wanted, strict=True)]


def shares_mean(found, wanted, k):
    return sum(hit / right for hit, _, right in pairs(found, wanted, k)) / len(found)


def fraction(found, wanted, k):
    return sum(Fraction(hit, right) for hit, _, right in pairs(found, wanted, k)) / len(found)


def by_retrieved(found, wanted, k):
    return sum(hit / k for hit, _, _ in pairs(found, wanted, k)) / len(found)


def by_retrieved_non_empty(found, wanted, k):
    shares = [hit / got for hit, got, _ in pairs(found, wanted, k) if got]
    return sum(shares) / len(shares)


def with_hits_only(found, wanted, k):
    shares = [hit / right for hit, _, right in pairs(found, wanted, k) if hit]
    return sum(shares) / len(shares)


def with_results_only(found, wanted, k):
    shares = [hit / right for hit, got, right in pairs(found, wanted, k) if got]
    return sum(shares) / len(shares)


def any_hit(found, wanted, k):
    return sum(hit > 0 for hit, _, _ in pairs(found, wanted, k)) / len(found)


def pooled(found, wanted, k):
    counted = pairs(found, wanted, k)
    return sum(hit for hit, _, _ in counted) / sum(right for _, _, right in counted)


def at_most_k(found, wanted, k):
    return sum(hit / min(k, right) for hit, _, right in pairs(found, wanted, k)) / len(found)


def listed_twice(found, wanted, k):
    shares = [sum(hit in right for hit in hits[:k]) / len(right) for hits, right in zip(found, wanted, strict=True)]
    return sum(shares) / len(shares)


def different_before_the_cut(found, wanted, k):
    return sum(hit / right for hit, _, right in pairs([list(dict.fromkeys(f)) for f in found], wanted, k)) / len(found)


def cuts_what_was_given(found, wanted, k):
    for hits in found:
        del hits[k:]
    return sum(hit / right for hit, _, right in pairs(found, wanted, k)) / len(found)


def ignores_k(found, wanted, k):
    return sum(hit / right for hit, _, right in pairs(found, wanted, 99)) / len(found)


def a_list(found, wanted, k):
    return [hit / right for hit, _, right in pairs(found, wanted, k)]
