"""Prompt search: what it tries, what it pays, and that it finds what was planted."""

import numpy as np
import pytest

from spectrum import prompts, search
from spectrum.lessons.measuring_prompts import rewordings
from spectrum.search import Candidate
from spectrum.shop import tasks, world

TASK = tasks.TASKS["city"]
ITEMS = TASK.sample(10, "dev")
ORDERS = [f"order {n}" for n in range(6)]
SHOTS = [(), (("a", "b"),), (("c", "d"), ("e", "f"))]
SPACE = search.space(ORDERS, SHOTS)
SEARCHES = [search.random_search, search.guided_search]


def planted(calls=None):
    """Return a judge that adds the worth of the order to the worth of the examples, and notes every call."""

    def right(candidate, items):
        if calls is not None:
            calls.append((candidate, len(items)))
        worth = ORDERS.index(candidate.instruction) + 2 * SHOTS.index(candidate.shots)
        return np.array([float(n < worth) for n in range(len(items))])

    return right


def test_the_space_is_every_order_with_every_set():
    assert len(SPACE) == len(set(SPACE)) == 18
    with pytest.raises(ValueError, match="the space is empty"):
        search.space(ORDERS, [])


def test_a_candidate_writes_its_order_into_every_turn():
    messages = Candidate("Give it.", (("a", "b"),)).messages("c")
    assert [m["role"] for m in messages] == ["user", "assistant", "user"]
    assert [m["content"] for m in messages] == ["Give it.\na", "b", "Give it.\nc"]
    assert prompts.order_turns("", [("a", "b")], "c")[0]["content"] == "a"


@pytest.mark.parametrize("find", SEARCHES)
@pytest.mark.parametrize("budget", [10, 59, 60, 10_000])
def test_every_call_is_paid_and_the_budget_holds(find, budget):
    calls = []
    trials = find(planted(calls), SPACE, ITEMS, budget)
    assert sum(n for _, n in calls) == trials[-1].spent <= budget
    assert len(trials) == min(budget // len(ITEMS), len(SPACE))
    assert [t.spent for t in trials] == [10 * (n + 1) for n in range(len(trials))]


@pytest.mark.parametrize("find", SEARCHES)
def test_no_candidate_is_tried_twice_and_a_seed_repeats(find):
    tried = [t.candidate for t in find(planted(), SPACE, ITEMS, 100, seed=3)]
    assert len(set(tried)) == 10
    assert tried == [t.candidate for t in find(planted(), SPACE, ITEMS, 100, seed=3)]
    assert tried != [t.candidate for t in find(planted(), SPACE, ITEMS, 100, seed=4)]


@pytest.mark.parametrize("find", SEARCHES)
def test_with_budget_for_all_the_best_is_found(find):
    found = search.best(find(planted(), SPACE, ITEMS, 180))
    assert found.candidate == Candidate("order 5", SHOTS[2]) and found.mean == 0.9


def test_the_guided_search_changes_one_part_of_the_best():
    trials = search.guided_search(planted(), SPACE, ITEMS, 100, seed=1, explore=0.4)
    for number in range(4, 10):
        before, now = search.best(trials[:number]).candidate, trials[number].candidate
        left = set(SPACE) - {t.candidate for t in trials[:number]}
        if search.neighbours(before, left):
            assert (now.instruction == before.instruction) != (now.shots == before.shots)


def test_guidance_helps_where_parts_add_up():
    def found(find):
        return np.mean([search.best(find(planted(), SPACE, ITEMS, 80, seed=s)).mean for s in range(60)])

    assert found(search.guided_search) > found(search.random_search)


def test_a_model_is_asked_once_and_paid_each_time(tiny):
    asked = []

    def score(answer, item):
        asked.append(item)
        return answer == item.gold

    right = search.judge(*tiny, score, max_new_tokens=2, progress=False)
    first = right(SPACE[1], ITEMS[:4])
    assert first.shape == (4,) and len(asked) == 4
    assert (right(SPACE[1], ITEMS)[:4] == first).all() and len(asked) == 10


def test_the_judge_takes_another_chat_template(tiny_qwen):
    right = search.judge(*tiny_qwen, lambda answer, item: True, max_new_tokens=2, progress=False)
    assert right(SPACE[2], ITEMS[:2]).tolist() == [1, 1]


def test_example_sets_have_the_sizes_asked_for():
    train = TASK.sample(12, "train")
    sets = search.shot_sets(train, (0, 1, 3), each=2)
    assert [len(s) for s in sets] == [0, 1, 1, 3, 3]
    assert all(pair in {(i.input, i.gold) for i in train} for s in sets for pair in s)
    assert sets == search.shot_sets(train, (0, 1, 3), each=2) != search.shot_sets(train, (0, 1, 3), each=2, seed=1)
    with pytest.raises(ValueError, match="set of 3 examples cannot be drawn from 2 items"):
        search.shot_sets(train[:2], (0, 3))


def test_of_equals_the_first_is_best_and_progress_never_falls():
    trials = [search.Trial(c, np.array(v), n) for n, (c, v) in
              enumerate(zip(SPACE, ([0, 1], [1, 1], [1, 1], [0, 0]), strict=False), 1)]  # fmt: skip
    assert search.best(trials) is trials[1]
    assert search.progress(trials) == ([1, 2, 3, 4], [0.5, 1, 1, 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda: search.random_search(planted(), SPACE, ITEMS, 9), "budget of 9 calls does not judge one candidate"),
        (lambda: search.random_search(planted(), SPACE, [], 9), "no dev items"),
        (lambda: search.guided_search(planted(), SPACE, ITEMS, 90, explore=2), "explore is 2"),
        (lambda: search.best([]), "no trial"),
    ],
)
def test_what_cannot_be_searched_is_said(change, message):
    with pytest.raises(ValueError, match=message):
        change()


def test_the_lessons_orders_are_in_no_training_wording():
    assert len(set(rewordings.ORDERS)) == 8
    assert not set(rewordings.ORDERS) & set(tasks.TASKS["sentiment"].instructions)
    assert world.split_of(ITEMS[0].input) == "dev"
