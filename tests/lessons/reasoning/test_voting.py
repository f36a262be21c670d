"""Votes over sampled answers: what is read, who wins, what more samples change; and the questions they answer."""

import random

import numpy as np
import pytest
from tiny import make_model, make_tokenizer

from spectrum import prompts
from spectrum.generate import complete
from spectrum.lessons.reasoning import steps, voting
from spectrum.shop import samplers, tasks, world


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def pair(request):
    """A tiny model with each of two chat templates."""
    tokenizer = make_tokenizer(architecture=request.param)
    return make_model(tokenizer, architecture=request.param), tokenizer


# ---- reading ----


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Total 23.", "23"),
        ("4 + 7 = 11, 11 + 12 = 23. Total 23.", "23"),
        ("Total 1,023.", "1023"),
        ("It is -4", "-4"),
        ("3.5 each", "3.5"),
        ("no number", None),
        ("", None),
    ],
)
def test_the_last_number_is_read(text, number):
    assert voting.last_number(text) == number


@pytest.mark.parametrize("seed", range(3))
def test_the_answer_read_is_the_one_that_the_tasks_metric_scores(seed):
    rng = random.Random(seed)
    for _ in range(200):
        gold = f"Total {rng.randrange(300)}."
        text = rng.choice(("Total {}.", "{}", "{} and 12", "12, 112, {}.", "none")).format(rng.randrange(300))
        assert (voting.last_number(text) == voting.last_number(gold)) == tasks.same_number(text, gold)


def test_a_stated_total_is_found_wherever_the_steps_stand():
    assert voting.stated_total("Total 23. 4 + 7 = 11, 11 + 12 = 24.") == "23"
    assert voting.stated_total("4 + 7 = 11, 11 + 12 = 23. Total 23.") == "23"
    assert voting.stated_total("4 + 7 = 11") is None


# ---- voting ----


def test_the_most_frequent_answer_wins_and_ties_go_to_the_first_seen():
    assert voting.majority(["7", "8", "8"]) == "8"
    assert voting.majority(["9", "8", "8", "9"]) == "9"
    assert voting.majority(["8", "9", "9", "8"]) == "8"


def test_samples_without_an_answer_do_not_vote():
    assert voting.majority([None, None, None, "8"]) == "8"
    assert voting.majority([None, None]) is None and voting.majority([]) is None


def test_texts_that_agree_in_the_answer_vote_together():
    texts = ["Total 12.", "Total 12.", "5 + 6 = 11. Total 11.", "6 + 5 = 11. Total 11.", "11"]
    assert voting.vote(texts) == "11"
    assert voting.vote(texts, extract=str) == "Total 12.", "a vote over texts would say this"


def test_a_tally_is_sorted_by_votes():
    assert voting.tally(["1", "2", None, "2"]) == [("2", 2), ("1", 1)]


# ---- sampling ----


def test_samples_differ_and_the_first_stay_when_more_are_drawn(pair):
    asked = [prompts.chat("4 + 7"), prompts.chat("lamp kettle")]
    few = voting.sample(*pair, asked, 2, temperature=1.0, max_new_tokens=6)
    many = voting.sample(*pair, asked, 5, temperature=1.0, max_new_tokens=6)
    assert [len(texts) for texts in many] == [5, 5]
    assert [texts[:2] for texts in many] == few
    assert all(len(set(texts)) > 1 for texts in many)
    assert voting.sample(*pair, asked, 2, temperature=1.0, seed=1, max_new_tokens=6) != few


def test_samples_are_those_of_complete(pair):
    asked = [prompts.chat("4 + 7"), prompts.chat("lamp kettle")]
    flat = complete(*pair, asked * 3, max_new_tokens=6, temperature=1.3, seed=4)
    assert voting.sample(*pair, asked, 3, temperature=1.3, seed=4, max_new_tokens=6) == [flat[0::2], flat[1::2]]


@pytest.mark.parametrize(("n", "temperature", "message"), [(0, 1.0, "n is 0"), (4, 0.0, "temperature is 0")])
def test_what_cannot_be_sampled_is_said(pair, n, temperature, message):
    with pytest.raises(ValueError, match=message):
        voting.sample(*pair, [prompts.chat("4 + 7")], n, temperature)


# ---- more samples ----


def drawn(weights, items=30, samples=60, seed=0):
    """Return answers drawn from {answer: weight}; the true one is "right"."""
    rng = random.Random(seed)
    return [rng.choices(list(weights), list(weights.values()), k=samples) for _ in range(items)]


