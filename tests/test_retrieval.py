"""Search, recall, evidence and refusals, on small documents and tiny models of two kinds."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import make_model, make_tokenizer

from spectrum import prompts, retrieval, seeds
from spectrum.retrieval import Hit
from spectrum.shop import facts, samplers, world
from spectrum.shop.facts import Document

LINES = [
    "The Kavo lamp is red.",
    "The Kavo lamp is made by Dahl.",
    "The Kavo kettle is blue.",
    "The Bino lamp is made by Galt.",
]
DOCUMENTS = [Document(text, " ".join(text.split()[1:3]), "maker" if "made" in text else "colour") for text in LINES]
PRODUCTS = world.ARRIVALS[:5]


@pytest.fixture(scope="module", params=["llama", "qwen3"])
def pair(request):
    """A tiny model with its own tokenizer and chat template."""
    tokenizer = make_tokenizer(architecture=request.param)
    return make_model(tokenizer, architecture=request.param), tokenizer


def ask_for(product, field):
    return facts.question(next(p for p in world.PRODUCTS if p.name == product), field)


def hits_of(items, n=3):
    search = retrieval.Search(facts.catalogue_lines(PRODUCTS))
    return [search.best(item.input, n) for item in items]


# ---- documents and questions ----


def test_the_catalogue_has_a_line_for_each_fact_in_an_order_that_a_seed_fixes():
    lines = facts.catalogue_lines()
    assert len(lines) == 6 * 96 == len({line.text for line in lines})
    assert lines == facts.catalogue_lines() != facts.catalogue_lines(seed=1)
    assert {(d.product, d.field) for d in lines} == {(p.name, f) for p in world.PRODUCTS for f in samplers.QUESTIONS}


def test_questions_are_distinct_and_true():
    items = facts.questions(PRODUCTS, 20)
    true = {p.name: p.facts() for p in PRODUCTS}
    assert len({item.input for item in items}) == 20
    assert all(item.gold == true[item.details["product"]][item.details["field"]] for item in items)
    assert len(facts.questions(PRODUCTS)) == 30


@pytest.mark.parametrize("n", [0, 31])
def test_more_questions_than_there_are_is_an_error(n):
    with pytest.raises(ValueError, match="give 1 to 30"):
        facts.questions(PRODUCTS, n)


def test_unanswerable_questions_are_on_products_that_the_shop_does_not_have():
    items = facts.unanswerable(40)
    assert not {i.details["product"] for i in items} & {p.name for p in world.PRODUCTS}
    assert {i.gold for i in items} == {"not stated"}


def test_a_wrong_line_answers_the_question_with_another_value():
    for item in facts.questions(PRODUCTS):
        line, value = facts.wrong_line(item)
        assert value != item.gold and value in line and item.details["product"] in line


# ---- search ----


def test_words_are_lower_case_and_without_signs():
    assert retrieval.words("Who makes the Kavo lamp?") == ["who", "makes", "the", "kavo", "lamp"]


def test_the_best_hit_shares_most_and_rarest_words():
    hits = retrieval.Search(DOCUMENTS).best("Is the Kavo kettle blue?", 4)
    assert hits[0].document.text == "The Kavo kettle is blue."
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)


def test_what_shares_no_word_is_left_out_and_nothing_may_be_found():
    search = retrieval.Search(DOCUMENTS)
    assert len(search.best("kettle", 4)) == 1
    assert search.best("Bonjour", 4) == [] == search.best("", 4)
    assert np.array_equal(search.scores("Bonjour"), np.zeros(4))


def test_equal_hits_come_in_the_order_of_the_documents():
    search = retrieval.Search([DOCUMENTS[3], DOCUMENTS[1]])
    assert [h.document.text for h in search.best("made by", 2)] == [LINES[3], LINES[1]]


def test_a_word_said_twice_counts_twice():
    search = retrieval.Search(DOCUMENTS)
    assert np.allclose(search.scores("lamp lamp"), 2 * search.scores("lamp"))


def test_length_holds_back_unless_b_is_zero():
    assert retrieval.Search(DOCUMENTS).scores("kavo")[0] > retrieval.Search(DOCUMENTS).scores("kavo")[1]
    flat = retrieval.Search(DOCUMENTS, b=0.0).scores("kavo")
    assert flat[0] == flat[1] > 0


def test_search_says_what_is_wrong():
    with pytest.raises(ValueError, match="no documents"):
        retrieval.Search([])
    with pytest.raises(ValueError, match="at least 1"):
        retrieval.Search(DOCUMENTS).best("lamp", 0)


# ---- recall ----


def test_recall_is_over_all_questions_and_the_first_k():
    items = [
        ask_for(PRODUCTS[0].name, "maker"),
        ask_for(PRODUCTS[1].name, "colour"),
        ask_for(PRODUCTS[2].name, "price"),
    ]
    right = [Hit(Document("", i.details["product"], i.details["field"]), 1.0) for i in items]
    other = Hit(Document("", "Other lamp", "price"), 2.0)
    found = [[right[0]], [other, right[1]], []]
    assert retrieval.recall_at_k(found, items, 1).mean == pytest.approx(1 / 3)
    assert retrieval.recall_at_k(found, items, 2).mean == pytest.approx(2 / 3)
    assert retrieval.recall_at_k(found, items, 2).n == 3
    assert retrieval.recall_at_k(found, items, 2).ceiling == 1.0
    with pytest.raises(ValueError, match="hits for 2"):
        retrieval.recall_at_k(found[:2], items, 1)


def test_another_field_of_the_product_is_no_answer():
    item = ask_for(PRODUCTS[0].name, "maker")
    assert Document("", PRODUCTS[0].name, "maker").answers(item)
    assert not Document("", PRODUCTS[0].name, "colour").answers(item)


# ---- evidence, answers, refusals ----


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("12 dollars", [1]), ("112 dollars", [0]), ("", []), ("  ", []), ("dollars", [0, 1]), ("12 d", []), ("1.2", [])],
)
def test_evidence_is_whole_words(text, wanted):
    assert retrieval.evidence(text, ["It costs 112 dollars.", "It costs 12 dollars."]) == wanted


def test_answers_without_evidence_become_not_stated():
    found = [[Hit(DOCUMENTS[1], 3.0)], [Hit(DOCUMENTS[0], 3.0)], []]
    assert retrieval.with_evidence(["Dahl", "blue", "red"], found) == ["Dahl", "not stated", "not stated"]


def test_hits_below_the_threshold_are_left_out():
    hits = [Hit(DOCUMENTS[0], 3.0), Hit(DOCUMENTS[1], 2.0), Hit(DOCUMENTS[2], 1.9)]
    assert retrieval.above(hits, 2.0) == hits[:2]
    assert retrieval.above(hits, 3.1) == retrieval.above([], 0.0) == []


def test_with_nothing_found_the_model_is_not_asked(monkeypatch):
    asked = []

    def complete(model, tokenizer, chats, *settings, **options):
        asked.extend(chats)
        return ["said"] * len(chats)

    monkeypatch.setattr(retrieval, "complete", complete)
    items = [ask_for(PRODUCTS[0].name, "maker")] * 3
    found = [[Hit(DOCUMENTS[0], 3.0)], [], [Hit(DOCUMENTS[1], 1.0)]]
    assert retrieval.answer(None, None, items, found) == ["said", "not stated", "said"]
    assert len(asked) == 2 and LINES[0] in asked[0][-1]["content"] and LINES[1] in asked[1][-1]["content"]
    assert retrieval.answer(None, None, items[:1], [[]]) == ["not stated"]
    with pytest.raises(ValueError, match="hits for 1"):
        retrieval.answer(None, None, items, found[:1])


def test_the_best_line_stands_last_where_it_is_asked_for():
    lines = ["best", "second", "third"]
    assert prompts.read_nearest(lines, "Who?") == prompts.read(["third", "second", "best"], "Who?")
    assert lines == ["best", "second", "third"]


@pytest.mark.parametrize("write", [prompts.read, prompts.read_nearest])
def test_any_model_and_chat_template_can_read(pair, write):
    items = facts.questions(PRODUCTS, 4)
    answers = retrieval.answer(*pair, items, hits_of(items), write=write, progress=False)
    assert len(answers) == 4 and all(isinstance(answer, str) for answer in answers)
    rendered = pair[1].apply_chat_template(
        prompts.chat(write(LINES, items[0].input)), tokenize=False, add_generation_prompt=True
    )
    assert all(line in rendered for line in LINES) and items[0].input in rendered


def test_any_model_can_be_asked_closed_book(pair):
    items = facts.questions(PRODUCTS, 3)
    shots = [("Who?", "Dahl")]
    assert len(retrieval.closed_book(*pair, items)) == 3
    assert len(retrieval.closed_book(*pair, items, lambda q: prompts.order_turns("Answer.", shots, q))) == 3


def test_the_floor_guesses_by_field_and_scores_are_exact():
    items = [ask_for(p.name, "maker") for p in PRODUCTS]
    most = max([i.gold for i in items].count(i.gold) for i in items)
    assert facts.guess_floor(items) == most / 5
    score = facts.score([items[0].gold, f"{items[1].gold}!", "", "x", "y"], items)
    assert score.mean == 0.2 and score.floor == most / 5 and score.ceiling == 1.0
    assert facts.score([""] * 5, items, floor=0.0).floor == 0.0


# ---- thresholds ----


def test_the_threshold_lies_in_the_widest_gap():
    assert retrieval.choose_threshold([3.0, 4.0], [1.0, 2.0]) == 2.5
    assert retrieval.choose_threshold([3.0, 4.0, 1.0], [2.0, 1.5]) == 2.5


def test_where_all_are_answerable_or_none_is_refused_the_threshold_follows():
    assert retrieval.choose_threshold([1.0, 1.0], [1.0]) <= 1.0
    assert retrieval.choose_threshold([1.0], [1.0, 2.0]) > 2.0
    with pytest.raises(ValueError, match="at least one of each"):
        retrieval.choose_threshold([], [1.0])


# ---- a fact in a long text ----


def test_a_buried_fact_stands_where_it_should():
    tokenizer, rng = make_tokenizer(), seeds.seeded("buried")
    for place, at in ((0.0, 0), (1.0, -1)):
        item = facts.buried(rng, tokenizer, 300, place)
        lines = item.details["lines"]
        assert retrieval.evidence(item.gold, [lines[at]]) == [0] and item.details["product"] in lines[at]
        assert sum(item.details["product"] in line for line in lines) == 2
        lengths = [len(tokenizer(f" {line}", add_special_tokens=False)["input_ids"]) for line in lines]
        length = len(tokenizer(f"{' '.join(lines)} {item.input}", add_special_tokens=False)["input_ids"])
        assert 290 <= length <= 310 + max(lengths)  # the last line goes over, and is kept whole


def test_bad_places_are_named():
    tokenizer, rng = make_tokenizer(), seeds.seeded("bad")
    with pytest.raises(ValueError, match="from 0"):
        facts.buried(rng, tokenizer, 60, 1.5)


# ---- search by meaning, fusion, scores of a ranking ----


def found_of(*names):
    return [retrieval.Hit(Named(name), 1.0) for name in names]


@dataclass(frozen=True)
class Named:
    """A document that answers the items which list its name."""

    text: str

    def answers(self, item):
        return self.text in item.quotes


def asked(*quotes):
    return SimpleNamespace(quotes=quotes, input="Which one?")


def test_dense_search_ranks_by_the_cosine():
    documents, vectors = [Named(name) for name in "abc"], np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    search = retrieval.DenseSearch(documents, vectors, lambda text: np.array([0.8, 0.6]))
    assert [hit.document.text for hit in search.best("?", 2)] == ["b", "a"]
    assert search.scores("?") == pytest.approx([0.8, 0.96, 0.6])
    with pytest.raises(ValueError, match="k is 0"):
        search.best("?", 0)
    with pytest.raises(ValueError, match="3 documents and 2 vectors"):
        retrieval.DenseSearch(documents, vectors[:2], None)


def test_fusion_adds_what_ranks_are_worth():
    fused = retrieval.fuse([found_of("a", "b", "c"), found_of("c", "d")], k=1)
    assert [hit.document.text for hit in fused] == ["c", "a", "b", "d"]
    assert [hit.score for hit in fused] == pytest.approx([1 / 4 + 1 / 2, 1 / 2, 1 / 3, 1 / 3])
    assert retrieval.fuse([[], []]) == [] and retrieval.fuse([found_of("a")])[0].score == pytest.approx(1 / 61)


def test_reciprocal_rank_is_of_the_first_right_hit():
    items = [asked("b"), asked("a", "c"), asked("x"), asked("a")]
    found = [found_of("a", "b"), found_of("b", "c", "a"), found_of("a"), []]
    score = retrieval.reciprocal_rank(found, items)
    assert score.correct.tolist() == [0.5, 0.5, 0.0, 0.0] and score.name == "MRR"
    with pytest.raises(ValueError, match="4 questions and hits for 3"):
        retrieval.reciprocal_rank(found[:3], items)


def test_ndcg_is_that_of_scikit_learn():
    from sklearn.metrics import ndcg_score

    rng, documents = np.random.default_rng(0), [Named(name) for name in "abcdefgh"]
    for k in (1, 3, 8):
        wanted, order = rng.choice(8, 3, replace=False), rng.permutation(8)
        item, hits = asked(*("abcdefgh"[n] for n in wanted)), found_of(*("abcdefgh"[n] for n in order))
        gains, scores = np.isin(np.arange(8), wanted), np.zeros(8)
        scores[order] = np.arange(8, 0, -1)
        mine = retrieval.ndcg_at_k([hits], [item], documents, k)
        assert mine.mean == pytest.approx(ndcg_score([gains], [scores], k=k))
    with pytest.raises(ValueError, match="No document answers 'Which one\\?'"):
        retrieval.ndcg_at_k([hits], [asked("x")], documents)
