"""Addresses of this machine that lab 17's third check gives to a learner: one that writes down, one that is real."""

import contextlib
import functools
import http.client
import http.server
import importlib.util
import json
import os
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

import torch

from spectrum import adapters, export
from spectrum.models import load_model
from spectrum.serve import serve

HERE = bool(importlib.util.find_spec("xllamacpp"))
MISSING = "llama.cpp is not here (pip install 'customization-spectrum[serve]')"
SECONDS = 30  # that a request of a check may take


class Recorder(http.server.ThreadingHTTPServer):
    """A server on this machine that writes requests down and gives each the answer that was planned for it."""

    daemon_threads = True

    def __init__(self, where):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests, self.status, self.reply = [], 200, b""
        self.where, self.url = f"{where}/v1", f"http://127.0.0.1:{self.server_port}{where}/v1"

    def plan(self, text="", status=200, error=""):
        """Sets what comes next: an answer's text, or the message of an error; what was written down is forgotten."""
        usage = {"completion_tokens": 3, "prompt_tokens": 12, "total_tokens": 15}
        choice = {"finish_reason": "stop", "index": 0, "message": {"role": "assistant", "content": text}}
        reply = {"error": {"code": status, "message": error, "type": "invalid_request_error"}} if error else {
            "choices": [choice], "model": "small", "object": "chat.completion", "usage": usage}  # fmt: skip
        self.requests, self.status = [], status
        self.reply = json.dumps(reply, ensure_ascii=False).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    """What the Recorder does with a request."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.command, self.path, self.headers, body))
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(self.server.reply)))
        self.end_headers()
        self.wfile.write(self.server.reply)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        """Says nothing."""


@contextlib.contextmanager
def without_proxies():
    """A context in which no proxy that the machine's settings name stands between this machine and itself."""
    kept = {name: os.environ.get(name) for name in ("no_proxy", "NO_PROXY")}
    os.environ.update(dict.fromkeys(kept, "*"))
    try:
        yield
    finally:
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def recording(where=""):
    """A context with a Recorder that answers, at a path of its machine."""
    server = Recorder(where)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        with without_proxies():
            yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@functools.cache
def files():
    """Returns (a folder that lasts as long as this process, file of lumen-instruct, of an adapter that changes it)."""
    folder = tempfile.TemporaryDirectory()
    model, tokenizer = load_model("instruct", dtype="float32")
    base = export.write_gguf(model, tokenizer, Path(folder.name) / "base.gguf", "q8_0")
    adapted, drawn = adapters.add_lora(model, 4), torch.Generator().manual_seed(0)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            parameter.data = 0.08 * torch.randn(parameter.shape, generator=drawn)
    return folder, base, export.write_gguf_adapter(adapted, Path(folder.name) / "lora.gguf")


@contextlib.contextmanager
def serving():
    """A context with the address of lumen-instruct in llama.cpp, and an adapter beside it that spoils its answers."""
    _, base, lora = files()
    with serve(base, [lora]) as server, without_proxies():
        yield server.url


def said(url, question, most=24, **body):
    """Returns what is answered at an address, asked greedily; raises RuntimeError for a status other than 200."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=SECONDS)
    asked = {"messages": [{"role": "user", "content": question}], "temperature": 0, "max_tokens": most, **body}
    connection.request(
        "POST", f"{place.path}/chat/completions", json.dumps(asked), {"Content-Type": "application/json"}
    )
    reply = connection.getresponse()
    body = json.loads(reply.read())
    connection.close()
    if reply.status != 200:
        raise RuntimeError(f"{url} answered {reply.status}: {body}")
    return body["choices"][0]["message"]["content"]
