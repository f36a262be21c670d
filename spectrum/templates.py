"""Chats as a tokenizer's template writes them: rendered, without thinking, nothing left out, and what the template can.

The marks of each model family differ; here they are looked for in what the template renders, not assumed.
"""

import json
import re
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import jinja2

# A tag that opens a thinking block: <think>, <thought> (EXAONE Deep), [THINK] (Magistral), <seed:think> (Seed-OSS),
# ◁think▷ (Kimi), <|START_THINKING|> (Command A). Those that close one have a slash or an "end".
OPENING = re.compile(r"(?:<\|?|\[|◁)(?!end)[\w:]*(?:think|thought|reason)\w*(?:\|?>|\]|▷)", re.IGNORECASE)
PROBE = [{"role": "user", "content": "alpha"}, {"role": "assistant", "content": "beta"}]
SYSTEM = {"role": "system", "content": "omega"}


@dataclass(frozen=True)
class Template:
    """What a chat template does, tried on it by `examine`."""

    system: bool  # it renders a system turn
    two_users: bool  # it takes two user turns in a row
    thinking: str  # "none", "off" (told so by enable_thinking=False) or "closed" (it always opens a block; we close it)
    appends: bool  # a further turn leaves the rendering of those before as it is
    end: int | None  # the token that ends an assistant's turn
    bos: int  # how many beginning-of-text tokens stand before a chat

    def __str__(self):
        thinking = {"none": "no thinking", "off": "thinking off", "closed": "thinking closed at once"}[self.thinking]
        facts = ["a system turn" if self.system else "no system turn"]
        facts += ["two user turns in a row" if self.two_users else "no two user turns in a row", thinking]
        facts += ["earlier turns stay" if self.appends else "earlier turns are rewritten", f"{self.bos} BOS"]
        return "template: " + ", ".join(facts)


# ---- rendering ----


def template_text(tokenizer):
    """Returns the template itself, as text; several named ones together; "" for none."""
    return str(tokenizer.chat_template or "")


def prompt_text(tokenizer, messages, tools=None):
    """Returns a chat as text, up to and including the header of the assistant's turn, its thinking block closed.

    Raises ValueError where the tokenizer has no template, or its template refuses the messages or leaves one out.
    """
    text = render(tokenizer, messages, True, tools)
    _, tag, is_open = last_block(text)
    return f"{text.rstrip()}\n\n{closing(tag)}\n\n" if is_open else text


def last_block(text):
    """Returns (text before it, tag, whether it is open) of the thinking block that ends a text; tag "" for none."""
    for found in [*OPENING.finditer(text)][-1:]:
        rest = text[found.end() :].strip()
        if rest in ("", closing(found[0])):
            return text[: found.start()], found[0], not rest
    return text, "", False


def closing(tag):
    """Returns the tag that closes a thinking block: </think> of <think>, <|END_THINKING|> of <|START_THINKING|>."""
    ended = re.sub("START|BEGIN", "END", re.sub("start|begin", "end", tag))
    return ended if ended != tag else re.sub(r"^(<\|?|\[|◁)", r"\1/", tag)


def chat_text(tokenizer, messages, tools=None):
    """Returns a complete chat as text, without a generation prompt; ValueError as `prompt_text`."""
    return render(tokenizer, messages, False, tools)


def render(tokenizer, messages, generation, tools=None):
    """Returns what the template writes, thinking switched off by name where it has the switch."""
    text = apply(tokenizer, messages, generation, tools)
    check_rendered(text, messages, tools)
    return text


def apply(tokenizer, messages, generation, tools=None, **options):
    """Returns the template's own rendering; what jinja raises becomes a ValueError that names the roles."""
    if tokenizer.chat_template is None:
        raise ValueError("This tokenizer has no chat template. Give plain text (a str), or load an instruct model.")
    switch = {"enable_thinking": False} if "enable_thinking" in template_text(tokenizer) else {}
    options = {"tokenize": False, "add_generation_prompt": generation, "tools": tools} | switch | options
    try:
        return tokenizer.apply_chat_template(messages, **options)
    except (jinja2.TemplateError, TypeError) as error:
        roles = ", ".join(str(message.get("role")) for message in messages)
        raise ValueError(f"the chat template refuses the turns {roles}: {error}") from error


