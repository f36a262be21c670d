"""Checks of labs/03_roles_rules_formats.ipynb."""

import json
import random
from functools import cache
from numbers import Real

import torch

from spectrum import masks
from spectrum.checks.machinery import check, expect, expect_reason, fresh_seed, short
from spectrum.generate import complete
from spectrum.lessons.roles_rules_formats import material
from spectrum.models import load_model

KEYS = ("name", "city", "product", "order", "intent")
GOAL = 0.85  # of letters with all five fields; one prompt has 1 in 15, the worked lab more than 9 in 10
CALLS = 2  # chats a letter, at most
TEXTS = r"""||{|}|"|:|,| |a|b|{"|"}|":|": "|", "|"a|a"}|}b|b:|\|{{""".split("|")
END = 1  # and not 0, which is what argmax says where nothing is allowed


def fresh():
    """Returns a random generator with a new seed, so that no answer can be written for one input."""
    return random.Random(fresh_seed())


@cache
def model():
    """Returns (model, tokenizer) of the instruct model, loaded once for all checks."""
    return load_model("instruct")


def ask(chats):
    """Returns the instruct model's answers to a list of chats, nothing masked."""
    return complete(*model(), chats, max_new_tokens=96, progress=False)


@check
def check_read_answer(function):
    """The learner's `read_answer(text, keys)` is the dict of a text that is one JSON object with exactly these keys."""
    keys, gold = ("name", "city"), {"name": "Ana", "city": "Oslo"}
    plain = '{"name": "Ana", "city": "Oslo"}'
    found = function(plain, keys)
    expect(isinstance(found, dict), f"{plain} should give a dict, got {short(found)}", "Return what JSON holds.")
    expect(found == gold, f"{plain} should give {gold}, got {short(found)}", "Return the fields as they stand there.")
    turned = function('\n {"city": "Oslo", "name": "Ana"} \n', list(keys))
    expect(turned == gold, f"keys in another order, and white space around: got {short(turned)}",
           "Objects have no order, and white space around is no text.")  # fmt: skip
    cases = (
        (f"Sure! {plain}", "The whole text must be JSON: a program does not search for it."),
        (f"{plain} Anything else?", "The whole text must be JSON: a program does not search for it."),
        (f"```json\n{plain}\n```", "The whole text must be JSON: a program does not search for it."),
        (plain[:-1], "An object that is not closed is no object."),
        (plain.replace('"', "'"), "JSON has double quotes: this is Python."),
        ('{"name": "Ana"}', "A key is missing: a program that wants the city gets none."),
        ('{"name": "Ana", "city": "Oslo", "order": "1"}', "A key came unasked: exactly these keys."),
        ('{"name": "Ana", "town": "Oslo"}', "Two keys are not enough: they must be *these* two."),
        ('{"Name": "Ana", "city": "Oslo"}', "'Name' is another key than 'name'."),
        ('{"name": "Ana", "city": null}', "Every value must be text, and null is none."),
        ('{"name": "Ana", "city": {"name": "Oslo"}}', "Every value must be text, and an object is none."),
        ('["name", "city"]', "A list is JSON, and no object."),
        ('"name city"', "A text in quotes is JSON, and no object."),
        ("", "An empty answer is no object, and no error."),
        ("Ahoy! Ana, matey.", "What cannot be parsed gives None, and no error."),
        (plain.replace(",", ""), "A comma is missing: a JSON reader refuses that by itself."),
        (plain.replace("Oslo", "Os\nlo"), "A line break inside quotes is no JSON: json.loads refuses it by itself."),
    )
    for text, hint in cases:
        found = function(text, keys)
        expect(found is None, f"{short(text)} with keys {keys} should give None, got {short(found)}", hint)
    check_values(function, keys)
    rng = fresh()
    for _ in range(20):
        fields = {f"k{i}": rng.choice(("red", "Ana", "12")) for i in range(rng.randrange(1, 6))}
        found = function(json.dumps(fields), list(fields))
        expect(found == fields, f"{fields} came back as {short(found)}", "Any number of keys, with any names.")


