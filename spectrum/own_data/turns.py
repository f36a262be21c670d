"""Turns of chats: OpenAI's and ShareGPT's ways of writing them become one, and what a turn must have is checked.

A turn is {"role", "content"}; an assistant's may carry "weight": 0 (no loss) and "tool_calls", a tool's "tool_call_id".
"""

import json
from dataclasses import dataclass, field

from spectrum.own_data.json_files import load_json

ROLES = ("system", "user", "assistant", "tool")
SPEAKERS = {  # ShareGPT's "from"
    "human": "user", "gpt": "assistant", "chatgpt": "assistant", "model": "assistant", "observation": "tool",
}  # fmt: skip
KEYS = {"role", "content", "from", "value"}
KEPT = {"assistant": {"weight", "tool_calls"}, "tool": {"tool_call_id", "name"}}


@dataclass
class Heard:
    """What was changed or left out while rows were made, to be said once: {what: in how many rows}."""

    unused: dict = field(default_factory=dict)  # keys of turns
    notes: dict = field(default_factory=dict)

    def note(self, what):
        self.notes[what] = self.notes.get(what, 0) + 1


def read_turns(turns, heard, where="messages"):
    """Returns the turns of a chat as messages; `heard` notes what was renamed or left out.

    "developer" becomes "system"; text parts are joined; empty system turns are left out; arguments of tool calls that
    are JSON text become objects, as templates want them. Raises ValueError that names the turn and the key.
    """
    if isinstance(turns, str):
        try:
            turns = load_json(turns)
        except ValueError as error:
            raise ValueError(f"field {where!r} is no JSON ({error})") from error
    if not isinstance(turns, list):
        raise ValueError(f"field {where!r} must be a list of messages, not {type(turns).__name__}")
    found = [read_turn(turn, heard, f"{where}[{i}]") for i, turn in enumerate(turns)]
    kept = [turn for turn in found if turn["role"] != "system" or turn["content"] != ""]
    if len(kept) < len(found):
        heard.note("empty system turns left out")
    if kept and kept[-1]["role"] in ("user", "tool") and where == "messages":
        heard.note("chats that go on after their last answer, of which the rest is not learned")
    return kept


def read_turn(turn, heard, where):
    """Returns one message of a turn in OpenAI's or ShareGPT's form."""
    if not isinstance(turn, dict):
        raise ValueError(f"field {where!r} must be a dict, not {type(turn).__name__}")
    turn = {key: value for key, value in turn.items() if value is not None}
    speaker = turn.get("from")
    role = turn.get("role", SPEAKERS.get(speaker, speaker) if isinstance(speaker, str) else speaker)
    if "function_call" in turn or role in ("function", "function_call"):
        raise ValueError(f"field {where!r} is an old function call, which templates do not render: use 'tool_calls'")
    if role == "developer":
        role = "system"
        heard.note("'developer' turns read as 'system'")
    check_role(role, where)
    message = {"role": role, "content": read_content(turn.get("content", turn.get("value")), heard, where)}
    if role == "assistant" and turn.get("tool_calls"):
        message["tool_calls"] = read_calls(turn["tool_calls"], heard, f"{where}.tool_calls")
        message["content"] = "" if message["content"] is None else message["content"]
    message |= {key: turn[key] for key in sorted(KEPT.get(role, set()) - {"tool_calls"}) if key in turn}
    for key in turn:
        if key not in KEYS and key not in KEPT.get(role, ()):
            heard.unused[f"{where.partition('[')[0]}[…].{key}"] = None
    return message


def check_role(role, where):
    """Raises ValueError for a role that no chat template knows."""
    if role not in ROLES:
        names = f"must be one of {ROLES}, or 'human' and 'gpt' under 'from'"
        raise ValueError(f"field '{where}.role' {names}, not {role!r}")


def read_content(content, heard, where):
    """Returns a turn's text; text parts are joined as templates join them, with nothing between."""
    if not isinstance(content, list):
        return content
    for i, part in enumerate(content):
        kind = part.get("type", "text") if isinstance(part, dict) else "text"
        if kind != "text":
            raise ValueError(f"field '{where}.content[{i}]' is of type {kind!r}; only parts of type 'text' can be read")
        if not isinstance(part, str) and not (isinstance(part, dict) and isinstance(part.get("text"), str)):
            raise ValueError(f"field '{where}.content[{i}]' is no text part, {{'type': 'text', 'text': …}}")
    heard.note("turns whose text parts were joined")
    return "".join(part if isinstance(part, str) else part["text"] for part in content)


