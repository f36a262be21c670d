"""The runs behind lesson 06: SmolLM2 puts passages of the reference in a better order, and answers from them.

`run` is one run, a pure function of its settings that a process pool can import; `REAL` holds the settings of the
stored sweep. `tools/make_sweeps.py` runs them; notebooks/06_retrieval.ipynb reads them.
"""

import re

from spectrum import models, prompts, seeds
from spectrum.evaluate import Score
from spectrum.generate import answer_logprobs, complete
from spectrum.lessons.retrieval import reference, vectors
from spectrum.models import ADAPTER
from spectrum.passes import autocast, precision_of
from spectrum.prompts import NOT_STATED
from spectrum.provenance import provenance
from spectrum.retrieval import Search, fuse
from spectrum.sweeps import read_record, record_path, results_folder

NAME = "smollm2"
RESULTS = results_folder("06_retrieval") / "real"
READ = "dense"  # the search whose hits are read and put in order anew: the best of the three
DEPTH, RERANKED = 50, 10  # hits that are kept of a search; how many of the best are put in order anew
ANSWER_TOKENS = 32
MAY_REFUSE = f"If the text does not say, answer: {NOT_STATED}."
GIVEN = ("nothing", "right", "stranger's", "altered", "found", "without the right", "among others")
PLACES = ("first", "middle", "last")
REAL = {
    "reranked": [{"what": "reranked"}],
    "answers": [
        {"what": "answers", "given": "nothing"},
        {"what": "answers", "given": "right"},
        {"what": "answers", "given": "stranger's"},
        {"what": "answers", "given": "altered"},
        *({"what": "answers", "given": "found", "k": k} for k in (1, 3, 5)),
        *({"what": "answers", "given": "among others", "k": 5, "place": place} for place in PLACES),
        {"what": "answers", "given": "right", "refuse": True},
        {"what": "answers", "given": "without the right", "k": 3, "refuse": True},
        {"what": "answers", "given": "right", "refuse": True, "name": ADAPTER},
        {"what": "answers", "given": "without the right", "k": 3, "refuse": True, "name": ADAPTER},
    ],
}


def run(what, **settings):
    """Returns what one run found, plain data: `what` is "reranked" or "answers"."""
    return {"reranked": reranked, "answers": answers}[what](**settings)


def answerable():
    """Returns the Questions that the reference answers."""
    return reference.questions("same", "other")


# ---- three searches ----


def searched(method, asked, depth=DEPTH):
    """Returns the Hits for each question by "BM25", "dense", or "hybrid": both, fused."""
    if method == "hybrid":
        both = zip(searched("BM25", asked, depth), searched("dense", asked, depth), strict=True)
        return [fuse(pair)[:depth] for pair in both]
    by = {"BM25": lambda: Search(reference.passages()), "dense": vectors.search}
    search = by[method]()
    return [search.best(question.input, depth) for question in asked]


def reranked():
    """Returns {"orders"}: for each question the first RERANKED hits of the search READ in their new order, as ranks.

    SmolLM2 reads a passage and is asked how likely the question is after it (Sachan et al. 2022, arXiv 2204.07496).
    """
    model, tokenizer = models.load_model(NAME)
    with autocast(precision_of(model.dtype), model.device):
        pairs = zip(answerable(), searched(READ, answerable(), RERANKED), strict=True)
        orders = [rerank(model, tokenizer, question.input, hits) for question, hits in pairs]
    return {"orders": orders, "provenance": provenance(model, NAME)}


def rerank(model, tokenizer, question, hits):
    """Returns the numbers of the hits, from 0, the one after which the model finds the question likeliest first."""
    asked = [f"Text: {hit.document.text}\n\nA question on this text:" for hit in hits]
    likely = answer_logprobs(model, tokenizer, asked, [f" {question}"] * len(hits), batch_size=5)
    return [int(n) for n in (-likely).argsort(kind="stable")]


def stored_order():
    """Returns the Hits of the search READ for each question that has an answer, the first ones in SmolLM2's order."""
    orders = stored("reranked", REAL["reranked"][0])["orders"]
    found = searched(READ, answerable())
    return [[*(hits[n] for n in order), *hits[len(order) :]] for hits, order in zip(found, orders, strict=True)]


# ---- answers ----


def answers(given, k=1, place="first", refuse=False, name=NAME):
    """Returns {"answers", "right", "refused"} of a model on the questions that are answerable.

    "right" has 1 or 0 for each, and of an altered passage "altered" too: whether the answer repeats what was put into
    it. `given`, `k` and `place` are those of `texts`.
    """
    model, tokenizer = models.load_model(name)
    asked = alterable() if given == "altered" else answerable()
    read, others = texts(asked, given, k, place)
    chats = [prompts.chat(prompt(question.input, lines, refuse)) for question, lines in zip(asked, read, strict=True)]
    with autocast(precision_of(model.dtype), model.device):
        said = complete(model, tokenizer, chats, max_new_tokens=ANSWER_TOKENS, batch_size=8, progress=True)
    found = {
        "answers": said,
        "right": [int(question.is_right(answer)) for answer, question in zip(said, asked, strict=True)],
    }
    if others:
        found["altered"] = [int(reference.says(*pair)) for pair in zip(said, others, strict=True)]
    return found | {"refused": [int(NOT_STATED in answer.lower()) for answer in said],
                    "provenance": provenance(model, NAME) | {"asked": name}}  # fmt: skip


