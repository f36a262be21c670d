"""Chat templates as real models have them: thinking, rewriting, refusing, dropping; and marks that stand there once."""

import pytest
from tokenizers import processors
from zoo import DROPS, ENDLESS, HEADER, MARKED, OPENS, STRICT, THINKING, TOOLS, with_template

from spectrum import templates
from spectrum.examples import IGNORE, tokenize_rows
from spectrum.tokens import encode

ASK = {"role": "user", "content": "Where is it?"}
SAY = {"role": "assistant", "content": "late"}
MORE = [ASK, SAY, {"role": "user", "content": "Sure?"}, {"role": "assistant", "content": "Oslo"}]
CLOSED = "<think>\n\n</think>\n\n"


def learned(tokenizer, row, **options):
    """Returns (the text before the first token in the loss, the pieces that the loss sees)."""
    (example,) = tokenize_rows(tokenizer, [row], **options)
    ids, labels = example["input_ids"], example["labels"]
    assert all(label in (IGNORE, i) for i, label in zip(ids, labels, strict=True))
    pieces, start = [], next(i for i, label in enumerate(labels) if label != IGNORE)
    for i in range(start, len(ids)):
        if labels[i] != IGNORE:
            pieces = [*pieces, []] if labels[i - 1] == IGNORE or not pieces else pieces
            pieces[-1].append(ids[i])
    return tokenizer.decode(ids[:start]), [tokenizer.decode(piece) for piece in pieces]


# ---- thinking ----


@pytest.mark.parametrize("template", [THINKING, OPENS], ids=["switched off", "always opened"])
def test_single_turns_are_learned_behind_the_prompt_that_will_stand_before_them(template):
    tokenizer = with_template(template)
    before, said = learned(tokenizer, {"messages": [ASK, SAY]})
    assert said == ["late<|im_end|>\n"]
    assert before == tokenizer.decode(encode(tokenizer, [ASK])) and before.endswith(HEADER + CLOSED)


@pytest.mark.parametrize(
    ("opened", "closed"),
    [
        ("<think>", "</think>"),
        ("<thought>", "</thought>"),
        ("<seed:think>", "</seed:think>"),
        ("[THINK]", "[/THINK]"),
        ("◁think▷", "◁/think▷"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<reasoning>", "</reasoning>"),
    ],
)
def test_a_block_is_closed_by_the_tag_that_belongs_to_the_one_that_opened_it(opened, closed):
    tokenizer = with_template(OPENS.replace("<think>", opened))
    before, said = learned(tokenizer, {"messages": [ASK, SAY]})
    assert said == ["late<|im_end|>\n"] and before.endswith(f"{HEADER}{opened}\n\n{closed}\n\n")
    assert before == tokenizer.decode(encode(tokenizer, [ASK]))
    assert templates.examine(tokenizer).thinking == "closed"


@pytest.mark.parametrize("tail", ["<note>\n", "</think>\n", "<|END_THINKING|>", "<think> well,", "[INST]", ""])
def test_what_opens_no_block_is_left_as_it_is(tail):
    tokenizer = with_template(OPENS.replace("<think>\n", tail))
    assert templates.prompt_text(tokenizer, [ASK]).endswith(HEADER + tail)
    assert templates.examine(tokenizer).thinking == "none"


@pytest.mark.parametrize("template", [THINKING, OPENS], ids=["switched off", "always opened"])
def test_earlier_turns_without_their_thinking_are_refused_or_left_out_of_the_loss(template):
    tokenizer = with_template(template)
    with pytest.raises(ValueError, match=r"row 0: the chat template rewrites earlier turns: messages\[1\].*weight 0"):
        tokenize_rows(tokenizer, [{"messages": MORE}])
    before, said = learned(tokenizer, {"messages": [ASK, SAY | {"weight": 0}, *MORE[2:]]})
    assert said == ["Oslo<|im_end|>\n"]
    assert before == tokenizer.decode(encode(tokenizer, MORE[:3]))


def test_generation_marks_show_turns_that_are_rewritten():
    tokenizer = with_template(MARKED)
    assert learned(tokenizer, {"messages": MORE})[1] == ["late<|im_end|>\n", "Oslo<|im_end|>\n"]
    assert learned(tokenizer, {"messages": [*MORE, ASK, SAY | {"weight": 0}]})[1][-1] == "Oslo<|im_end|>\n"
    third = [*MORE[:3], MORE[3] | {"weight": 0}, ASK, SAY]
    assert learned(tokenizer, {"messages": third})[1] == ["late<|im_end|>\n"] * 2


def test_a_turn_of_weight_zero_is_read_and_not_learned():
    tokenizer = with_template(TOOLS)
    assert learned(tokenizer, {"messages": [ASK, SAY | {"weight": 0}, *MORE[2:]]})[1] == ["Oslo<|im_end|>\n"]
    assert learned(tokenizer, {"messages": [ASK, SAY | {"weight": 1}, *MORE[2:]]})[1] == [
        "late<|im_end|>\n", "Oslo<|im_end|>\n"]  # fmt: skip
    rows = [{"messages": [ASK, SAY, ASK, SAY | {"weight": 0}]}, {"messages": [ASK, SAY]}]
    first, second = tokenize_rows(tokenizer, rows)
    assert first == second  # nothing after the last answer in the loss


FACTS = {
    "thinking": (THINKING, {"system": True, "two_users": True, "thinking": "off", "appends": False}),
    "opens": (OPENS, {"system": True, "thinking": "closed", "appends": True}),
    "strict": (STRICT, {"system": False, "two_users": False, "thinking": "none", "appends": True}),
    "drops": (DROPS, {"system": False, "two_users": True, "thinking": "none"}),
    "endless": (ENDLESS, {"system": True, "end": None}),
}


@pytest.mark.parametrize("name", FACTS)
def test_what_a_template_does_is_found_out(name):
    template, facts = FACTS[name]
    tokenizer = with_template(template)
    found = templates.examine(tokenizer)
    assert {key: getattr(found, key) for key in facts} == facts
    assert found is templates.examine(tokenizer) and str(found).startswith("template: ")
    if "end" not in facts:
        assert tokenizer.convert_ids_to_tokens(found.end) == "<|im_end|>" and found.bos == 0


def test_another_template_is_tried_anew_and_none_is_none():
    tokenizer = with_template(STRICT)
    assert templates.examine(tokenizer).system is False
    tokenizer.chat_template = THINKING
    assert templates.examine(tokenizer).system is True
    tokenizer.chat_template = None
    assert templates.examine(tokenizer) is None


# ---- tools ----

CALL = {"type": "function", "function": {"name": "find_order", "arguments": {"number": 4821}}}
TOOL_TURNS = [
    ASK,
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "on its way"},
    SAY,
]


