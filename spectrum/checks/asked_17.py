"""What lab 17's third check wants of a request and of an error, and what it says where they are otherwise."""

import json

from spectrum.checks.gate import CheckFailed, expect, short
from spectrum.checks.machinery import is_whole


def check_request(server, question, scale):
    """Raises unless one request came to a Recorder, and it is the one that the task describes."""
    expect(len(server.requests) == 1, f"{len(server.requests)} requests came to the address, wanted one",
           "One call of `ask` is one question.")  # fmt: skip
    ((method, path, headers, body),) = server.requests
    agent = headers.get("User-Agent", "")
    foreign = [name for name in ("OpenAI", "requests", "httpx", "aiohttp", "curl") if name.lower() in agent.lower()]
    expect(not foreign, f"the request came from {agent!r}", "Here the standard library is enough: urllib.request.")
    wanted = f"{server.where}/chat/completions"
    expect(path == wanted, f"the request went to {path}, wanted {wanted}",
           'The address that you are given ends in /v1; what follows is "/chat/completions".')  # fmt: skip
    expect(method == "POST", f"the request was a {method}, wanted a POST",
           "urllib makes a POST of a request that has `data`.")  # fmt: skip
    try:
        asked = json.loads(body.decode())
    except ValueError:
        text = short(body.decode(errors="replace"))
        hint = "json.dumps writes JSON, str() writes Python: 'single quotes', True, None."
        raise CheckFailed(f"what you sent is no JSON: {text}", hint) from None
    kind = headers.get("Content-Type", "none")
    expect(kind.split(";")[0].strip().lower() == "application/json", f"the header Content-Type is {kind!r}",
           "Say what you send: application/json. Without a header urllib says that it is a form.")  # fmt: skip
    expect_chat(asked, question)
    expect_greedy(asked)
    wanted = [{"id": 0, "scale": scale}]
    expect(asked.get("lora") == wanted, f"lora is {short(asked.get('lora'))}, wanted {wanted}",
           "A list with one entry for adapter 0, and the scale as it is: 0, a fraction, or below 0.")  # fmt: skip


def expect_chat(asked, question):
    """Raises unless a request holds the question, whole, as the one turn of a user."""
    expect(isinstance(asked, dict) and isinstance(asked.get("messages"), list) and asked["messages"],
           f"there are no messages in what you sent: {short(asked)}",
           'A chat is a list of turns under "messages".')  # fmt: skip
    turns = asked["messages"]
    wanted = [{"role": "user", "content": question}]
    expect(turns == wanted, f"the messages are {short(turns, 200)}, wanted {short(wanted, 200)}",
           "One turn, of the user, with the question as it is. The tuned model has seen no other form.")  # fmt: skip


def expect_greedy(asked):
    """Raises unless a request asks for the likeliest answer, of at most 24 tokens, in one piece."""
    expect(asked.get("temperature") == 0 and not isinstance(asked.get("temperature"), bool),
           f"the temperature is {short(asked.get('temperature'))}, wanted 0",
           "Without a temperature of 0 the server draws each token: one question, many answers.")  # fmt: skip
    most = asked.get("max_tokens")
    expect(is_whole(most) and most == 24, f"max_tokens is {short(most)}, wanted 24",
           "A model that finds no end goes on to the last token it has room for.")  # fmt: skip
    parts = asked.get("stream") or asked.get("n", 1) != 1 or asked.get("stop")
    expect(not parts, "you asked for a stream, for several answers, or for a stop before the end",
           "One answer, in one piece.")  # fmt: skip


def expect_told(function, url, status, error):
    """Raises unless a refused request ends in an error with the server's own words."""
    reason = "The reason stands in the reply: an HTTPError can be read, and its JSON has it under error, message."
    try:
        found = function(url, "Why?", 1.0)
    except CheckFailed:
        raise
    except Exception as raised:
        kind = type(raised).__name__
        came = f"status {status} came out as {kind}: {raised}; wanted an error that says {error!r}"
        expect(error in str(raised), came, reason)
        return
    expect(False, f"the server refused, status {status}, {error!r}, and you returned {short(found)}",
           "An app that swallows an error answers with nothing, and nobody learns why.")  # fmt: skip
