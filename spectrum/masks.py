"""Constrained decoding: a machine that reads characters says which tokens may come next; all others are masked.

Every text that comes out is one that the machine accepts, or the beginning of one where the budget of tokens ran out
(Willard and Louf 2023 compute the allowed tokens of each state once, as here). Built by hand in
notebooks/03_roles_rules_formats.ipynb.
"""

from dataclasses import dataclass, field

import torch
from transformers import LogitsProcessor, LogitsProcessorList

from spectrum.models import context_length
from spectrum.tokens import batches_by_length, check_lengths, encode_all, left_pad
from spectrum.traits import end_tokens

OTHER = "other"  # any printable character that has no arrow of its own
FLAT_JSON = {
    "start": {"{": "before key"},
    "before key": {'"': "key"},
    "key": {'"': "after key", OTHER: "key"},
    "after key": {":": "colon"},
    "colon": {" ": "before value"},
    "before value": {'"': "value"},
    "value": {'"': "after value", OTHER: "value"},
    "after value": {",": "comma", "}": "end"},
    "comma": {" ": "before key"},
    "end": {},
}
FREE = None  # a slot of a template that takes any text of at least one character


@dataclass(frozen=True)
class Machine:
    """Reads characters: `step(state, character)` is the next state or None, `done(state)` whether a text may end."""

    start: object
    step: callable
    done: callable


def flat_json():
    """Returns the machine of JSON objects whose keys and values are strings, as `json.dumps` writes them.

    Backslashes are refused, so nothing is ever escaped; a key may come twice.
    """
    return table_machine(FLAT_JSON, "start", "end")


def table_machine(table, start, end):
    """Returns the machine of a table {state: {character: state}}."""

    def step(state, character):
        arrows = table[state]
        return arrows.get(character, arrows.get(OTHER) if is_plain(character) else None)

    return Machine(start, step, lambda state: state == end)


def is_plain(character):
    """Returns whether a character may stand in a JSON string as it is."""
    return character.isprintable() and character not in '"\\'


def template(pieces):
    """Returns the machine of texts made of pieces in order: literal text, FREE, or a tuple of allowed texts.

    A FREE slot ends where the next literal's first character comes; that character cannot stand in the slot. A state
    is (number of the piece, what has been read of it). Raises ValueError for two slots side by side, an empty literal,
    and no allowed texts.
    """
    pieces = tuple(pieces)
    check_pieces(pieces)

    def step(state, character):
        number, read = state
        if number == len(pieces):
            return None
        piece = pieces[number]
        if isinstance(piece, str):
            if not piece.startswith(read + character):
                return None
            return (number + 1, "") if piece == read + character else (number, read + character)
        closing = pieces[number + 1][0] if number + 1 < len(pieces) else ""
        if piece is FREE and is_plain(character) and character != closing:
            return number, "text"
        if piece is not FREE and any(text.startswith(read + character) for text in piece):
            return number, read + character
        return step((number + 1, ""), character) if is_full(piece, read) else None

    def done(state):
        number, read = state
        last = number == len(pieces) - 1 and not isinstance(pieces[number], str) and is_full(pieces[number], read)
        return number == len(pieces) or last

    return Machine((0, ""), step, done)


def is_full(piece, read):
    """Returns whether a slot may end after what has been read of it."""
    return bool(read) if piece is FREE else read in piece


def check_pieces(pieces):
    """Raises ValueError for pieces of which no template can be made."""
    slots = [not isinstance(piece, str) for piece in pieces]
    if any(a and b for a, b in zip(slots, slots[1:], strict=False)):
        raise ValueError("two slots stand side by side; put a literal between them, or nothing tells where one ends.")
    if not pieces or any(piece is not FREE and not all(piece or [""]) for piece in pieces):
        raise ValueError(f"pieces is {pieces!r}; a literal and an allowed text need at least one character.")


def fields_template(keys, form="json", allowed=None):
    """Returns the machine of the given keys in their order in a form of `spectrum.formats`.

    `allowed` is {key: texts} for keys whose value must be one of a few; the others are free text. In XML no value holds
    "<".
    """
    before, after, between, end = {
        "json": ('"{}": "', '"', ", ", "}"),
        "xml": ("<{}>", "</{}>", "", ""),
        "markdown": ("- {}: ", "", "\n", ""),
    }[form]
    pieces, text = [], "{" if form == "json" else ""
    for number, key in enumerate(keys):
        text += (between if number else "") + before.format(key)
        pieces += [text, tuple((allowed or {})[key]) if key in (allowed or {}) else FREE]
        text = after.format(key)
    return template([*pieces, text + end] if text + end else pieces)


