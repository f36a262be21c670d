"""The runs of lesson 06: what is read, what counts as right, who refuses, and that the stored runs are the grid's."""

import numpy as np
import pytest
from tiny import make_tiny

from spectrum import embedder, models, smollm2
from spectrum.lessons.retrieval import live, reference, refusals, runs
from spectrum.models import load_model
from spectrum.retrieval import Hit
from spectrum.sweeps import missing

ASKED = runs.answerable()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_tiny(tmp_path_factory.mktemp("tiny"))


def test_what_is_given_is_what_is_said():
    few = ASKED[:8]
    right = [runs.right_passage(question) for question in few]
    assert runs.texts(few, "nothing") == ([[]] * 8, None)
    assert [texts for (texts,) in runs.texts(few, "right")[0]] == right
    assert all(reference.says(text, q.answers) for text, q in zip(right, few, strict=True))
    for lines, question in zip(runs.texts(few, "without the right", 3)[0], few, strict=True):
        assert len(lines) == 3 and not any(p.answers(question) for p in reference.passages() if p.text in lines)
    for number, place in enumerate(runs.PLACES):
        for lines, text in zip(runs.texts(few, "among others", 5, place)[0], right, strict=True):
            assert len(lines) == 5 and lines.index(text) == (0, 2, 4)[number] and lines.count(text) == 1
    found = runs.searched("dense", few)
    assert runs.texts(few, "found", 3)[0] == [[hit.document.text for hit in hits[:3]] for hits in found]
    strangers = runs.texts(ASKED, "stranger's")[0]
    assert sum(reference.says(text, q.answers) for (text,), q in zip(strangers, ASKED, strict=True)) < 12
    with pytest.raises(ValueError, match="given must be one of nothing, right,"):
        runs.texts(few, "all")


def test_an_altered_passage_holds_the_wrong_answer_and_not_the_right_one():
    assert len(runs.alterable()) >= 20
    for question in runs.alterable():
        text, word = runs.altered(runs.right_passage(question), question)
        assert reference.says(text, (word,)) and not question.is_right(text) and not question.is_right(word)
        assert runs.make(question) and text != runs.right_passage(question)


def test_hybrid_is_both_searches_fused_and_reranking_keeps_the_hits(folder):
    few = ASKED[:3]
    both = [runs.searched(method, few, 5) for method in ("BM25", "dense")]
    for one, two, fused in zip(*both, runs.searched("hybrid", few, 5), strict=True):
        assert {hit.document for hit in fused} <= {hit.document for hit in (*one, *two)} and len(fused) == 5
    hits = [Hit(passage, 1.0) for passage in reference.passages()[:4]]
    order = runs.rerank(*load_model(folder, device="cpu"), "What is it?", hits)
    assert sorted(order) == [0, 1, 2, 3]


def test_a_run_asks_and_scores(folder, monkeypatch):
    monkeypatch.setattr(runs, "answerable", lambda: ASKED[:3])
    monkeypatch.setattr(runs, "provenance", lambda model, name: {})
    said = ["AssertionError.", "3.4", "Not stated"]
    monkeypatch.setattr(runs, "complete", lambda *pair, **options: said)
    found = runs.answers("nothing", name=folder)
    assert found["right"] == [1, 0, 0] and found["refused"] == [0, 0, 1]


def test_the_prompt_is_the_texts_then_the_question():
    assert runs.prompt("Why?", []) == "Why?"
    assert runs.prompt("Why?", ["One.", "Two."]) == "One.\n\nTwo.\n\nWhy?"
    assert runs.prompt("Why?", ["One."], refuse=True).endswith("Why? If the text does not say, answer: not stated.")


@pytest.mark.parametrize("name", runs.REAL)
def test_every_stored_run_is_of_the_grid_and_says_where_it_came_from(name):
    assert missing(runs.REAL[name], runs.RESULTS / name) == []
    assert len(list((runs.RESULTS / name).glob("*.json"))) == len(runs.REAL[name])
    for settings in runs.REAL[name]:
        told = runs.stored(name, settings)["provenance"]
        assert {"model", "weights", "dtype", "device", "date"} <= told.keys()


def test_stored_scores_have_names_of_their_own():
    names = [runs.name_of(**{k: v for k, v in settings.items() if k != "what"}) for settings in runs.REAL["answers"]]
    assert len(set(names)) == len(names)
    for settings in runs.REAL["answers"]:
        runs.score(**{key: value for key, value in settings.items() if key != "what"})


def test_the_stored_order_moves_only_the_first_hits():
    for before, after in zip(runs.searched(runs.READ, ASKED), runs.stored_order(), strict=True):
        assert before[runs.RERANKED :] == after[runs.RERANKED :]
        assert {hit.document for hit in before} == {hit.document for hit in after}


# ---- refusals ----


def test_curves_rise_from_no_refusals_to_all():
    for false, true in refusals.threshold_curves().values():
        assert false[0] == true[0] == 0 and false[-1] == true[-1] == 100
        assert (np.diff(false) >= 0).all() and (np.diff(true) >= 0).all()


def test_models_that_may_refuse_are_read_from_their_runs():
    for false, true in refusals.model_refusals().values():
        assert false.n == true.n == len(ASKED)


# ---- live ----


def test_the_live_searches_rank_the_courses_questions_without_an_embedder(monkeypatch):
    monkeypatch.setattr(embedder, "is_here", lambda: False)
    found = {name: search(ASKED[0].input, 2) for name, search in live.searches().items()}
    assert list(found) == ["BM25", "dense", "hybrid"] and all(len(hits) == 2 for hits in found.values())
    with pytest.raises(ValueError, match="Fetch the embedder first"):
        live.searches()["hybrid"]("What is a lamp?", 2)


def test_the_reader_loads_the_model_once_and_is_missing_where_the_model_is(folder, monkeypatch):
    loaded = []

    def load(name):
        loaded.append(name)
        return models.load_model(folder, device="cpu")

    with monkeypatch.context() as patch:
        patch.setattr(live.models, "find_folder", lambda name: folder)
        patch.setattr(live, "models", type("Models", (), {"find_folder": lambda name: folder, "load_model": load}))
        ask = live.reader()
        assert loaded == [] and isinstance(ask(["One."], "Why?"), str) and isinstance(ask(["Two."], "Why?"), str)
        assert loaded == ["smollm2"]
    monkeypatch.setattr(smollm2, "find", lambda: (_ for _ in ()).throw(ConnectionError("not here")))
    assert live.reader() is None
