"""Runs of lesson 14: what a model with rounded weights still says, knows and learns.

`run` is one run, a pure function of its settings that a process pool can import; `GRIDS` holds the settings of the
stored sweeps on lumen, `REAL` those on SmolLM2. `tools/make_sweeps.py` runs them; notebooks/14_four_bits.ipynb reads
them.
"""

import numpy as np
import pandas as pd
import torch

from spectrum import adapters, codes, general
from spectrum.evaluate import bootstrap_interval
from spectrum.lessons.lora_rank import runs as rank_runs
from spectrum.models import load_model
from spectrum.provenance import provenance
from spectrum.shop import corpus
from spectrum.shop.scoring import by_examples, by_instruction, items_of
from spectrum.sweeps import read_record, record_path, results_folder

RESULTS = results_folder("14_four_bits")
LUMEN_TASKS, REAL_TASKS = ("name", "city", "product", "order"), ("city", "product", "list_first")
ITEMS, FACTS = 120, 200  # of a few-shot score; of the corpus, which the instruct model is asked
HELD_OUT = 10_007  # a seed of documents that the base was not trained on
WAYS = ("int4", "fp4", "nf4", "int4, scaled by inputs", "nf4, scaled by inputs", "nf4, scaled by chance")
SHIFTS = (16, 32, 48)  # of the blocks of 64: three more roundings by the same code
SHARES = (0.001, 0.01)  # of the weights, the largest or as many others


def run(
    name="base", code=None, block=64, double=False, shift=0, keep=0.0, drop=0.0, columns=0.0, scaled=False, by="size"
):
    """Returns what is left of a model whose linear layers but the head were rounded to a code, or not (None).

    `shift` is where the first block begins, so that the same code makes other errors; `keep` the share of the weights,
    the largest of each layer, that stays exact; `drop` a share that is set to zero instead: the largest, or with
    by="chance" others; `columns` the share of each layer's inputs whose weights stay exact: those with the largest
    activations, or with by="chance" others; `scaled` whether weights that meet large inputs are larger while they are
    rounded (`codes.scales`), or with by="chance" as many others. Found are "weight error", the root mean
    square error of the weights as a share of their own, and, as the model has it, "bits" per byte of each piece of a
    text, "few shot", 1 or 0 for each item asked with 4 examples, and "recall", 1 or 0 for each fact asked without any.
    """
    model, tokenizer = load_model(name, dtype="float32")  # so that nothing is rounded but what the code rounds
    layers = adapters.find_layers(model)
    before = {layer: part.weight.detach().clone() for layer, part in layers.items()}
    chosen = exact_columns(model, tokenizer, layers, columns, by, name)
    factors = scales_of(model, tokenizer, layers, scaled and code, block, by, name)
    for layer, part in layers.items():
        part.weight.data = rolled(part.weight.data * factors[layer], -shift)
    if code:
        codes.round_model(model, code, block, double, keep)
    for layer, part in layers.items():
        part.weight.data = rolled(part.weight.data, shift) / factors[layer]
        part.weight.data[:, chosen[layer]] = before[layer][:, chosen[layer]]
        part.weight.data = without(part.weight.data, drop, by)
    found = {"weight error": error_of(before, layers), **asked(model, tokenizer, name)}
    return found | ({"provenance": provenance(model, name)} if rank_runs.is_real(name) else {})


def error_of(before, layers):
    """Returns the root mean square difference of all layers' weights as a share of their root mean square before."""
    off = sum(
        float((part.weight.detach().float() - before[layer].float()).square().sum()) for layer, part in layers.items()
    )
    return (off / sum(float(weight.float().square().sum()) for weight in before.values())) ** 0.5


def rolled(weight, places):
    """Returns a weight whose numbers stand some places later, row by row, the last ones in front."""
    return weight.flatten().roll(places).reshape(weight.shape)


def without(weight, share, by):
    """Returns a weight with a share of its numbers set to zero: the largest, or with by="chance" any."""
    size = weight.abs() if by == "size" else torch.rand(weight.shape, generator=torch.Generator().manual_seed(0))
    places = size.flatten().float().topk(round(share * weight.numel())).indices
    return weight.flatten().index_fill(0, places, 0.0).reshape(weight.shape)


