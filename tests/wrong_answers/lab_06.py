"""Plausible wrong answers to lab 06, and what the checks must say to each."""

import re

import numpy as np
from wrong_answers import proof, scores

# ---- answer_or_refuse ----


def careful(hits, question, ask, threshold, nearest=True, within=None, over=lambda score, low: score >= low):
    lines = [line for line, score in hits if over(score, threshold)]
    if not lines:
        return "not stated"
    lines = lines[::-1] if nearest else lines
    said = ask(lines, question)
    return said if any(proof.whole(said, line) for line in (within or lines)) else "not stated"


def careful_in_other_words(hits, question, ask, threshold):
    good = sorted((hit for hit in hits[::-1] if not hit[1] < threshold), key=lambda hit: hit[1])
    said = ask([line for line, _ in good], question) if good else ""
    return said if proof.whole_words(said, [line for line, _ in good]) else "not stated"


def asks_anyway(hits, question, ask, threshold):
    lines = [line for line, score in hits if score >= threshold][::-1]
    said = ask(lines, question)
    return said if any(proof.whole(said, line) for line in lines) else "not stated"


def no_threshold(hits, question, ask, threshold):
    return careful(hits, question, ask, 0)


def best_decides(hits, question, ask, threshold):
    return careful(hits, question, ask, 0) if hits and hits[0][1] >= threshold else "not stated"


def refuses_equal(hits, question, ask, threshold):
    return careful(hits, question, ask, threshold, over=lambda score, low: score > low)


def best_line_only(hits, question, ask, threshold):
    return careful(hits[:1], question, ask, threshold)


def best_first(hits, question, ask, threshold):
    return careful(hits, question, ask, threshold, nearest=False)


def believes_all(hits, question, ask, threshold):
    lines = [line for line, score in hits if score >= threshold][::-1]
    return ask(lines, question) if lines else "not stated"


def evidence_anywhere(hits, question, ask, threshold):
    return careful(hits, question, ask, threshold, within=[line for line, _ in hits])


def evidence_in_all_together(hits, question, ask, threshold):
    lines = [line for line, score in hits if score >= threshold][::-1]
    return careful(hits, question, ask, threshold, within=[" ".join([*lines, *lines])])


def best_moved_last(hits, question, ask, threshold):
    kept = [hit for hit in hits if hit[1] >= threshold]
    return careful((kept[1:] + kept[:1])[::-1], question, ask, threshold)


def three_at_most(hits, question, ask, threshold):
    return careful(hits[:3], question, ask, threshold)


def no_threshold_of_zero(hits, question, ask, threshold):
    return careful(hits, question, ask, threshold or 1)


def nearly_enough(hits, question, ask, threshold):
    return careful(hits, question, ask, threshold, over=lambda score, low: score > low - 0.05)


def any_capitals_will_do(hits, question, ask, threshold):
    lower = [(line.lower(), score) for line, score in hits]
    lines = [line for line, score in hits if score >= threshold][::-1]
    said = ask(lines, question) if lines else ""
    found = careful(lower, question, lambda *_: said.lower(), threshold)
    return found if found == "not stated" else said


def drops_hits(hits, question, ask, threshold):
    while hits and hits[-1][1] < threshold:
        hits.pop()
    return careful(hits, question, ask, threshold)


def strips_the_answer(hits, question, ask, threshold):
    return careful(hits, question, lambda *given: ask(*given).strip(), threshold)


def crashes_on_nothing(hits, question, ask, threshold):
    return careful(hits, question, ask, threshold) if hits[0][1] >= threshold else "not stated"


def says_none(hits, question, ask, threshold):
    return careful(hits, question, ask, threshold) if any(score >= threshold for _, score in hits) else None


# ---- search_words ----


def as_asked(question):
    return question


def name(question):
    return re.search(r"([A-Z]\w+ \w+)(?!.*[A-Z])", question)[1]


LINE = {word: line for words, line in (("much price cost", "costs"), ("heavy weight weigh", "weighs"),
        ("warehouse stored", "stored"), ("shelf", "shelf"), ("makes maker company", "made"))
        for word in words.split()}  # fmt: skip


def by_table(without=(), read=str.lower, name=name):
    """Returns a `search_words` with a table of single words."""

    def search_words(question):
        asked = [word for word in re.findall(r"\w+", read(question)) if word not in without]
        return " ".join([name(question), *(LINE[word] for word in asked if word in LINE)])

    return search_words


def after_letters_of_the(question):
    return re.search(r"he ([A-Z]\w+ \w+)", question)[1]


def without_small_words(question):
    return " ".join(word for word in re.findall(r"\w+", question) if len(word) > 3)


def memorised(question):
    whole_forms = {
        "How much is the": "costs dollars",
        "What does the cost": "costs dollars",
        "How heavy is the": "weighs grams",
        "Who makes the": "made by",
        "Which warehouse has the": "stored in",
    }
    return " ".join([name(question), *(line for form, line in whole_forms.items() if question.startswith(form))])


def without_product(question):
    return "costs dollars weighs grams stored made by shelf"


def a_list_of_words(question):
    return question.split()


