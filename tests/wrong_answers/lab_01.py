"""Plausible wrong answers to lab 01, and what the checks must say to each."""

import numpy as np
import torch

from spectrum import generate
from spectrum.checks import lab_01
from spectrum.tokens import encode


def shares_of(logits, temperature):
    """Right shares, in a form that no extreme breaks."""
    return torch.softmax(logits.double() / temperature, dim=0)


def run_nucleus(logits, temperature, p, shares=shares_of, crossing=True, zero=True, largest=None, whole=True):
    """A nucleus with one mistake switched on."""
    if temperature == 0 and zero:
        return [int(logits.argmax())]
    logits = logits if largest is None else torch.cat([logits[:largest], logits[largest:] - 1e9])
    found, order = shares(logits, temperature).sort(descending=True, stable=True)
    count = int((found.cumsum(0) < p - 1e-12).sum()) + crossing
    return order[: max(count, 1)].tolist() if p < 1 or not whole else order.tolist()


def nucleus(**mistake):
    return lambda logits, temperature, p: run_nucleus(logits, temperature, p, **mistake)


def without_maximum(logits, temperature):
    weights = torch.exp(logits / temperature)
    return weights / weights.sum()


def first_subtracted(logits, temperature):
    weights = torch.exp((logits - logits[0]) / temperature)
    return weights / weights.sum()


def clamped(logits, temperature):
    return torch.softmax(logits.clamp(max=80) / temperature, dim=0)


def in_place(logits, temperature, p):
    logits -= logits.max()
    return run_nucleus(logits, temperature, p)


def all_of_the_largest(logits, temperature, p):
    if temperature == 0:
        return (logits == logits.max()).nonzero()[:, 0].tolist()
    return run_nucleus(logits, temperature, p)


def in_order_of_number(logits, temperature, p):
    return sorted(run_nucleus(logits, temperature, p))


def last_of_equals(logits, temperature, p):
    turned = run_nucleus(logits.flip(0), temperature, p)
    return [len(logits) - 1 - token for token in turned]


def by_numpy(logits, temperature, p):
    """Right: in numpy, 64 bits, and with numpy's whole numbers."""
    if temperature == 0:
        return [logits.numpy().argmax()]
    weights = np.exp((logits.double() - logits.max()).numpy() / temperature)
    shares = weights / weights.sum()
    order = np.argsort(-shares, kind="stable")
    before = np.cumsum(shares[order]) - shares[order]
    return list(order[(before < p) | (p == 1)])


def takes_a_key(message, keys):
    first = keys.pop(0)
    return f"Give {' and '.join([first, *keys])} as JSON.\n{message}"


def as_tensor(logits, temperature, p):
    return torch.tensor(run_nucleus(logits, temperature, p))


def above_p(logits, temperature, p):
    return [
        token
        for token in run_nucleus(logits, temperature, 1.0)
        if shares_of(logits, temperature or 1e-9)[token] > 1 - p
    ]


def run_logprob(model, tokenizer, prompt, answer, first=-1, mean=False, sign=1, drop=0, seam=False, most=None):
    """The log-probability of an answer with one mistake switched on."""
    before, ids = encode(tokenizer, prompt), tokenizer(answer, add_special_tokens=False)["input_ids"]
    ids = ids[drop:most]
    if seam and isinstance(prompt, str):
        ids = tokenizer(prompt + answer)["input_ids"][len(before) :]
    with torch.no_grad():
        logs = model(torch.tensor([before + ids])).logits[0].log_softmax(dim=-1)
    each = [float(logs[len(before) + place + first, token]) for place, token in enumerate(ids)]
    return sign * sum(each) / (len(each) if mean else 1)


def logprob(**mistake):
    return lambda model, tokenizer, prompt, answer: run_logprob(model, tokenizer, prompt, answer, **mistake)


def first_line(model, tokenizer, prompt, answer):
    return run_logprob(model, tokenizer, prompt, answer.split("\n")[0])


def last_line_of_the_prompt(model, tokenizer, prompt, answer):
    return run_logprob(model, tokenizer, prompt.split("\n")[-1] if isinstance(prompt, str) else prompt, answer)