def check_values(function, keys):
    """Raises CheckFailed unless values come back as they stand, for the keys of each call."""
    cases = (
        ('{"name":"Ana","city":"Oslo"}', ("Ana", "Oslo"), "White space between the parts is free."),
        ('{"name": "A\\"na", "city": "Osl\\u006f"}', ('A"na', "Oslo"), "Escapes are JSON: let json.loads read them."),
        ('{"name": "", "city": " Oslo "}', ("", " Oslo "), "An empty text is text, and a value keeps its spaces."),
    )
    for text, values, hint in cases:
        found, wanted = function(text, keys), dict(zip(keys, values, strict=True))
        expect(found == wanted, f"{short(text)} should give {wanted}, got {short(found)}", hint)
    text, listed = cases[0][0], list(keys)
    expect(function(text, ("name",)) is None, f"{text} with the one key 'name' should give None",
           "The same text under other keys is another question.")  # fmt: skip
    function(text, listed)
    expect(listed == list(keys), f"the list of keys has changed to {listed}", "Leave `keys` as it is.")
    expect(function("{}", []) == {}, "'{}' with no keys should give {}", "Nothing is missing, and nothing too much.")


@check
def check_field_share(function):
    """The learner's `field_share(answers, golds)` is the share of all wanted fields that are parsed and right."""
    golds = [{"name": "Ana", "city": "Oslo"}, {"name": "Leo", "city": "Rome"}]
    both, half = '{"name": "Ana", "city": "Oslo"}', '{"name": "Leo", "city": "Oslo"}'
    found = function([both, half], golds)
    expect(isinstance(found, Real) and not isinstance(found, bool),
           f"expected one number, got {short(found)}", "A share, 0 to 1.")  # fmt: skip
    expect(abs(found - 0.75) < 1e-9, f"three of four fields are right: expected 0.75, got {float(found):.4g}",
           "Count fields, not letters, and divide by all fields.")  # fmt: skip
    cases = (
        ([both, "Ahoy! Leo from Rome"], 0.5, "An answer that does not parse has no field right, and still counts."),
        ([both, f"So: {half}"], 0.5, "An answer that does not parse has no field right, wherever the values stand."),
        ([both, '{"name": "leo", "city": "ROME"}'], 0.5, "Exactly the true value: 'leo' is not 'Leo'."),
        ([both, '{"name": "Leonard", "city": "Rome"}'], 0.75, "'Leo' stands in 'Leonard', and is another name."),
        ([both, '{"name": "Rome", "city": "Leo"}'], 0.5, "Each value belongs to its key."),
        ([both, '{"name": "Leo"}'], 0.5, "`read_answer` refuses an answer with a missing key."),
        (["", ""], 0.0, "Nothing parsed is a share of 0, and no error."),
        ([both, '{"name": "Leo", "city": " Rome"}'], 0.75, "Exactly the true value: a space is a character too."),
        ([both, '{"name": "Leo", "city": "Rome", "order": "1"}'], 0.5, "`read_answer` refuses a key unasked for."),
        ([both, '{"name": "Leo", "city": 7}'], 0.5, "`read_answer` refuses a value that is no text."),
    )
    for answers, wanted, hint in cases:
        given = list(answers)
        found = float(function(given, golds))
        expect(
            abs(found - wanted) < 1e-9, f"{short(answers[1])} for {golds[1]}: expected {wanted}, got {found:.4g}", hint
        )
        expect(given == answers, "the list of answers has changed", "Read the answers, and leave them as they are.")
    uneven = function(['{"a": "1"}', "no"], [{"a": "1"}, {"a": "1", "b": "2", "c": "3"}])
    expect(abs(uneven - 0.25) < 1e-9, f"one right field of four: expected 0.25, got {uneven:.4g}",
           "All fields weigh the same, however many a letter has.")  # fmt: skip
    rng = fresh()
    for _ in range(20):
        golds = [{"a": rng.choice("xyz"), "b": rng.choice("xyz")} for _ in range(rng.randrange(1, 9))]
        said = [{"a": rng.choice("xyz"), "b": rng.choice("xyz")} for _ in golds]
        broken = [rng.random() < 0.3 for _ in golds]
        answers = [json.dumps(s)[: -1 if b else None] for s, b in zip(said, broken, strict=True)]
        right = sum((s[k] == g[k]) and not b for s, g, b in zip(said, golds, broken, strict=True) for k in "ab")
        found, wanted = function(answers, golds), right / (2 * len(golds))
        expect(abs(found - wanted) < 1e-9, f"random answers: expected {wanted:.4g}, got {found:.4g}",
               "Count them on paper for one letter.")  # fmt: skip


