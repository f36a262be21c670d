"""Shorter prompts: tokens that the model could have guessed are left out, section by section.

After Selective Context (Li et al. 2023) and LLMLingua (Jiang et al. 2023). Built by hand in
notebooks/05_measuring_prompts.ipynb. Works with any model and fast tokenizer.
"""

import html

import numpy as np

from spectrum import seeds
from spectrum.generate import token_logprobs
from spectrum.plots import COLOURS

WAYS = ("predictable", "surprising", "random")  # what is left out first; the last two are controls


def sections(order, examples, text):
    """Returns {"instruction", "examples", "input", "frame"}: a few-shot prompt in parts, to be read end to end.

    The examples are (text, answer) pairs; the frame is what stands before the answer, and is better left alone.
    """
    shown = "".join(f"Input: {t}\nOutput: {answer}\n\n" for t, answer in examples)
    return {"instruction": f"{order}\n\n", "examples": shown, "input": f"Input: {text}", "frame": "\nOutput:"}


def surprisals(model, tokenizer, parts):
    """Returns a DataFrame with a row for each token of the parts end to end: section, token_id, token, nats.

    `nats` is -log p(token | all before it); infinite for a first token that nothing comes before, so it is never left
    out first. A token that reaches over a seam belongs to the section it starts in. `parts` is {section: text}.
    Raises ValueError where all parts are empty.
    """
    text = "".join(parts.values())
    table = token_logprobs(model, tokenizer, text)
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    starts = np.array([start for start, _ in offsets])
    ends = np.cumsum([len(part) for part in parts.values()])
    names = np.array(list(parts))
    table["section"] = names[np.searchsorted(ends, starts, side="right").clip(max=len(names) - 1)]
    table["nats"] = -table["logprob"].fillna(-np.inf)
    real = [end > start for start, end in offsets]  # special tokens, which the tokenizer adds again, have no width
    return table.loc[real, ["section", "token_id", "token", "nats"]].reset_index(drop=True)


def kept(table, keep, way="predictable", seed=0):
    """Returns (T,) True for the tokens that stay when each section keeps its share.

    `keep` is one share for all sections, or {section: share}; a section not named stays whole. `way` says what goes
    first: the "predictable" tokens, the "surprising" ones or "random" ones. Of equals the later goes first. Raises
    ValueError for a share outside 0 to 1, a section the table does not have, and an unknown way.
    """
    shares = keep if isinstance(keep, dict) else dict.fromkeys(table["section"].unique(), keep)
    check(table, shares, way)
    stay = np.ones(len(table), dtype=bool)
    rank = {"predictable": -table["nats"].to_numpy(), "surprising": table["nats"].to_numpy()}.get(way)
    if rank is None:
        rank = np.array([seeds.seeded("dropped", seed, row).random() for row in range(len(table))])
    for section, share in shares.items():
        rows = np.flatnonzero((table["section"] == section).to_numpy())
        order = rows[np.argsort(rank[rows], kind="stable")]
        stay[order[round(share * len(rows)) :]] = False
    return stay


def check(table, shares, way):
    """Raises ValueError for what `kept` cannot do."""
    unknown = sorted(set(shares) - set(table["section"]))
    if unknown:
        raise ValueError(f"there is no section {unknown[0]!r}; the prompt has {sorted(set(table['section']))}")
    wrong = [share for share in shares.values() if not 0 <= share <= 1]
    if wrong:
        raise ValueError(f"a share of {wrong[0]} cannot be kept; it must be from 0 to 1")
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(map(repr, WAYS))}, not {way!r}")


def compress(table, tokenizer, keep, way="predictable", seed=0):
    """Returns the text of the tokens that stay (see `kept`)."""
    ids = table["token_id"].to_numpy()[kept(table, keep, way, seed)]
    return tokenizer.decode(ids.tolist(), clean_up_tokenization_spaces=False)


def struck(table, stay):
    """Returns HTML of the prompt: what stays in black, what goes struck through in grey; nats in the tooltip."""
    spans = []
    for row, stays in zip(table.itertuples(), stay, strict=True):
        style = "" if stays else "color:#777;text-decoration:line-through;"
        style += f"border-bottom:2px solid {COLOURS['prompt'] if stays else '#ddd'}"
        text = html.escape(row.token).replace("\n", "⏎<br>")
        spans.append(f'<span title="{row.section}, {row.nats:.2f} nats" style="{style}">{text}</span>')
    return f'<div style="font-family:monospace;line-height:1.8;white-space:pre-wrap">{"".join(spans)}</div>'
