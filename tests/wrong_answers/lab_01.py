"""Plausible wrong answers to lab 01, and what the checks must say to each."""

import torch

from spectrum.tokens import encode


def softmax_without_maximum(logits, temperature):
    if temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(), len(logits)).float()
    weights = torch.exp(logits / temperature)
    return weights / weights.sum()


def multiplied(logits, temperature):
    return torch.softmax(logits * temperature, dim=-1)


def divides_by_zero(logits, temperature):
    return torch.softmax(logits / temperature, dim=-1)


def not_normalized(logits, temperature):
    return torch.exp((logits - logits.max()) / max(temperature, 1e-9))


def zeros(logits, temperature):
    return torch.zeros_like(logits)


def run_greedy(model, tokenizer, prompt, max_new_tokens, position=-1, stop=True, keep_end=False, keep_prompt=False):
    """Greedy decoding with one mistake switched on."""
    ids = encode(tokenizer, prompt)
    new = []
    for _ in range(max_new_tokens):
        with torch.no_grad():
            token = int(model(torch.tensor([ids + new])).logits[0, position].argmax())
        if stop and token in model.generation_config.eos_token_id:
            new += [token] if keep_end else []
            break
        new.append(token)
    return tokenizer.decode((ids if keep_prompt else []) + new, skip_special_tokens=not keep_end)


def never_stops(model, tokenizer, prompt, max_new_tokens):
    return run_greedy(model, tokenizer, prompt, max_new_tokens, stop=False)


def with_prompt(model, tokenizer, prompt, max_new_tokens):
    return run_greedy(model, tokenizer, prompt, max_new_tokens, keep_prompt=True)


def with_end(model, tokenizer, prompt, max_new_tokens):
    return run_greedy(model, tokenizer, prompt, max_new_tokens, keep_end=True)


def first_position(model, tokenizer, prompt, max_new_tokens):
    return run_greedy(model, tokenizer, prompt, max_new_tokens, position=0)


def one_too_many(model, tokenizer, prompt, max_new_tokens):
    return run_greedy(model, tokenizer, prompt, max_new_tokens + 1)


def sampled(model, tokenizer, prompt, max_new_tokens):
    from spectrum.generate import complete

    return complete(model, tokenizer, [prompt], max_new_tokens=max_new_tokens, temperature=1.0, seed=3)[0]


def stripped(model, tokenizer, prompt, max_new_tokens):
    return run_greedy(model, tokenizer, prompt, max_new_tokens).strip()


def cut_off(logits, temperature):
    return torch.softmax(logits.clamp(max=80) / max(temperature, 1e-6), dim=-1)


def in_place(logits, temperature):
    logits -= logits.max()
    return torch.softmax(logits / max(temperature, 1e-6), dim=-1)


def all_of_the_largest(logits, temperature):
    return torch.softmax(logits / temperature, dim=-1) if temperature else (logits == logits.max()).float()


def stripped_turns(messages):
    return turns([{**m, "content": m["content"].strip()} for m in messages])


def turns(messages, end="<|end|>", start="<|endoftext|>", opened="<|assistant|>"):
    return start + "".join(f"<|{m['role']}|>{m['content']}{end}" for m in messages) + opened


def leaks_nothing(message, keys):
    return f"Give {' and '.join(keys)} as JSON."


WRONG = [
    ("check_probabilities", "no maximum subtracted", softmax_without_maximum, "exp(1000) overflows"),
    ("check_probabilities", "multiplied by the temperature", multiplied, "divided by the temperature"),
    ("check_probabilities", "temperature 0 divides by zero", divides_by_zero, "At 0 nothing can be divided"),
    ("check_probabilities", "not normalized", not_normalized, "sum over all tokens"),
    ("check_probabilities", "zeros", zeros, "sum over all tokens"),
    ("check_probabilities", "cuts large logits off", cut_off, "Cutting logits off"),
    ("check_probabilities", "changes its input", in_place, "changed its argument `logits`"),
    ("check_probabilities", "two largest get 1 each", all_of_the_largest, "more than 1 together"),
    ("check_greedy", "draws", sampled, "expected"),
    ("check_greedy", "strips the text", stripped, "nothing cut"),
    ("check_chat_text", "strips the messages", stripped_turns, "character by character"),
    ("check_greedy", "does not stop at the end token", never_stops, "goes on after the end"),
    ("check_greedy", "returns the prompt as well", with_prompt, "after the prompt"),
    ("check_greedy", "keeps the end token", with_end, "before you add an end token"),
    ("check_greedy", "reads the first position", first_position, "the last position"),
    ("check_greedy", "one token too many", one_too_many, "stop at max_new_tokens"),
    ("check_chat_text", "no end mark", lambda m: turns(m, end=""), "closed by <|end|>"),
    ("check_chat_text", "assistant's turn not opened", lambda m: turns(m, opened=""), "its turn to speak"),
    ("check_chat_text", "no start of text", lambda m: turns(m, start=""), "starts with <|endoftext|>"),
    ("check_chat_text", "line breaks between turns", lambda m: turns(m, end="<|end|>\n"), "line break"),
    ("check_prompt", "the message alone", lambda message, keys: message, "which keys"),
    ("check_prompt", "keys but no form", lambda message, keys: f"Give {' and '.join(keys)}.\n{message}", "JSON"),
    ("check_prompt", "no message", leaks_nothing, "does not hold the message"),
    ("check_beat_it", "no reason", (lambda m: f"Name the wish.\n{m}", "It works."), "wanted eight or more"),
    (
        "check_beat_it",
        "the message alone",
        (lambda m: m, "The model reads the message and then it knows the wish."),
        "five wishes",
    ),
    (
        "check_beat_it",
        "one prompt for all",
        (lambda m: "Name the wish.", "One prompt for all is the same every time."),
        "same prompt",
    ),
]
