"""Plausible wrong answers to lab 11, and what the checks must say to each."""

import torch
from torch.nn.functional import linear

from spectrum import adapters

GOOD_REASON = "The dialect is one small skill, so a small update has room for it."


# ---- task 1 ----


def draw(shape, generator):
    """Returns values drawn evenly from -1 to 1."""
    return 2 * torch.rand(shape, generator=generator) - 1


def b_random(d_in, d_out, rank, generator):
    a = draw((rank, d_in), generator) / d_in**0.5
    return a, draw((d_out, rank), generator) / rank**0.5


def both_zero(d_in, d_out, rank, generator):
    return torch.zeros(rank, d_in), torch.zeros(d_out, rank)


def swapped_start(d_in, d_out, rank, generator):
    return torch.zeros(rank, d_in), draw((d_out, rank), generator)


def swapped_shapes(d_in, d_out, rank, generator):
    return draw((d_in, rank), generator) / d_in**0.5, torch.zeros(rank, d_out)


def scaled_by_rank(d_in, d_out, rank, generator):
    return draw((rank, d_in), generator) / rank**0.5, torch.zeros(d_out, rank)


def only_positive(d_in, d_out, rank, generator):
    return torch.rand(rank, d_in, generator=generator) / d_in**0.5, torch.zeros(d_out, rank)


def divided_twice(d_in, d_out, rank, generator):
    return draw((rank, d_in), generator) / d_in, torch.zeros(d_out, rank)


def other_generator(d_in, d_out, rank, generator):
    return draw((rank, d_in), None) / d_in**0.5, torch.zeros(d_out, rank)


def rows_alike(d_in, d_out, rank, generator):
    a = draw((1, d_in), generator) / d_in**0.5
    return a.repeat(rank, 1), torch.zeros(d_out, rank)


# ---- tasks 2 and 3 ----


def forward_with(scale):
    """Returns a forward pass that scales the update by `scale(alpha, rank)`."""
    return lambda x, weight, bias, A, B, alpha: linear(x, weight, bias) + scale(alpha, len(A)) * (x @ A.T @ B.T)


def through(low):
    """Returns a forward pass whose unscaled update is `low(x, A, B)`."""
    return lambda x, weight, bias, A, B, alpha: linear(x, weight, bias) + alpha / len(A) * low(x, A, B)


def right(x, A, B):
    return x @ A.T @ B.T


def transposed(x, weight, bias, A, B, alpha):
    return linear(x, weight, bias) + alpha / len(A) * linear(x, A.T @ B.T)


def no_bias(x, weight, bias, A, B, alpha):
    return linear(x, weight) + alpha / len(A) * (x @ A.T @ B.T)


def merged_first(x, weight, bias, A, B, alpha):
    return linear(x, add(weight, A, B, alpha), bias)


def weight_thawed(x, weight, bias, A, B, alpha):
    return linear(x, weight.requires_grad_(), bias) + alpha / len(A) * (x @ A.T @ B.T)


def bias_in_place(x, weight, bias, A, B, alpha):
    if bias is not None:
        bias += alpha / len(A) * (x @ A.T @ B.T).reshape(-1, len(B)).sum(0)
    return linear(x, weight, bias)


def scaled_in_place(x, weight, bias, A, B, alpha):
    B.mul_(alpha / len(A))
    return linear(x, weight, bias) + x @ A.T @ B.T


def add(weight, A, B, alpha):
    return weight + alpha / len(A) * (B @ A)


def take(weight, A, B, alpha):
    return weight - alpha / len(A) * (B @ A)


def add_in_place(weight, A, B, alpha):
    weight += alpha / len(A) * (B @ A)
    return weight


def take_in_place(weight, A, B, alpha):
    weight -= alpha / len(A) * (B @ A)
    return weight


def merge_with(update):
    """Returns a merge that adds `update(A, B, alpha)`."""
    return lambda weight, A, B, alpha: weight + update(A, B, alpha)


def add_with_b_in_place(weight, A, B, alpha):
    B *= alpha / len(A)
    return weight + B @ A


def remembering():
    """Returns a merge that keeps the weight it was given and an unmerge that gives back the last one kept."""
    kept = []

    def merge(weight, A, B, alpha):
        kept.append(weight.clone())
        return add(weight, A, B, alpha)

    return merge, lambda weight, A, B, alpha: kept[-1]


