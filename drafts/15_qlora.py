# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Can an adapter repair what rounding broke?
#
# **You will do:** round weights to four bits by hand, build a QLoRA layer, tune over a rounded base, and write the ledger
# of bytes that says what fits on which card. **You will learn:** what four bits cost, how much of that an adapter takes
# back, and what QLoRA is paid with. **You need:** lesson 11. **Time:** 45 minutes to read, about two minutes to run.
#
# The line below says which models run and what this page cost when it was last measured.

# %% tags=["nbval-ignore-output"]
from spectrum import doctor

print(doctor.banner("15_qlora"))

# %% [markdown]
# ## What LoRA leaves in memory
#
# LoRA trains few numbers, so gradients and optimizer shrink to almost nothing. What remains is the frozen base itself.
# It is only read, never changed; so nobody needs it in full precision, if reading it a little wrong does little harm.
# *QLoRA* (Dettmers and others, 2023) keeps the linear layers of the base in four bits and trains a LoRA on top.
#
# Which weights are we talking about?

# %%
import torch

from spectrum import adapters, models

device = "cuda" if torch.cuda.is_available() else "cpu"  # where 4-bit layers run
base, tokenizer = models.load_model("base", device)
layers = adapters.find_layers(base)  # {name: linear layer}, without the head
inside, total = sum(layer.weight.numel() for layer in layers.values()), models.count_parameters(base)
print(f"{total:,} weights, {100 * inside / total:.0f} % of them in {len(layers)} linear layers")
print(f"a LoRA of rank 8 on those layers: {adapters.lora_count(base.config, 8):,} numbers")

# %% [markdown]
# ## Four bits on paper
#
# Four bits tell 16 things apart. So a weight becomes the number, 0 to 15, of one of 16 *levels* between −1 and 1, and
# one *constant* per group of weights, the largest absolute value, says how far the levels reach. Take four weights and
# evenly spaced levels. The step between two levels is 2/15, and the constant is 0.8.
#
# **Before you run:** what is the largest error that rounding can make here?

# %%
def round_to(scaled, levels):
    return (scaled[..., None] - levels).abs().argmin(dim=-1)  # (...) -> (...): the number of the nearest level


even, numbers = torch.linspace(-1, 1, 16), torch.tensor([0.3, -0.8, 0.1, 0.5])
constant = numbers.abs().max()
codes = round_to(numbers / constant, even)
restored = even[codes] * constant
print(f"codes {codes.tolist()}, half a step {float(constant) / 15:.4f}; numbers, restored, errors:")
print(torch.stack([numbers, restored, (restored - numbers).abs()]).round(decimals=4))

# %% [markdown]
# No error is above half a step, 0.8/15 = 0.0533. The largest weight has no error at all: it set the constant.
#
# ## Levels where the weights are
#
# Trained weights are not spread evenly: most are near zero, as in a normal distribution. *NF4*, the 4-bit NormalFloat,
# puts its levels at the quantiles of that distribution, so that about the same number of weights falls to each. Zero gets
# a level of its own, seven are below it and eight above, and the outermost are scaled to ±1.

# %%
import bitsandbytes.functional as bnb


def nf4_levels():
    tail = 1 - (1 / 30 + 1 / 32) / 2  # where the outermost quantile stands: the tail itself has no end
    above = torch.special.ndtri(torch.linspace(tail, 0.5, 9, dtype=torch.float64))[:-1]  # 8 quantiles above 0
    below = -torch.special.ndtri(torch.linspace(tail, 0.5, 8, dtype=torch.float64))[:-1]  # 7 below
    levels = torch.cat([below, above.new_zeros(1), above]).sort().values
    return (levels / levels.max()).float()


LEVELS = nf4_levels().to(device)
assert torch.allclose(LEVELS.cpu(), bnb.get_4bit_type("nf4", device="cpu"), atol=1e-6)
print([round(level, 3) for level in LEVELS.tolist()])

# %% [markdown]
# The steps are narrow in the middle and wide outside. They are the 16 numbers that bitsandbytes has in a table.
#
# Now a real weight matrix. One constant for a whole matrix would be set by its single largest weight. So the weights are
# taken in *blocks* of 64 along the rows, each with a constant of its own. A block of zeros needs care: its constant is 0,
# and 0/0 is not a number.
#
# **Before you run:** will the codes by hand and those of bitsandbytes be the same, all of them?

# %%
BLOCK = 64


def quantize_nf4(weight):
    blocks = weight.reshape(-1, BLOCK)  # (d_out, d_in) -> (N, 64)
    constants = blocks.abs().amax(dim=1)  # (N,)
    scaled = blocks / constants.clamp(min=1e-30)[:, None]
    return round_to(scaled, LEVELS.to(weight)), constants  # (N, 64) whole numbers, (N,)


