"""Operations of a step and plans for a card, as lab 16's wrong answers count and make them."""

import itertools

from torch.utils.flop_counter import FlopCounterMode

from spectrum import adapters
from spectrum.checks import lab_16

SLOWEST = ["full, checkpointing", "lora, checkpointing", "full", "lora"]


def miscounted(
    unit=2, adapters_too=True, lowest=("q_proj", "k_proj", "v_proj"), gradients=False, table=0, heads=True, turns=1,
    head=1, head_again=False, again=True, back=2, wide=False, causal=1.0, per_step=True, bias=False, a_input=True,
    every=".layers.0.", head_gradient=True,
):  # fmt: skip
    """Return a `step_flops` in which one thing is counted otherwise."""

    def wrong(model, tokens, length, rank, method, checkpointing):
        config, full = model.config, method == "full"
        forward = backward = 0
        for name, layer in adapters.find_layers(model).items():
            weight = layer.weight.numel() + (layer.out_features if bias and layer.bias is not None else 0)
            a, b = rank * layer.in_features * adapters_too, rank * layer.out_features * adapters_too
            below = every in name and name.endswith(lowest) if lowest else False
            forward += weight if full else weight + a + b
            if full:
                backward += 2 * weight
            else:
                backward += a + 2 * b + (0 if below else weight + a * a_input) + (weight if gradients else 0)
        width = config.hidden_size if wide else config.num_attention_heads * config.head_dim
        attention = 2 * length * width * config.num_hidden_layers * heads * causal
        words = config.hidden_size * config.vocab_size
        second = (forward + attention + head_again * words) * turns if checkpointing and again else 0
        total = forward + backward + second + (1 + back) * attention + table * words
        total += head * words * (3 if full and head_gradient else 2)
        return unit * (tokens if per_step else 1) * total

    return wrong


step_flops = miscounted()


def every_weight(times, attention=False):
    def wrong(model, tokens, length, rank, method, checkpointing):
        return times * tokens * sum(p.numel() for p in model.parameters())

    return wrong


def six_for_lora(model, tokens, length, rank, method, checkpointing):
    """The rule of full fine-tuning, with the adapters' own products left out."""
    return step_flops(model, tokens, length, rank, "full", checkpointing)


def short_rows(model, tokens, length, rank, method, checkpointing):
    return step_flops(model, tokens, min(length, 16), rank, method, checkpointing)


def all_tokens_in_a_row(model, tokens, length, rank, method, checkpointing):
    return step_flops(model, tokens, tokens, rank, method, checkpointing)


def by_counter(model, tokens, length, rank, method, checkpointing):
    with FlopCounterMode(display=False):
        pass
    return step_flops(model, tokens, length, rank, method, checkpointing)


def adds_an_adapter(model, tokens, length, rank, method, checkpointing):
    found = step_flops(model, tokens, length, rank, method, checkpointing)
    if method == "lora":
        model.requires_grad_(False)
    return found


def in_trillions(model, *given):
    return step_flops(model, *given) / 1e12


def by_hand(model, tokens, length, rank, method, checkpointing):
    """The same from the config alone, product by product."""
    c, total = model.config, 0.0
    q, k = c.num_attention_heads * c.head_dim, c.num_key_value_heads * c.head_dim
    shapes = [(c.hidden_size, q), (c.hidden_size, k), (c.hidden_size, k), (q, c.hidden_size)]
    shapes += [(c.hidden_size, c.intermediate_size)] * 2 + [(c.intermediate_size, c.hidden_size)]
    passes = 1 + bool(checkpointing)
    for number in range(c.num_hidden_layers):
        for place, (inputs, outputs) in enumerate(shapes):
            deep = number > 0 or place > 2
            each = passes + 2 if method == "full" else passes + deep
            total += 2.0 * tokens * inputs * outputs * each
            if method == "lora":
                total += 2.0 * tokens * rank * (inputs * (passes + 1 + deep) + outputs * (passes + 2))
        total += 2 * 2.0 * tokens * length * q * (passes + 2)
    return total + 2.0 * tokens * c.hidden_size * c.vocab_size * (3 if method == "full" else 2)