def last_tokens_of_the_prompt(model, tokenizer, prompt, answer):
    before, ids = encode(tokenizer, prompt)[-64:], tokenizer(answer, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logs = model(torch.tensor([before + ids])).logits[0].log_softmax(dim=-1)
    return sum(float(logs[len(before) + place - 1, token]) for place, token in enumerate(ids))


def all_tokens(model, tokenizer, prompt, answer):
    ids = encode(tokenizer, prompt) + tokenizer(answer, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logs = model(torch.tensor([ids])).logits[0].log_softmax(dim=-1)
    return sum(float(logs[place, token]) for place, token in enumerate(ids[1:]))


def through_probabilities(model, tokenizer, prompt, answer):
    before, ids = encode(tokenizer, prompt), tokenizer(answer, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        shares = model(torch.tensor([before + ids])).logits[0, len(before) - 1 : -1].softmax(dim=-1)
    return float(torch.stack([row[token] for row, token in zip(shares, ids, strict=True)]).prod().log())


def each_token(model, tokenizer, prompt, answer):
    before, ids = encode(tokenizer, prompt), tokenizer(answer, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logs = model(torch.tensor([before + ids])).logits[0, len(before) - 1 : -1].log_softmax(dim=-1)
    return [float(row[token]) for row, token in zip(logs, ids, strict=True)]


def from_the_library(model, tokenizer, prompt, answer):
    return float(generate.answer_logprobs(model, tokenizer, [prompt], [answer])[0])


def no_batch(model, tokenizer, prompt, answer):
    return float(model(torch.tensor(encode(tokenizer, prompt))).logits[-1, 0])


def stripped_turns(messages):
    return turns([{**m, "content": m["content"].strip()} for m in messages])


def turns(messages, end="<|end|>", start="<|endoftext|>", opened="<|assistant|>"):
    return start + "".join(f"<|{m['role']}|>{m['content']}{end}" for m in messages) + opened


def leaks_nothing(message, keys):
    return f"Give {' and '.join(keys)} as JSON."


def from_the_template(messages):
    return lab_01.model("lumen-instruct")[1].apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


def wish(message):
    return f"Choose the wish: refund, exchange, tracking, cancel or invoice.\n{message}"


WRONG = [
    ("check_nucleus", "no maximum subtracted", nucleus(shares=without_maximum), "exp(1000) overflows"),
    ("check_nucleus", "the first logit subtracted", nucleus(shares=first_subtracted), "exp(1000) overflows"),
    ("check_nucleus", "cuts large logits off", nucleus(shares=clamped), "exp(1000) overflows"),
    ("check_nucleus", "multiplied", nucleus(shares=lambda z, t: shares_of(z, 1 / t)), "Divide the logits"),
    ("check_nucleus", "no temperature", nucleus(shares=lambda z, t: shares_of(z, 1)), "Divide the logits"),
    ("check_nucleus", "temperature 0 divides by zero", nucleus(zero=False), "At temperature 0 nothing can be divided"),
    ("check_nucleus", "the crossing token left out", nucleus(crossing=False), "crosses p belongs to it"),
    ("check_nucleus", "p = 1 like any other p", nucleus(whole=False), "however the sum is rounded"),
    ("check_nucleus", "the first 50 tokens only", nucleus(largest=50), "random logits"),
    ("check_nucleus", "changes its input", in_place, "changed its argument `logits`"),
    ("check_nucleus", "all of the largest at 0", all_of_the_largest, "one token is taken, the first of equals"),
    ("check_nucleus", "in order of number", in_order_of_number, "expected [1, 3, 4, 2, 0], got [0, 1, 2, 3, 4]"),
    ("check_nucleus", "last of equals", last_of_equals, "the first of equals"),
    ("check_nucleus", "a tensor", as_tensor, "expected a list of token numbers"),
    ("check_nucleus", "each against p", above_p, "expected [1, 3]"),
    ("check_logprob", "one place too late", logprob(first=0), "Which position's logits"),
    ("check_logprob", "the mean", logprob(mean=True), "the mean over the tokens"),
    ("check_logprob", "the sign", logprob(sign=-1), "the sign is turned round"),
    ("check_logprob", "the prompt too", all_tokens, "Only the answer counts"),
    ("check_logprob", "product of probabilities", through_probabilities, "got -inf"),
    ("check_logprob", "without its first token", logprob(drop=1), "the answer's own tokens"),
    ("check_logprob", "40 tokens at most", logprob(most=40), "the answer's own tokens"),
    ("check_logprob", "16 tokens at most", logprob(most=16), "the answer's own tokens"),
    ("check_logprob", "the answer's first line", first_line, "line breaks"),
    ("check_logprob", "the prompt's last line", last_line_of_the_prompt, "the whole prompt"),
    ("check_logprob", "the prompt's last 64 tokens", last_tokens_of_the_prompt, "the whole prompt"),
    ("check_logprob", "one number for each token", each_token, "Return one number"),
    ("check_logprob", "the library's", from_the_library, "calls spectrum.generate.answer_logprobs"),
    ("check_logprob", "no batch", no_batch, "A batch of one row"),
    ("check_chat_text", "three messages at most", lambda m: turns(m[:3]), "occurs 1 times, expected 41"),
    ("check_chat_text", "ASCII only", lambda m: turns(m).encode("ascii", "ignore").decode(), "character by character"),
    ("check_chat_text", "the template itself", from_the_template, "apply_chat_template"),
    ("check_chat_text", "strips the messages", stripped_turns, "character by character"),
    ("check_chat_text", "no end mark", lambda m: turns(m, end=""), "closed by <|end|>"),
    ("check_chat_text", "assistant's turn not opened", lambda m: turns(m, opened=""), "its turn to speak"),
    ("check_chat_text", "no start of text", lambda m: turns(m, start=""), "starts with <|endoftext|>"),
    ("check_chat_text", "line breaks between turns", lambda m: turns(m, end="<|end|>\n"), "line break"),
    ("check_prompt", "the message alone", lambda message, keys: message, "which keys"),
    ("check_prompt", "keys but no form", lambda message, keys: f"Give {' and '.join(keys)}.\n{message}", "JSON"),
    ("check_prompt", "no message", leaks_nothing, "does not hold the message"),
    ("check_prompt", "takes a key away", takes_a_key, "changed its argument `keys`"),
    ("check_prompt", "the letter cut", lambda m, keys: f"Give {' and '.join(keys)} as JSON.\n{m[:260]}", "something"),
    ("check_prompt", "four keys", lambda m, keys: f"Give {' and '.join(keys[:4])} as JSON.\n{m}", "Name every key"),
    ("check_beat_it", "no explanation", (wish, ""), "no explanation is chosen"),
    ("check_beat_it", "the word", (wish, "a"), "'Name the wish.' has that word, and gets"),
    ("check_beat_it", "any list", (wish, "c"), "has such a list, and gets"),
    ("check_beat_it", "the message alone", (lambda m: m, "b"), "Which words count as right"),
    ("check_beat_it", "one prompt for all", (lambda m: "Name the wish.", "b"), "does not hold its message"),
]

RIGHT = [("check_nucleus", "numpy", by_numpy)]