def remembering_by_values():
    """Returns a merge that keeps the weight under what it made of it, and an unmerge that looks there first."""
    kept = {}

    def merge(weight, A, B, alpha):
        merged = add(weight, A, B, alpha)
        kept[merged.sum().item()] = weight.clone()
        return merged

    return merge, lambda weight, A, B, alpha: kept.get(weight.sum().item(), take(weight, A, B, 2 * len(A)))


# ---- task 4 ----


def pairs_of(config, keys=None, head_dim=None):
    """Returns the seven pairs (d_in, d_out) of a block, with a mistake where an argument is given."""
    hidden, inner = config.hidden_size, config.intermediate_size
    width = head_dim or config.head_dim
    queries, keys = config.num_attention_heads * width, (keys or config.num_key_value_heads) * width
    attention = [(hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden)]
    return attention + [(hidden, inner), (hidden, inner), (inner, hidden)]


def count_pairs(config, rank, pairs, each=lambda i, o: i + o):
    return config.num_hidden_layers * sum(rank * each(i, o) for i, o in pairs)


def with_head(config, rank):
    return count_pairs(config, rank, pairs_of(config)) + rank * (config.hidden_size + config.vocab_size)


def with_biases(config, rank):
    pairs = pairs_of(config)
    return count_pairs(config, rank, pairs) + config.num_hidden_layers * sum(o for _, o in pairs)


def all_heads_alike(config, rank):
    return count_pairs(config, rank, pairs_of(config, keys=config.num_attention_heads))


