"""The lesson's own cells on another model than the one of its page: a Qwen3 that thinks unless told not to, a Llama."""

from pathlib import Path

import nbformat
import pytest
from tiny import make_tiny
from zoo import THINKING

ROOT = Path(__file__).parents[3]
FIRST, LAST = "SETTINGS =", "plain = AutoModelForCausalLM"  # the cells from the preflight to the merged model
LISTED = '[*names, "smollm2", "lumen-instruct"]'


def cells():
    """Returns the code of the lesson's cells from the preflight to the merged model, but those that take lumen."""
    code = [
        c.source for c in nbformat.read(ROOT / "notebooks/16_qlora_on_a_gpu.ipynb", 4).cells if c.cell_type == "code"
    ]
    places = [i for i, source in enumerate(code) if FIRST in source or LAST in source]
    return [source for source in code[places[0] : places[-1] + 1] if "KILLED" not in source and "saved[" not in source]


PRELUDE = """
import pandas as pd
import torch
from spectrum import adapters, examples, ledger, models
from spectrum.lessons.qlora_on_a_gpu import pictures, published, runs
device = "cpu"
"""


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["qwen3", "llama"])
def test_the_cells_run_on_another_model(architecture, tmp_path, eager, capsys):
    folder = make_tiny(tmp_path / "model", hidden=192, architecture=architecture)
    if architecture == "qwen3":
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer.chat_template = THINKING
        tokenizer.save_pretrained(folder)
    source = "\n\n".join([PRELUDE, *cells()])
    assert source.count(LISTED) == 1
    names = {}
    exec(source.replace(LISTED, repr([str(folder)])), names)
    said = capsys.readouterr().out
    assert "killed after step 9" in said and len(names["records"]) == 14
    assert "of 16 answers as with the adapter" in said
    losses = names["losses"]
    assert abs(losses["adapter beside four bits"] - losses["untuned, in four bits"]) > 1e-3, "it has learned something"
    near = losses["merged into the dequantized weights"]
    assert near == pytest.approx(losses["adapter beside four bits"], rel=1e-3)
    ends = names["ends"]
    if architecture == "qwen3":
        assert names["switch"] == {"enable_thinking": False} and "<think>\n\n</think>" in said
        assert len(ends) == 2, "the end of a turn and the end of a text"
    assert names["plain"].config.to_dict().get("quantization_config") is None
