"""Plausible wrong answers to lab 11, and what the checks must say to each."""

import numpy as np
import torch
from torch.nn.functional import linear
from wrong_answers.lora_layers import (
    add,
    add_in_place,
    add_what_is_there,
    add_with_b_in_place,
    bias_in_place,
    by_columns,
    by_package,
    cut_to_its_rank,
    doubled_gradient,
    first_rows,
    forward,
    forward_with,
    in_32_bits,
    in_64_bits,
    in_place,
    itself,
    layer_each_time,
    merge_with,
    merged_first,
    nearly_all_energy,
    no_bias,
    norms_kept,
    on,
    one_factor,
    padded_with_noise,
    popped,
    rank_of_shape,
    remembering,
    remembering_by_values,
    right,
    scaled_in_place,
    scaled_to_one,
    side_by_side,
    small_is_zero,
    split,
    split_with,
    take,
    take_in_place,
    through,
    tokens_as_columns,
    update_alone,
    weakest,
    weight_thawed,
)

from spectrum import adapters

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
    raise AssertionError("the letter is read before anything is trained")


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


def frozen_afterwards(model, data):
    """Hides most of a large adapter from who counts what is trainable."""
    model = adapters.add_lora(model, rank=8)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("layers.0" in name and "lora_" in name)
    return model