def test_tools_reach_the_template_and_calls_are_learned():
    from spectrum.examples import tokenize_chat

    tokenizer = with_template(TOOLS)
    example = tokenize_chat(tokenizer, TOOL_TURNS, [CALL])
    text = tokenizer.decode(example["input_ids"])
    assert text.startswith("[{") and text.count("find_order") == 2 and "on its way" in text
    assert tokenizer.decode([i for i in example["labels"] if i != IGNORE]).count("find_order") == 1


# ---- one of each mark ----


def llama(begins=True, ends=False):
    """Returns a tokenizer that puts its begin and end tokens, one and the same, around plain text."""
    tokenizer = with_template(None, "llama")
    mark = [("<|endoftext|>", tokenizer.eos_token_id)]
    form = f"{'<|endoftext|> ' if begins else ''}$A{' <|endoftext|>' if ends else ''}"
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single=form, special_tokens=mark)
    return tokenizer


@pytest.mark.parametrize(
    "text", ["Once.", "<|endoftext|>Once.", "Once.<|endoftext|>", "<|endoftext|>Once.<|endoftext|>"]
)
@pytest.mark.parametrize("ends", [False, True])
def test_a_text_has_one_beginning_and_one_end(text, ends):
    tokenizer = llama(ends=ends)
    (example,) = tokenize_rows(tokenizer, [{"text": text}])
    assert tokenizer.decode(example["input_ids"]) == "<|endoftext|>Once.<|endoftext|>"


@pytest.mark.parametrize("completion", [" b", " b<|endoftext|>"])
def test_no_end_stands_between_a_plain_prompt_and_its_answer(completion):
    tokenizer = llama(ends=True)
    before, said = learned(tokenizer, {"prompt": "a", "completion": completion}, chat=False)
    assert (before, said) == ("<|endoftext|>a", [" b<|endoftext|>"])
    assert encode(tokenizer, "a") == encode(llama(), "a")


# ---- what cannot be rendered ----

SYSTEM = {"role": "system", "content": "Be brief."}
REFUSED = {
    "no system turn": (STRICT, [SYSTEM, ASK, SAY], "refuses the turns system, user.*: System role not supported"),
    "two user turns": (STRICT, [ASK, ASK, SAY], "refuses the turns user, user.*Roles must alternate"),
    "a system turn dropped": (DROPS, [SYSTEM, ASK, SAY], r"leaves out messages\[0\] \(role 'system'\)"),
    "no end token": (ENDLESS, [ASK, SAY], "ends an assistant's turn with no special token"),
    "a broken template": ("{% for m in messages %}", [ASK, SAY], "refuses the turns user: .*endfor"),
    "a template of other fields": ("{{ messages[0]['text'] + 'x' }}", [ASK, SAY], "refuses the turns"),
    "marks in an answer": (
        TOOLS,
        [ASK, {"role": "assistant", "content": "late<|im_end|>"}],
        r"messages\[1\].*'<\|im_end",
    ),
    "marks in a question": (
        TOOLS,
        [{"role": "user", "content": "<|im_start|>user\nHi"}, SAY],
        r"messages\[0\].*im_start",
    ),
    "nothing to learn": (TOOLS, [ASK, SAY | {"weight": 0}], "every assistant turn has weight 0"),
    "a call not rendered": (STRICT, TOOL_TURNS[:2], "does not render the tool call 'find_order'"),
    "tools not rendered": (STRICT, [ASK, SAY], "does not render the tool 'find_order'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_template_cannot_render_is_refused_in_a_sentence(name):
    from spectrum.examples import tokenize_chat

    template, messages, message = REFUSED[name]
    with pytest.raises(ValueError, match=message) as caught:
        tokenize_chat(with_template(template), messages, [CALL] if name == "tools not rendered" else None)
    if "refuses" in message:
        assert caught.value.__cause__ is not None, "the first cause is kept"


def test_a_refused_row_and_a_refused_prompt_are_named():
    tokenizer = with_template(STRICT)
    with pytest.raises(ValueError, match="row 1: the chat template refuses the turns system, user"):
        tokenize_rows(tokenizer, [{"messages": [ASK, SAY]}, {"messages": [SYSTEM, ASK, SAY]}])
    from spectrum.tokens import encode_all

    with pytest.raises(ValueError, match=r"prompts\[1\]: the chat template refuses") as caught:
        encode_all(tokenizer, [[ASK], [SYSTEM, ASK]])
    assert "jinja2" in type(caught.value.__cause__).__module__
