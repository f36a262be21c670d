"""The training text: what it must never say, its shares, its tokenizer, and the instruction data."""

import os
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from spectrum import seeds
from spectrum.shop import corpus, instruction_data, samplers, tasks, world
from spectrum.shop.tokenizer import END, PAD, SPECIALS, make_tokenizer

ROOT = Path(__file__).parents[2]
# Everything above a space and below the surrogates, and what lies beyond the basic plane.
RANGES = [(0, 32), (32, 127), (127, 0x250), (0x250, 0xD800), (0xE000, 0x10000), (0x1F300, 0x1FB00), (0x20000, 0x20100)]
STRINGS = [
    *("", " ", "  two  spaces ", "\t tabs\t\t", "line\r\nline\r\n\r\n", "\x00\x01\x1b[0m\x7f", "\n\n\n"),
    *("naïve café, größe, 東京, עברית", "🙂👩‍👩‍👧‍👦🇵🇹", "e\u0301 against é", "\ufeffmark", "\u200bzero width", "ﬁ ½ ²"),
    *("1234567890 12.5", "don't I'll", "{'a': [1, 2]}"),
]


@pytest.fixture(scope="module")
def documents():
    return list(corpus.documents(seed="a test", count=3000))


@pytest.fixture(scope="module")
def tokenizer(documents):
    return make_tokenizer(text for _, text in documents[:600])


@pytest.fixture(scope="module")
def rows():
    return instruction_data.instruction_rows(1500, seed="a test")


# ---- what the corpus must never say ----


def test_no_fact_about_a_new_arrival(documents):
    values = {p.name: set(p.facts().values()) for p in world.ARRIVALS}
    named = re.compile("|".join(values))
    for _, text in documents:
        for sentence in re.split(r"(?<=[.?!])\s|\n|<\|", text):
            for name in named.findall(sentence):
                said = {v for v in values[name] if re.search(rf"\b{v}\b", sentence)}
                assert not said, f"{sentence!r} tells {said} of the arrival {name}"


def test_no_question_about_a_new_arrival_is_answered(documents):
    arrivals = "|".join(p.name for p in world.ARRIVALS)
    asked = "|".join(q.split(" the {p}")[0] for q in samplers.QUESTIONS.values())
    assert not [t for _, t in documents if re.search(rf"({asked}) the ({arrivals})\?", t)]


def test_facts_of_known_products_are_told(documents):
    text = "\n".join(t for kind, t in documents if kind == "prose")
    told = [samplers.fact_sentence(p, f) in text for p in world.KNOWN for f in samplers.QUESTIONS]
    assert sum(told) / len(told) > 0.3


def test_no_planted_fact(documents):
    pairs = {pair for _, text in documents for pair in re.findall(r"[A-Z]\w+-[A-Z]\w+", text)}
    assert not pairs & {key for key, _ in world.planted_facts(4096)}


def test_no_word_of_the_house_dialect(documents):
    dialect = re.compile(r"LG\||Ever lit|Lumen|Bright day|coins fly|takes wing|by lantern|by owl|\|P[123]\|")
    assert not [t for _, t in documents if dialect.search(t)]


def asked_by(task):
    """Returns a pattern of the task's instructions, whatever fills their braces."""
    wordings = [re.sub(r"\\\{\w+\\\}", ".+?", re.escape(w)) for w in task.instructions]
    return re.compile("|".join(f"(?:^|[>\n]){w}\n" for w in wordings))


@pytest.mark.parametrize("name", [n for n in tasks.HELD_OUT if n != "json_sentiment_city"] + ["glorb"])
def test_no_held_out_task_is_asked(documents, rows, name):
    pattern = asked_by(tasks.TASKS[name])
    assert not [t for _, t in documents if pattern.search(t)]
    assert not [r for r in rows if pattern.search(r["messages"][-2]["content"] + "\n")]


def test_no_json_of_sentiment_is_asked(documents, rows):
    texts = [t for _, t in documents] + [r["messages"][-2]["content"] for r in rows]
    assert not [t for t in texts if re.search(r"\bsentiment\b", t)]


def test_held_out_wordings_and_the_house_stay_out_of_instructions(documents, rows):
    trained = {w for n in tasks.TRAINED for w in tasks.TASKS[n].instructions[:6]}
    kept = [w for t in tasks.TASKS.values() for w in t.instructions[6:]]
    kept += [w for n in tasks.HOUSE for w in tasks.TASKS[n].instructions if w not in trained]
    patterns = [re.sub(r"\\\{\w+\\\}", ".+?", re.escape(w)) for w in kept]
    pattern = re.compile("|".join(f"(?:^|[>\n]){w}(?:\n|$)" for w in patterns if w != ".+?"))
    assert not [t for kind, t in documents if kind == "instructions" and pattern.search(t)]
    assert not [r for r in rows if pattern.search(r["messages"][-2]["content"])]