# ---- plans ----

METHODS, TURNS, BITS = ("lora", "qlora"), (False, True), (32, 8)


def misplanned(methods=METHODS, turns=TURNS, bits=BITS, batches=range(32, 0, -1), share=0.95,
               cost=lab_16.seconds_per_token, fits=None):  # fmt: skip
    """Return a `plan` that chooses among fewer plans, or by another room or cost."""

    def wrong(config, free):
        fit = []
        for method, turn, bit in itertools.product(methods, turns, bits):
            plans = ({"method": method, "batch": batch, "checkpointing": turn, "optimizer_bits": bit}
                     for batch in batches)  # fmt: skip
            fit += itertools.islice((p for p in plans if lab_16.needed(config, p) <= share * free), 1)
        if not fit:
            raise MemoryError
        return min(fit, key=lambda settings: cost(config, settings))

    return wrong


plan = misplanned()


def always(**settings):
    return lambda config, free: {"method": "lora", "batch": 1, "checkpointing": False, "optimizer_bits": 32} | settings


def none_where_nothing_fits(config, free):
    try:
        return plan(config, free)
    except MemoryError:
        return None


def smallest_where_nothing_fits(config, free):
    try:
        return plan(config, free)
    except MemoryError:
        return always(method="qlora", checkpointing=True, optimizer_bits=8)(config, free)


def a_value_error(config, free):
    try:
        return plan(config, free)
    except MemoryError:
        raise ValueError("nothing fits") from None


def by_weights_alone(config, free):
    """A rule of thumb: two bytes a weight, and twice that with all the rest."""
    weights = sum(p.numel() for p in adapters.empty_model(config).parameters())
    if 4 * weights < free:
        return always(batch=4)(config, free)
    return always(method="qlora", checkpointing=True)(config, free)


def gives_up_early(config, free):
    """Raises where LoRA alone with one row does not fit."""
    if lab_16.needed(config, always()(config, free)) > 0.95 * free:
        raise MemoryError
    return plan(config, free)


def with_length(config, free):
    return plan(config, free) | {"length": 2048}


def batch_as_text(config, free):
    return {name: str(value) for name, value in plan(config, free).items()}


def longer_rows(config, free):
    config.max_position_embeddings = 2048
    return plan(config, free)


def mildest_first(config, free):
    """Takes the first that fits, in an order of savings, with as many rows as fit."""
    for method, turn in (("lora", False), ("lora", True), ("qlora", False), ("qlora", True)):
        for bits, batch in itertools.product(BITS, range(32, 0, -1)):
            settings = {"method": method, "batch": batch, "checkpointing": turn, "optimizer_bits": bits}
            if lab_16.needed(config, settings) <= 0.95 * free:
                return settings
    raise MemoryError


def by_halving(config, free):
    """Halves the range of rows for each of eight ways, which suffices since more rows need more."""
    best, least = None, float("inf")
    for method, turn, bits in itertools.product(METHODS[::-1], TURNS, BITS):
        low, high = 0, 33
        while high - low > 1:
            middle = (low + high) // 2
            trial = {"optimizer_bits": bits, "checkpointing": turn, "batch": middle, "method": method}
            low, high = (middle, high) if lab_16.needed(config, trial) / 0.95 <= free else (low, middle)
        trial = {"optimizer_bits": bits, "checkpointing": turn, "batch": low, "method": method}
        if low and (cost := lab_16.seconds_per_token(config, trial)) < least:
            best, least = trial, cost
    if best is None:
        raise MemoryError("take a smaller model")
    return best


def by_everything(config, free):
    """Asks for every plan there is."""
    plans = [{"method": m, "batch": n, "checkpointing": t, "optimizer_bits": b}
             for m, n, t, b in itertools.product(METHODS, range(1, 33), TURNS, BITS)]  # fmt: skip
    costs = {number: lab_16.seconds_per_token(config, each) for number, each in enumerate(plans)
             if lab_16.needed(config, each) <= 0.95 * free}  # fmt: skip
    if not costs:
        raise MemoryError
    return plans[min(costs, key=costs.get)]
