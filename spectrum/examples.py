"""From rows of text to what the loss sees: token ids, labels, and packed batches.

Built by hand in notebooks/07_instruction_tuning.ipynb.
"""

import torch

from spectrum.generate import encode

IGNORE = -100  # the label value that transformers leaves out of the loss


def tokenize_rows(tokenizer, rows, length=512, chat=True):
    """Returns one {"input_ids", "labels"} per row; labels are -100 wherever the loss must not look.

    A row is {"messages": [...]} (the loss sees the assistant's turns and their end marks), {"prompt": ..., "completion": ...}
    (the loss sees the completion; with chat=True the prompt is one user turn) or {"text": ...} (the loss sees all).
    Raises ValueError naming the row and the field when a field is missing, empty or no text, or the row exceeds `length`.
    """
    examples = []
    for number, row in enumerate(rows):
        example = tokenize_row(tokenizer, check_row(row, number), chat)
        if len(example["input_ids"]) > length:
            raise ValueError(f"row {number}: {len(example['input_ids'])} tokens, more than length={length}; "
                             "shorten the row or train with a greater length")
        examples.append(example)
    if not examples:
        raise ValueError("no rows to train on")
    return examples


def check_row(row, number):
    """Returns the row unchanged, or raises ValueError that names the row and the field."""
    if row.get("messages") is not None:
        messages = row["messages"]
        if not any(m.get("role") == "assistant" for m in messages):
            raise ValueError(f"row {number}: field 'messages' has no assistant turn, so the loss would see nothing")
        fields = {f"messages[{i}].content": m.get("content") for i, m in enumerate(messages)}
    elif row.get("text") is not None:
        fields = {"text": row["text"]}
    elif "prompt" in row or "completion" in row:
        fields = {name: row.get(name) for name in ("prompt", "completion")}
    else:
        raise ValueError(f"row {number}: needs 'messages', 'text', or 'prompt' and 'completion'; it has {sorted(row)}")
    for name, text in fields.items():
        if text is None:
            raise ValueError(f"row {number}: field {name!r} is missing")
        if not isinstance(text, str):
            raise ValueError(f"row {number}: field {name!r} must be text, not {type(text).__name__}")
        if not text.strip():
            raise ValueError(f"row {number}: field {name!r} is empty")
    return row


def tokenize_row(tokenizer, row, chat):
    """Returns {"input_ids", "labels"} of one checked row."""
    if row.get("text") is not None:
        ids = [*encode(tokenizer, row["text"]), tokenizer.eos_token_id]
        return {"input_ids": ids, "labels": list(ids)}
    if row.get("messages") is not None:
        return tokenize_chat(tokenizer, row["messages"])
    if chat:
        turns = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
        return tokenize_chat(tokenizer, turns)
    prompt = encode(tokenizer, row["prompt"])
    answer = [*tokenizer(row["completion"], add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    return {"input_ids": prompt + answer, "labels": [IGNORE] * len(prompt) + answer}


def tokenize_chat(tokenizer, messages):
    """Returns {"input_ids", "labels"} of a chat; the loss sees each assistant turn with its end mark.

    The turn is what the template adds after the generation prompt, so templates without generation marks work as well.
    """
    ids, labels = [], []
    for i, message in enumerate(messages):
        if message["role"] == "assistant":
            prompt, turn = encode(tokenizer, messages[:i]), template_ids(tokenizer, messages[: i + 1])
            if turn[: len(prompt)] != prompt or prompt[: len(ids)] != ids:
                raise ValueError("the chat template rewrites earlier turns, so the assistant's tokens cannot be found; "
                                 "train on single-turn rows or use a template that only appends")
            labels += [IGNORE] * (len(prompt) - len(labels)) + turn[len(prompt):]
            ids = turn
    return {"input_ids": ids, "labels": labels}


def template_ids(tokenizer, messages):
    """Returns the token ids of a complete chat, without a generation prompt."""
    return tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True)["input_ids"]


def pack(examples, length):
    """Returns {"input_ids", "labels", "position_ids"}, each (rows, width): the examples laid end to end in few rows.

    Longest first into the first row with room. Positions restart with each example, which tells transformers to keep the
    examples of a row from seeing each other; the first label of each example is ignored, as nothing precedes it.
    """
    rows = []
    for example in sorted(examples, key=lambda e: -len(e["input_ids"])):
        size = len(example["input_ids"])
        row = next((r for r in rows if r["used"] + size <= length), None)
        if row is None:
            row = {"used": 0, "examples": []}
            rows.append(row)
        row["used"] += size
        row["examples"].append(example)
    width = max(r["used"] for r in rows)
    batch = {"input_ids": torch.zeros(len(rows), width, dtype=torch.long),
             "labels": torch.full((len(rows), width), IGNORE), "position_ids": torch.zeros(len(rows), width, dtype=torch.long)}
    for i, row in enumerate(rows):
        start = 0
        for example in row["examples"]:
            stop = start + len(example["input_ids"])
            batch["input_ids"][i, start:stop] = torch.as_tensor(example["input_ids"])
            batch["labels"][i, start:stop] = torch.as_tensor(example["labels"])
            batch["labels"][i, start] = IGNORE
            batch["position_ids"][i, start:stop] = torch.arange(stop - start)
            start = stop
        batch["position_ids"][i, start:] = torch.arange(width - start)  # padding: a document of its own, never in the loss
    return batch
