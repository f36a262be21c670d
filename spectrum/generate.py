"""What a model says next: completions in batches, the next-token table, log-probabilities of given answers."""

from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch

from spectrum.models import context_length, count_parameters
from spectrum.tokens import (
    batches_by_length,
    check_lengths,
    encode,
    encode_all,
    encode_answer,
    left_pad,
    positions,
    show_token,
)
from spectrum.traits import Reader, end_tokens, mixes, new_cache, places, traits_of, virtual_tokens

SLICED = 30_000_000  # parameters; a model of up to so many reads long prompts in slices


def complete(model, tokenizer, prompts, max_new_tokens=32, temperature=0.0, top_p=1.0, stop=None, seed=0, batch_size=64,
             progress=None):  # fmt: skip
    """Returns the model's answer to each prompt, in order, without the prompt and without special tokens.

    Temperature 0 takes the likeliest token each time; above 0, tokens are drawn from the smallest set whose
    probabilities add up to `top_p` (nucleus sampling, Holtzman et al. 2019). An answer ends at one of the model's
    `traits.end_tokens`, before the first occurrence of the string `stop`, or after `max_new_tokens`. The answer to
    prompt i depends on the model, the prompt, `seed` and i, never on the batch around it; torch's random state is
    left alone. `progress` shows a bar: True, False, or None for a bar once it has taken three seconds.

    Raises ValueError for a bad argument, an empty prompt, and a prompt too long for the model's context, by index.
    """
    _check_sampling(max_new_tokens, temperature, top_p, stop, batch_size)
    ids = encode_all(tokenizer, prompts)
    check_lengths(ids, max_new_tokens, context_length(model))
    finished = _end_test(model, tokenizer, stop)
    answers = [None] * len(ids)
    with _bar(len(ids), progress) as bar, torch.inference_mode(), _dense_head(model):
        for rows in batches_by_length(ids, batch_size, mixed=mixes(model)):
            draws = np.stack([np.random.default_rng([seed, row]).random(max_new_tokens) for row in rows])
            choose = _chooser(temperature, top_p, draws)
            new = _decode(model, [ids[row] for row in rows], choose, finished, max_new_tokens)
            for row, tokens in zip(rows, new, strict=True):
                answers[row] = _text(tokenizer, tokens, stop)
            bar.update(len(rows))
    return answers


def _check_sampling(max_new_tokens, temperature, top_p, stop, batch_size):
    if max_new_tokens <= 0:
        raise ValueError(f"max_new_tokens is {max_new_tokens}; it must be at least 1, or there is no answer to give.")
    if temperature < 0:
        raise ValueError(f"temperature is {temperature}; it must be 0 (always the likeliest token) or above.")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p is {top_p}; it must be above 0 and at most 1 (1 keeps every token).")
    if stop == "":
        raise ValueError('stop is the empty string, which every answer contains. Give a text such as "\\n", or None.')
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1.")


def _bar(total, progress):
    from tqdm.auto import tqdm

    return tqdm(total=total, unit="answer", disable=progress is False, delay=0 if progress else 3)


def _decode(model, prompts, choose, finished, budget):
    """Returns the new token ids of each prompt, end tokens left out.

    A row that is finished leaves the batch: its share of the cache is dropped as soon as a quarter of the rows are
    done (dropping one row copies the cache of all, so doing it for each would cost more than it saves).
    `model.generate` carries every row to the end of the slowest; `python -m tools.bench generate` compares them.
    """
    ids, mask = left_pad(prompts, model.device)
    forward = _stepper(model, length=ids.shape[1] + budget - 1)
    logits, cache = _read_prompts(model, forward, ids, mask)
    new = [[] for _ in prompts]
    live, running = list(range(len(prompts))), [True] * len(prompts)
    for step in range(budget):
        tokens = choose(logits[:, -1].float(), live, step)  # (B, V) -> (B,)
        for row, token in zip(live, tokens.tolist(), strict=True):
            if running[row]:
                running[row] = not finished(new[row], token)
        left = [slot for slot, row in enumerate(live) if running[row]]
        if not left or step == budget - 1:
            break
        if len(left) <= 0.75 * len(live):
            keep = torch.tensor(left, device=ids.device)
            cache.reorder_cache(keep)
            tokens, mask, live = tokens[keep], mask[keep], [live[slot] for slot in left]
        mask = torch.cat([mask, mask.new_ones(len(live), 1)], dim=1)
        logits, cache = forward(tokens[:, None], mask, cache)
    return new


