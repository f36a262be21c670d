"""Prompts as token ids: encoded, checked, padded and batched; single tokens as text."""

from itertools import groupby

import torch

from spectrum import templates


def encode(tokenizer, prompt):
    """Returns the token ids of a prompt, ready for the answer to follow.

    A str is plain text for a base model; a list of messages goes through the chat template, up to and including
    the header of the assistant's turn, with thinking switched off. Raises ValueError for an empty prompt, a message
    without content, and messages that the template refuses or leaves out.
    """
    if isinstance(prompt, str):
        if not prompt.strip():
            raise ValueError("The prompt is empty. Write at least one word.")
        return plain_ids(tokenizer, prompt)
    _check_messages(prompt)
    return templates.text_ids(tokenizer, templates.prompt_text(tokenizer, prompt))


def plain_ids(tokenizer, text):
    """Returns the token ids of plain text: one beginning-of-text token at most, and no end token of the tokenizer's.

    A text may hold the beginning itself, as a rendered chat does, and some tokenizers end every text: an answer could
    not follow then.
    """
    ids = list(tokenizer(text)["input_ids"])
    begin, end = tokenizer.bos_token, tokenizer.eos_token
    if begin and text.startswith(begin) and ids[:2] == [tokenizer.bos_token_id] * 2:
        ids = ids[1:]
    ends = 1 + bool(end and text.endswith(end))  # so many ends are one too many
    return ids[:-1] if end and ids[-ends:] == [tokenizer.eos_token_id] * ends else ids


def _check_messages(messages):
    if not messages:
        raise ValueError("The prompt is an empty list of messages. Give at least one message.")
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
            raise ValueError(f"Message {number} is {message!r}; it must be a dict with 'role' and 'content'.")
        if not isinstance(message["content"], str) or not message["content"].strip():
            raise ValueError(f"Message {number} (role {message['role']!r}) has no content. Write at least one word.")


def encode_all(tokenizer, prompts):
    """Returns a list of token ids for a list of prompts; errors name the prompt's index."""
    if isinstance(prompts, str):
        raise ValueError("prompts is one str, not a list of prompts. Write [prompt] for a single one.")
    if prompts and isinstance(prompts[0], dict):
        raise ValueError("prompts is one list of messages, not a list of prompts. Write [messages] for a single one.")
    ids = []
    for index, prompt in enumerate(prompts):
        try:
            ids.append(encode(tokenizer, prompt))
        except ValueError as error:
            raise ValueError(f"prompts[{index}]: {error}") from error.__cause__
    return ids


def encode_answer(tokenizer, answer, index=0):
    """Returns the token ids of a given answer, to follow a prompt's; ValueError if there are none."""
    ids = tokenizer(answer, add_special_tokens=False)["input_ids"]
    if not ids:
        raise ValueError(f"answers[{index}] is empty, so it has no probability. Give at least one character.")
    return list(ids)


def check_lengths(ids, extra, limit):
    """Raises ValueError for the first prompt too long for a context of `limit` tokens, `extra` of them its answer's.

    `ids` are the prompts' token ids; `extra` is one number for all, or a list with one for each. A `limit` of None is
    no limit.
    """
    if limit is None:
        return
    for index, row in enumerate(ids):
        more = extra[index] if isinstance(extra, list) else extra
        if len(row) + more > limit:
            raise ValueError(
                f"prompts[{index}] has {len(row)} tokens and its answer {more}: together {len(row) + more}, more than "
                f"the model's context of {limit}. Shorten the prompt by {len(row) + more - limit} tokens, "
                "or ask for a shorter answer."
            )


def left_pad(rows, device):
    """Returns ids and mask, both (B, T), of token lists: padded on the left, so that every row ends together.

    The padding is any id at all: the mask hides it, so no pad token is needed.
    """
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows], device=device)
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=device)
    return ids, mask


def positions(mask):
    """Returns (B, T) positions that count from 0 at each row's first real token."""
    return (mask.cumsum(dim=1) - 1).clamp(min=0)


def batches_by_length(ids, batch_size, mixed=True):
    """Returns lists of row numbers, neighbours in length (so little is padded), the longest first.

    The longest first: if memory does not suffice, it shows at once, and the progress bar only gets faster.
    With `mixed` False no batch holds two lengths, so nothing is padded.
    """
    order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
    groups = [order] if mixed else [list(group) for _, group in groupby(order, key=lambda row: len(ids[row]))]
    return [group[i : i + batch_size] for group in groups for i in range(0, len(group), batch_size)]


def show_token(tokenizer, token):
    """Returns a token's text, or its spelling in the vocabulary where it holds only a part of a character."""
    text = tokenizer.decode([token])
    return tokenizer.convert_ids_to_tokens(token) if "\ufffd" in text else text
