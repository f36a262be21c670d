"""The operations of a training step, for lab 16: as torch counts them on small models, and what mistakes would give."""

import functools
import warnings

import torch
from torch.utils.checkpoint import set_checkpoint_early_stop
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig

from spectrum import adapters
from spectrum.checks.gate import expect
from spectrum.checks.kept_16 import plain_model
from spectrum.checks.machinery import expect_close
from spectrum.train import recomputing

NEAR = 0.005  # of the operations: the angles of the positions take a few that nobody counts
RANK, LENGTH, TOKENS = 16, 2048, 8192  # of the step that is predicted
RATE, SHARE = 312e12, 0.4  # operations a second of its card, and the share of them that training makes use of
EIGHT_BILLION = LlamaConfig(hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
                            num_key_value_heads=8, vocab_size=128256, tie_word_embeddings=False)  # fmt: skip
FROZEN = "A frozen weight has no gradient: two operations on the way back, not four."
STEPS = {"full": ("full", False), "lora": ("lora", False), "full, checkpointing": ("full", True),
        "lora, checkpointing": ("lora", True)}  # fmt: skip
SMALL = ("llama", {"hidden": 36, "inner": 74, "heads": 4, "groups": 2, "width": 10, "words": 101})
CASES = (  # architecture and its sizes, layers, rows, length, rank, what it is
    (*SMALL, 2, 3, 19, 5, "two layers of the Llama family"),
    (*SMALL, 1, 3, 19, 5, "one layer, the first and the last"),
    ("qwen3", {"hidden": 30, "inner": 40, "heads": 3, "groups": 1, "width": 16, "words": 50}, 3, 2, 30, 5,
     "heads that are wider together than the model"),
    ("llama", {"hidden": 16, "inner": 24, "heads": 2, "groups": 2, "width": 8, "words": 2000}, 2, 2, 9, 3,
     "a table of words that holds most of the weights"),
    ("llama", {"hidden": 16, "inner": 24, "heads": 2, "groups": 2, "width": 8, "words": 2000, "tied": True}, 2, 2, 9, 3,
     "the same, its head tied to the table"),
    ("llama", {"hidden": 32, "inner": 64, "heads": 4, "groups": 4, "width": 8, "words": 30}, 2, 1, 300, 2,
     "a row of 300 tokens"),
    ("llama", {"hidden": 32, "inner": 64, "heads": 4, "groups": 4, "width": 8, "words": 30}, 2, 60, 5, 2,
     "as many tokens in sixty short rows"),
    ("llama", {"hidden": 32, "inner": 80, "attention_bias": True, "mlp_bias": True}, 3, 2, 16, 70,
     "layers with biases, and rank 70"),
    ("qwen3", {"hidden": 16, "inner": 32}, 12, 1, 8, 1, "twelve layers at rank 1"),
)  # fmt: skip


def model_of(architecture, sizes, layers):
    """Returns a plain model of these sizes, whose attention is written out so that its products can be counted."""
    return plain_model(architecture, layers, attn_implementation="eager", **sizes)


def counted(case, method, checkpointing):
    """Returns the operations of one step of a case as torch's counter sees them while it runs."""
    architecture, sizes, *others, _ = case
    return _counted(architecture, tuple(sizes.items()), *others, method, checkpointing)


@functools.cache
def _counted(architecture, sizes, layers, rows, length, rank, method, checkpointing):
    """Returns what `counted` does; nothing in it depends on a learner, so that it is counted once."""
    model = model_of(architecture, dict(sizes), layers)
    if method == "lora":
        model = adapters.add_lora(model, rank).train()
    if checkpointing:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            recomputing(model, True)
        plain = model.get_base_model() if method == "lora" else model
        plain.disable_input_require_grads()  # transformers asks for a gradient of the embeddings that nobody needs
    ids = torch.zeros(rows, length, dtype=torch.long)
    # Without the second context torch ends a layer's second forward pass as soon as it has what it needs.
    with FlopCounterMode(display=False) as counter, set_checkpoint_early_stop(False):
        model(input_ids=ids, labels=ids).loss.backward()
    return counter.get_total_flops()


# ---- what mistakes would give ----


def parts(model, length, rank, method):
    """Returns {part of a step: multiplications for each token}, without checkpointing's second forward pass."""
    config, full = model.config, method == "full"
    layers = adapters.find_layers(model)
    below = {n: m for n, m in layers.items() if ".layers.0." in n and n.endswith(("q_proj", "k_proj", "v_proj"))}
    weights, first = (sum(m.weight.numel() for m in some.values()) for some in (layers, below))
    a, first_a, b = (rank * sum(getattr(m, side) for m in some.values()) for some, side in (
        (layers, "in_features"), (below, "in_features"), (layers, "out_features")))  # fmt: skip
    attention = 2 * length * config.num_attention_heads * config.head_dim * config.num_hidden_layers
    head = config.hidden_size * config.vocab_size
    return {
        "layers": weights, "adapters": 0 if full else a + b, "attention": attention, "head": head,
        "back through layers": weights if full else weights - first, "back through attention": 2 * attention,
        "back through the head": head, "gradients": weights + head if full else a + b,
        "back through adapters": 0 if full else a + b - first_a, "needless": 0 if full else first + first_a,
    }  # fmt: skip


