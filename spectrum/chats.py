"""Where the assistant's tokens stand in a chat, whatever its template: what the loss is to look at.

A turn is what the template adds after the generation prompt, so templates without generation marks work as well.
"""

from spectrum import templates


def find_answers(tokenizer, chat, taught, tools=None):
    """Returns (token ids, [(start, stop)]) of a chat: where its turns `taught` stand, by number; its last is one.

    Raises ValueError where the template refuses, leaves out or rewrites a turn, ends none, or stands in the text.
    """
    check_marks(tokenizer, chat)
    ids, start = last_answer(tokenizer, chat, tools)
    spans = [(start, len(ids))]
    for i in taught[:-1]:
        prompt = templates.text_ids(tokenizer, templates.prompt_text(tokenizer, chat[:i], tools))
        turn = templates.text_ids(tokenizer, templates.chat_text(tokenizer, chat[: i + 1], tools))
        if turn[: len(prompt)] != prompt or ids[: len(turn)] != turn:
            shown = tokenizer.decode(prompt if turn[: len(prompt)] != prompt else turn)[-60:]
            return marked_answers(tokenizer, chat, taught, tools, i, shown)
        spans.append((len(prompt), len(turn)))
    return ids, spans


def check_marks(tokenizer, chat):
    """Raises ValueError where a turn's words hold the template's marks, or where it ends no turn with a token."""
    for i, message in enumerate(chat):
        if found := templates.marks_in(tokenizer, message.get("content") or ""):
            raise ValueError(
                f"messages[{i}] (role {message['role']!r}) holds {found[0]!r}, a mark that the template writes itself: "
                "take it out, or give the whole rendered chat as 'text'"
            )
    template = templates.examine(tokenizer)
    if template and template.end is None:
        raise ValueError(
            "the chat template ends an assistant's turn with no special token of this tokenizer, so nothing would "
            "teach the model to stop; add one to the template"
        )


def last_answer(tokenizer, chat, tools=None):
    """Returns (ids of a chat, where its last turn's words begin), as generation would have them before it.

    Some templates open a thinking block in the generation prompt and write none in a finished turn: then the turn
    follows the prompt, its block closed, for that is what the model will stand behind when it answers.
    """
    before = templates.prompt_text(tokenizer, chat[:-1], tools)
    prompt = templates.text_ids(tokenizer, before)
    turn = templates.text_ids(tokenizer, templates.chat_text(tokenizer, chat, tools))
    if turn[: len(prompt)] == prompt:
        return turn, len(prompt)
    header = templates.text_ids(tokenizer, templates.last_block(before)[0])
    if len(header) < len(prompt) and turn[: len(header)] == header:
        return prompt + turn[len(header) :], len(prompt)
    raise ValueError(
        f"the chat template writes {tokenizer.decode(prompt)[-60:]!r} before an answer and "
        f"{tokenizer.decode(turn)[-60:]!r} once it is there: the second does not go on from the first, so the "
        "assistant's tokens cannot be found; use a template that only appends"
    )


def marked_answers(tokenizer, chat, taught, tools, number, shown):
    """Returns (token ids, spans) by the template's own generation marks, around turns as they stand in the chat.

    Raises ValueError, naming the turn that the template rewrites, where there are no such marks.
    """
    turns = [i for i, message in enumerate(chat) if message["role"] == "assistant"]
    ids, spans = generation_marks(tokenizer, chat, tools)
    if len(spans) != len(turns):
        raise ValueError(
            f"the chat template rewrites earlier turns: messages[{number}] stands there without {shown!r}, which it "
            "has when it is the last, so what is learned there would not be what is asked. Give the earlier assistant "
            "turns weight 0, make each answer a row of its own, or give the template {% generation %} marks"
        )
    return ids, [span for i, span in zip(turns, spans, strict=True) if i in taught]


def generation_marks(tokenizer, chat, tools=None):
    """Returns (token ids, [(start, stop)]) of the pieces that the template marks as generated."""
    marked = "generation %}" in templates.template_text(tokenizer).replace("-%}", "%}").replace("endgeneration", "")
    if not marked:
        return [], []
    options = {"tokenize": True, "return_dict": True, "return_assistant_tokens_mask": True}
    coded = templates.apply(tokenizer, chat, False, tools, **options)
    mask = [False, *map(bool, coded["assistant_masks"]), False]
    edges = [i for i in range(len(mask) - 1) if mask[i] != mask[i + 1]]
    return list(coded["input_ids"]), list(zip(edges[::2], edges[1::2], strict=True))