def test_one_sample_is_right_as_often_as_the_samples_are():
    answers = drawn({"right": 6, "a": 4})
    share = np.mean([row.count("right") / len(row) for row in answers])
    (row,) = voting.vote_curve(answers, ["right"] * 30, sizes=(1,), draws=2000).itertuples()
    assert row.right == pytest.approx(share, abs=0.01) and row.low < share < row.high


def test_scattered_mistakes_are_voted_down():
    answers = drawn({"right": 4, **{str(n): 1 for n in range(6)}})
    right = voting.vote_curve(answers, ["right"] * 30)["right"].tolist()
    assert right[0] < 0.5 and right[-1] > 0.85 and right[-1] > right[3] > right[0]


def test_a_mistake_that_most_samples_share_wins_more_surely_with_every_sample():
    table = voting.vote_curve(drawn({"right": 3, "wrong": 7}), ["right"] * 30)
    right, differ = table["right"].tolist(), table["differ"].tolist()
    assert right[0] > 0.25 and right[-1] < 0.02, "the bias stays"
    assert differ[0] > 0.35 and differ[-1] < 0.05, "while the votes agree more and more"


def test_two_votes_differ_as_often_as_two_coins():
    (row,) = voting.vote_curve([["a"] * 3 + ["b"] * 2], ["a"], sizes=(1,), draws=5000).itertuples()
    assert row.right == pytest.approx(0.6, abs=0.03)
    assert row.differ == pytest.approx(2 * 0.6 * 0.4, abs=0.03)


def test_samples_that_agree_leave_nothing_to_chance():
    table = voting.vote_curve([["7"] * 40, ["9"] * 40], ["7", "8"])
    assert set(table["right"]) == {0.5} and table["differ"].abs().max() < 1e-12


def test_the_same_seed_gives_the_same_curve():
    answers = drawn({"right": 5, "a": 3, "b": 2})
    assert voting.vote_curve(answers, ["right"] * 30).equals(voting.vote_curve(answers, ["right"] * 30))


@pytest.mark.parametrize("sizes", [(0, 1), (1, 61)])
def test_sizes_beyond_the_samples_are_refused(sizes):
    with pytest.raises(ValueError, match="there are 60 samples"):
        voting.vote_curve(drawn({"right": 1}), ["right"] * 30, sizes=sizes)


# ---- the questions ----


@pytest.mark.parametrize("terms", [2, 5, 7, 9])
def test_sums_have_their_length_their_steps_and_their_split(terms):
    items = steps.sums(20, terms)
    assert len({item.input for item in items}) == 20
    for item in items:
        values = [int(part) for part in item.input.split(" + ")]
        assert len(values) == terms and item.gold == samplers.written_steps(values)
        assert world.split_of(item.input) == "test"


def test_sums_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="at least 2"):
        steps.sums(1, 1)
    with pytest.raises(ValueError, match="only .* different sums of 2 terms"):
        steps.sums(400, 2)


def test_arrangements_hold_the_same_steps_in_other_places():
    found = steps.arrangements([4, 7, 12, 3], random.Random(0))
    assert found["steps"] == "4 + 7 = 11, 11 + 12 = 23, 23 + 3 = 26. Total 26."
    assert found["no steps"] == "Total 26."
    assert found["steps after"] == "Total 26. 4 + 7 = 11, 11 + 12 = 23, 23 + 3 = 26."
    assert found["filler"] == "... ... ... ... ... ... ... ... ... Total 26."
    mixed = found["steps shuffled"]
    assert mixed != found["steps"] and sorted(mixed[:-11].split(", ")) == sorted(found["steps"][:-11].split(", "))
    assert {voting.stated_total(text) for text in found.values()} == {"26"}


@pytest.mark.parametrize("form", steps.FORMS)
def test_the_form_of_a_text_is_recognized(form):
    for item in steps.arranged(steps.sums(20, 5), form):
        assert steps.form_of(f" {item.gold}\n") == form
        assert voting.stated_total(item.gold) == str(sum(steps.numbers_of(item)))


def test_what_has_no_form_is_none():
    assert steps.form_of("Oslo") is None and steps.form_of("") is None
    assert steps.form_of("4 + 7 = 12, 12 + 2 = 14. Total 14.") == "steps", "wrong steps are steps"