def slips(model, tokens, length, rank, method, checkpointing):
    """Returns [(a wrong number of operations, what made it)], where a mistake can be told by its number."""
    each = parts(model, length, rank, method)
    needless, head = each.pop("needless"), each["head"]
    again = (each["layers"] + each["adapters"] + each["attention"]) * checkpointing
    right, passes = sum(each.values()) + again, 2 + (method == "full")
    turns, table = 1 + checkpointing, model.get_input_embeddings().weight.numel()
    every = sum(p.numel() for p in model.parameters())
    adapted = each["adapters"] * turns + each["gradients"] * (method == "lora") + each["back through adapters"]
    attention = each["attention"] * (turns + 2)
    told = [
        (right / 2, "A product is a multiplication and an addition: two operations for each weight and token."),
        (right / tokens, "This is one token. A step has many."),
        (right - again, "Checkpointing computes each layer's forward pass once more."),
        (right + again, "Checkpointing computes each layer's forward pass once more, and not twice."),
        (right + head * checkpointing, "The head is no layer: checkpointing does not compute it again."),
        (right - again + each["back through layers"] + each["back through attention"],
         "It is the forward pass that checkpointing does again, not the way back."),
        (right - passes * head, "The head is forgotten: it is a product with a matrix of all words."),
        (right - head, "The way back goes through the head as well."),
        (right + passes * table, "The table of embeddings looks up. It multiplies nothing."),
        (right + table * (not checkpointing), "The table of embeddings looks up. It multiplies nothing."),
        (right - attention, "Attention's two products are forgotten: each token with all of its row, twice."),
        (right - attention / 2, "Count attention in full, as torch does, and not its half below the diagonal. There "
         "are two products: queries with keys, and weights with values."),
        (right - each["back through attention"] / 2, "Each of attention's two products has two factors, and both "
         "want a gradient."),
        (right + (model.config.hidden_size * attention / (model.config.num_attention_heads * model.config.head_dim)
                  - attention), "Attention is as wide as its heads together, which is not the model's width."),
        (right + needless, "Nothing below the first adapters learns: there no gradient of an input is needed."),
        (right - adapted, "The adapters are forgotten: two more products in each layer."),
        (right - each["gradients"], "What is trained has a gradient, which is a product too."),
        (3 * every, "Six operations for each weight and token is full fine-tuning's rule, and leaves attention out."),
        (right + each["attention"] / 2,
         "Some kernels compute a product of attention anew on the way back. Leave it out."),
        (right + each["layers"], FROZEN),
        (right + each["layers"] + needless, FROZEN),
        (right + each["layers"] + head + needless, FROZEN),
    ]  # fmt: skip
    return [(2 * tokens * number, hint) for number, hint in told if abs(number - right) > NEAR * right]


def drawn_case(rng):
    """Returns a case of drawn sizes."""
    heads, layers, rows, length, rank = (int(rng.integers(low, high)) for low, high in (
        (1, 5), (1, 5), (1, 4), (2, 50), (1, 12)))  # fmt: skip
    sizes = {"hidden": heads * int(rng.integers(4, 13)), "inner": int(rng.integers(8, 90)), "heads": heads, "groups": 1,
             "width": 2 * int(rng.integers(2, 9)), "words": int(rng.integers(5, 300))}  # fmt: skip
    return str(rng.choice(["llama", "qwen3"])), sizes, layers, rows, length, rank, f"drawn sizes: {sizes}"


def expect_flops(step_flops, case, method, checkpointing):
    """Raises unless a learner's number of operations is what torch counts, and says what was counted wrongly."""
    architecture, sizes, layers, rows, length, rank, what = case
    model, tokens = model_of(architecture, sizes, layers), rows * length
    wanted = counted(case, method, checkpointing)
    given = model, tokens, length, rank, method, checkpointing
    found, how = step_flops(*given), f"operations: {what}, {method}{', checkpointing' * checkpointing}"
    hint = "Which products does each token go through, forward and on the way back?"
    expect_close(found, wanted, NEAR * wanted, how, slip_of(found, given) or hint)


def slip_of(found, given):
    """Returns what made a wrong number of operations where one mistake alone gives it, else ""."""
    if not isinstance(found, int | float):
        return ""
    hints = {hint for number, hint in slips(*given) if abs(found - number) < 1e-6 * number}
    return hints.pop() if len(hints) == 1 else ""


TOY = {  # method: operations, how they come about
    "full": (8064, "The layers have 160 weights, the head 40, and attention 2 · 3 · 4 products a token: 224. Three "
             "times that, for 6 tokens, times 2."),
    "lora": (7392, "Forward it is 224 as in full, and 68 in A and B. On the way back 112 in the layers, 48 in "
             "attention, 40 in the head, and 68 + 56 in A and B. All for 6 tokens, times 2."),
}  # fmt: skip


def expect_toy(step_flops, method):
    """Raises unless a learner counts what can be counted by hand, to the last operation."""
    model = plain_model("llama", 1, hidden=4, inner=8, heads=1, groups=1, width=4, words=10)
    given = model, 6, 3, 1, method, False
    found, (wanted, hint) = step_flops(*given), TOY[method]
    what = f"operations of 6 tokens in rows of 3, rank 1, {method}"
    expect_close(found, wanted, 0, what, slip_of(found, given) or hint)


def seconds_of(step_flops):
    """Returns {way: seconds} of one step of EIGHT_BILLION weights by the learner's function."""
    model = adapters.empty_model(EIGHT_BILLION)
    found = {way: step_flops(model, TOKENS, LENGTH, RANK, *how) / (RATE * SHARE) for way, how in STEPS.items()}
    expect(all(0 < seconds < 100 for seconds in found.values()), f"a step of 8 billion weights takes {found} seconds")
    return found