def dequantize_nf4(codes, constants, shape):
    return (LEVELS.to(constants)[codes] * constants[:, None]).reshape(shape)


# %% [markdown]
# Codes and constants of the last layer's `up_proj`, there and back, beside the library's.

# %%
NAME = [name for name in layers if name.endswith("up_proj")][-1]
weight = layers[NAME].weight.data.float()
codes, constants = quantize_nf4(weight)
packed, state = bnb.quantize_4bit(weight, blocksize=BLOCK, quant_type="nf4")
pairs = packed.reshape(-1)  # two codes to a byte, the first in the upper half
same = (torch.stack([pairs >> 4, pairs & 15], dim=1).reshape(-1, BLOCK) == codes).float().mean()
gap = (dequantize_nf4(codes, constants, weight.shape) - bnb.dequantize_4bit(packed, state)).abs().max()
print(f"{NAME}, {tuple(weight.shape)}: {100 * same:.2f} % of the codes are the same")
print("restored weights equal to 0.00001:", bool(gap < 1e-5))

# %% [markdown]
# ## What blocks and levels buy
#
# The error of a rounding, as a share of the weights' own size (root mean square of both), and what it costs: four bits a
# weight plus a 32-bit constant, shared by the block. With 64 weights that is 4 + 32/64 = 4.5 bits.
#
# **Before you run:** which does more for the error, the levels or the blocks?

# %%
import pandas as pd


def relative_error(weight, restored):
    return float((restored - weight).norm() / weight.norm())


def round_trip(weight, levels, block):
    blocks = weight.reshape(-1, block)
    constants = blocks.abs().amax(dim=1, keepdim=True)
    return (levels[round_to(blocks / constants.clamp(min=1e-30), levels)] * constants).reshape(weight.shape)


ways = {
    "even levels, blocks of 64": (even.to(device), BLOCK),
    "NF4, one constant for all": (LEVELS, weight.numel()),
    "NF4, blocks of 64": (LEVELS, BLOCK),
}
errors = {way: relative_error(weight, round_trip(weight, *setting)) for way, setting in ways.items()}
pd.DataFrame(
    {"error %": {way: round(100 * e, 1) for way, e in errors.items()},
     "bits a weight": {way: round(4 + 32 / block, 3) for way, (_, block) in ways.items()}}
)  # fmt: skip

# %% [markdown]
# Blocks bring the error from «error with one constant» % to «error NF4» %, the better levels from «error even» %.
# The picture shows why the levels help: all weights of this layer, each divided by its block's constant.

# %%
from spectrum import widgets_qlora

scaled = weight.reshape(-1, BLOCK) / constants.clamp(min=1e-30)[:, None]
widgets_qlora.show_levels(scaled.reshape(-1), LEVELS)

# %% [markdown]
# *What the picture shows:* a bell, its middle dense with levels, and at both ends a thin bar: the largest weight of each
# block is at ±1 by construction.
#
# ## Rounding the constants as well
#
# Half a bit a weight for constants is a ninth of the whole. *Double quantization* rounds the constants too: to 8 bits
# each, in groups of 256 with one 32-bit constant. That makes 4 + 8/64 + 32/(64·256) = 4.127 bits. We count bits from the
# library's real tensors.
#
# **Before you run:** by how much does the error grow?

# %%
def stored_bits(packed, state):
    tensors = [packed, state.absmax] + ([state.state2.absmax] if state.nested else [])
    return 8 * sum(t.numel() * t.element_size() for t in tensors) / state.shape.numel()


bits = {}
for double in (False, True):
    packed, state = bnb.quantize_4bit(weight, blocksize=BLOCK, quant_type="nf4", compress_statistics=double)
    error = 100 * relative_error(weight, bnb.dequantize_4bit(packed, state))
    bits[double] = stored_bits(packed, state)
    print(f"constants {'rounded too' if double else 'in 32 bits '}: {bits[double]:.3f} bits a weight, error {error:.2f} %")

# %% [markdown]
# Next to nothing. Both are on by choice, not by default: bitsandbytes' own default is another 4-bit type without double
# quantization. `quantize.load_quantized` asks for NF4 and for double quantization by name.
#
# ## What stays in 16 bits, and why
#
# Not everything is rounded. The table has the bytes of our model by part, before and after. This small model computes in
# 32 bits on a CPU; where the table says 32 bits, a large model has 16.
#
# **Before you run:** weights take an eighth of the room. Will the model take an eighth as well?

# %%
from spectrum import quantize