def exact_columns(model, tokenizer, layers, share, by, name):
    """Returns {layer: the numbers of the inputs to keep exact}: those with the largest activations, or by chance."""
    if not share:
        return {layer: [] for layer in layers}
    generator = torch.Generator().manual_seed(0)
    sizes = (
        {layer: inputs.abs().mean(dim=0) for layer, inputs in inputs_of(model, tokenizer, others(name)).items()}
        if by == "activation"
        else {layer: torch.rand(part.weight.shape[1], generator=generator) for layer, part in layers.items()}
    )
    return {layer: size.topk(round(share * len(size)) or 1).indices for layer, size in sizes.items()}


def scales_of(model, tokenizer, layers, code, block, by, name):
    """Returns {layer: (d_in,) what columns are multiplied by}: 1 without a code, `codes.scales`, or those shuffled."""
    if not code:
        return {layer: torch.ones(part.weight.shape[1]) for layer, part in layers.items()}
    generator, inputs = torch.Generator().manual_seed(0), inputs_of(model, tokenizer, others(name))
    found = {layer: codes.scales(part.weight, inputs[layer], code, block) for layer, part in layers.items()}
    if by == "chance":
        found = {layer: each[torch.randperm(len(each), generator=generator)] for layer, each in found.items()}
    return found


@torch.no_grad()
def inputs_of(model, tokenizer, pieces):
    """Returns {layer: (n, d_in) the inputs of a linear layer at every fourth token of some pieces of text}."""
    seen, hooks = {}, []
    for layer, part in adapters.find_layers(model).items():

        def note(_, given, layer=layer):
            seen.setdefault(layer, []).append(given[0].detach()[0, ::4].float())

        hooks.append(part.register_forward_pre_hook(note))
    for piece in pieces:
        model(input_ids=torch.tensor([tokenizer(piece, add_special_tokens=False)["input_ids"]]), use_cache=False)
    for hook in hooks:
        hook.remove()
    return {layer: torch.cat(inputs) for layer, inputs in seen.items()}


def others(name):
    """Returns pieces of text of the kind of `texts`, none of them there: to see what inputs a layer meets."""
    if rank_runs.is_real(name):
        return general.prose(2 * general.PROSE_CHARACTERS)[len(general.prose()) :][:16]
    return [text for _, text in corpus.documents(HELD_OUT + 1, 24)]


def texts(name):
    """Returns pieces of text that a model was not made on: English prose, or documents of the shop."""
    if rank_runs.is_real(name):
        return general.prose()
    return [text for _, text in corpus.documents(HELD_OUT, 60)]


def asked(model, tokenizer, name):
    """Returns what a model has left: a base text and few-shot items, an instruct model facts, a real one all three."""
    pair, real = (model, tokenizer), rank_runs.is_real(name)
    if name == "instruct":
        return {"recall": marks(by_instruction(pair, items_of(("fact",), FACTS), (0,), chat=True))}
    items = items_of(REAL_TASKS if real else LUMEN_TASKS, ITEMS)
    found = {
        "bits": [round(bits, 4) for bits in general.bits_per_byte(model, tokenizer, texts(name))],
        "few shot": marks(by_examples(pair, items, 4)),
    }
    return found | ({"recall": marks(general.knowledge(model, tokenizer))} if real else {})


def marks(score):
    """Returns a Score's items as plain numbers, 1 for a right one."""
    return [int(right) for right in score.correct]


