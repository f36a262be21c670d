"""Sorting tasks under natural, invented and random labels: what stays the same, what differs, how they are asked."""

import numpy as np
import pytest
from tiny import make_model, make_tokenizer

from spectrum import prompts
from spectrum.generate import answer_logprobs
from spectrum.lessons.few_shot import material
from spectrum.shop import world


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def pair(request):
    tokenizer = make_tokenizer(architecture=request.param)
    return make_model(tokenizer, architecture=request.param), tokenizer


def test_the_open_sentences_and_first_examples_are_the_same_for_every_k_and_kind():
    most = material.questions(12, 8)
    for k in (0, 1, 2, 4):
        for names in ("natural", "invented", ("foo", "bar")):
            fewer = material.questions(12, k, names)
            assert [q.text for q in fewer] == [q.text for q in most] and [q.right for q in fewer] == [
                q.right for q in most
            ]
            assert [[t for t, _ in q.shots] for q in fewer] == [[t for t, _ in q.shots[:k]] for q in most]
    shuffled = material.questions(12, 8, shuffled=True)
    assert [q.text for q in shuffled] == [q.text for q in most]


def test_even_numbers_of_examples_are_balanced_shuffled_or_not():
    for shuffled in (False, True):
        for k in (2, 4, 8):
            asked = material.questions(12, k, "invented", shuffled)
            assert all(sum(name == q.names[0] for _, name in q.shots) == k // 2 for q in asked)


def test_shuffled_labels_know_nothing_of_the_truth():
    plain = material.questions(150, 8, seed=3)
    truth = {text: name for q in plain for text, name in q.shots}
    shuffled = [shot for q in material.questions(150, 8, shuffled=True, seed=3) for shot in q.shots]
    known = [truth[text] == name for text, name in shuffled if text in truth]
    assert len(known) > 300 and abs(np.mean(known) - 0.5) < 0.1  # 2 standard errors of 75 coins each


def test_invented_labels_are_fresh_words_and_the_open_sentence_is_in_its_split():
    asked = material.questions(30, 2, "invented")
    assert len({q.names for q in asked}) > 20 and all(set(q.names) <= set(material.WORDS) for q in asked)
    assert all(world.split_of(q.text) == "test" for q in asked)
    assert all(world.split_of(text) == "train" for q in asked for text, _ in q.shots)
    assert 8 < sum(q.right for q in asked) < 22


def test_no_question_shows_its_own_open_sentence():
    assert all(q.text not in [text for text, _ in q.shots] for q in material.questions(60, 16))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((3, 17), "0 to 16"), ((3, -1), "0 to 16"), ((3, 2, "random"), '"natural", "invented"')],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        material.questions(*arguments)


@pytest.mark.parametrize("names", ["invented", ("A", "B")])
@pytest.mark.parametrize("chat", [False, True])
def test_log_probabilities_are_those_of_the_whole_answers(pair, names, chat):
    """Also where both labels are single tokens, which are read from one row of scores."""
    asked = material.questions(3, 2, names)
    form, space = (prompts.turns, "") if chat else (prompts.label, " ")
    shown = [form(q.shots, q.text) for q in asked for _ in range(2)]
    wanted = answer_logprobs(*pair, shown, [space + name for q in asked for name in q.names]).reshape(3, 2)
    np.testing.assert_allclose(material.label_logprobs(*pair, asked, chat), wanted, atol=1e-4)


def test_single_tokens_are_read_from_one_row(pair, monkeypatch):
    monkeypatch.setattr(material, "answer_logprobs", None)
    single = [material.Question((("fine", "A"),), "good", ("A", "B"), 0)]
    assert material.label_logprobs(*pair, single, chat=True).shape == (1, 2)


def test_right_is_the_likelier_label():
    asked = material.questions(4, 0)
    logprobs = np.zeros((4, 2)) - 1
    logprobs[range(4), [q.right for q in asked]] += 0.5
    assert material.is_right(logprobs, asked).all() and not material.is_right(logprobs[:, ::-1], asked).any()


def test_turns_suit_any_template(pair):
    """prompts.turns: each example a turn of the user and one of the assistant, under both templates."""
    _, tokenizer = pair
    asked = prompts.turns([("I like it.", "mango"), ("I do not.", "pixel")], "It is fine.", role="You sort.")
    assert [m["role"] for m in asked] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert [m["content"] for m in asked][1:] == ["I like it.", "mango", "I do not.", "pixel", "It is fine."]
    text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    places = [text.index(m["content"]) for m in asked]
    assert places == sorted(places) and prompts.turns([], "It is fine.") == prompts.chat("It is fine.")


# ---- many texts under the same examples ----

SHOTS = (("fine", "A"), ("poor", "B"), ("good", "A"))


def single_tokens(tokenizer, chat, count=2):
    """Labels that are one token each, after a space where the prompt is plain text."""
    if chat:
        return ("A", "B", "C")[:count]
    words = sorted(token[1:] for token in tokenizer.get_vocab() if token.startswith("Ġ") and token[1:].isalpha())
    return tuple(words[:count])


@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize("shots", [SHOTS, ()])
def test_shared_examples_give_what_whole_prompts_give(pair, chat, shots):
    """Texts of different lengths, one of them the beginning of another."""
    texts = ["lovely", "lovely lamps", "not as bad as I feared, and blue", "N/A"]
    names = single_tokens(pair[1], chat)
    asked = [material.Question(shots, text, names, 0) for text in texts]
    wanted = material.label_logprobs(*pair, asked, chat)
    got = material.open_logprobs(*pair, shots, texts, names, chat)
    np.testing.assert_allclose(got, wanted, atol=1e-4)


def test_one_text_and_three_labels(pair):
    got = material.open_logprobs(*pair, SHOTS, ["lovely"], single_tokens(pair[1], False, 3))
    assert got.shape == (1, 3) and (got < 0).all()


def test_equal_texts_are_no_trouble(pair):
    got = material.open_logprobs(*pair, SHOTS, ["lovely", "lovely"], single_tokens(pair[1], False))
    np.testing.assert_allclose(got[0], got[1], atol=1e-6)


@pytest.mark.parametrize(
    ("texts", "names", "message"),
    [
        ([], ("A", "B"), "at least one text"),
        ("lovely", ("A", "B"), "a list"),
        (["x"], ("A", "zebra crossing"), "label_logprobs"),
    ],
)
def test_texts_and_labels_that_make_no_sense_are_refused(pair, texts, names, message):
    with pytest.raises(ValueError, match=message):
        material.open_logprobs(*pair, SHOTS, texts, names)


def test_shared_length():
    assert material.shared_length([[1, 2, 3], [1, 2, 4], [1, 2]]) == 2
    assert material.shared_length([[1], [2]]) == 0 and material.shared_length([[1, 2]]) == 2


def test_sentences_outside_the_shop_are_balanced_and_in_words_the_shop_never_uses():
    from spectrum.lessons.few_shot.widget import strange_words

    kinds = [kind for _, kind in material.OUTSIDE]
    assert kinds.count("positive") == kinds.count("negative") == 10
    assert all(strange_words(text) for text, _ in material.OUTSIDE)


def test_a_form_of_ones_own_is_taken(pair):
    asked = material.questions(3, 2, ("A", "B"))
    plain = material.label_logprobs(*pair, asked, chat=prompts.turns)
    np.testing.assert_allclose(plain, material.label_logprobs(*pair, asked, chat=True))
    other = material.label_logprobs(*pair, asked, chat=lambda shots, text: prompts.chat(text))
    assert not np.allclose(plain, other)