def stop_at_none(state):
    """Raises CheckFailed for a state that is none."""
    expect(state is not None, "follow was given the state None", "None means that the form is broken: stop there.")


def follow_json(state, character):
    """Returns the state of flat JSON after a character, or None: the lesson's ten states."""
    stop_at_none(state)
    return masks.flat_json().step(state, character)


def follow_letters(state, character):
    """Returns the number of letters after a character, or None: three letters a or b, and no more."""
    stop_at_none(state)
    return state + 1 if character in "ab" and state < 3 else None


def follow_down(state, character):
    """Returns how many letters are left after a character, or None: the state 0 is one like others."""
    stop_at_none(state)
    return state - 1 if character in "ab" and state else None


@check
def check_allowed(function):
    """The learner's `allowed(texts, state, follow)` lists the tokens whose characters may all follow in turn."""
    found = function(list(TEXTS), "start", follow_json)
    expect(isinstance(found, list) and all(isinstance(n, int) for n in found), f"expected a list of token numbers, got "
           f"{short(found)}", "Numbers, not texts, and not True or False.")  # fmt: skip
    cases = (
        ("start", ["{", '{"'], "'{\"' writes two characters that may follow one another; '{{' does not."),
        ("before key", ['"', '"}', '":', '": "', '", "', '"a'], "After the quote a key of nearly anything begins."),
        ("value", ['"', "}", ":", ",", " ", "a", "b", "{", '{"', '"}', '", "', 'a"}', "}b", "b:", "{{"],
         "Inside a value nearly all may stand. A quote closes it, and what comes after it in the same token must fit."),
        ("after value", [",", "}"], "'}b' goes on after the end: its last character may not follow."),
        ("end", [], "After the end nothing may follow: a token that writes nothing is no exception."),
    )  # fmt: skip
    for state, wanted, hint in cases:
        found = function(list(TEXTS), state, follow_json)
        wrong = set(found) ^ {TEXTS.index(text) for text in wanted}
        if wrong:
            text, put = TEXTS[min(wrong)], "kept" if min(wrong) in found else "refused"
            expect(False, f"in state {state!r}, token {text!r} was {put}", hint)
        expect(len(found) == len(set(found)), "a token is listed twice", "One number for each token.")
    rng = fresh()
    for _ in range(20):
        texts = ["".join(rng.choice("abc") for _ in range(rng.randrange(5))) for _ in range(30)]
        state = rng.randrange(4)
        fits = [i for i, text in enumerate(texts) if text and set(text) <= {"a", "b"}]
        for follow, left in ((follow_letters, 3 - state), (follow_down, state)):
            wanted, given = [i for i in fits if len(texts[i]) <= left], list(texts)
            found = function(given, state, follow)
            expect(sorted(found) == wanted, f"{left} letters a or b may follow: expected tokens "
                   f"{[texts[i] for i in wanted][:6]}, got {[texts[i] for i in found][:6]}",
                   "Each character moves the given state on. A state may be 0; None breaks the form.")  # fmt: skip
            expect(given == texts, "the list of texts has changed", "Read the texts, and leave them as they are.")


