"""Plausible wrong answers to lab 06, and what the checks must say to each."""

import math
import re

# ---- bm25 ----


def scored(question, documents, k1, b, idf=None, norm=None, top=None, count=None, words=None):
    """Returns BM25 scores with any of its parts replaced by a mistaken one."""
    mean, made = sum(map(len, documents)) / len(documents), []
    for document in documents:
        score = 0.0
        for word in words(question) if words else question:
            n = sum(word in other for other in documents) if count is None else count(word, documents)
            weight = (idf or (lambda N, n: math.log(1 + (N - n + 0.5) / (n + 0.5))))(len(documents), n)
            f, length = document.count(word), len(document) / mean
            below = f + (norm(k1, b, length) if norm else k1 * (1 - b + b * length))
            score += weight * f * (top or (lambda k1: 1))(k1) / below if f else 0.0
        made.append(score)
    return made


def idf_without_one(question, documents, k1, b):
    return scored(question, documents, k1, b, idf=lambda N, n: math.log((N - n + 0.5) / (n + 0.5)))


def no_length(question, documents, k1, b):
    return scored(question, documents, k1, b, norm=lambda k1, b, length: k1)


def no_idf(question, documents, k1, b):
    return scored(question, documents, k1, b, idf=lambda N, n: 1.0)


def k1_above(question, documents, k1, b):
    return scored(question, documents, k1, b, top=lambda k1: k1 + 1)


def counts_occurrences(question, documents, k1, b):
    def idf(N, n):
        return math.log(1 + max(N - n + 0.5, 0) / (n + 0.5))

    return scored(question, documents, k1, b, idf=idf, count=lambda w, ds: sum(d.count(w) for d in ds))


def each_word_once(question, documents, k1, b):
    return scored(question, documents, k1, b, words=lambda q: list(dict.fromkeys(q)))


def lengths_in_letters(question, documents, k1, b):
    mean = sum(len("".join(document)) for document in documents) / len(documents)
    return [
        scored(question, documents, k1, b, norm=lambda k1, b, _, d=d: k1 * (1 - b + b * len("".join(d)) / mean))[number]
        for number, d in enumerate(documents)
    ]


def inside_of_words(question, documents, k1, b):
    return scored(question, documents, k1, b, count=lambda w, ds: sum(w in " ".join(d) for d in ds))


def lower_case(question, documents, k1, b):
    return scored([w.lower() for w in question], [[w.lower() for w in d] for d in documents], k1, b)


def mean_of_those_with_words(question, documents, k1, b):
    mean = sum(map(len, documents)) / sum(map(bool, documents))
    return [
        scored(question, documents, k1, b, norm=lambda k1, b, _, d=d: k1 * (1 - b + b * len(d) / mean))[number]
        for number, d in enumerate(documents)
    ]


def sorts_the_question(question, documents, k1, b):
    question.sort()
    return scored(question, documents, k1, b)


def fixed_constants(question, documents, k1, b):
    return scored(question, documents, 1.5, 0.75)


def one_total(question, documents, k1, b):
    return sum(scored(question, documents, k1, b))


# ---- recall_at_k ----


def pairs(found, wanted, k):
    return [(len(right & set(hits[:k])), len(hits[:k]), len(right)) for hits, right in zip(found, wanted, strict=True)]


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


# ---- evidence ----


def contained(answer, lines):
    return [n for n, line in enumerate(lines) if answer.strip() and answer.strip() in line]


def whole(answer, line):
    return answer.strip() and re.search(rf"(?<!\w){re.escape(answer.strip())}(?!\w)", line)


def guarded(answer, lines, before, after, case=0):
    answer = answer.strip()
    pattern = re.compile(f"{before}{re.escape(answer)}{after}", case)
    return [n for n, line in enumerate(lines) if answer and pattern.search(line)]


def any_capitals(answer, lines):
    return guarded(answer, lines, r"(?<!\w)", r"(?!\w)", re.IGNORECASE)


def left_guard_alone(answer, lines):
    return guarded(answer, lines, r"(?<!\w)", "")


def digit_guards(answer, lines):
    return guarded(answer, lines, r"(?<!\d)", r"(?!\d)")