def heads_fill_the_width(config, rank):
    return count_pairs(config, rank, pairs_of(config, head_dim=config.hidden_size // config.num_attention_heads))


def products(config, rank):
    return count_pairs(config, rank, pairs_of(config), each=lambda i, o: i * o)


def one_block(config, rank):
    return count_pairs(config, rank, pairs_of(config)) // config.num_hidden_layers


def queries_as_wide_as_the_model(config, rank):
    hidden, keys, inner = config.hidden_size, config.num_key_value_heads * config.head_dim, config.intermediate_size
    pairs = [(hidden, hidden), (hidden, keys), (hidden, keys), (hidden, hidden)] + 3 * [(hidden, inner)]
    return count_pairs(config, rank, pairs)


# ---- task 5 ----


def never_called(model, data):
    raise AssertionError("the reason is read before anything is trained")


def changes_the_data(model, data):
    data.clear()
    return adapters.add_lora(model, rank=2)


def untrained(model, data):
    return adapters.add_lora(model, rank=2)


def too_large(model, data):
    return adapters.add_lora(model, rank=8)


def all_weights(model, data):
    return model


def trained_before(model, data):
    with torch.no_grad():
        model.model.layers[0].mlp.up_proj.weight += 0.01
    return adapters.add_lora(model, rank=2)


def merged_away(model, data):
    return adapters.add_lora(model, rank=2).merge_and_unload().requires_grad_(False)


WRONG = [
    ("check_start", "B random", b_random, "so that their product is"),
    ("check_start", "both zero", both_zero, "Does anything ever move?"),
    ("check_start", "A zero and B random", swapped_start, "the other way round"),
    ("check_start", "shapes swapped", swapped_shapes, "expected shape (2, 6), got (6, 2)"),
    ("check_start", "A scaled by the rank", scaled_by_rank, "Divide by the root of d_in"),
    ("check_start", "A all positive", only_positive, "double it and subtract 1"),
    ("check_start", "divided by d_in", divided_twice, "Did you divide by the root"),
    ("check_start", "generator not used", other_generator, "Pass generator=generator"),
    ("check_start", "all rows of A alike", rows_alike, "hold 1 directions, wanted 50"),
    ("check_start", "16 bits", lambda i, o, r, g: (torch.ones(r, i).half(), torch.zeros(o, r)), "got torch.float16"),
    ("check_start", "a list instead of A", lambda i, o, r, g: ([[0.0] * i] * r, torch.zeros(o, r)), "got list"),
    ("check_forward", "scaled by alpha", forward_with(lambda alpha, r: alpha), "It should be alpha/r"),
    ("check_forward", "not scaled", forward_with(lambda alpha, r: 1), "Where does alpha/r come in?"),
    ("check_forward", "scaled by alpha/√r", forward_with(lambda alpha, r: alpha / r**0.5), "rsLoRA"),
    ("check_forward", "product transposed", transposed, "only fits square layers"),
    ("check_forward", "update alone", lambda x, w, b, A, B, alpha: 2 * right(x, A, B), "Where is the frozen layer?"),
    ("check_forward", "no bias", no_bias, "The bias is missing"),
    ("check_forward", "divided by d_out", through(lambda x, A, B: len(A) / len(B) * right(x, A, B)), "7 to 4, rank 3"),
    ("check_forward", "the full product built", merged_first, "a new matrix of d_out × d_in (4 × 7)"),
    ("check_forward", "under no_grad", torch.no_grad()(through(right)), "no gradient reaches A and B"),
    ("check_forward", "A detached", through(lambda x, A, B: right(x, A.detach(), B)), "no gradient reaches A"),
    ("check_forward", "x detached", through(lambda x, A, B: right(x.detach(), A, B)), "the gradient of x"),
    ("check_forward", "weight thawed", weight_thawed, "changed its argument `weight`"),
    ("check_forward", "bias changed in place", bias_in_place, "changed its argument `bias`"),
    ("check_forward", "B changed in place", scaled_in_place, "changed its argument `B`"),
    ("check_forward", "64 bits", through(lambda *given: right(*given).double()), "got torch.float64"),
    ("check_forward", "a list", lambda *given: through(right)(*given).tolist(), "expected a tensor, got list"),
    ("check_merge", "no scaling", (merge_with(lambda A, B, alpha: B @ A), take), "without its scaling"),
    ("check_merge", "scaled by alpha", (merge_with(lambda A, B, alpha: alpha * B @ A), take), "It should be alpha/r"),
    ("check_merge", "transposed", (merge_with(lambda A, B, alpha: 2 * (B @ A).T), take), "so is B @ A"),
    ("check_merge", "in place", (add_in_place, take), "changed its argument `weight`"),
    ("check_merge", "unmerge adds", (add, add), "added once more"),
    ("check_merge", "unmerge does not scale", (add, lambda w, A, B, alpha: w - B @ A), "taken away without"),
    ("check_merge", "unmerge in place", (add, take_in_place), "changed its argument `weight`"),
    ("check_merge", "B in place", (add_with_b_in_place, take), "changed its argument `B`"),
    ("check_merge", "64 bits", (lambda *given: add(*given).double(), take), "float32, got torch.float64"),
    ("check_merge", "unmerge in 64 bits", (add, lambda *given: take(*given).double()), "float32, got torch.float64"),
    ("check_merge", "no return", (lambda *given: None, take), "got NoneType"),
    ("check_merge", "unmerge remembers", remembering(), "the weight that merge was given before"),
    ("check_merge", "unmerge remembers by values", remembering_by_values(), "a layer that merge never saw"),
    ("check_count", "head counted", with_head, "counts the head"),
    ("check_count", "biases counted", with_biases, "counts biases"),
    ("check_count", "keys as many as queries", all_heads_alike, "num_key_value_heads"),
    ("check_count", "heads fill the width", heads_fill_the_width, "need not be hidden_size"),
    ("check_count", "rank times the weights", products, "rank times all weights"),
    ("check_count", "one block", one_block, "three blocks: expected 3 · 460 = 1380, got 460\nMultiply by"),
    ("check_count", "queries as wide as the model", queries_as_wide_as_the_model, "need not be hidden_size"),
    ("check_count", "rank forgotten", lambda c, rank: count_pairs(c, 1, pairs_of(c)), "the count at rank 1"),
    ("check_count", "A alone", lambda c, rank: count_pairs(c, rank, pairs_of(c), lambda i, o: i), "A alone or B alone"),
    ("check_count", "attention alone", lambda c, rank: count_pairs(c, rank, pairs_of(c)[:4]), "the attention only"),
    ("check_count", "the package asked", adapters.lora_count, "not one of the six fields"),
    ("check_beat_it", "not trained", (untrained, GOOD_REASON), "fresh letters right, wanted"),
    ("check_beat_it", "rank too high", (too_large, GOOD_REASON), "numbers are trainable, allowed are"),
    ("check_beat_it", "all weights", (all_weights, GOOD_REASON), "numbers are trainable, allowed are"),
    ("check_beat_it", "base trained before", (trained_before, GOOD_REASON), "the base's own weights moved"),
    ("check_beat_it", "adapter merged away", (merged_away, GOOD_REASON), "nothing in the model is trainable"),
    ("check_beat_it", "data emptied", (changes_the_data, GOOD_REASON), "changed its argument `data`"),
    ("check_beat_it", "no reason", (never_called, "It works."), "the reason has 2 different words"),
    ("check_beat_it", "one word eight times", (never_called, "small " * 8), "the reason has 1 different words"),
]