def pretend(favourites, seen, shift=0.0):
    """Returns a model: at step k the favourites' logits are -1, -2, … in order, all others -60, and all are shifted."""

    def logits(written):
        seen.append(list(written))
        values = torch.full((len(TEXTS),), -60.0)
        for place, text in enumerate(favourites[min(len(written), len(favourites) - 1)]):
            values[END if text == "END" else TEXTS.index(text)] = -1.0 - place
        return values + shift

    return logits


@check
def check_write(function):
    """The learner's `write(…)` takes the likeliest token that may follow, and ends only where the text may end."""
    rest = (list(TEXTS), follow_json, "start", lambda state: state == "end", END)

    def run(favourites, budget=64):
        seen = []
        written = function(pretend(favourites, seen), *rest, budget)
        expect(isinstance(written, list) and all(isinstance(n, int) for n in written),
               f"expected a list of token numbers, got {short(written)}", "Use .item() on the argmax.")  # fmt: skip
        return "".join(TEXTS[n] for n in written), written, seen

    polite = [['{"'], ["a"], ['": "'], ["b"], ['"}'], ["END"]]
    text, written, seen = run(polite)
    expect(END not in written, "the end token is part of the result", "It ends the text, and is not part of it.")
    expect(text, "nothing was written, and the model likes a token that may follow",
           "A forbidden token gets −∞, not 0: logits can be negative, and 0 is more than they are.")  # fmt: skip
    expect(seen == [written[:k] for k in range(len(seen))], f"logits was given {short(seen[:3])}",
           "Give it all that was written so far, each time.")  # fmt: skip
    expect(text == '{"a": "b"}', f'the model writes {{"a": "b"}} by itself, got {text!r}', "Leave it in peace.")
    expect(len(written) == 5, f"the model writes 5 tokens and ends, and {len(written)} were written",
           "`end` may follow where done(state) is True: add it to the tokens that may.")  # fmt: skip
    chatty = [["a", '{"'], ["b"], ['"}', '": "'], ["b"], ['"a', '"}'], ["b", "a", "END"]]
    text, *_ = run(chatty)
    expect(text.startswith('{"'), f"a forbidden token won: the text begins {text[:6]!r}",
           "−∞, not 0: logits can be negative, and 0 is more than they are.")  # fmt: skip
    expect(text == '{"b": "b"}', f"expected '{{\"b\": \"b\"}}', got {text!r}",
           "Which state are you in after a token of several characters?")  # fmt: skip
    hasty = [["END", '{"'], ["END", "a"], ["END", '": "'], ["END", "b"], ["END", '"}'], ["END"]]
    text, *_ = run(hasty)
    expect(text == '{"a": "b"}', f"a model that wants to end at once wrote {text!r}",
           "The end token may follow only where done(state) is True.")  # fmt: skip
    text, written, _ = run([['{"'], ["a"]], budget=7)
    expect(len(written) == 7, f"a budget of 7 tokens gave {len(written)}", "Stop after `budget` tokens at the latest.")
    second = [['{"'], ["}", ":", "a"], ['": "'], ["\\", '"a', "b"], ['"}'], ["END"]]
    text, *_ = run(second)
    expect(text == '{"}": "b"}', f"expected the likeliest of those that may follow, '{{\"}}\": \"b\"}}', got {text!r}",
           "Of the allowed tokens the one with the highest logit, not the first.")  # fmt: skip
    model_of_letters = pretend([["}", "a"]], [])
    letters = function(model_of_letters, list(TEXTS), follow_letters, 1, lambda state: state == 3, END, 9)
    said = short([TEXTS[n] for n in letters])
    expect(letters == [TEXTS.index("a")] * 2, f"one letter of three is written: expected two more, got {said}",
           "Begin in the state that is given, and use the follow and done that are given.")  # fmt: skip
    check_choices(function, polite, rest)
    compare_with_model(function)