def _read_prompts(model, forward, ids, mask):
    """Returns (logits, cache) after the prompts (B, T); a small model on a CPU reads them in slices of columns.

    1,024 tokens at a time stay in the cache of a core: lumen answered 200 prompts of 60 tokens in 2.8 s, not 3.4.
    Weights that do not fit there are read again for each slice: SmolLM2 is slower by 6 % so.
    """
    sliced = ids.device.type == "cpu" and not virtual_tokens(model) and traits_of(model).cache
    columns = max(1, 1024 // len(ids)) if sliced and count_parameters(model) <= SLICED else ids.shape[1]
    cache = None
    for end in range(columns, ids.shape[1] + columns, columns):
        logits, cache = forward(ids[:, end - columns : end], mask[:, :end], cache)
    return logits, cache


@contextmanager
def _dense_head(model):
    """Gives the head its input without the gaps that a slice of the last positions has.

    Where its weight is frozen, as under an adapter, torch multiplies such a slice row by row: a step of 53 prompts took
    SmolLM2 in bfloat16 5.5 s instead of 0.02.
    """
    if (head := model.get_output_embeddings()) is None:
        yield
        return
    with head.register_forward_pre_hook(lambda _, given: (given[0].contiguous(), *given[1:])):
        yield


def _stepper(model, length):
    """Returns f(ids, mask, cache) -> (logits, cache): one call of a plain model or one with any PEFT adapter.

    A static cache has room for `length` tokens from the start; one that grows is copied at each step, up to half
    of the time of a step. Prompt and prefix tuning bring their own: they put virtual tokens in front where inputs are
    prepared, on the first step only, and calling the model itself would put them in front of every new token again.
    """
    virtual, traits = virtual_tokens(model), traits_of(model)
    target = model.base_model if virtual else model

    def step(ids, mask, cache):
        if cache is None and not virtual:
            cache = new_cache(model, traits.cache, length)
        inputs = {"input_ids": ids, "attention_mask": mask, "past_key_values": cache, "use_cache": True}
        if virtual:
            inputs = model.prepare_inputs_for_generation(**inputs)
        elif traits.positions:
            inputs["position_ids"] = positions(mask)[:, -ids.shape[1] :]
        out = target(**inputs, logits_to_keep=1)
        return out.logits, out.past_key_values

    return step if virtual or traits.cache else _rereader(model)


def _rereader(model):
    """Returns the step of a model that takes no cache of keys and values, such as Mamba: it reads all anew."""

    def step(ids, mask, cache):
        read = Reader(ids if cache is None else torch.cat([cache.ids, ids], dim=1))
        out = model(input_ids=read.ids, attention_mask=mask, use_cache=False, logits_to_keep=1, **places(model, mask))
        return out.logits, read

    return step


def _end_test(model, tokenizer, stop):
    """Returns f(new, token) -> bool: appends the token to `new` and tells whether the answer ends with it."""
    ends = end_tokens(model, tokenizer)
    pieces = {}  # decoding is slow, and one token can end `stop` only if it holds its last character

    def may_complete_stop(token):
        if token not in pieces:
            text = tokenizer.decode([token])
            pieces[token] = stop[-1] in text or "\ufffd" in text  # \ufffd: a part of a longer character
        return pieces[token]

    def finished(new, token):
        if token in ends:
            return True
        new.append(token)
        return stop is not None and may_complete_stop(token) and stop in _text(tokenizer, new)

    return finished


def _text(tokenizer, ids, stop=None):
    text = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text if stop is None else text.split(stop)[0]


def _chooser(temperature, top_p, draws):
    """Returns f(logits, rows, step) -> (B,) token ids; `draws` (rows, steps) are uniform numbers, one per token."""
    if temperature == 0:
        return lambda logits, rows, step: logits.argmax(dim=-1)

    def choose(logits, rows, step):
        probabilities, tokens = _probabilities(logits, temperature).sort(dim=-1, descending=True)
        kept = probabilities.cumsum(dim=-1) - probabilities < top_p  # what lies before a token; the first always stays
        cumulative = (probabilities * kept).cumsum(dim=-1)
        # A dart thrown at a line on which every token is as long as it is likely.
        dart = torch.tensor(draws[rows, step], dtype=cumulative.dtype, device=logits.device)[:, None]
        index = (cumulative <= dart * cumulative[:, -1:]).sum(dim=-1, keepdim=True)
        last = kept.sum(dim=-1, keepdim=True) - 1  # a draw of 0.99999999 rounds to 1 and would fall off the line
        return tokens.gather(1, index.minimum(last))[:, 0]

    return choose


def _probabilities(logits, temperature):
    """Returns softmax(logits / temperature); temperature 0 is its limit, everything on the likeliest token."""
    if temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(dim=-1), logits.shape[-1]).float()
    # The maximum first: logits / 1e-30 would overflow.
    return ((logits - logits.amax(dim=-1, keepdim=True)) / temperature).softmax(dim=-1)