def read_calls(calls, heard, where):
    """Returns the tool calls of a turn, their arguments as objects."""
    if not isinstance(calls, list):
        raise ValueError(f"field '{where}' must be a list, not {type(calls).__name__}")
    found = []
    for i, call in enumerate(calls):
        function = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise ValueError(f"field '{where}[{i}]' needs a 'function' with its 'name'")
        arguments = function.get("arguments") or {}
        if isinstance(arguments, str):
            try:
                arguments = load_json(arguments)
            except ValueError as error:
                raise ValueError(f"field '{where}[{i}].arguments' is no JSON ({error})") from error
            heard.note("tool calls with arguments in JSON text, read as objects")
        if not isinstance(arguments, dict):
            raise ValueError(f"field '{where}[{i}].arguments' must be an object, not {type(arguments).__name__}")
        kept = {"function": {"name": function["name"], "arguments": arguments}}
        found.append({**({"id": call["id"]} if call.get("id") else {}), "type": "function", **kept})
    return found


def read_tools(tools):
    """Returns the list of tools of a row, which may be JSON text; None where there are none."""
    if isinstance(tools, str) and tools.strip():
        try:
            tools = load_json(tools)
        except ValueError as error:
            raise ValueError(f"field 'tools' is no JSON ({error})") from error
    if not tools:
        return None
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise ValueError("field 'tools' must be a list of objects, one for each function")
    return tools


# ---- checks of rows that were made, or written by hand ----


def check_row(row):
    """Raises ValueError that names the field when a row has not what training needs."""
    if not isinstance(row, dict):
        raise ValueError(f"must be a dict of fields, not {type(row).__name__}")
    if row.get("messages") is not None:
        check_messages(row["messages"])
    elif row.get("text") is not None:
        check_text("text", row["text"])
    elif row.get("chosen") is not None and row.get("rejected") is not None:
        raise ValueError("is a preference pair: spectrum.preferences makes chats of it (as_chats)")
    elif "prompt" in row or "completion" in row:
        for name in ("prompt", "completion"):
            check_text(name, row.get(name))
    else:
        raise ValueError(f"needs 'messages', 'text', or 'prompt' and 'completion'; it has {sorted(row, key=str)}")


def check_text(name, text):
    """Raises ValueError where a field is missing, no text, empty, or holds half a character."""
    if text is None:
        raise ValueError(f"field {name!r} is missing")
    if not isinstance(text, str):
        raise ValueError(f"field {name!r} must be text, not {type(text).__name__}")
    if not text.strip():
        raise ValueError(f"field {name!r} is empty")
    check_characters(text)


def check_characters(text):
    """Raises ValueError for a lone surrogate."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("holds half of a character (a lone surrogate), which no tokenizer can read") from None


def check_messages(messages, learned=True, where="messages"):
    """Raises ValueError where the form or the roles of messages are wrong, or (if `learned`) no answer is in them."""
    if not isinstance(messages, list):
        raise ValueError(f"field {where!r} must be a list of messages, not {type(messages).__name__}")
    for i, message in enumerate(messages):
        if not isinstance(message, dict):
            raise ValueError(f"field '{where}[{i}]' must be a dict, not {type(message).__name__}")
        check_role(message.get("role"), f"{where}[{i}]")
        check_weight(message, f"{where}[{i}]")
    answers = [message for message in messages if message["role"] == "assistant"]
    if learned and not answers:
        raise ValueError(f"field {where!r} has no assistant turn, so the loss would see nothing")
    if learned and all(message.get("weight") == 0 for message in answers):
        raise ValueError(f"field {where!r}: every assistant turn has weight 0, so the loss would see nothing")
    if learned and messages[0]["role"] == "assistant":
        raise ValueError(f"field '{where}[0]' is an assistant turn; put what it answers before it")
    for i, message in enumerate(messages):
        if message.get("tool_calls"):
            check_characters(json.dumps(message, ensure_ascii=False, default=str))
        elif message["role"] != "tool" or not isinstance(message.get("content"), str):
            check_text(f"{where}[{i}].content", message.get("content"))


def check_weight(message, where):
    """Raises ValueError for a weight that is neither 0 nor 1."""
    if message.get("weight") not in (None, 0, 1):
        raise ValueError(f"field '{where}.weight' must be 0 (not in the loss) or 1, not {message['weight']!r}")


def without_tools(row):
    """Yields (what, the row without it) for the tools, each turn's tool calls, and each answer of a tool."""
    if row.get("tools"):
        yield "'tools'", {**row, "tools": None}
    messages = row.get("messages") or []
    last = max((i for i, message in enumerate(messages) if message["role"] == "assistant"), default=0)
    for i, message in enumerate(messages[: last + 1]):
        if message.get("tool_calls"):
            bare = {key: value for key, value in message.items() if key != "tool_calls"}
            yield f"'messages[{i}].tool_calls'", {**row, "messages": [*messages[:i], bare, *messages[i + 1 :]]}
        if message["role"] == "tool" and message["content"]:
            blank = {**message, "content": ""}
            yield f"'messages[{i}]' (a tool's answer)", {**row, "messages": [*messages[:i], blank, *messages[i + 1 :]]}