def first_place_only(answer, lines):
    answer, kept = answer.strip(), []
    for number, line in enumerate(lines):
        place = line.find(answer)
        around = line[max(0, place - 1) : place] + line[place + len(answer) :][:1]
        if re.search(r"\w", answer) and place >= 0 and not re.search(r"\w", around):
            kept.append(number)
    return kept


def as_often_as_said(answer, lines):
    answer = answer.strip()
    return [n for n, line in enumerate(lines) for _ in (re.findall(rf"(?<!\w){re.escape(answer)}(?!\w)", line)
                                                        if answer else [])]  # fmt: skip


def by_index(answer, lines):
    return [lines.index(lines[number]) for number in guarded(answer, lines, r"(?<!\w)", r"(?!\w)")]


def small_letters_guard(answer, lines):
    return guarded(answer, lines, r"(?<![a-z0-9])", r"(?![a-z0-9])")


def english_letters_guard(answer, lines):
    return guarded(answer, lines, r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])")


def words_in_a_row(answer, lines):
    wanted = re.findall(r"\w+", answer)
    rows = [re.findall(r"\w+", line) for line in lines]
    starts = [range(len(row) - len(wanted) + 1) if wanted else () for row in rows]
    return [n for n, row in enumerate(rows) if any(row[i : i + len(wanted)] == wanted for i in starts[n])]


def full_stop_dropped(answer, lines):
    return guarded(answer.strip().rstrip("."), lines, r"(?<!\w)", r"(?!\w)")


def dashes_count(answer, lines):
    return guarded(answer, lines, r"(?<!\w)", r"(?!\w)")


def turns_the_lines(answer, lines):
    found = guarded(answer, lines, r"(?<!\w)", r"(?!\w)")
    lines.reverse()
    return found


def not_escaped(answer, lines):
    answer = answer.strip()
    return [n for n, line in enumerate(lines) if answer and re.search(rf"(?<!\w){answer}(?!\w)", line)]


def empty_everywhere(answer, lines):
    return [n for n, line in enumerate(lines) if re.search(rf"(?<!\w){re.escape(answer.strip())}(?!\w)", line)]


def yes_or_no(answer, lines):
    return any(whole(answer, line) for line in lines)


def the_lines(answer, lines):
    return [line for line in lines if whole(answer, line)]


def from_one(answer, lines):
    return [n for n, line in enumerate(lines, 1) if whole(answer, line)]


def first_only(answer, lines):
    return [n for n, line in enumerate(lines) if whole(answer, line)][:1]


def any_order(answer, lines):
    asked = set(answer.split())
    return [n for n, line in enumerate(lines) if asked and asked <= set(re.findall(r"\w+", line))]


# ---- answer_or_refuse ----


def careful(hits, question, ask, threshold, nearest=True, within=None, over=lambda score, low: score >= low):
    lines = [line for line, score in hits if over(score, threshold)]
    if not lines:
        return "not stated"
    lines = lines[::-1] if nearest else lines
    said = ask(lines, question)
    return said if any(whole(said, line) for line in (within or lines)) else "not stated"


def asks_anyway(hits, question, ask, threshold):
    lines = [line for line, score in hits if score >= threshold][::-1]
    said = ask(lines, question)
    return said if any(whole(said, line) for line in lines) else "not stated"


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


def crashes_on_nothing(hits, question, ask, threshold):
    return careful(hits, question, ask, threshold) if hits[0][1] >= threshold else "not stated"


def says_none(hits, question, ask, threshold):
    return careful(hits, question, ask, threshold) if any(score >= threshold for _, score in hits) else None


# ---- search_words ----

WHY = "The words of the line stand in place of those of the question."


def as_asked(question):
    return question


