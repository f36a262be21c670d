"""The forms that rows of data come in (Alpaca, ShareGPT, chats, preference pairs …), told by their columns.

Every form becomes one of four rows: {"prompt", "completion"}, {"text"}, {"messages"} with "tools" where it has some,
and {"prompt", "chosen", "rejected"}.
"""

from dataclasses import dataclass
from difflib import get_close_matches

from spectrum.own_data.columns import EXAMPLE, fill, parts_of, suggest, value_of
from spectrum.own_data.turns import check_messages, check_row, check_text, read_tools, read_turns


@dataclass(frozen=True)
class Form:
    """One form: its columns, those that it may have, what one of its rows is called, and what makes a row of them."""

    name: str
    needs: tuple
    may: tuple
    noun: str
    make: object

    def __str__(self):
        return " and ".join(self.needs) if len(self.needs) < 3 else f"{', '.join(self.needs[:-1])} and {self.needs[-1]}"


def make_pair(values, heard):
    """Returns the row of a prompt and a completion: texts, or turns as TRL has them; with a system text, a chat.

    The assistant's turns of a prompt get weight 0, for only the completion is to be learned.
    """
    prompt, completion = values["prompt"], values["completion"]
    if isinstance(prompt, str) and isinstance(completion, str) and not values.get("system") and not values.get("tools"):
        return {"prompt": prompt, "completion": completion}
    asked = as_turns(prompt, "user", heard, "prompt")
    asked = [turn | ({"weight": 0} if turn["role"] == "assistant" else {}) for turn in asked]
    return make_chat({**values, "messages": asked + as_turns(completion, "assistant", heard, "completion")}, heard)


def as_turns(value, role, heard, where):
    """Returns messages of a text, which is one turn of `role`, or of a list of turns."""
    if isinstance(value, list):
        return read_turns(value, heard, where)
    check_text(where, value)
    return [{"role": role, "content": value}]


def make_text(values, heard):
    """Returns the row of a text."""
    return {"text": values["text"]}


def make_chat(values, heard):
    """Returns the row of a chat; a system text of its own comes first, and tools stand beside the messages."""
    messages = read_turns(values["messages"], heard)
    if values.get("system"):
        if messages and messages[0]["role"] == "system":
            raise ValueError("has a system turn in its messages and a text in the column 'system': keep one")
        check_text("system", values["system"])
        messages = [{"role": "system", "content": values["system"]}, *messages]
    tools = read_tools(values.get("tools"))
    return {"messages": messages, **({"tools": tools} if tools else {})}


def make_sharegpt(values, heard):
    """Returns the chat of a row whose turns stand under "conversations"."""
    return make_chat({**values, "messages": values["conversations"]}, heard)


def make_alpaca(values, heard):
    """Returns the row of an instruction, perhaps with input, earlier turns (LLaMA-Factory's "history") and system."""
    prompt = fill("{instruction}\n{input}", values)
    earlier = values.get("history") or []
    if not isinstance(earlier, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in earlier):
        raise ValueError("field 'history' must be a list of [question, answer]")
    if not earlier:
        return make_pair({**values, "prompt": prompt, "completion": values["output"]}, heard)
    roles = ("user", "assistant")
    turns = [{"role": role, "content": text} for pair in earlier for role, text in zip(roles, pair, strict=True)]
    turns.append({"role": "user", "content": prompt})
    return make_pair({**values, "prompt": turns, "completion": values["output"]}, heard)


def make_dolly(values, heard):
    """Returns the row of an instruction, perhaps with the context that it asks about."""
    prompt = fill("{instruction}\n{context}", values)
    return make_pair({**values, "prompt": prompt, "completion": values["response"]}, heard)


def make_preference(values, heard):
    """Returns {"prompt", "chosen", "rejected"}: three texts, or three lists of messages.

    Where chosen and rejected repeat the prompt, or no prompt is given and both begin with the same turns, these turns
    are the prompt. Raises ValueError where both answers are the same, or one is no answer.
    """
    prompt, answers = values.get("prompt"), {name: values[name] for name in ("chosen", "rejected")}
    if prompt is None and any(isinstance(answer, str) for answer in answers.values()):
        raise ValueError("has no prompt: texts in 'chosen' and 'rejected' need it in a column of its own")
    if isinstance(prompt, str) and all(isinstance(answer, str) for answer in answers.values()):
        row = {"prompt": prompt, **answers}
        if values.get("system"):
            row["prompt"] = [{"role": "system", "content": values["system"]}, {"role": "user", "content": prompt}]
            row |= {name: [{"role": "assistant", "content": text}] for name, text in answers.items()}
    else:
        turns = {name: as_turns(answer, "assistant", heard, name) for name, answer in answers.items()}
        row = split_prompt(prompt, turns, heard)
    check_preference(row)
    return row


def split_prompt(prompt, turns, heard):
    """Returns the pair of {"chosen": turns, "rejected": turns}, cut where the prompt ends."""
    if prompt is None:
        both = list(zip(turns["chosen"], turns["rejected"], strict=False))
        same = next((i for i, (a, b) in enumerate(both) if a != b), len(both))
        asked = turns["chosen"][:same]
        while asked and asked[-1]["role"] == "assistant":
            asked = asked[:-1]
        if not asked:
            raise ValueError("has no prompt, and 'chosen' and 'rejected' do not begin with the same turns")
    else:
        asked = as_turns(prompt, "user", heard, "prompt")
    cut = {name: t[len(asked) :] if t[: len(asked)] == asked else t for name, t in turns.items()}
    return {"prompt": asked, **cut}