def check_choices(function, polite, rest):
    """Raises CheckFailed unless an end is one choice among others, the mask is −∞, and a dead end ends the text."""
    free = pretend([["a", "END"], ["b", "END"], ["END", "a"]], [])
    text = "".join(TEXTS[n] for n in function(free, list(TEXTS), follow_letters, 0, lambda state: state > 0, END, 9))
    expect(text == "ab", f"one to three letters, and the model wants two, 'ab', before the end: got {text!r}",
           "Where a text may end it need not: `end` is one token among those that may follow.")  # fmt: skip
    text = "".join(TEXTS[n] for n in function(pretend(polite, [], -1e6), *rest, 9))
    expect(text == '{"a": "b"}', f"the same model with all logits lower by a million wrote {text!r}",
           "A mask is −∞. Any other number is larger than some logit.")  # fmt: skip
    dead = function(pretend([["a"]], []), list(TEXTS), follow_letters, 0, lambda state: False, END, 9)
    expect(dead == [TEXTS.index("a")] * 3, f"three letters and no end: expected three tokens, got {short(dead)}",
           "No token may follow, and the text may not end: stop, for there is nothing to choose.")  # fmt: skip


def compare_with_model(function):
    """Raises CheckFailed unless the learner's decoding of a letter equals the package's, on the instruct model."""
    instruct, tokenizer = model()
    item = material.letters(1, KEYS[:3], "dev", seed=fresh_seed())[0]
    chat = [{"role": "system", "content": material.ROLES["pirate"]}, {"role": "user", "content": item.input}]
    head = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
    texts, end = masks.token_texts(tokenizer), masks.end_tokens(instruct, tokenizer)[0]

    def logits(written):
        with torch.no_grad():  # not inference_mode: a learner may write into the copy
            return instruct(torch.tensor([head + written])).logits[0, -1].clone()

    written = function(logits, texts, follow_json, "start", lambda state: state == "end", end, 48)
    wanted = masks.complete_masked(instruct, tokenizer, [chat], masks.flat_json(), 48)[0]
    text = "".join(texts[n] for n in written)
    expect(text == wanted, f"on a real letter expected {short(wanted)}, got {short(text)}", "Compare token by token.")


def json_ok(text):
    """Returns whether a text is one JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


@check
def check_five(function, why, goal=GOAL, n=60):
    """The learner's `five(ask, letters)` fills five fields of each letter with two chats; one sentence says why."""
    letters, calls = material.letters(n, KEYS, "dev", seed=fresh_seed()), []

    def counted(chats):
        listed = isinstance(chats, list) and chats and not isinstance(chats[0], dict | str)
        expect(listed, f"ask got {short(chats)}", "ask takes a list of chats, one for each letter: [chat, chat, …].")
        calls.extend(chats)
        expect(len(calls) <= CALLS * n, f"more than {CALLS} chats a letter", "Two orders are enough.")
        return ask(chats)

    answers = function(counted, [item.input for item in letters])
    texts = isinstance(answers, list) and len(answers) == n and all(isinstance(answer, str) for answer in answers)
    expect(texts, f"expected a list of {n} texts, got {short(answers)}", "One JSON text for each letter, in order.")
    expect(calls, "the model was never asked", "The fields stand in the letters: ask for them.")
    expect_reason(why, "Say in one sentence why your prompts work where one prompt does not.")
    pairs = list(zip(answers, material.wanted(letters), strict=True))
    missed = [f"{answer} instead of {gold}" for answer, gold in pairs if not holds(answer, gold)]
    share = 1 - len(missed) / n
    expect(share >= goal, f"all five fields in {100 * share:.0f} % of {n} fresh letters, wanted {100 * goal:.0f} %",
           f"For example {missed[:1]}. Which key is missing, which came unasked? Some do badly together.")  # fmt: skip


def holds(answer, gold):
    """Returns whether a text is a JSON object equal to the gold one."""
    return json_ok(answer) and json.loads(answer) == gold
