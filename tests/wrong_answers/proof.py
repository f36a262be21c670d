"""Wrong evidence, for lab 06's table."""

import re

import numpy as np

from spectrum import retrieval

# ---- evidence ----


def contained(answer, lines):
    return [n for n, line in enumerate(lines) if answer.strip() and answer.strip() in line]


def whole(answer, line):
    return answer.strip() and re.search(rf"(?<!\w){re.escape(answer.strip())}(?!\w)", line)


def guarded(answer, lines, before, after, case=0):
    answer = answer.strip()
    pattern = re.compile(f"{before}{re.escape(answer)}{after}", case)
    return [n for n, line in enumerate(lines) if answer and pattern.search(line)]


def whole_words(answer, lines):
    return [n for n, line in enumerate(lines) if re.search(r"\w", answer) and whole(answer, line)]


def six_lines(answer, lines):
    return whole_words(answer, lines[:6])


def many_lines(answer, lines):
    return whole_words(answer, lines[:64])


def beginning(answer, lines):
    return whole_words(answer[:40], lines)


def package(answer, lines):
    return retrieval.evidence(answer, lines)


def numpy_numbers(answer, lines):
    return list(np.array(whole_words(answer, lines), dtype=int))


def ascii_words(answer, lines):
    lines = [line.encode("ascii", "ignore").decode() for line in lines]
    return whole_words(answer.encode("ascii", "ignore").decode(), lines)


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
