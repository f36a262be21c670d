"""What lesson 04 builds by hand, taken out of the notebook and held against the package."""

import random
from pathlib import Path

import pytest

from spectrum import prompts
from spectrum.lessons.reasoning import voting
from spectrum.shop import tasks
from tools.lifted import lift

LESSON = Path(__file__).resolve().parents[3] / "notebooks" / "04_reasoning.ipynb"
TEXTS = ("Total {}.", "{} + 3 = 5. Total 1,{}00.", "-{}", "{}.5 each", "none", "")


@pytest.mark.parametrize("seed", range(5))
def test_the_answer_read_by_hand_is_the_librarys_and_scores_as_the_tasks_do(seed):
    read, rng = lift(LESSON, "read_answer"), random.Random(seed)
    for _ in range(100):
        text, gold = rng.choice(TEXTS).replace("{}", str(rng.randrange(9))), f"Total {rng.randrange(9)}."
        assert read(text) == voting.last_number(text)
        assert (read(text) == read(gold)) == tasks.same_number(text, gold)


@pytest.mark.parametrize("seed", range(5))
def test_the_vote_by_hand_is_the_librarys(seed):
    majority, rng = lift(LESSON, "majority"), random.Random(seed)
    for _ in range(200):
        answers = rng.choices(["11", "12", "13", None], k=rng.randrange(9))
        assert majority(answers) == voting.majority(answers)


def test_the_chain_by_hand_is_the_librarys():
    chain, links = lift(LESSON, "chain"), ["Product? {0}", "Price of {1}?", "{2} for {0}"]

    def answer(chats):
        return [f"<{messages[-1]['content']}>" for messages in chats]

    inputs = ["one {x}", "two"]
    assert chain(answer, links, inputs) == prompts.chain(answer, links, inputs)
