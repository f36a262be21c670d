"""The searches and the reader of lesson 06's playground, live: what is on this machine, and what is not."""

from spectrum import embedder, models, prompts, retrieval
from spectrum.generate import complete
from spectrum.lessons.retrieval import reference, runs, vectors


def searches(embed=True):
    """Returns {method: function of (question, k) -> Hits}; without the embedder "dense" knows the course's questions.

    `embed` False leaves the embedder out even where it is here.
    """
    words = retrieval.Search(reference.passages())
    meaning = vectors.search(embedder.load_embedder() if embed and embedder.is_here() else None)

    def both(question, k):
        return retrieval.fuse([words.best(question, runs.DEPTH), meaning.best(question, runs.DEPTH)])[:k]

    return {"BM25": words.best, "dense": meaning.best, "hybrid": both}


def reader():
    """Returns `ask(texts, question)`, SmolLM2's answer, or None where SmolLM2 is not on this machine.

    The model is loaded when it is first asked.
    """
    try:
        models.find_folder(runs.NAME)
    except ConnectionError:
        return None
    pair = []

    def ask(texts, question):
        pair.extend(() if pair else models.load_model(runs.NAME))
        chat = prompts.chat(runs.prompt(question, texts))
        return complete(*pair, [chat], max_new_tokens=runs.ANSWER_TOKENS, progress=False)[0]

    return ask