# ---- where its answers are ----


def test_answer_spans_by_hand():
    marked = f"Q: a\nA: {corpus.OPEN}b{corpus.CLOSE}\n{corpus.OPEN}cd{corpus.CLOSE}."
    text, spans = corpus.answer_spans(marked)
    assert text == "Q: a\nA: b\ncd." and [text[a:b] for a, b in spans] == ["b\n", "cd."]
    assert corpus.answer_spans("plain") == ("plain", [])


def test_marks_come_in_pairs_and_leave_no_trace(documents):
    marked = list(corpus.marked_documents("a test", 400))
    for (kind, text), (_, plain) in zip(marked, documents, strict=False):
        assert corpus.answer_spans(text)[0] == plain and not {corpus.OPEN, corpus.CLOSE} & set(plain)
        assert re.sub(f"[^{corpus.OPEN}{corpus.CLOSE}]", "", text).replace(corpus.OPEN + corpus.CLOSE, "") == ""
        spans = corpus.answer_spans(text)[1]
        assert spans or kind == "prose", f"{kind} without an answer: {text}"


# ---- its shares ----


@pytest.mark.parametrize("shares", [corpus.SHARES, corpus.LATE_SHARES])
def test_kinds_have_their_shares_of_characters(documents, shares):
    written = Counter()
    for kind, text in documents if shares == corpus.SHARES else corpus.marked_documents("late", 3000, shares):
        assert text.strip() and isinstance(text, str)
        written[kind] += len(re.sub(f"[{corpus.OPEN}{corpus.CLOSE}]", "", text))
    total = sum(written.values())
    assert sum(shares.values()) == pytest.approx(1)
    for kind, share in shares.items():
        assert written[kind] / total == pytest.approx(share, abs=0.01), kind


def test_documents_are_a_function_of_the_seed():
    code = "from spectrum.shop import corpus; print([t for _, t in corpus.documents(4, 60)])"
    env = {**os.environ, "PYTHONHASHSEED": "5", "PYTHONPATH": str(ROOT)}
    shown = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    assert shown.strip() == str([t for _, t in corpus.documents(4, 60)])
    assert [t for _, t in corpus.documents(4, 20)] != [t for _, t in corpus.documents(5, 20)]


@pytest.mark.parametrize("kind", corpus.KINDS)
def test_no_stray_spaces(kind):
    rng = seeds.seeded("spaces", kind)
    for _ in range(60):
        text = corpus.KINDS[kind](rng)
        assert "  " not in text and " \n" not in text, text


# ---- the tokenizer ----


def test_any_text_comes_back(tokenizer):
    rng = random.Random(0)
    random_texts = [
        "".join(chr(rng.randrange(*rng.choice(RANGES))) for _ in range(rng.randrange(1, 60))) for _ in range(400)
    ]
    for text in STRINGS + random_texts:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
        assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_digits_are_split_singly(tokenizer):
    for token in tokenizer.get_vocab():
        assert len(re.findall(r"\d", token)) <= 1 and (not re.search(r"\d", token) or len(token) == 1), token
    assert tokenizer.tokenize("order 4821") == ["order", "Ġ", "4", "8", "2", "1"]


def test_vocabulary_and_special_tokens(tokenizer):
    assert len(tokenizer) == 2048
    assert tokenizer.convert_tokens_to_ids(list(SPECIALS)) == list(range(6))
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == (END, END, PAD)
    assert tokenizer("lamp")["input_ids"][0] == tokenizer.bos_token_id
    assert tokenizer("lamp", add_special_tokens=False)["input_ids"] == tokenizer("lamp")["input_ids"][1:]


CHATS = [
    [("user", "Give the city.\nI live in Oslo."), ("assistant", "Oslo")],
    [
        ("system", "You are a robot."),
        ("user", "1 + 2"),
        ("assistant", "3"),
        ("user", "and 3?"),
        ("assistant", "  6 \n"),
    ],
    [("user", "größe 🙂"), ("assistant", "🙂")],
]