def bytes_by_part(model):
    found = dict.fromkeys(("linear layers", "their constants", "embeddings and head", "norms and biases"), 0)
    for name, p in model.named_parameters():
        small = p.ndim == 1 and not hasattr(p, "quant_state")
        part = "norms and biases" if small else "embeddings and head" if "embed" in name or "head" in name else "linear layers"
        found[part] += p.numel() * p.element_size()
        if state := getattr(p, "quant_state", None):
            found["their constants"] += state.absmax.numel() * state.absmax.element_size()
    return found


rounded, _ = quantize.load_quantized("base", double=False)
parts = pd.DataFrame({"base, kB": bytes_by_part(base), "rounded, kB": bytes_by_part(rounded)}) / 1000
parts.loc["all"] = parts.sum()
parts.round(1)

# %% [markdown]
# The linear layers shrink to an eighth, the whole model to «whole share» %. The embeddings now weigh more than all layers: with
# a few million weights that is a lot, with 8 billion it is little. They stay, because they are a table that is looked up, and
# in many models the head, whose errors go straight into the logits, is the same table. Norms and biases stay because they are few, and one
# wrong number there touches a whole channel.
#
# The adapters stay in full precision for a stronger reason. Learning is made of small steps:

# %%
in_four_bits, exact = 0.48, 0.48  # the last of the four toy weights
for _ in range(5):
    in_four_bits = float(even[round_to(torch.tensor((in_four_bits - 0.02) / 0.8), even)] * 0.8)
    exact -= 0.02
print(f"five steps of -0.02 from 0.48: {in_four_bits:.2f} when rounded after each, {exact:.2f} when not")

# %% [markdown]
# Every step is smaller than half a level, so rounding takes it back. A weight in four bits cannot learn. It can be read,
# and gradients can flow *through* it to an adapter that learns.
#
# ## The QLoRA layer by hand
#
# The base's weight is kept as codes and constants. Each forward pass restores it, uses it, and lets it go. Beside it
# runs a LoRA as in lesson 11: $y = \hat W x + \frac{\alpha}{r} B A x$.

# %%
class QLoRALinear(torch.nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        codes, constants = quantize_nf4(linear.weight.data.float())
        self.register_buffer("packed", (codes[:, ::2] * 16 + codes[:, 1::2]).to(torch.uint8))  # (N, 64) -> (N, 32)
        self.register_buffer("constants", constants)
        self.shape, self.bias = linear.weight.shape, linear.bias
        if self.bias is not None:
            self.bias.requires_grad_(False)
        self.A = torch.nn.Parameter(torch.empty(rank, linear.in_features))
        self.B = torch.nn.Parameter(torch.zeros(linear.out_features, rank))
        torch.nn.init.kaiming_uniform_(self.A, a=5**0.5)
        self.scaling = alpha / rank

    def weight(self):
        codes = torch.stack([self.packed >> 4, self.packed & 15], dim=-1)  # (N, 32) -> (N, 32, 2)
        return dequantize_nf4(codes.reshape(-1, BLOCK).int(), self.constants, self.shape)

    def forward(self, x):
        frozen = torch.nn.functional.linear(x, self.weight().to(x.dtype), self.bias)  # (B, T, d_in) -> (B, T, d_out)
        update = self.scaling * (x.to(self.A.dtype) @ self.A.T @ self.B.T)  # in float32, whatever x is
        return frozen + update.to(x.dtype)


# %% [markdown]
# The library's version is peft's LoRA over bitsandbytes' `Linear4bit`. We take that layer out of a loaded model, give both
# the same random $A$ and $B$, and compare what goes forward and what comes back.
#
# **Before you run:** four things can have a gradient: the codes, $A$, $B$ and the input. Which of them will?

# %%
theirs = adapters.add_lora(rounded, rank=8, alpha=16)
library, mine = theirs.get_base_model().get_submodule(NAME), QLoRALinear(layers[NAME], 8, 16).to(device)
torch.manual_seed(0)
A, B = library.lora_A["default"].weight, library.lora_B["default"].weight
B.data.normal_(std=0.05)
mine.A.data, mine.B.data = A.data.clone(), B.data.clone()
x = torch.randn(2, 5, layers[NAME].in_features, device=device)
inputs = {layer: x.clone().requires_grad_() for layer in (mine, library)}
outputs = {layer: layer(each) for layer, each in inputs.items()}  # (2, 5, d_out)
for output in outputs.values():
    output.square().mean().backward()
pairs = {"output": tuple(outputs.values()), "gradient of A": (mine.A.grad, A.grad), "gradient of B": (mine.B.grad, B.grad)}
pairs["gradient of x"] = (inputs[mine].grad, inputs[library].grad)
layer_gaps = {what: ((a - b).abs().max() / b.abs().max()).item() for what, (a, b) in pairs.items()}
for what, gap in layer_gaps.items():
    print(f"{what}: by hand and library equal to 0.0001: {gap < 1e-4}")
print("gradient of the 4-bit weight:", library.base_layer.weight.grad)

# %% [markdown]
# All equal, and the 4-bit weight has none. The input has one, which is how the layers below learn: it was multiplied by the
# restored weight, so backward restores it once more.
#
# One layer is not a model. We put ours into every linear layer of a copy, with the library's matrices, and compare logits.

# %%
import copy


def put_qlora(model, rank, alpha):
    model.requires_grad_(False)
    for name, linear in adapters.find_layers(model).items():
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, QLoRALinear(linear, rank, alpha).to(linear.weight.device))
    return model


