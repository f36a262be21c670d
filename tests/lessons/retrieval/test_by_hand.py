"""What lesson 06 and its lab build by hand, taken out of the notebooks, against bm25s and the package."""

import random
from pathlib import Path

import numpy as np
import pytest

from spectrum import retrieval
from spectrum.shop import facts, world
from spectrum.shop.facts import Document
from tools.lifted import lift

NOTEBOOK = Path(__file__).resolve().parents[3] / "notebooks" / "06_retrieval.ipynb"
SOLUTION = NOTEBOOK.parent.parent / "solutions" / NOTEBOOK.name


@pytest.fixture(scope="module")
def bm25():
    return lift(NOTEBOOK, "bm25")


@pytest.mark.parametrize("number", range(12))
def test_bm25_by_hand_is_bm25s(bm25, number):
    draw = random.Random(number)
    texts = [
        " ".join(draw.choices("kavo lamp is red made by dahl the".split(), k=draw.randint(1, 9))) for _ in range(9)
    ]
    k1, b = draw.choice([0.9, 1.5, 2.0]), draw.choice([0.0, 0.5, 0.75, 1.0])
    asked = " ".join(draw.choices("kavo lamp Who makes the dahl".split(), k=5))
    search = retrieval.Search([Document(text, "", "") for text in texts], k1=k1, b=b)
    assert np.allclose(search.scores(asked), bm25(asked, texts, k1, b), atol=1e-5)


def test_the_lab_solves_the_same(bm25):
    texts = [d.text for d in facts.catalogue_lines(world.ARRIVALS[:4])]
    asked = "Who makes the lamp, the lamp?"
    split = [retrieval.words(text) for text in texts]
    mine = lift(SOLUTION, "bm25")(retrieval.words(asked), [([], words) for words in split])
    assert np.allclose(mine, bm25(asked, texts), atol=1e-12)


def test_evidence_in_the_lab_is_the_packages():
    items = facts.questions(world.ARRIVALS[:6])
    evidence = lift(SOLUTION, "evidence")
    lines = [hit.document.text for hit in retrieval.Search(facts.catalogue_lines()).best(items[0].input, 6)]
    for text in ("", "Kavo", "dollars", "is", items[0].gold, "s", "."):
        assert evidence(text, lines) == retrieval.evidence(text, lines)


@pytest.mark.parametrize("number", range(6))
def test_fusion_by_hand_is_the_packages(number):
    draw, by_hand = random.Random(number), lift(NOTEBOOK, "fuse")
    rankings = [draw.sample("abcdefgh", draw.randint(1, 8)) for _ in range(draw.randint(1, 4))]
    hits = [[retrieval.Hit(name, 1.0) for name in ranking] for ranking in rankings]
    assert by_hand(rankings) == [hit.document for hit in retrieval.fuse(hits)]
    assert by_hand(rankings, 1) == [hit.document for hit in retrieval.fuse(hits, 1)]
