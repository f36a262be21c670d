"""General knowledge and prose: the questions are many, different and answerable, and the scores mean what they say."""

import math

import numpy as np
import pytest
import torch
from tiny import make_model, make_tokenizer

from spectrum import general


def test_there_are_enough_questions_and_none_twice():
    found = general.questions()
    assert len(found) >= 200 and len({prompt for _, prompt, _ in found}) == len(found)
    assert {kind for kind, _, _ in found} == set(general.TABLES)
    for _, prompt, right in found:
        assert prompt.endswith("?\nAnswer:") and all(word and word == word.strip() for word in right)


def test_a_question_is_not_among_those_that_are_shown_and_no_answer_is_given_away():
    for kind, prompt, right in general.questions():
        shown, asked = prompt.rsplit("Question: ", 1)
        assert asked.split("\n")[0] not in shown
        if kind not in ("next", "count", "thing", "language"):  # where a shown answer may rightly be another's too
            assert not general.says(shown.replace("Question: ", ""), right), prompt


@pytest.mark.parametrize(
    ("answer", "right"),
    [(" Paris", True), (" the city of paris.", True), ("'Paris'", True), (" Parisian", False), ("", False)],
)  # fmt: skip
def test_an_answer_counts_by_the_whole_word(answer, right):
    assert general.says(answer, ("Paris",)) is right


def test_any_of_the_right_words_is_enough():
    assert general.says(" 7 days", ("seven", "7")) and general.says(" CO2", ("carbon dioxide", "CO2"))
    assert not general.says(" 17", ("seven", "7"))


def test_knowledge_asks_each_question_once():
    tokenizer = make_tokenizer()
    score = general.knowledge(make_model(tokenizer), tokenizer, every=20)
    assert score.n == math.ceil(len(general.questions()) / 20) and score.mean == 0.0


def test_prose_is_english_sentences_of_many_topics():
    pieces = general.prose()
    assert 15_000 < sum(map(len, pieces)) < 25_000 and len(set(pieces)) == len(pieces) >= 15
    letters = sum(c.isalpha() or c in " .,'" for piece in pieces for c in piece) / sum(map(len, pieces))
    assert letters > 0.9 and max(map(len, pieces)) <= general.PIECE


def test_bits_per_byte_of_a_model_that_guesses_are_those_of_its_vocabulary():
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    with torch.no_grad():
        model.get_output_embeddings().weight.zero_()  # every token equally likely
    text = "Order 4821 arrived late, größe 東京."
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    rest = len(text.encode()) - len(tokenizer.decode(ids[:1]).encode())
    wanted = (len(ids) - 1) * math.log2(model.config.vocab_size) / rest
    assert general.bits_per_byte(model, tokenizer, [text]) == pytest.approx([wanted], rel=1e-4)


def test_the_interval_of_prose_is_over_its_pieces():
    tokenizer = make_tokenizer()
    model, pieces = make_model(tokenizer), general.prose()[:6]
    mean, low, high = general.prose_score(model, tokenizer, pieces)
    assert low < mean < high and mean == pytest.approx(np.mean(general.bits_per_byte(model, tokenizer, pieces)))