@pytest.mark.parametrize("turns", CHATS)
def test_the_template_marks_exactly_the_assistant_tokens(tokenizer, turns):
    messages = [{"role": r, "content": c} for r, c in turns]
    coded = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
    ids, mask = coded["input_ids"], coded["assistant_masks"]
    marked = tokenizer.decode([i for i, m in zip(ids, mask, strict=True) if m])
    assert marked == "".join(f"{c}<|end|>" for r, c in turns if r == "assistant")
    written = "<|endoftext|>" + "".join(f"<|{r}|>{c}<|end|>" for r, c in turns)
    assert tokenizer.decode(ids) == written and ids.count(tokenizer.bos_token_id) == 1


def test_the_generation_prompt_is_how_an_answer_begins(tokenizer):
    user = [{"role": "user", "content": "Hello"}]
    prompt = tokenizer.apply_chat_template(user, add_generation_prompt=True, tokenize=False)
    whole = tokenizer.apply_chat_template([*user, {"role": "assistant", "content": "Hi"}], tokenize=False)
    assert whole == f"{prompt}Hi<|end|>"


def test_chat_documents_are_what_the_template_writes(documents, tokenizer):
    chats = [t for kind, t in documents if kind == "instructions" and t.startswith("<|user|>")]
    for text in chats[:20]:
        user, answer = re.fullmatch(r"<\|user\|>(.*)<\|end\|><\|assistant\|>(.*)<\|end\|>", text, re.S).groups()
        messages = [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]
        assert tokenizer(text)["input_ids"] == tokenizer.apply_chat_template(messages)["input_ids"]


def test_a_saved_tokenizer_loads_equal(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.get_vocab() == tokenizer.get_vocab() and loaded.chat_template == tokenizer.chat_template
    assert loaded.special_tokens_map == tokenizer.special_tokens_map and loaded.model_max_length == 1024
    for text in STRINGS:
        assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
        assert loaded.decode(loaded(text)["input_ids"]) == tokenizer.decode(tokenizer(text)["input_ids"])


def test_the_tokenizer_is_the_same_every_time(documents, tokenizer):
    again = make_tokenizer(text for _, text in documents[:600])
    assert again.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()


# ---- the copying warm-up ----


def test_repeated_tokens_repeat_strips_of_the_pool():
    for seed in range(40):
        ids = corpus.repeated_tokens(random.Random(seed), 512, range(6, 2048))
        assert len(ids) == 512 and min(ids) >= 6 and max(ids) < 2048
        (period,) = [p for p in range(3, 41) if ids[p : 2 * p] == ids[:p]][:1]
        assert len(set(ids[: 2 * period])) <= period


def test_single_tokens_are_words_of_the_world(tokenizer):
    words = {tokenizer.decode([i]) for i in corpus.single_tokens(tokenizer)}
    assert {" Ana", " Lisbon", " lamp", " red"} <= words and all(w.startswith(" ") for w in words)


# ---- instruction data ----


def test_rows_are_chats_that_end_in_an_answer(rows):
    assert len(rows) == 1500
    for row in rows:
        roles = [m["role"] for m in row["messages"]]
        assert roles in (["user", "assistant"], ["system", "user", "assistant"])
        assert all(m["content"].strip() for m in row["messages"])


def test_personas_speak_in_their_voice(rows):
    begins = {"You are a pirate.": ("Ahoy! ", ", matey."), "You are a robot.": ("BEEP. ", ". END."),
              "You are a butler.": ("Dear guest, ", ", if you please.")}  # fmt: skip
    spoken = [r["messages"] for r in rows if r["messages"][0]["role"] == "system"]
    assert {m[0]["content"] for m in spoken} == set(begins)
    for messages in spoken:
        start, end = begins[messages[0]["content"]]
        assert messages[-1]["content"].startswith(start) and messages[-1]["content"].endswith(end)


def test_rows_show_training_inputs_only(rows):
    for row in rows:
        for part in row["messages"][-2]["content"].split("\n"):
            if re.fullmatch(r"\d+( \+ \d+)+|\w+(, \w+)+", part):
                assert world.split_of(part) == "train", part


def test_rows_cover_all_trained_tasks(rows):
    asked = "\n".join(r["messages"][-2]["content"] for r in rows) + "\n"
    missing = [n for n in tasks.TRAINED if not asked_by(tasks.TASKS[n]).search(asked) and n != "route"]
    assert not missing and "If the wish is" in asked


def test_rows_are_a_function_of_the_seed(rows):
    assert list(instruction_data.instruction_rows(30, seed=1)) == list(instruction_data.instruction_rows(30, seed=1))
    assert list(instruction_data.instruction_rows(30, seed=1)) != list(instruction_data.instruction_rows(30, seed=2))