def check_preference(row):
    """Raises ValueError where a pair cannot teach: no prompt, no answer, or the same answer twice."""
    for name in ("prompt", "chosen", "rejected"):
        if isinstance(row[name], str):
            check_text(name, row[name])
        else:
            check_messages(row[name], learned=False, where=name)
            if not row[name] or (name != "prompt") != (row[name][-1]["role"] == "assistant"):
                last = "a question" if name == "prompt" else "an assistant turn"
                raise ValueError(f"field {name!r} must end with {last}")
    if row["chosen"] == row["rejected"]:
        raise ValueError("fields 'chosen' and 'rejected' are the same, so nothing is preferred")


FORMS = (
    Form("prompts and completions", ("prompt", "completion"), ("system", "tools"), "rows", make_pair),
    Form("texts", ("text",), (), "texts", make_text),
    Form("chats", ("messages",), ("system", "tools"), "chats", make_chat),
    Form("ShareGPT", ("conversations",), ("system", "tools"), "chats", make_sharegpt),
    Form("Alpaca", ("instruction", "output"), ("input", "system", "history"), "rows", make_alpaca),
    Form("Dolly", ("instruction", "response"), ("context", "system"), "rows", make_dolly),
    Form("preference pairs", ("prompt", "chosen", "rejected"), ("system",), "pairs", make_preference),
    Form("preference pairs", ("chosen", "rejected"), ("prompt", "system"), "pairs", make_preference),
)


# ---- which form, and which columns ----


def choose_form(name, names, columns=None):
    """Returns (form, {field: column or template}) for a source with columns `names`, by itself or as `columns` says.

    Raises ValueError where columns are not there, say too little or too much, or fit no form or more than one; the
    sentence names the columns that are there and suggests a mapping.
    """
    if columns is not None:
        return choose_mapped(name, names, columns)
    found = [form for form in FORMS if set(form.needs) <= set(names)]
    found = [form for form in found if not any(set(form.needs) < set(other.needs) for other in found)]
    if len(found) == 1:
        form = found[0]
        return form, {field: field for field in (*form.needs, *form.may) if field in names}
    have = f"{name} has the columns {list(names)}"
    if found:
        readings = "; ".join(f"{form.name} ({form})" for form in found)
        raise ValueError(f"{have}: more than one form fits: {readings}. Say which, as in {mapping(found[0], names)}.")
    raise ValueError(f"{have}: none of {'; '.join(map(str, FORMS[:6]))} is complete. {suggest(names)}")


def mapping(form, names):
    """Returns the `columns=…` that chooses a form which fits by itself."""
    if form.name in ("Alpaca", "Dolly"):
        prompt = f"{{instruction}}\\n{{{form.may[0]}}}" if form.may[0] in names else "instruction"
        return f"columns={{'prompt': '{prompt}', 'completion': '{form.needs[1]}'}}"
    return f"columns={ {field: field for field in form.needs} }"


def choose_mapped(name, names, columns):
    """Returns (form, columns) where the columns were given."""
    mapped = [form for form in FORMS if form.name not in ("Alpaca", "Dolly")]
    fits = [form for form in mapped if set(form.needs) <= set(columns) <= {*form.needs, *form.may}]
    if not fits:
        known = "; ".join(map(str, mapped))
        raise ValueError(f"columns has the fields {sorted(columns)}; give one of: {known}, such as {EXAMPLE}")
    for column in columns.values():
        for part in parts_of(column, names):
            if part not in names:
                close = get_close_matches(str(part), map(str, names), 1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"{name} has the columns {list(names)}, and no {part!r}.{hint}")
    return fits[0], dict(columns)


def name_of(form, columns, records):
    """Returns what a form is called, told by the records where chats may be in ShareGPT's way or in OpenAI's."""
    if form.noun != "chats":
        return form.name
    chats = (record.get(columns[form.needs[0]]) for record in records if isinstance(record, dict))
    first = next((chat for chat in chats if chat), None)
    if not isinstance(first, list) or not isinstance(first[0], dict):
        return form.name
    return "ShareGPT" if "from" in first[0] else "chats"


# ---- rows ----


def refuse_ratings(name, form, columns, records):
    """Raises ValueError for prompts and completions of which some are marked as bad answers, as KTO's data has them."""
    if form.name == "prompts and completions" and "label" not in columns.values():
        if any(isinstance(record, dict) and record.get("label") is False for record in records):
            raise ValueError(
                f"{name}: rows whose 'label' is false are bad answers (data for KTO), which would be learned like good "
                "ones. Keep the rows whose label is true, and leave the column away."
            )


def make_row(record, form, columns, heard):
    """Returns the row of a record in a form; ValueError says why there is none."""
    if isinstance(record, ValueError):
        raise record
    if not isinstance(record, dict):
        raise ValueError(f"must be an object with fields, not {type(record).__name__}")
    values = {field: value_of(record, column) for field, column in columns.items()}
    for field in form.needs:
        if values.get(field) is None or isinstance(values[field], str) and not values[field].strip():
            label = repr(field) if columns[field] == field else f"{field!r} (from {columns[field]!r})"
            raise ValueError(f"field {label} is {'missing' if values.get(field) is None else 'empty'}")
    row = form.make(values, heard)
    if form.noun != "pairs":
        check_row(row)
    return row