WRONG = [
    ("check_bm25", "idf without 1 +", scores.scored_by(idf=scores.without_one), "the log of 1 +"),
    ("check_bm25", "length left out", scores.scored_by(below=lambda k1, b, length: k1), "A long document is held back"),
    ("check_bm25", "every word counts the same", scores.scored_by(idf=lambda N, n: 1.0), "multiplied by its idf"),
    ("check_bm25", "k1 + 1 above the line", scores.k1_above, "no (k1 + 1)"),
    ("check_bm25", "n counts occurrences", scores.counts_occurrences, "n counts documents"),
    ("check_bm25", "a word said twice counts once", scores.each_word_once, "also one said twice"),
    ("check_bm25", "lengths in letters", scores.scored_by(length=scores.letters), "its length 2"),
    ("check_bm25", "a word inside of another", scores.scored_by(count=scores.inside_of_words), "expected"),
    ("check_bm25", "capitals dropped", scores.lower_case, "change no letter"),
    (
        "check_bm25",
        "mean length without empty documents",
        scores.scored_by(mean=scores.of_those_with_words),
        "counts in N and in the",
    ),
    ("check_bm25", "0 by 0", scores.divides_by_zero, "ZeroDivisionError"),
    ("check_bm25", "sorts the question in place", scores.sorts_the_question, "changed its argument `question`"),
    ("check_bm25", "k1 and b are fixed", scores.fixed, "expected"),
    ("check_bm25", "the weight is fixed", scores.fixed_weight, "weight = 3"),
    ("check_bm25", "a whole weight", scores.whole_weight, "weight = 0.5"),
    ("check_bm25", "other defaults", scores.other_defaults, "Then they are 2, 1.5 and 0.75"),
    ("check_bm25", "five at most", scores.five_at_most, "All documents, all words"),
    ("check_bm25", "titles left out", scores.titles_left_out, "Its f is 2"),
    ("check_bm25", "the weight counts in f alone", scores.weight_in_f_alone, "its length 2"),
    ("check_bm25", "asks the library", scores.library, "calls bm25s.BM25.get_scores"),
    ("check_bm25", "one number for all", scores.one_total, "One score for each document"),
    (
        "check_recall_at_k",
        "64 places at most",
        lambda f, w, k: scores.shares_mean(f, w, min(k, 64)),
        "The first k, for every k",
    ),
    (
        "check_recall_at_k",
        "64 questions at most",
        lambda f, w, k: scores.shares_mean(f[:64], w[:64], k),
        "Look at all of them",
    ),
    ("check_recall_at_k", "two places", lambda f, w, k: round(scores.shares_mean(f, w, k), 2), "expected"),
    ("check_recall_at_k", "divided by k", scores.by_retrieved, "That is precision"),
    ("check_recall_at_k", "divided by what was retrieved", scores.by_retrieved_non_empty, "That is precision"),
    ("check_recall_at_k", "questions with hits only", scores.with_hits_only, "Divide by all questions"),
    ("check_recall_at_k", "questions with results only", scores.with_results_only, "Divide by all questions"),
    ("check_recall_at_k", "any hit is a yes", scores.any_hit, "a half, not a yes"),
    ("check_recall_at_k", "all documents in one pot", scores.pooled, "thrown together"),
    ("check_recall_at_k", "at most k wanted", scores.at_most_k, "k is no excuse"),
    ("check_recall_at_k", "a document listed twice counts twice", scores.listed_twice, "Intersect sets"),
    ("check_recall_at_k", "made different before the cut", scores.different_before_the_cut, "First cut to k"),
    ("check_recall_at_k", "cuts the given lists", scores.cuts_what_was_given, "changed its argument `found`"),
    ("check_recall_at_k", "k ignored", scores.ignores_k, "Only the first k"),
    ("check_recall_at_k", "a list", scores.a_list, "expected shape ()"),
    ("check_evidence", "six lines at most", proof.six_lines, "expected [7, 87]"),
    ("check_evidence", "64 lines at most", proof.many_lines, "expected [7, 87]"),
    ("check_evidence", "an answer's beginning", proof.beginning, "however long"),
    ("check_evidence", "letters of English alone", proof.ascii_words, "is a letter"),
    ("check_evidence", "asks the package", proof.package, "calls spectrum.retrieval.evidence"),
    ("check_evidence", "a part of a word", proof.contained, "Whole words"),
    ("check_evidence", "any capitals", proof.any_capitals, "capitals count"),
    ("check_evidence", "no guard on the right", proof.left_guard_alone, "on the right too"),
    ("check_evidence", "guards against digits alone", proof.digit_guards, "on the right too"),
    ("check_evidence", "the first place in a line alone", proof.first_place_only, "look on"),
    ("check_evidence", "a line for each time it says it", proof.as_often_as_said, "A line counts once"),
    ("check_evidence", "equal lines are one", proof.by_index, "Equal lines are two lines"),
    ("check_evidence", "guards without capitals", proof.small_letters_guard, "A capital letter beside it"),
    ("check_evidence", "guards of English letters", proof.english_letters_guard, "é is a letter"),
    ("check_evidence", "words in a row", proof.words_in_a_row, "The signs between the words"),
    ("check_evidence", "the answer's full stop dropped", proof.full_stop_dropped, "belongs to it"),
    ("check_evidence", "a dash is an answer", proof.dashes_count, "A dash is no word"),
    ("check_evidence", "turns the lines round", proof.turns_the_lines, "changed its argument `lines`"),
    ("check_evidence", "not escaped", proof.not_escaped, "escape the answer"),
    ("check_evidence", "an empty answer is everywhere", proof.empty_everywhere, "evidence of nothing"),
    ("check_evidence", "yes or no", proof.yes_or_no, "Return the lines' numbers"),
    ("check_evidence", "the lines", proof.the_lines, "not the lines"),
    ("check_evidence", "counted from 1", proof.from_one, "All of them, from 0"),
    ("check_evidence", "the first line only", proof.first_only, "All of them"),
    ("check_evidence", "words in any order", proof.any_order, "in this order"),
    ("check_answer_or_refuse", "64 hits at most", lambda h, q, a, t: careful(h[:64], q, a, t), "however many"),
    ("check_answer_or_refuse", "a whole threshold", lambda h, q, a, t: careful(h, q, a, int(t)), "as much or more"),
    ("check_answer_or_refuse", "strips the answer", strips_the_answer, "as it came"),
    ("check_answer_or_refuse", "asks before it refuses", asks_anyway, "Do not ask"),
    ("check_answer_or_refuse", "no threshold", no_threshold, "about something else"),
    ("check_answer_or_refuse", "the best score decides for all", best_decides, "however good the best one is"),
    ("check_answer_or_refuse", "refuses an equal score", refuses_equal, "Refuse *below*"),
    ("check_answer_or_refuse", "the best line alone", best_line_only, "All that are good enough"),
    ("check_answer_or_refuse", "evidence in a line not read", evidence_anywhere, "a line that the model has read"),
    ("check_answer_or_refuse", "evidence in all lines together", evidence_in_all_together, "Evidence is one line"),
    ("check_answer_or_refuse", "only the best moved", best_moved_last, "all in rising order"),
    ("check_answer_or_refuse", "three lines at most", three_at_most, "threshold 0"),
    ("check_answer_or_refuse", "threshold 0 taken for none", no_threshold_of_zero, "threshold 0"),
    ("check_answer_or_refuse", "nearly the threshold is enough", nearly_enough, "that score as much or more"),
    ("check_answer_or_refuse", "evidence in any capitals", any_capitals_will_do, "Capitals count"),
    ("check_answer_or_refuse", "drops hits of the given list", drops_hits, "changed its argument `hits`"),
    ("check_answer_or_refuse", "the best line first", best_first, "next to the question"),
    ("check_answer_or_refuse", "believes everything", believes_all, "Without evidence"),
    ("check_answer_or_refuse", "nothing found", crashes_on_nothing, "IndexError"),
    ("check_answer_or_refuse", "None for a refusal", says_none, "in these two words"),
    ("check_search_words", "no choice", (as_asked, ""), "no explanation is chosen"),
    ("check_search_words", "too long", (as_asked, "a"), "only one first hit in six"),
    ("check_search_words", "small words", (as_asked, "b"), "most first hits are still wrong"),
    ("check_search_words", "the name's weight", (as_asked, "d"), "as with the name said once"),
    (
        "check_search_words",
        "no word for prices",
        (by_table({"price", "much", "cost"}), "c"),
        "Which words does the line",
    ),
    ("check_search_words", "two of three words for prices", (by_table({"cost"}), "c"), "97 % of first hits"),
    ("check_search_words", "Price is not price", (by_table(read=str), "c"), "Price of the"),
    ("check_search_words", "a name after any 'he'", (by_table(name=after_letters_of_the), "c"), "For Manche House in"),
    ("check_search_words", "without small words", (without_small_words, "c"), "Which words does the line have"),
    ("check_search_words", "the question as it is", (as_asked, "c"), "Which words does the line have"),
    ("check_search_words", "the name alone", (name, "c"), "Which words does the line have"),
    ("check_search_words", "whole questions", (memorised, "c"), "Which words does the line have"),
    ("check_search_words", "the product is lost", (without_product, "c"), "Which words does the line have"),
    ("check_search_words", "a list", (a_list_of_words, "c"), "Return one string"),
]

RIGHT = [
    ("check_bm25", "numpy", lambda q, d, weight=2, k1=1.5, b=0.75: np.array(scores.scored(q, d, weight, k1, b))),
    ("check_bm25", "float32", lambda q, d, weight=2, k1=1.5, b=0.75: np.float32(scores.scored(q, d, weight, k1, b))),
    ("check_recall_at_k", "a fraction", scores.fraction),
    ("check_recall_at_k", "float32", lambda found, wanted, k: np.float32(scores.shares_mean(found, wanted, k))),
    ("check_evidence", "numpy's numbers", proof.numpy_numbers),
    ("check_answer_or_refuse", "in other words", careful_in_other_words),
    ("check_search_words", "word by word", (by_table(), "c")),
]