def next_token_table(model, tokenizer, prompt, top=10, temperature=1.0):
    """Returns the `top` likeliest next tokens as a DataFrame: token_id, token, probability, cumulative.

    Probabilities are over the whole vocabulary at this temperature (0: all on the first). `token` is the token's text,
    or its spelling in the vocabulary where it holds only a part of a character.
    """
    if top < 1 or temperature < 0:
        raise ValueError(f"top is {top} and temperature {temperature}; top must be at least 1, temperature at least 0.")
    ids = encode(tokenizer, prompt)
    check_lengths([ids], 0, context_length(model))
    with torch.inference_mode():
        logits = _stepper(model, len(ids))(*left_pad([ids], model.device), None)[0][0, -1].float()
        probabilities, tokens = _probabilities(logits, temperature).topk(min(top, logits.numel()))
    table = pd.DataFrame({"token_id": tokens.tolist(), "token": [show_token(tokenizer, t) for t in tokens.tolist()]})
    table["probability"] = probabilities.double().cpu().numpy()
    table["cumulative"] = table["probability"].cumsum()
    return table


def token_logprobs(model, tokenizer, prompt, answer=None):
    """Returns one row per token of prompt and answer: token_id, token, logprob (nats), is_answer.

    `logprob` is log p(token | everything before it), NaN for the first token, which nothing comes before.
    """
    ids = encode(tokenizer, prompt)
    new = [] if answer is None else encode_answer(tokenizer, answer)
    check_lengths([ids], len(new), context_length(model))
    every = ids + new
    logprobs = _logprobs_of_last(model, [every], [len(every) - 1])[0] if len(every) > 1 else []
    table = pd.DataFrame({"token_id": every, "token": [show_token(tokenizer, token) for token in every]})
    table["logprob"] = [float("nan"), *logprobs]
    table["is_answer"] = [False] * len(ids) + [True] * len(new)
    return table


def answer_logprobs(model, tokenizer, prompts, answers, batch_size=64):
    """Returns (N,) summed log-probabilities, in nats, of each answer after its prompt, the end token not counted.

    The prompt is encoded exactly as `complete` encodes it and the answer's tokens follow. Encoding prompt + answer
    as one text could merge across the seam ("price: " + "7" into one token " 7"), and would then score tokens that
    the model could never have produced after this prompt. For the same reason the space between a plain prompt and
    its answer belongs to the answer: "Sentiment:" with " positive", not "Sentiment: " with "positive".

    Raises ValueError for lists of different lengths, an empty answer, and what `complete` raises for prompts.
    """
    if isinstance(answers, str) or len(prompts) != len(answers):
        given = "one str" if isinstance(answers, str) else f"{len(answers)} answers"
        raise ValueError(f"There are {len(prompts)} prompts and {given}. Give a list with one answer for each prompt.")
    ids = encode_all(tokenizer, prompts)
    new = [encode_answer(tokenizer, answer, index) for index, answer in enumerate(answers)]
    check_lengths(ids, [len(tokens) for tokens in new], context_length(model))
    every = [row + extra for row, extra in zip(ids, new, strict=True)]
    sums = np.empty(len(every))
    for rows in batches_by_length(every, batch_size, mixed=mixes(model)):
        parts = _logprobs_of_last(model, [every[row] for row in rows], [len(new[row]) for row in rows])
        sums[rows] = [sum(part) for part in parts]
    return sums


def choice_logprobs(model, tokenizer, prompts, choices, batch_size=64):
    """Returns (N, C) summed log-probabilities, in nats, of every choice after every prompt (see `answer_logprobs`)."""
    if isinstance(choices, str) or not choices:
        raise ValueError(f"choices is {choices!r}; give a list of at least one answer.")
    pairs = [(prompt, choice) for prompt in prompts for choice in choices]
    sums = answer_logprobs(model, tokenizer, [p for p, _ in pairs], [c for _, c in pairs], batch_size)
    return sums.reshape(len(prompts), len(choices))


def _logprobs_of_last(model, rows, counts):
    """Returns, for each row of token ids, the log-probabilities of its last `counts` tokens, each given all before."""
    ids, mask = left_pad(rows, model.device)
    keep = max(counts)
    with torch.inference_mode(), _dense_head(model):
        # One more than the answers are long: the logits at position t are about token t + 1.
        out = model(input_ids=ids, attention_mask=mask, logits_to_keep=keep + 1, **places(model, mask))
        scores = out.logits[:, -keep - 1 : -1].float().log_softmax(dim=-1)  # (B, keep, V)
        found = scores.gather(2, ids[:, -keep:, None])[:, :, 0].double().tolist()
    return [row[keep - count :] for row, count in zip(found, counts, strict=True)]