hand = put_qlora(copy.deepcopy(base), 8, 16)
for name in layers:
    ours, other = hand.get_submodule(name), theirs.get_base_model().get_submodule(name)
    ours.A.data, ours.B.data = other.lora_A["default"].weight.data, other.lora_B["default"].weight.data
ids = torch.tensor([tokenizer("Hello, this is Ana from Oslo. I ordered 3 Kavo lamps.")["input_ids"]], device=device)
with torch.no_grad():
    logits_gap = float((hand(ids).logits - theirs(ids).logits).abs().max())
    rounding_gap = float((base(ids).logits - theirs(ids).logits).abs().max())
print(f"logits by hand and library equal to 0.001: {logits_gap < 1e-3}; unrounded base off by {rounding_gap:.2f}")
print("trainable by hand:", f"{sum(p.numel() for p in hand.parameters() if p.requires_grad):,}")

# %% [markdown]
# They are the same model. From here on we use the library.
#
# ## The experiment
#
# The skill to learn is the house dialect of lesson 11: tickets and replies in a form that the base has never seen. Three
# methods on the same rows in the same order: full fine-tuning, LoRA of rank 8, and QLoRA of rank 8, which differs from LoRA
# in the rounded base and in nothing else. First a short run of the last two in view, 30 steps each, about
# «seconds of the two runs» s.
#
# The LoRA is measured twice: over the base it was trained on, and *moved* onto the rounded base, as it is.
#
# **Before you run:** put the three losses in order: LoRA, LoRA moved, QLoRA.

# %%
from spectrum import qlora_runs

live = {method: qlora_runs.run(method, seed=0, steps=30, controls=False) for method in ("lora", "qlora")}
print(f"untuned: base {live['lora']['loss before']:.2f}, rounded base {live['qlora']['loss before']:.2f} nats per token")
print(f"LoRA on its own base        {live['lora']['loss']:.4f}")
print(f"LoRA moved to rounded base  {live['lora']['loss moved']:.4f}")
print(f"QLoRA                       {live['qlora']['loss']:.4f}")

# %% [markdown]
# Thirty steps are a glimpse, and how the three compare after them is partly chance. The stored sweep has all three methods
# with 300 steps and three seeds; each seed has other letters, another order and another $A$. `make sweeps` computes it anew.
# Your two runs lie on it as dotted lines: their learning rate falls to zero already at step 30.

# %%
stored = qlora_runs.stored()
widgets_qlora.show_curves(stored, live)

# %% [markdown]
# *What the picture shows:* three curves that fall together on a logarithmic axis. Full fine-tuning ends at «loss of full», LoRA at
# «loss of LoRA» and QLoRA at «loss of QLoRA».
#
# What counts in the end is answers: 100 held-out messages for each run, right to the letter. The floor is the untuned
# model's score, the ceiling 100 %.

# %%
scores = {f"untuned ({m})": stored[stored["method"] == m].set_index("seed")["score before"] for m in ("full", "qlora")}
scores = {name.replace("full", "base").replace("qlora", "rounded base"): values for name, values in scores.items()}
scores |= {m: stored[stored["method"] == m].set_index("seed")["score"] for m in qlora_runs.METHODS}
scores["lora, moved to the rounded base"] = stored[stored["method"] == "lora"].set_index("seed")["score moved"]
table = (100 * pd.DataFrame(scores).T).round(1)
table.assign(mean=table.mean(axis=1).round(1))

# %% [markdown]
# ## How much of the damage is repaired?
#
# Three losses of each seed answer that. *Unrounded*: the LoRA on its own base. *Moved*: the same LoRA on the rounded base;
# the difference is what rounding broke. *Trained there*: an adapter that has seen the rounding errors in training.
# The share repaired is (moved − trained there) / (moved − unrounded).
#
# **Before you run:** could the share be above 100 %?

# %%
lora, qlora = (stored[stored["method"] == method].set_index("seed") for method in ("lora", "qlora"))