WRONG = [
    ("check_split", "A and B swapped", lambda *given: split(*given)[::-1], "A should be of shape (2, 2)"),
    ("check_split", "A turned round", lambda *given: (split(*given)[0].T, split(*given)[1]), "A should be of shape"),
    ("check_split", "not scaled", split_with(factor=lambda rank, alpha: 1), "multiplies it by alpha/rank"),
    (
        "check_split",
        "scaled the wrong way",
        split_with(factor=lambda rank, alpha: alpha / rank),
        "Divide by alpha/rank",
    ),
    ("check_split", "divided by alpha", split_with(factor=lambda rank, alpha: 1 / alpha), "not alpha: the rank is 2"),
    ("check_split", "int(alpha)", lambda u, r, alpha: split(u, r, int(alpha) or 1), "need not be a whole number"),
    ("check_split", "weakest directions", weakest, "Which directions must stay?"),
    ("check_split", "first rows", first_rows, "nothing is lost"),
    ("check_split", "never more than 4", lambda u, r, a: split(u, r, a, keep=slice(4)), "all ranks"),
    ("check_split", "never more than 64", split_with(keep=slice(64)), "All rows, all columns, all ranks"),
    ("check_split", "cut to the update's rank", cut_to_its_rank, "whatever the update holds"),
    ("check_split", "divided by the norm", scaled_to_one, "contained non-finite values"),
    ("check_split", "99.9 % of the energy", nearly_all_energy, "A weak direction is one, too"),
    ("check_split", "small numbers cut off", small_is_zero, "A small update is an update"),
    ("check_split", "the norm kept", norms_kept, "energy is lost, the least is"),
    ("check_split", "rounded", lambda *given: [m.round(decimals=2) for m in split(*given)], "expected 3, got 3.024"),
    ("check_split", "update changed in place", in_place, "changed its argument `update`"),
    ("check_split", "the update itself", itself, "shares memory with its argument `update`"),
    ("check_split", "the product", lambda u, r, a: u, "expected (A, B), got"),
    ("check_split", "the package asked", by_package, "your function calls spectrum.adapters"),
    ("check_forward", "scaled by alpha", forward_with(lambda alpha, r: alpha), "It should be alpha/r"),
    ("check_forward", "not scaled", forward_with(lambda alpha, r: 1), "Where does alpha/r come in?"),
    ("check_forward", "scaled by alpha/√r", forward_with(lambda alpha, r: alpha / r**0.5), "rsLoRA"),
    ("check_forward", "int(alpha)", forward_with(lambda alpha, r: int(alpha) / r), "1.5 · (2, -2) on top"),
    ("check_forward", "rank at most 64", forward_with(lambda alpha, r: alpha / min(r, 64)), "all ranks, all inputs"),
    ("check_forward", "rank the smaller side", rank_of_shape, "The rank is the length of A"),
    ("check_forward", "transposed", through(lambda x, A, B: linear(x, A.T @ B.T)), "only fits square layers"),
    ("check_forward", "update alone", update_alone, "Where is the frozen layer?"),
    ("check_forward", "no bias", no_bias, "The bias is missing"),
    ("check_forward", "first adapter only", on(lambda loras: loras[:1]), "Only the first adapter is there"),
    ("check_forward", "last adapter only", on(lambda loras: loras[-1:]), "Only the last adapter is there"),
    ("check_forward", "four adapters at most", on(lambda loras: loras[:4]), "however many there are"),
    ("check_forward", "64 adapters at most", on(lambda loras: loras[:64]), "however many there are"),
    ("check_forward", "layer once for each adapter", layer_each_time, "The frozen layer counts once"),
    ("check_forward", "one factor for all", one_factor, "1.5 · (2, -2) on top"),
    ("check_forward", "40 tokens", through(lambda x, A, B: right(torch.cat([x[:40], 0 * x[40:]]), A, B)), "All tokens"),
    ("check_forward", "in 32 bits inside", in_32_bits, "in 64 it is not exact enough"),
    ("check_forward", "the full product built", merged_first, "no fewer than the weight has (80 × 90"),
    ("check_forward", "the product by columns", through(by_columns), "r numbers a token are left"),
    ("check_forward", "gradient doubled", doubled_gradient, "the gradient of x: expected"),
    ("check_forward", "adapters used up", popped, "changed its argument `loras`"),
    ("check_forward", "under no_grad", torch.no_grad()(forward), "the result has no gradient"),
    ("check_forward", "A detached", through(lambda x, A, B: right(x, A.detach(), B)), "the gradient of A is missing"),
    ("check_forward", "x detached", through(lambda x, A, B: right(x.detach(), A, B)), "the gradient of x"),
    ("check_forward", "weight thawed", weight_thawed, "changed its argument `weight`"),
    ("check_forward", "bias changed in place", bias_in_place, "changed its argument `bias`"),
    ("check_forward", "B changed in place", scaled_in_place, "changed its argument `loras`"),
    ("check_forward", "64 bits", lambda *given: forward(*given).double(), "got torch.float64"),
    ("check_forward", "a list", lambda *given: forward(*given).tolist(), "expected a tensor, got list"),
    ("check_merge", "no scaling", (merge_with(lambda A, B, alpha: B @ A), take), "without its scaling"),
    ("check_merge", "scaled by alpha", (merge_with(lambda A, B, alpha: alpha * B @ A), take), "It should be alpha/r"),
    ("check_merge", "transposed", (merge_with(lambda A, B, alpha: 2 * (B @ A).T), take), "so is B @ A"),
    ("check_merge", "in place", (add_in_place, take), "changed its argument `weight`"),
    ("check_merge", "unmerge adds", (add, add), "added once more"),
    ("check_merge", "unmerge does not scale", (add, lambda w, A, B, alpha: w - B @ A), "taken away without"),
    ("check_merge", "unmerge in place", (add, take_in_place), "changed its argument `weight`"),
    ("check_merge", "B in place", (add_with_b_in_place, take), "changed its argument `B`"),
    ("check_merge", "the weight itself, if B is zero", (add_what_is_there, take), "shares memory with its argument"),
    ("check_merge", "64 bits", (lambda *given: add(*given).double(), take), "float32, got torch.float64"),
    ("check_merge", "unmerge in 64 bits", (add, lambda *given: take(*given).double()), "float32, got torch.float64"),
    ("check_merge", "no return", (lambda *given: None, take), "got NoneType"),
    (
        "check_merge",
        "unmerge cuts alpha",
        (add, lambda w, A, B, alpha: w - int(alpha) / len(A) * (B @ A)),
        "alpha need not be a whole number",
    ),
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
    ("check_count", "the package asked", adapters.lora_count, "your function calls spectrum.adapters"),
    ("check_beat_it", "not trained", (untrained, "c"), "fresh letters right, wanted"),
    ("check_beat_it", "rank too high", (too_large, "c"), "numbers are trainable, allowed are"),
    ("check_beat_it", "all weights", (all_weights, "c"), "numbers are trainable, allowed are"),
    ("check_beat_it", "base trained before", (trained_before, "c"), "the base's own weights moved"),
    ("check_beat_it", "adapter merged away", (merged_away, "c"), "nothing in the model is trainable"),
    ("check_beat_it", "data emptied", (changes_the_data, "c"), "changed its argument `data`"),
    ("check_beat_it", "most of it frozen afterwards", (frozen_afterwards, "c"), "numbers were added to the base"),
    ("check_beat_it", "no letter", (never_called, ""), "no explanation is chosen: got ''"),
    ("check_beat_it", "a sentence", (never_called, "Because it is small, I think."), "no explanation is chosen"),
]
RIGHT = [
    ("check_split", "by eigenvectors, in 64 bits, in a list", in_64_bits),
    ("check_split", "noise where B is zero", padded_with_noise),
    ("check_forward", "adapters side by side", side_by_side),
    ("check_forward", "tokens as columns", through(tokens_as_columns)),
    ("check_forward", "by einsum", through(lambda x, A, B: torch.einsum("...i,ri,or->...o", x, A, B))),
    ("check_forward", "x scaled", lambda x, w, b, loras: forward(x, w, b, [(a * A, B, 1) for A, B, a in loras])),
    ("check_merge", "linear and addmm", (lambda w, A, B, a: w + (a / len(A) * B) @ A,
                                         lambda w, A, B, a: torch.addmm(w, B, A, alpha=-a / len(A)))),
    ("check_count", "numpy's whole number", lambda c, rank: np.int64(count_pairs(c, rank, pairs_of(c)))),
]  # fmt: skip
