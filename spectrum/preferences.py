"""Preference pairs, a prompt with a chosen and a rejected answer: read, and made into two chats."""

from spectrum.examples import read_rows


def read_pairs(source, columns=None, encoding=None, split=None):
    """Returns the Reading of preference pairs {"prompt", "chosen", "rejected"}: all texts, or all lists of messages.

    Source and options are those of `examples.read_rows`, as are the errors; in addition ValueError is raised for a
    source of another form.
    """
    reading = read_rows(source, columns, encoding, split)
    if reading.noun != "pairs":
        raise ValueError(
            f"These are no preference pairs ({reading}). A pair has the columns prompt, chosen and rejected, or "
            "columns={'prompt': 'question', 'chosen': 'better', 'rejected': 'worse'} names others."
        )
    return reading


def as_chats(pair):
    """Returns (chosen, rejected) of a pair as rows for `examples.tokenize_rows`; the loss sees the answers alone."""
    return tuple(as_chat(pair["prompt"], pair[name]) for name in ("chosen", "rejected"))


def as_chat(prompt, answer):
    """Returns {"messages"} of a prompt and an answer; earlier answers in the prompt get weight 0."""
    asked = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    asked = [turn | ({"weight": 0} if turn["role"] == "assistant" else {}) for turn in asked]
    return {"messages": asked + ([{"role": "assistant", "content": answer}] if isinstance(answer, str) else answer)}