def repair_table(unrounded, moved, trained_there):
    table = pd.DataFrame({"unrounded": unrounded, "moved": moved, "trained there": trained_there})
    table.loc["mean"] = table.mean()
    shares = [qlora_runs.repaired(m, u, t) for u, m, t in table.itertuples(index=False)]
    return table.assign(**{"repaired %": [round(100 * share) for share in shares]})


from_start = repair_table(lora["loss"], lora["loss moved"], qlora["loss"])
from_start.round(4)

# %% [markdown]
# It can: two trainings from the start end in two places, and chance alone may favour the second by more than rounding
# takes. So that comparison is noisy. A sharper one starts both from the *same* trained LoRA, and lets it go on for 60 small
# steps with the same batches: once on its own base, once on the rounded base. Now the two differ in the rounding alone.
#
# **Before you run:** will the shares of the three seeds lie closer together?

# %%
gone_on = repair_table(lora["loss longer"], lora["loss longer moved"], lora["loss repaired"])
gone_on.round(4)

# %% [markdown]
# In the mean, «share repaired» % is taken back. How? The adapter cannot change the codes. But $\hat W + \frac{\alpha}{r}BA$
# only has to act like $W$ plus the new skill *on the inputs of this task*, and for that rank 8 is enough. It does not
# restore the weights.
#
# A control that must not work: on the rounded base, a random adapter whose updates have the norms of the trained ones.

# %%
control = lora["loss random"].mean()
points = {
    "LoRA, unrounded base": (gone_on.loc["mean", "unrounded"], "lora"),
    "LoRA, gone on over rounded base": (gone_on.loc["mean", "trained there"], "qlora"),
    "LoRA moved to rounded base": (gone_on.loc["mean", "moved"], "qlora"),
    "rounded base, untuned": (qlora["loss before"].mean(), "other"),
    "rounded base + random adapter": (control, "other"),
}
share = gone_on.loc["mean", "repaired %"]
widgets_qlora.show_losses(points, f"{share:.0f} % of what rounding added is repaired, nothing by a random adapter")

# %% [markdown]
# *What the picture shows:* three trained adapters close together on the left, and far to the right the untuned base and the
# random adapter. Any nudge of that size will not do.
#
# ## What QLoRA is paid with
#
# Restoring weights takes time, in every forward and every backward pass. We time one step of each, turn by turn, so that
# whatever else this machine does hits both alike. Published for a 7B model on a GPU: 24 % longer than LoRA with NF4, 30 % with double
# quantization (litgpt).
#
# **Before you run:** restoring costs the same for one token as for a thousand. Will a small batch pay more, or less?

# %% tags=["nbval-ignore-output"]
import statistics
import time


def step_seconds(model, batch):
    start = time.perf_counter()
    loss = model(**batch, use_cache=False).loss
    loss.backward()
    loss.item()  # on a GPU: wait until it is done
    model.zero_grad(set_to_none=True)
    return time.perf_counter() - start


timed = {method: qlora_runs.starting_model(method)[0].train() for method in ("lora", "qlora")}
ratios = {}
for rows in (2, 8):
    batch = {k: v.to(device) for k, v in qlora_runs.house_batch(tokenizer, rows).items()}
    turns = [{method: step_seconds(model, batch) for method, model in timed.items()} for _ in range(12)]
    ratios[rows] = statistics.median(turn["qlora"] / turn["lora"] for turn in turns[2:])  # the first two warm up
    print(f"{rows} rows ({batch['input_ids'].numel()} tokens): a QLoRA step takes {ratios[rows]:.2f} times a LoRA step")

# %% [markdown]
# QLoRA is slower: here by «per cent at batch 8» % at the batch of our runs and by «per cent at batch 2» % at two rows, since the work of restoring is shared by fewer
# tokens. It is a price in time for a gain in memory. If the base fits unrounded, plain LoRA is the better choice.
#
# ## The ledger of bytes
#
# Will it fit? That can be counted before anything is downloaded. Seven entries: *weights*; *constants* of the 4-bit blocks;
# *adapters*; *gradients* and AdamW's two *moments* of whatever is trained; *activations*, which the forward pass keeps for the
# backward; and *workspace*, such as the logits. `quantize.ledger` predicts them from a config. You measure them on real
# tensors: what is there after one step, and what the graph kept.

# %%
def size(tensors):
    return sum(t.numel() * t.element_size() for t in tensors)


def constants_of(state):
    nested = [state.state2.absmax, state.state2.code, state.offset] if state.nested else []
    return [state.absmax, state.code, *nested]


