"""The GPU reference run, at small size on a CPU."""

import json

import pytest
import torch

from tools import gpu_reference


def test_both_methods_run_and_are_stored_with_what_made_them(tmp_path, capsys):
    out = tmp_path / "small.json"
    gpu_reference.main(["--small", "--steps", "5", "--out", str(out)])
    stored = json.loads(out.read_text())
    assert [run["method"] for run in stored["runs"]] == ["lora", "qlora"]
    for run in stored["runs"]:
        assert run["tokens per second"] > 0 and len(run["loss"]) == len(run["gradient norm"]) == 5
        assert all(norm > 0 for norm in run["gradient norm"])
    assert {"date", "commit", "device", "versions", "shape"} <= stored.keys()
    predicted = {run["method"]: run["predicted bytes"] for run in stored["runs"]}
    assert predicted["qlora"]["weights"] < predicted["lora"]["weights"]
    assert f"wrote {out}" in capsys.readouterr().out


def test_a_four_bit_layer_is_the_plain_layer_with_the_dequantized_weight():
    import bitsandbytes as bnb

    layer = torch.nn.Linear(128, 64, bias=False).bfloat16()
    small, inputs = gpu_reference.in_four_bits(layer), torch.randn(3, 128).bfloat16()
    weight = bnb.functional.dequantize_4bit(small.weight.data, small.weight.quant_state)
    assert (weight.float() - layer.weight.float()).abs().max() > 0
    expected = torch.nn.functional.linear(inputs.float(), weight.float())
    assert torch.allclose(small(inputs).float(), expected, atol=0.02)  # bf16 keeps 8 bits: 1/256 of sums near 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_the_large_model_is_refused_without_a_gpu():
    with pytest.raises(SystemExit, match="no GPU here.*--small"):
        gpu_reference.main([])
