"""The book of lesson 06 and the questions on it: every answer is there to be found, and those without one have none."""

import re
import sys
from collections import Counter

import numpy as np
import pytest

from spectrum import embedder, passages
from spectrum.lessons.retrieval import reference, runs, vectors


def test_there_are_enough_questions_and_none_is_asked_twice():
    kinds = Counter(question.kind for question in reference.questions())
    assert kinds == {"same": 36, "other": 40, "none": 28}
    assert len({question.input for question in reference.questions()}) == 104
    assert sum(len(question.quotes) > 1 for question in runs.answerable()) >= 18


@pytest.mark.parametrize("question", runs.answerable(), ids=lambda question: question.input)
def test_each_quote_stands_in_one_place_and_holds_an_answer(question):
    whole = [passages.on_one_line(text) for text in reference.topics().values()]
    for quote in question.quotes:
        assert sum(text.count(passages.on_one_line(quote)) for text in whole) == 1
        assert question.is_right(quote)
    assert not question.is_right(question.input)


@pytest.mark.parametrize("cut", ["overlapping windows", "paragraphs"])
def test_some_passage_holds_each_answer_whole(cut):
    for question in runs.answerable():
        assert any(passage.answers(question) for passage in reference.passages(cut)), question.input


def test_questions_in_other_words_share_few_words_with_their_quotes():
    def shared(question):
        asked = {word for word in re.findall(r"\w{4,}", question.input.lower())}
        quoted = set(re.findall(r"\w{4,}", " ".join(question.quotes).lower()))
        return len(asked & quoted) / max(1, len(asked))

    same, other = ([shared(q) for q in reference.questions(kind)] for kind in ("same", "other"))
    assert np.mean(other) < 0.25 < 0.5 < np.mean(same)


def test_questions_without_an_answer_have_none():
    for question in reference.questions("none"):
        assert question.quotes == question.answers == () and not question.is_right("anything")


def test_the_book_is_this_pythons_where_it_is_the_same_version():
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the book is that of Python 3.11")
    from pydoc_data.topics import topics

    mine, theirs = (" ".join(each.values()) for each in (reference.topics(), topics))
    words = set(re.findall(r"\w+", theirs))
    assert len(set(re.findall(r"\w+", mine)) - words) < 0.01 * len(words)


def test_a_long_paragraph_stands_once():
    found = Counter(
        passages.on_one_line(paragraph)
        for text in reference.topics().values()
        for paragraph in re.split(r"\n\s*\n", text)
        if len(paragraph.split()) >= reference.REPEATED
    )
    assert set(found.values()) == {1}


def test_an_unknown_cut_is_refused():
    with pytest.raises(ValueError, match="cut must be one of windows, overlapping windows, paragraphs, not 'pages'"):
        reference.passages("pages")


# ---- vectors ----


def test_there_is_a_vector_for_each_text():
    found = vectors.stored()
    assert found["passages"].shape == (len(reference.passages()), 384)
    assert found["questions"].shape == (104, 384)
    assert np.allclose(np.linalg.norm(found["passages"], axis=1), 1, atol=1e-3)


def test_vectors_of_other_texts_are_refused(monkeypatch):
    vectors.stored.cache_clear()
    monkeypatch.setattr(vectors, "texts", lambda: {"passages": ["a"], "questions": ["b"]})
    with pytest.raises(ValueError, match="The passages changed since their vectors were stored. Run: python -m"):
        vectors.stored()
    vectors.stored.cache_clear()


def test_a_question_of_ones_own_needs_the_embedder():
    with pytest.raises(ValueError, match="has no stored vector. Fetch the embedder first: python -m spectrum.models"):
        vectors.search().best("What is a lamp?", 3)


@pytest.mark.skipif(not embedder.is_here(), reason=f"the embedder is not here; {embedder.COMMAND}")
def test_the_stored_vectors_are_the_embedders():
    pair, texts = embedder.load_embedder(), vectors.texts()
    for name in texts:
        made = embedder.embed(*pair, texts[name][:12])
        assert np.abs(made - vectors.stored()[name][:12]).max() < 2e-3
    hits = vectors.search(pair).best("What terminates the nearest enclosing loop?", 5)
    assert any("break" in hit.document.text for hit in hits)