def walk(machine, state, text):
    """Returns the state after the characters of a text, None where the machine refuses one of them."""
    for character in text:
        state = None if state is None else machine.step(state, character)
    return state


def token_texts(tokenizer):
    """Returns the text of each token as it stands inside a text; "" for special tokens and parts of a character."""
    anchor = tokenizer("a", add_special_tokens=False)["input_ids"]
    before, special = tokenizer.decode(anchor), special_tokens(tokenizer)
    texts = []
    for token in range(len(tokenizer)):
        text = "" if token in special else tokenizer.decode([*anchor, token])[len(before) :]
        texts.append("" if "\ufffd" in text else text)
    return texts


def special_tokens(tokenizer):
    """Returns the set of ids that stand for no text: those of the template and of the end, named or only added."""
    added = {token for token, entry in tokenizer.added_tokens_decoder.items() if entry.special}
    return added | set(tokenizer.all_special_ids)


@dataclass
class Masker:
    """Which tokens may follow in each state: one mask for each state that is met, kept for the next time."""

    tokenizer: object
    machine: Machine
    ends: tuple  # token ids that end an answer
    size: int  # the number of logits, which may exceed the vocabulary
    texts: list = field(default_factory=list, repr=False)
    masks: dict = field(default_factory=dict, repr=False)
    after: dict = field(default_factory=dict, repr=False)

    def __post_init__(self):
        self.texts = self.texts or token_texts(self.tokenizer)

    def mask(self, state):
        """Returns (V,) bool, True for the tokens that may follow; raises ValueError where none may."""
        if state not in self.masks:
            allowed = torch.zeros(self.size, dtype=torch.bool)
            for token, text in enumerate(self.texts):
                allowed[token] = bool(text) and walk(self.machine, state, text) is not None
            for token in self.ends:
                allowed[token] = self.machine.done(state)
            if not allowed.any():
                raise ValueError(
                    f"no token may follow in state {state!r}: the vocabulary cannot write what comes next."
                )
            self.masks[state] = allowed
        return self.masks[state]

    def state(self, tokens):
        """Returns the state after new tokens, or "ended" after an end token."""
        state = self.machine.start
        for token in tokens:
            if token in self.ends:
                return "ended"
            if (state, token) not in self.after:
                self.after[state, token] = walk(self.machine, state, self.texts[token])
            state = self.after[state, token]
        return state


class MaskLogits(LogitsProcessor):
    """For `model.generate`: sets the logits of all tokens that may not follow to minus infinity."""

    def __init__(self, masker, prompt_length):
        self.masker, self.prompt_length = masker, prompt_length

    def __call__(self, input_ids, scores):
        """Returns masked scores (B, V) for the texts (B, T); a text that has ended is left as it is."""
        states = [self.masker.state(row) for row in input_ids[:, self.prompt_length :].tolist()]
        every = torch.ones(self.masker.size, dtype=torch.bool)
        allowed = torch.stack([every if state == "ended" else self.masker.mask(state) for state in states])
        return scores.masked_fill(~allowed.to(scores.device), float("-inf"))


def complete_masked(model, tokenizer, prompts, machine, max_new_tokens=64, batch_size=64):
    """Returns the model's likeliest answer to each prompt among those that the machine accepts.

    An answer that needs more than `max_new_tokens` is cut, and then is only the beginning of an accepted text.
    Prompts are as in `spectrum.generate.complete`, and so are the errors.
    """
    ids = encode_all(tokenizer, prompts)
    check_lengths(ids, max_new_tokens, context_length(model))
    ends = end_tokens(model, tokenizer)
    masker = Masker(tokenizer, machine, ends, model.get_output_embeddings().out_features)
    answers = [None] * len(ids)
    for rows in batches_by_length(ids, batch_size):
        padded, mask = left_pad([ids[row] for row in rows], model.device)
        processors = LogitsProcessorList([MaskLogits(masker, padded.shape[1])])
        options = {"do_sample": False, "max_new_tokens": max_new_tokens}
        options |= {"pad_token_id": ends[0], "eos_token_id": list(ends)}
        out = model.generate(padded, attention_mask=mask, logits_processor=processors, **options)
        for row, new in zip(rows, out[:, padded.shape[1] :].tolist(), strict=True):
            answers[row] = "".join(masker.texts[token] for token in new)
    return answers