def test_a_slip_is_carried_on_to_the_end():
    for seed in range(20):
        written, off = steps.slip([4, 7, 12, 3], random.Random(seed))
        assert written == f"4 + 7 = {11 + off}, {11 + off} + 12 = {23 + off}, {23 + off} + 3 = {26 + off}." and off != 0


def test_forged_steps_have_no_total_and_end_where_they_should():
    items = steps.sums(20, 5)
    found, golds = steps.forged(items), [voting.last_number(item.gold) for item in items]
    assert not any("Total" in text for texts in found.values() for text in texts)
    ends = {kind: [voting.last_number(text) for text in texts] for kind, texts in found.items()}
    assert set(ends["none"]) == {None} and ends["true"] == golds and ends["another sum's"] == golds[1:] + golds[:1]
    assert all(end != gold for end, gold in zip(ends["one slip"], golds, strict=True))
    for text, item in zip(found["shuffled"], items, strict=True):
        assert sorted(text[:-1].split(", ")) == sorted(item.gold.split(". ")[0].split(", "))


def test_facts_stand_behind_the_message_and_not_in_it():
    for item in steps.facts_asked("maker", 30):
        assert item.details["product"].split()[0].lower() in item.input.lower()
        assert item.gold == next(p for p in world.KNOWN if p.name == item.details["product"]).facts()["maker"]
        assert item.gold not in item.input and world.split_of(item.input) == "test"


def test_last_words_are_in_capitals():
    for item in steps.last_in_capitals(20):
        assert (
            item.gold == item.details["last"].upper() and item.input.split(", ")[-1].split()[-1] == item.details["last"]
        )


def test_sorted_backwards_are_the_words_from_z_to_a():
    for item in steps.sorted_backwards(20):
        words = item.input.split(", ")
        assert item.details["sorted"].split(", ") == sorted(words)
        assert item.gold.split(", ") == sorted(words, reverse=True)


def test_bills_are_quantity_times_price():
    for item in steps.bills(30):
        d = item.details
        assert item.gold == str(d["quantity"] * d["price"]) and 2 <= d["quantity"] <= 7 and d["price"] <= 19
        words = (str(d["quantity"]), world.NUMBER_WORDS[d["quantity"]])
        assert any(word in item.input for word in words)


# ---- prompts in steps ----


def test_stepwise_orders_are_those_of_the_task():
    direct, slow = tasks.TASKS["total"].instructions, tasks.TASKS["total_steps"].instructions
    assert tuple(map(prompts.stepwise, direct)) == slow


def test_orders_as_one_sentence_and_as_numbers():
    orders = ["Give the last word.", "Say this politely."]
    assert prompts.compound(orders) == "Give the last word, and then say this politely."
    assert prompts.numbered(orders) == "1. Give the last word.\n2. Say this politely."
    assert prompts.compound(orders[:1]) == "Give the last word."


def test_a_chain_hands_the_input_and_every_answer_on():
    seen = []

    def answer(chats):
        seen.append([messages[-1]["content"] for messages in chats])
        return [f"answer {len(seen)}{letter}" for letter in "ab"[: len(chats)]]

    links = ["Product?\n{0}", "Price of {1}?", lambda text, product, price: f"{text}: {product}, {price}"]
    found = prompts.chain(answer, links, ["one {x}", "two"])
    assert found == [["answer 1a", "answer 2a", "answer 3a"], ["answer 1b", "answer 2b", "answer 3b"]]
    assert seen == [
        ["Product?\none {x}", "Product?\ntwo"],
        ["Price of answer 1a?", "Price of answer 1b?"],
        ["one {x}: answer 1a, answer 2a", "two: answer 1b, answer 2b"],
    ]


def test_a_chain_of_one_link_is_a_prompt_with_any_chat_template(pair):
    def answer(chats):
        return complete(*pair, chats, max_new_tokens=5)

    inputs = ["lamp kettle", "4 + 7"]
    once = prompts.chain(answer, ["Give it.\n{0}"], inputs)
    assert once == [[text] for text in answer([prompts.chat(f"Give it.\n{text}") for text in inputs])]
    twice = prompts.chain(answer, ["Give it.\n{0}", "Again: {1} {0}"], inputs)
    assert [row[:1] for row in twice] == once
    second = answer([prompts.chat(f"Again: {row[0]} {text}") for row, text in zip(once, inputs, strict=True)])
    assert [row[1] for row in twice] == second
