"""Two kinds of document for the next pretraining: rules and labels to bind, many answers to a token.

Tried on 2026-11-23: lumen-base trained on such documents alone for 900 steps of 2,048 tokens (5 minutes on two cores)
went from 21 to 95 % on the rules, and from 51 to 97.5 % (93.7 to 99.0, n = 160) on the effect row of invented labels.
"""

from spectrum import corpus, messages, samplers


def rule_drill(rng):
    """Returns if–then rules drawn afresh and four wishes, named or in a sentence, each with its answer."""
    wishes = rng.sample(list(messages.INTENTS), rng.randrange(2, 5))
    answers = rng.sample(samplers.ROUTES, len(wishes) + 1)
    rules = " ".join(f"If the wish is {w}, answer {a}." for w, a in zip(wishes, answers, strict=False))
    routed, named = dict(zip(wishes, answers, strict=False)), rng.random() < 0.5
    lines = [f"{rules} Otherwise answer {answers[-1]}."]
    for wish in (rng.choice(list(messages.INTENTS)) for _ in range(4)):
        asked = f"Wish: {wish}" if named else rng.choice(messages.INTENTS[wish])
        lines.append(f"{asked}\nAnswer: {corpus.answer(routed.get(wish, answers[-1]))}")
    return "\n".join(lines)


def label_drill(rng):
    """Returns 16 sentences of two classes under two labels drawn afresh, or 30 single words."""
    if rng.random() < 0.5:
        classes, draw = corpus.labelled_sentences(rng, 2)
        count = 16
    else:
        groups, count = corpus.word_groups(), 30
        classes = rng.sample(list(groups), 2)

        def draw(c):
            return rng.choice(groups[c])

    names = dict(zip(classes, rng.sample(corpus.LABEL_WORDS, 2), strict=True))
    return "".join(f"{draw(c)} -> {corpus.answer(names[c])}\n" for c in (rng.choice(classes) for _ in range(count)))