def grid(name, small=False):
    """Returns the settings of a model: codes, blocks, rounded constants, and what outliers and inputs do."""
    found = [{"name": name, "code": None}, *({"name": name, "code": code, "block": 64} for code in codes.CODES)]
    found += [{"name": name, "code": "nf4", "double": True}]
    if not small:
        found += [{"name": name, "drop": share, "by": by} for share in SHARES for by in ("size", "chance")]
        found += [{"name": name, "code": "nf3", "keep": share} for share in SHARES]
        found += [{"name": name, "code": "nf3", "columns": 0.01, "by": by} for by in ("activation", "chance")]
        found += [{"name": name, "code": code, "scaled": True, "by": "activation"} for code in ("int4", "nf4", "nf3")]
        found += [{"name": name, "code": code, "scaled": True, "by": "chance"} for code in ("nf4", "nf3")]
        found += [{"name": name, "code": code, "shift": n} for n in SHIFTS for code in ("int4", "fp4", "nf4")]
        found += [{"name": name, "code": "nf4", "shift": n, "scaled": True, "by": by}
                  for by in ("activation", "chance") for n in SHIFTS]  # fmt: skip
        found += [{"name": name, "code": "int4", "shift": n, "scaled": True, "by": "activation"} for n in SHIFTS]
    found += [{"name": name, "code": code, "block": None} for code in ("int8", "int4", "nf4")]
    return found + [{"name": name, "code": code, "block": block} for code in codes.CODES for block in (32, 128)]


GRIDS = {"base": grid("base"), "instruct": grid("instruct", small=True)}
# At 8 bits nothing is lost in blocks of 64 and at 2 bits all: SmolLM2 was not asked again in blocks of 32 and 128.
SETTLED = ("int8", "int2", "nf2")
REAL = {"codes": [each for each in grid("smollm2") if not (each.get("code") in SETTLED and each["block"] in (32, 128))]}


def stored(name="base", real=False):
    """Returns the stored runs of a grid (of REAL if `real`) as [(settings, result)], in the grid's order."""
    folder = RESULTS / ("real" if real else "") / name
    every = (REAL if real else GRIDS)[name]
    return [(settings, read_record(record_path(folder, settings))["result"]) for settings in every]


DEFAULTS = {"code": None, "block": 64, "double": False, "shift": 0, "keep": 0.0, "drop": 0.0}
DEFAULTS |= {"columns": 0.0, "scaled": False, "by": "size"}


def changes(name="base", real=False):
    """Returns a DataFrame of what the stored runs of a grid changed against the exact model, a row for each.

    Columns are the settings of `run`, "bits a weight" (16 without a code), "weight error %", and of "text", "few shot"
    and "recall" what was asked: [change, low, high] in per cent of the exact model's bits per byte, or in points, each
    with a 95 % interval over the pieces of text or the items, paired with the exact model's on the same.
    """
    runs = stored(name, real)
    exact, rows = runs[0][1], []
    for settings, result in runs:
        dials = DEFAULTS | settings
        kept = (
            codes.bits_a_weight(dials["code"], dials["block"], dials["double"], dials["keep"]) if dials["code"] else 16
        )
        row = dials | {"bits a weight": kept, "weight error %": 100 * result["weight error"]}
        rows.append(row | differences(result, exact))
    return pd.DataFrame(rows)


def roundings(table):
    """Returns {way: four rows of a table of `changes`}: codes of four bits in blocks of 64, which begin in four places.

    A way is a code's name, or "nf4, scaled by inputs" where columns were scaled by their inputs, or "… by chance".
    """
    plain = ~table["double"] & (table[["keep", "drop", "columns"]] == 0).all(axis=1) & (table["block"] == 64)
    rows = table[plain & table["code"].isin(["int4", "fp4", "nf4"])]
    ways = pd.Series([name_of(row) for row in rows.to_dict("records")], rows.index)
    return {way: rows[ways == way] for way in WAYS}


def name_of(row):
    """Returns a rounding in words, from a row of `changes` as a dict: "nf3, 1 % exact by inputs"."""
    how = ", scaled" if row["scaled"] else f", {100 * row['columns']:g} % exact" if row["columns"] else ""
    return row["code"] + how + {"activation": " by inputs", "chance": " by chance"}.get(row["by"], "")


def differences(result, exact):
    """Returns {"text", "few shot", "recall"}, as far as a result has it: its change from the exact model's."""
    found = {what: change(result[what], exact[what], 100) for what in ("few shot", "recall") if what in result}
    if "bits" in result:
        found = {"text": change(result["bits"], exact["bits"], 100 / np.mean(exact["bits"]))} | found
    return found


def change(found, exact, scale):
    """Returns [mean, low, high] of the differences between paired numbers, times a scale, with a 95 % interval."""
    off = scale * (np.array(found) - np.array(exact))
    return [float(off.mean()), *bootstrap_interval(off)]