def check_rendered(text, messages, tools=None):
    """Raises ValueError where a turn, a tool call or a tool is not in the rendered text: dropped in silence."""
    for number, message in enumerate(messages):
        content, role = message.get("content"), message.get("role")
        if role != "assistant" and isinstance(content, str) and not shows(text, content):
            raise ValueError(
                f"the chat template leaves out messages[{number}] (role {role!r}): it does not render such a turn. "
                "Put what it says into a user turn, or use a model whose template does"
            )
        for name in tool_names(message.get("tool_calls")):
            if not shows(text, name):
                raise ValueError(f"the chat template does not render the tool call {name!r} of messages[{number}]")
    for name in tool_names(tools):
        if not shows(text, name):
            raise ValueError(f"the chat template does not render the tool {name!r}: it takes no tools")


def shows(text, content):
    """Returns whether rendered text holds a content, as it is or as JSON."""
    content = content.strip()
    return content in text or json.dumps(content, ensure_ascii=False)[1:-1] in text


def tool_names(calls):
    """Returns the names of functions in a list of tools or tool calls, in OpenAI's form or bare."""
    return [(call.get("function") or call).get("name", "") for call in calls or [] if isinstance(call, dict)]


def text_ids(tokenizer, text):
    """Returns the token ids of rendered text, to which the tokenizer adds nothing of its own."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


# ---- what a template does ----


_EXAMINED = WeakKeyDictionary()


def examine(tokenizer):
    """Returns the Template of a tokenizer, None where it has none; each template is tried once."""
    found = _EXAMINED.setdefault(tokenizer, {})
    text = template_text(tokenizer)
    if text not in found:
        found[text] = None if tokenizer.chat_template is None else try_out(tokenizer)
    return found[text]


def try_out(tokenizer):
    """Returns the Template of a tokenizer that has one."""
    user, answer = PROBE
    prompt = apply(tokenizer, [user], True)
    bos = tokenizer.bos_token
    return Template(
        system=bool(tried(tokenizer, [SYSTEM, user])),
        two_users=bool(tried(tokenizer, [user, {"role": "user", "content": "gamma"}])),
        thinking="closed" if last_block(prompt)[2] else "off" if switches(tokenizer, prompt) else "none",
        appends=appends(tokenizer),
        end=turn_end(tokenizer),
        bos=text_ids(tokenizer, prompt).count(tokenizer.bos_token_id) if bos else 0,
    )


def tried(tokenizer, messages):
    """Returns the rendering of messages with a generation prompt, None where the template refuses or drops a turn."""
    try:
        return render(tokenizer, messages, True)
    except ValueError:
        return None


def switches(tokenizer, prompt):
    """Returns whether the template writes another prompt when thinking is on."""
    return "enable_thinking" in template_text(tokenizer) and (
        apply(tokenizer, PROBE[:1], True, enable_thinking=True) != prompt
    )


def appends(tokenizer):
    """Returns whether a chat's rendering goes on from the rendering of its earlier turns, thinking and all."""
    tag = next((found[0] for found in OPENING.finditer(template_text(tokenizer))), "<think>")
    thought = {"role": "assistant", "content": f"{tag}\ndelta\n{closing(tag)}\n\nbeta"}
    chats = [[user, answer, {"role": "user", "content": "gamma"}] for user, answer in [PROBE, (PROBE[0], thought)]]
    return all(apply(tokenizer, chat, True).startswith(apply(tokenizer, chat[:2], False)) for chat in chats)


def turn_end(tokenizer):
    """Returns the id of the token that the template writes after an assistant's words, None where it writes none."""
    if tokenizer.chat_template is None:
        return None
    rest = apply(tokenizer, PROBE, False).rpartition("beta")[2]
    return next((token for token in text_ids(tokenizer, rest) if token in mark_ids(tokenizer)), None)


def mark_ids(tokenizer):
    """Returns the ids of a tokenizer's special tokens, also those that have no role of their own."""
    return {i for i, token in tokenizer.added_tokens_decoder.items() if token.special} | set(tokenizer.all_special_ids)


def marks_in(tokenizer, text):
    """Returns the special tokens, as text, that a text would be read to hold and that the template writes itself."""
    if not any(token.content in text for token in tokenizer.added_tokens_decoder.values()):
        return []
    written = set(text_ids(tokenizer, apply(tokenizer, PROBE, True))) & mark_ids(tokenizer)
    return [tokenizer.convert_ids_to_tokens(i) for i in text_ids(tokenizer, text) if i in written]