def prompt(question, texts, refuse=False):
    """Returns what a model is asked: the texts, the question, and whether it may say that they do not tell."""
    return "\n\n".join([*texts, f"{question} {MAY_REFUSE}" if refuse else question])


def texts(asked, given, k=1, place="first"):
    """Returns (texts to read for each question, wrong words that stand in them); the second is None but for "altered".

    `given` is one of GIVEN: "nothing"; the "right" passage; the right one of a "stranger's" question; the right one
    "altered"; k that were "found"; k "without the right" ones; or the right one at a `place` "among others" to k.
    """
    if given not in GIVEN:
        raise ValueError(f"given must be one of {', '.join(GIVEN)}, not {given!r}")
    if given == "nothing":
        return [[] for _ in asked], None
    found = searched(READ, asked)
    if given == "found":
        return [[hit.document.text for hit in hits[:k]] for hits in found], None
    wrong = [[hit.document.text for hit in hits if not hit.document.answers(question)]
             for hits, question in zip(found, asked, strict=True)]  # fmt: skip
    if given == "without the right":
        return [each[:k] for each in wrong], None
    right = [right_passage(question) for question in asked]
    if given == "right":
        return [[each] for each in right], None
    if given == "stranger's":
        return [[right[(n + 7) % len(right)]] for n in range(len(right))], None
    if given == "altered":
        changed = [altered(text, question) for text, question in zip(right, asked, strict=True)]
        return [[text] for text, _ in changed], [(word,) for _, word in changed]
    at = {"first": 0, "middle": (k - 1) // 2, "last": k - 1}[place]
    return [[*each[:at], text, *each[at : k - 1]] for each, text in zip(wrong, right, strict=True)], None


def right_passage(question):
    """Returns the text of the first passage that answers a question."""
    return next(passage.text for passage in reference.passages() if passage.answers(question))


MAKES = {"an exception": r"\w+(Error|Exception|Iteration|Exit)", "a number": r"\d[\d,.]*", "a special name": r"__\w+__",
         "signs": r"\W+"}  # fmt: skip


def make(question):
    """Returns what the right answer to a question looks like, one of MAKES, or None where it is just words."""
    return next((name for name, pattern in MAKES.items() if re.fullmatch(pattern, question.answers[0])), None)


def alterable():
    """Returns the Questions whose right answer can be exchanged for another of its make: an exception, a number, …"""
    return [question for question in answerable() if make(question)]


def altered(text, question):
    """Returns (the passage with a wrong answer of the same make in the place of the right one, that wrong answer)."""
    alike = [other.answers[0] for other in alterable() if make(other) == make(question)]
    others = [word for word in alike if word not in question.answers and not reference.says(text, (word,))]
    word = seeds.seeded("altered", question.input).choice(others)
    for answer in question.answers:
        text = re.sub(rf"(?<!\w){re.escape(answer)}(?!\w)", word.replace("\\", r"\\"), text, flags=re.IGNORECASE)
    return text, word


def altered_scores():
    """Returns the Scores of answers that say what an altered passage says, the truth, and the truth when unaltered."""
    found, told = stored("answers", {"what": "answers", "given": "altered"}), score(given="right")
    kept = [question in alterable() for question in answerable()]
    ends = {"floor": 0.0, "ceiling": 1.0}
    return [
        Score("SmolLM2: says the altered page's value", found["altered"], **ends),
        Score("SmolLM2: says the true value", found["right"], **ends),
        Score("SmolLM2: true value, page unaltered", told.correct[kept], **ends),
    ]


def stored(what, settings):
    """Returns the result of a stored run."""
    return read_record(record_path(RESULTS / what, settings))["result"]


def score(**settings):
    """Returns the Score of a stored run on answers; its settings are those of `answers`."""
    found = stored("answers", {"what": "answers", **settings})
    return Score(name_of(**settings), found["right"], floor=0.0, ceiling=1.0, answers=found["answers"])


def name_of(given, k=1, place=None, refuse=False, name=NAME):
    """Returns what a run's row is called in tables."""
    names = {"nothing": "closed book", "right": "the right passage", "stranger's": "another question's passage",
             "altered": "the right passage, altered", "found": f"the first {k} found",
             "without the right": f"{k} found, none right", "among others": f"right one {place} of {k}"}  # fmt: skip
    which = "" if name == NAME else f"{name}: "
    return which + names[given] + (", may refuse" if refuse else "")
