"""What customers write: each message shows what it must, in its split, in English that people can read."""

import re
from collections import Counter

import pytest
import reader

from spectrum import seeds
from spectrum.shop import messages, world

ALL_FIELDS = ("name", "city", "product", "order", "problem", "sentiment", "urgency", "intent")


def letters(count, show=None, split="train", seed=0, typos=0.0, **options):
    """Returns `count` pairs (text, record)."""
    rng, written = seeds.seeded("test", seed, split), []
    for _ in range(count):
        record = messages.sample_record(rng, split, world.PRODUCTS)
        shown = rng.sample(ALL_FIELDS, rng.randrange(1, 6)) if show == "random" else show
        written.append((messages.write_message(rng, record, show=shown, typos=typos, **options), record))
    return written


def body_sentences(text):
    """Returns the sentences of a message without the signature, which needs no stop."""
    text = re.sub(r"(?:^| )(?:Yours|Regards|Thanks), [A-Z]\w+(?:, [A-Z]\w+)?$", "", text)
    return re.findall(r"[^.?!]+[.?!]?", text)


# ---- splits ----


def test_pair_splits_are_disjoint_and_cover_every_pair():
    owned = {
        s: {(n, p) for n in world.CATEGORY_OF for p in messages.PROBLEMS if messages.pair_split(n, p) == s}
        for s in world.SPLITS
    }
    assert sum(map(len, owned.values())) == len(world.CATEGORY_OF) * len(messages.PROBLEMS)
    assert len(set().union(*owned.values())) == 192
    assert {s: len(pairs) for s, pairs in owned.items()} == {"train": 144, "dev": 24, "test": 24}


def test_every_split_has_every_problem_and_category_alike():
    for split in world.SPLITS:
        pairs = [(n, p) for n in world.CATEGORY_OF for p in messages.PROBLEMS if messages.pair_split(n, p) == split]
        assert len(set(Counter(p for _, p in pairs).values())) == 1, (
            f"{split}: one problem is more frequent than another"
        )
        assert {world.CATEGORY_OF[n] for n, _ in pairs} == set(world.CATEGORIES)


@pytest.mark.parametrize("split", world.SPLITS)
def test_messages_show_only_pairs_of_their_split(split):
    for text, _ in letters(400, show=("product", "problem"), split=split):
        noun = reader.bought(text)[1].split()[1]
        assert messages.pair_split(noun, reader.label(text, "problem")) == split


# ---- content ----


def test_messages_are_a_function_of_the_seed():
    assert letters(50, show="random", typos=0.02) == letters(50, show="random", typos=0.02)
    assert letters(50, show="random", typos=0.02) != letters(50, show="random", typos=0.02, seed=1)


@pytest.mark.parametrize("show", [*ALL_FIELDS, "quantity", "category"])
def test_a_message_shows_what_is_asked_for(show):
    for text, record in letters(120, show=(show,), typos=0.1):
        assert reader.field(text, show) == str(getattr(record, show)), text


def test_a_full_message_tells_its_whole_record():
    for text, record in letters(300, typos=0.05):
        for name in (*ALL_FIELDS, "quantity", "category"):
            assert reader.field(text, name) == str(getattr(record, name)), (name, text)


def test_sentiment_words_alone_do_not_tell_the_sentiment():
    kinds = Counter()
    for text, record in letters(400, show=("sentiment",)):
        words = set(re.findall(r"\w+", text))
        kinds[record.sentiment, bool(words & set(reader.GOOD)), bool(words & set(reader.BAD))] += 1
    for sentiment in ("positive", "negative"):
        shares = [kinds[sentiment, good, bad] for good, bad in ((True, False), (False, True), (True, True))]
        assert min(shares) / sum(shares) > 0.15, f"{sentiment}: plain, negated and mixed words are {shares}"


def test_the_share_of_typos_is_about_as_stated():
    changed = eligible = 0
    for seed in range(3):
        rate = 0.3
        rng_clean, rng_typos = seeds.seeded("typos", seed), seeds.seeded("typos", seed)
        text = " ".join(t for t, _ in letters(150, seed=seed))
        clean, typed = messages.misspell(rng_clean, text, 0.0).split(), messages.misspell(rng_typos, text, rate).split()
        eligible += sum(len(w) > 5 and w.isalpha() and w.islower() for w in clean)
        changed += sum(a != b for a, b in zip(clean, typed, strict=True))
        assert reader.blur(" ".join(clean)) == reader.blur(" ".join(typed))
    # A swap of two equal letters ("nn") does not show: a few per cent fewer than stated.
    assert 0.85 * rate < changed / eligible < 1.05 * rate


def test_typos_leave_the_answers_alone():
    for text, record in letters(200, typos=1.0):
        for name in ("name", "city", "product", "quantity", "order"):
            assert reader.field(text, name) == str(getattr(record, name)), (name, text)


# ---- English ----


TEXTS = [text for text, _ in letters(1500, show="random")]


@pytest.mark.parametrize("wrong, what", [
    (r"  |^ | $| [.,?!]", "a stray space"), (r"\ba [aeiouAEIOU]", "a for an"), (r"\ban [^aeiouAEIOU]", "an for a"),
    (r"[.,?!]{2}", "doubled punctuation"),
    (r"[.?!] [a-z]", "a small letter after a stop"), (r"^[a-z]", "a small letter at the start"),
    (r"\b(1|one) [A-Z]\w+ \w+s\b(?<!mattress)", "a plural after one"),
])  # fmt: skip
def test_messages_are_free_of(wrong, what):
    found = [t for t in TEXTS if re.search(wrong, t)]
    assert not found, f"{what}: {found[:3]}"


def test_sentences_start_with_a_capital_and_end_with_a_stop():
    for text in TEXTS:
        for sentence in body_sentences(text):
            assert re.match(r"\s?[A-Z]", sentence) and sentence[-1] in ".?!", (sentence, text)


def test_is_and_are_agree_with_the_noun():
    for text in TEXTS:
        for noun, verb in re.findall(r"\b[Tt]he ([a-z]+) (is|are)\b", text):
            if noun in reader.PLURALS or noun in reader.CATEGORY:
                assert (verb == "are") == (noun in reader.PLURALS), text


def test_i_is_a_capital():
    assert not [t for t in TEXTS if re.search(r"\bi\b", t)]
