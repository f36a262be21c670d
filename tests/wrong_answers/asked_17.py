"""Requests and choices, as lab 17's wrong answers have them."""

import http.client
import json
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import numpy as np


def asked(url, question, scale, body=None, headers=None, path="/chat/completions", encode=None, method=None,
          read=lambda reply: reply["choices"][0]["message"]["content"], fail="read", error=RuntimeError):  # fmt: skip
    """A right `ask`, with mistakes by argument: `body` is what differs in the request, None leaves a key out."""
    whole = {"model": "any", "messages": [{"role": "user", "content": question}], "temperature": 0, "max_tokens": 24,
             "lora": [{"id": 0, "scale": scale}]} | (body(question, scale) if body else {})  # fmt: skip
    whole = {key: value for key, value in whole.items() if value is not None}
    data = encode(whole) if encode else json.dumps(whole).encode()
    headers = {"Content-Type": "application/json"} if headers is None else headers
    request = urllib.request.Request(url + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return read(json.load(reply))
    except urllib.error.HTTPError as refused:
        if fail == "pass on":
            raise
        if fail == "swallow":
            return ""
        told = json.load(refused)["error"]["message"]
        raise error(told if fail == "read" else str(refused)) from None


class Refused(Exception):
    """An error of an app's own."""


def misasked(**mistake):
    return lambda url, question, scale: asked(url, question, scale, **mistake)


def changed(**parts):
    return misasked(body=lambda question, scale: parts)


def by_system(question, scale):
    return {"messages": [{"role": "system", "content": "Answer."}, {"role": "user", "content": question}]}


def all_in_system(question, scale):
    return {"messages": [{"role": "system", "content": question}]}


def glued(question, scale):
    return ('{"messages": [{"role": "user", "content": "' + question + '"}], "temperature": 0, "max_tokens": 24, '
            f'"lora": [{{"id": 0, "scale": {scale}}}]}}').encode()  # fmt: skip


def by_strings(url, question, scale):
    return asked(url, question, scale, encode=lambda whole: glued(question, scale))


def text_of(reply):
    return reply["choices"][0]["message"]["content"]


def asks_twice(url, question, scale):
    asked(url, question, scale)
    return asked(url, question, scale)


def by_client(url, question, scale):
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=30)
    body = {"messages": [{"content": question, "role": "user"}], "lora": [{"scale": scale, "id": 0}],
            "temperature": 0.0, "max_tokens": 24, "stream": False, "cache_prompt": True}  # fmt: skip
    body = json.dumps(body, ensure_ascii=False).encode()
    headers = {"content-type": "application/json; charset=utf-8"}
    connection.request("POST", place.path + "/chat/completions", body, headers)
    reply = connection.getresponse()
    text = reply.read().decode()
    if reply.status >= 400:
        raise RuntimeError(f"{reply.status}: {json.loads(text)['error']['message']}")
    return json.loads(text)["choices"][0]["message"]["content"]


def without_proxies(url, question, scale):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    body = {"messages": [{"role": "user", "content": question}], "temperature": 0, "max_tokens": 24,
            "lora": [{"id": 0, "scale": scale}]}  # fmt: skip
    request = urllib.request.Request(f"{url}/chat/completions", method="POST")
    request.add_header("Content-Type", "application/json")
    try:
        return json.loads(opener.open(request, json.dumps(body).encode()).read())["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as error:
        raise ValueError(f"the server says: {json.loads(error.read())['error']['message']}") from error


def wilson(p, n, z=1.959964):
    return (p + z**2 / (2 * n) - z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5) / (1 + z**2 / n)


def choose(options, least, megabytes, end=wilson, part="typed", best=lambda each: (each["MB"], each["ms"]),
           fits=lambda size, room: size <= room, enough=lambda low, least: low >= least, empty=0.0):  # fmt: skip
    """A right `choose`, with mistakes by argument."""
    fit = []
    for each in options:
        count = len(each[part])
        low = end(sum(each[part]) / count, count) if each[part] or empty is None else empty
        if fits(each["MB"], megabytes) and enough(low, least):
            fit.append(each)
    return min(fit, key=best)["name"] if fit else None


def mischosen(**mistake):
    return lambda options, least, megabytes: choose(options, least, megabytes, **mistake)


def normal(p, n):
    return p - 1.959964 * (p * (1 - p) / n) ** 0.5


def upper(p, n, z=1.959964):
    return (p + z**2 / (2 * n) + z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5) / (1 + z**2 / n)


def no_default(options, least, megabytes):
    fit = [each for each in options if each["MB"] <= megabytes and each["typed"]
           and wilson(np.mean(each["typed"]), len(each["typed"])) >= least]  # fmt: skip
    return min(fit, key=lambda each: (each["MB"], each["ms"]))["name"]


def last_of_equals(options, least, megabytes):
    return choose(options[::-1], least, megabytes)


def whole_option(options, least, megabytes):
    name = choose(options, least, megabytes)
    return next((each for each in options if each["name"] == name), None)


def sorts_in_place(options, least, megabytes):
    options.sort(key=lambda each: (each["MB"], each["ms"]))
    return choose(options, least, megabytes)


def by_scipy(options, least, megabytes):
    from scipy.stats import binomtest

    return choose(
        options, least, megabytes, end=lambda p, n: binomtest(round(p * n), n).proportion_ci(method="wilson")[0]
    )


def says_none(options, least, megabytes):
    return choose(options, least, megabytes) or "none"


def sorted_by_tuples(options, least, megabytes):
    def low(marks):  # the two roots of a square equation, the lower one
        n, p, square = len(marks), np.mean(marks), 1.959964**2
        return min(np.roots([1 + square / n, -(2 * p + square / n), p * p])) if n else 0.0

    rows = [(each["MB"], each["ms"], number) for number, each in enumerate(options)
            if not each["MB"] > megabytes and not low(each["typed"]) < least]  # fmt: skip
    return options[sorted(rows)[0][2]]["name"] if rows else None