def kept_bytes(model, batch):
    own, kept = {p.untyped_storage().data_ptr() for p in model.parameters()}, {}
    def note(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = model(**batch, use_cache=False).loss
    return loss, sum(n for place, n in kept.items() if place not in own)  # weights are counted already


def measure(model, batch):
    trained = [p for p in model.parameters() if p.requires_grad]
    frozen = [p for p in model.parameters() if not p.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    loss, activations = kept_bytes(model, batch)
    loss.backward()
    gradients = size(p.grad for p in trained)
    optimizer.step()
    states = [p.quant_state for p in frozen if hasattr(p, "quant_state")]
    moments = [t for state in optimizer.state.values() for t in state.values() if t.ndim]
    constants = size(tensor for state in states for tensor in constants_of(state))
    found = {"weights": size(frozen), "constants": constants, "adapters": size(trained), "gradients": gradients}
    return found | {"optimizer": size(moments), "activations": activations}


# %% [markdown]
# One row of 512 tokens, rank 8. `bits=32`, because on the CPU our model computes in 32 bits.
#
# **Before you run:** which entry is the largest for a model this small?

# %%
text = " ".join(["Hello, this is Ana from Oslo. I ordered 3 Kavo lamps."] * 60)
ids = torch.tensor([tokenizer(text)["input_ids"][:512]], device=device)
full_bits = 32 if base.dtype == torch.float32 else 16
predicted = quantize.ledger(base.config, "qlora", rank=8, length=512, bits=full_bits)
measured = measure(timed["qlora"], {"input_ids": ids, "labels": ids})
ledger = pd.DataFrame({"predicted, kB": predicted, "measured, kB": measured}).loc[list(measured)] / 1000
ledger.loc["together"] = ledger.sum()
off = (ledger["predicted, kB"] / ledger["measured, kB"] - 1).abs()
ledger.round(1).assign(off=[f"{100 * part:.1f} %" for part in off])

# %% [markdown]
# Prediction and measurement agree to «worst gap of the ledger» %. The largest entry is the activations: nothing about them was rounded. QLoRA saves on weights,
# and in a model with few weights it saves little.
#
# ## From 3 million to 70 billion
#
# The same function on the configs of published models; no weights are needed. The QLoRA paper gives figures for the first
# LLaMA models, batch 1, 512 tokens, gradient checkpointing: 6.9, 11.3, 24.7 and 45.0 GB. We take its rank, 64.
#
# **Before you run:** 65 billion weights at 4.127 bits are how many GB?

# %%
from transformers import LlamaConfig, Qwen3Config

SHAPE = "hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads head_dim vocab_size"
PUBLISHED = {
    "LLaMA 7B": (LlamaConfig, 4096, 11008, 32, 32, 32, 128, 32000),
    "LLaMA 13B": (LlamaConfig, 5120, 13824, 40, 40, 40, 128, 32000),
    "LLaMA 33B": (LlamaConfig, 6656, 17920, 60, 52, 52, 128, 32000),
    "LLaMA 65B": (LlamaConfig, 8192, 22016, 80, 64, 64, 128, 32000),
    "Qwen3-8B": (Qwen3Config, 4096, 12288, 36, 32, 8, 128, 151936),
    "Llama-2-70B": (LlamaConfig, 8192, 28672, 80, 64, 8, 128, 32000),
}
configs = {
    name: kind(**dict(zip(SHAPE.split(), sizes, strict=True)), tie_word_embeddings=False)
    for name, (kind, *sizes) in PUBLISHED.items()
}
paper = {"LLaMA 7B": 6.9, "LLaMA 13B": 11.3, "LLaMA 33B": 24.7, "LLaMA 65B": 45.0}
setting = {"rank": 64, "batch": 1, "length": 512, "checkpointing": True}
giga = {name: {m: quantize.ledger(c, m, **setting)["total"] / 1e9 for m in ("full", "lora", "qlora")} for name, c in configs.items()}
sizes = pd.DataFrame(giga).T.round(1).rename(columns=lambda method: f"{method}, GB").assign(paper=pd.Series(paper))
sizes["ledger / paper"] = (sizes["qlora, GB"] / sizes["paper"]).round(2)
sizes

# %% [markdown]
# 33.5 GB for the weights alone. In full, 65 billion weights take 784 GB; the paper says "more than 780". With QLoRA the ledger
# lies 1 to 8 % above the paper's figures: it is an upper bound, since not all its entries are at their peak at the same time.
#
# One reads that 70 billion weights fit on one 48 GB card. At rank 16 the ledger says so too; at rank 64 it does not.
# The 70B architecture as stacked bars, beside the cards that one can buy or rent:

# %%
from spectrum import widgets_ledger

big = widgets_ledger.ledger_table(configs["Llama-2-70B"], **setting | {"rank": 16})
need = big["total"]
widgets_ledger.show_bars(big, f"70 billion weights: {need['full fine-tuning']:,.0f} GB in full, {need['QLoRA']:.0f} GB with QLoRA")

# %% [markdown]
# *What the picture shows:* full fine-tuning runs far out of the picture, mostly for gradients and moments. LoRA removes those and keeps the dark
# bar, the weights. QLoRA cuts that bar to about a quarter.
#
# ## On a GPU
#
# With `SPECTRUM_PROFILE=t4` or `gpu` set before the kernel starts, "base" means Qwen3-1.7B or Qwen3-8B, and the cells of this page run on
# those. The first thing then is to ask whether it fits, before gigabytes are downloaded. The preflight reads only the config, and refuses
# with numbers. Here it is asked for our base, and for a 70B model on a card with 24 GB.

# %% tags=["nbval-ignore-output"]
recipe = {"rank": 16, "batch": 1, "length": 512, "checkpointing": True, "optimizer_bits": 8}
print(quantize.preflight("base", "qlora", **recipe))
try:
    quantize.preflight(configs["Llama-2-70B"], "qlora", free=24e9, bits=16, **recipe)
except MemoryError as refusal:
    print("refused:", refusal)

# %% [markdown]
# Then the recipe, with every choice spelled out. *NF4, double quantization, compute dtype*: the dtype in which restored weights are
# multiplied; bfloat16, but float16 on a T4, which has no bfloat16 of its own. *Gradient checkpointing*: keep only each layer's input and
# compute the rest again in the backward pass. *Paged 8-bit AdamW*: moments in 8 bits, which may move to the computer's memory when the card is full.
# *Adapters in float32*, whatever the rest is: float16 would lose their small steps.

# %%
from spectrum import train


def start_qlora(rank):
    model, _ = quantize.load_quantized("base", double=True)
    return quantize.checkpoint_layers(adapters.add_lora(model, rank))


def paged_adamw(model):
    trained = [p for p in model.parameters() if p.requires_grad]
    assert all(p.dtype == torch.float32 for p in trained), "adapters stay in float32"
    return bitsandbytes.optim.PagedAdamW8bit(trained, lr=1e-4) if model.device.type == "cuda" else None  # None: AdamW


import bitsandbytes

model = start_qlora(rank=16)
four_bits = model.get_base_model().config.quantization_config
print(four_bits.bnb_4bit_quant_type, "| double:", four_bits.bnb_4bit_use_double_quant, "| compute:", four_bits.bnb_4bit_compute_dtype)
batch = {"input_ids": ids, "labels": ids}
with_checkpoints, plain = kept_bytes(model.train(), batch)[1], measured["activations"]
print(f"kept for the backward pass: {plain / 1e6:.1f} MB; with gradient checkpointing {with_checkpoints / 1e6:.1f} MB")

# %% [markdown]
# A long run on a rented machine gets interrupted. So the state is written to a file every few steps, and the same call goes on from there. We play
# that: one run of 9 steps goes through; another is killed at step 7, and a fresh model with the file of step 6 does the rest.
#
# **Before you run:** will the last loss of the two be the same, to how many digits?

# %%
import tempfile
from pathlib import Path


def tune(rank, checkpoint=None, **watch):
    model = start_qlora(rank)
    settings = {"steps": 9, "lr": qlora_runs.peak_rate("qlora", model), "batch_size": 4, "checkpoint_every": 3}
    precision = qlora_runs.PRECISION.get(model.dtype)  # fp16 with a scaled loss on a T4, bf16 on newer cards
    optimizer = paged_adamw(model)
    return train.train(model, rows, checkpoint=checkpoint, precision=precision, optimizer=optimizer, **settings, **watch)


def power_cut(model):
    raise InterruptedError("the machine went away")


rows = qlora_runs.house_examples(tokenizer, 64)
through = tune(16)
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "run.pt"
    try:
        tune(16, file, evaluate=power_cut, evaluate_every=7)
    except InterruptedError as cut:
        print("killed at step 7:", cut)
    resumed = tune(16, file)
print(f"last loss: {through[-1]['loss']:.6f} in one go, {resumed[-1]['loss']:.6f} in two")

# %% [markdown]
# ## What we measured

# %%
means = stored.groupby("method")[["score", "loss", "trainable"]].mean().reindex(qlora_runs.METHODS)
result = pd.DataFrame({"score %": (100 * means["score"]).round(1), "held-out loss": means["loss"].round(4),
                       "trained numbers": means["trainable"].astype(int)})  # fmt: skip
result["Llama-2-70B, GB"] = [round(float(gb), 1) for gb in need]
result

# %% [markdown]
# **Q2, "QLoRA reaches the quality of full precision": «held or not» here**, at «score gap» points from LoRA's score; rounding cost something, and
# training over the rounded base took «share repaired» % of it back. That holds for the task it was trained on. **Q4, "QLoRA is slower than
# LoRA": «held or not» here**, by «per cent at batch 8» % on a CPU beside 24 to 30 % published for a GPU.
#
# The claims cell states these sentences as assertions, with room for the differences between machines.

# %% tags=["claims"]
score = means["score"]
assert same > 0.999 and max(layer_gaps.values()) < (1e-4 if full_bits == 32 else 3e-2), "by hand is what the library does"
assert errors["NF4, blocks of 64"] < min(e for way, e in errors.items() if way != "NF4, blocks of 64"), "NF4 in blocks errs least"
assert abs(bits[False] - 4.5) < 0.01 and abs(bits[True] - 4.127) < 0.01, "4.5 bits a weight, 4.127 with double quantization"
assert abs(score["qlora"] - score["lora"]) < 0.1, "QLoRA scores within 10 points of LoRA"
assert gone_on.loc["mean", "moved"] > gone_on.loc["mean", "unrounded"], "rounding under a trained adapter costs loss"
assert share > 50, "training over the rounded base takes back over half of what rounding added"
assert control > 2 * gone_on.loc["mean", "moved"], "a random adapter of the same norm repairs nothing"
assert 1 < ratios[2] < 4, "a QLoRA step takes longer than a LoRA step, but not many times as long"
assert off.max() < 0.1, "the ledger predicts every entry to 10 %"
assert with_checkpoints < plain / 2, "gradient checkpointing more than halves what is kept"
assert abs(through[-1]["loss"] - resumed[-1]["loss"]) < 1e-3, "a resumed run ends where the uninterrupted one does"

# %% [markdown]
# ## Words to keep
#
# *Level*: one of the 16 values that a code can mean. *Block*: weights that share a constant. *Constant*: the largest
# absolute value of a block. *NF4*: levels at the quantiles of a normal distribution. *Double quantization*: constants rounded
# too. *Dequantize*: codes and constants back to weights. *QLoRA*: a LoRA over a 4-bit base. *Compute dtype*: the
# precision of the products. *Paged optimizer*: one whose state may leave the card. *Preflight*: counting before loading.
#
# ## What if…
#
# <details><summary>…I merged the adapter into the 4-bit base?</summary>
#
# Then the sum $\hat W + \frac{\alpha}{r}BA$ would be rounded again, and the new rounding errors are ones that the adapter has never seen in training. Merge
# into the *dequantized* weights and keep those in 16 bits, or ship base and adapter apart. Merging into the original, unrounded base is not the model
# you trained either: the adapter also holds the repair of errors that are not there.
# </details>
#
# <details><summary>…I took rank 64 instead of 8?</summary>
#
# The QLoRA paper finds that with adapters on all linear layers the rank hardly matters, and lesson 12 shows when it does: for many new facts. To
# make up for rounding, what counts is that *every* rounded layer has an adapter. Try `adapters.add_lora(rounded, 8, targets="attention")`.
# </details>
#
# <details><summary>…the optimizer states were rounded for a full fine-tuning?</summary>
#
# 8-bit AdamW needs 2 bytes a weight for its moments instead of 8. Call `quantize.ledger(configs["LLaMA 7B"], "full", optimizer_bits=8)`: still several times what
# LoRA takes, because gradients and weights stay as they are.
# </details>
#
# ## The playground
#
# Choose an architecture, or change its sizes, and set rank, batch, length, checkpointing and the optimizer's bits. The bars show what each method needs,
# and the dashed lines are cards of 8, 16, 24, 48, 80 and 141 GB. Nothing is loaded. In a saved page the widget is asleep: run the cell to wake it.
# Try to get 70 billion weights onto 48 GB with 4,096 tokens, and find out which entry grows.

# %% tags=["nbval-ignore-output", "playground"]
widgets_ledger.ledger_explorer({"Qwen3-8B": configs["Qwen3-8B"], **configs, "lumen-base": base.config})

# %% [markdown]
# The same view without the widget, with its default settings: this is what a page without a running kernel can show, and
# what a screen reader reads.

# %%
widgets_ledger.show_ledger(widgets_ledger.ledger_table(configs["Qwen3-8B"]), "Qwen3-8B")

# %% [markdown]
# *What the picture shows:* the three methods for Qwen3-8B, rank 16, one row of 512 tokens, gradient checkpointing.
#
# **Next:** lesson 16 takes these cells to a real GPU and asks what fits, and how fast. Before that, do the lab of this lesson:
# [labs/15](../labs/15_qlora.ipynb).