def name(question):
    return re.search(r"([A-Z]\w+ \w+)(?!.*[A-Z])", question)[1]


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
    ("check_bm25", "idf without 1 +", idf_without_one, "Take the log of 1 +"),
    ("check_bm25", "length left out", no_length, "A long document is held back"),
    ("check_bm25", "every word counts the same", no_idf, "multiplied by its idf"),
    ("check_bm25", "k1 + 1 above the line", k1_above, "no (k1 + 1)"),
    ("check_bm25", "n counts occurrences", counts_occurrences, "n counts documents"),
    ("check_bm25", "a word said twice counts once", each_word_once, "also one said twice"),
    ("check_bm25", "lengths in letters", lengths_in_letters, "Count words, not letters"),
    ("check_bm25", "a word inside of another", inside_of_words, "not a part of 'bored'"),
    ("check_bm25", "capitals dropped", lower_case, "change no letter"),
    ("check_bm25", "mean length without empty documents", mean_of_those_with_words, "counts in N and in the mean"),
    ("check_bm25", "sorts the question in place", sorts_the_question, "changed its argument `question`"),
    ("check_bm25", "k1 and b are fixed", fixed_constants, "Are k1 and b the arguments"),
    ("check_bm25", "one number for all", one_total, "One score for each document"),
    ("check_recall_at_k", "divided by k", by_retrieved, "That is precision"),
    ("check_recall_at_k", "divided by what was retrieved", by_retrieved_non_empty, "That is precision"),
    ("check_recall_at_k", "questions with hits only", with_hits_only, "Divide by all questions"),
    ("check_recall_at_k", "questions with results only", with_results_only, "Divide by all questions"),
    ("check_recall_at_k", "any hit is a yes", any_hit, "a half, not a yes"),
    ("check_recall_at_k", "all documents in one pot", pooled, "thrown together"),
    ("check_recall_at_k", "at most k wanted", at_most_k, "k is no excuse"),
    ("check_recall_at_k", "a document listed twice counts twice", listed_twice, "Intersect sets"),
    ("check_recall_at_k", "made different before the cut", different_before_the_cut, "First cut to k"),
    ("check_recall_at_k", "cuts the given lists", cuts_what_was_given, "changed its argument `found`"),
    ("check_recall_at_k", "k ignored", ignores_k, "Only the first k"),
    ("check_recall_at_k", "a list", a_list, "expected one number"),
    ("check_evidence", "a part of a word", contained, "Whole words"),
    ("check_evidence", "any capitals", any_capitals, "capitals count"),
    ("check_evidence", "no guard on the right", left_guard_alone, "on the right too"),
    ("check_evidence", "guards against digits alone", digit_guards, "on the right too"),
    ("check_evidence", "the first place in a line alone", first_place_only, "look on"),
    ("check_evidence", "a line for each time it says it", as_often_as_said, "A line counts once"),
    ("check_evidence", "equal lines are one", by_index, "Equal lines are two lines"),
    ("check_evidence", "guards without capitals", small_letters_guard, "A capital letter beside it"),
    ("check_evidence", "guards of English letters", english_letters_guard, "é is a letter"),
    ("check_evidence", "words in a row", words_in_a_row, "The signs between the words"),
    ("check_evidence", "the answer's full stop dropped", full_stop_dropped, "belongs to it"),
    ("check_evidence", "a dash is an answer", dashes_count, "A dash is no word"),
    ("check_evidence", "turns the lines round", turns_the_lines, "changed its argument `lines`"),
    ("check_evidence", "not escaped", not_escaped, "escape the answer"),
    ("check_evidence", "an empty answer is everywhere", empty_everywhere, "evidence of nothing"),
    ("check_evidence", "yes or no", yes_or_no, "Return the lines' numbers"),
    ("check_evidence", "the lines", the_lines, "not the lines"),
    ("check_evidence", "counted from 1", from_one, "All of them, from 0"),
    ("check_evidence", "the first line only", first_only, "All of them"),
    ("check_evidence", "words in any order", any_order, "in this order"),
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
    ("check_search_words", "no reason", (as_asked, "It works."), "wanted eight or more"),
    ("check_search_words", "the question as it is", (as_asked, WHY), "Which words does the line have"),
    ("check_search_words", "the name alone", (name, WHY), "Which words does the line have"),
    ("check_search_words", "whole questions", (memorised, WHY), "Which words does the line have"),
    ("check_search_words", "the product is lost", (without_product, WHY), "Which words does the line have"),
    ("check_search_words", "a list", (a_list_of_words, WHY), "Return one string"),
]
