"""Which number format is chosen: by a measurement, done once, on a processor; by what a GPU has natively elsewhere."""

import json

import pytest
import torch

from spectrum import precision


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SPECTRUM_CACHE", str(tmp_path))
    return tmp_path / "precision.json"


@pytest.mark.parametrize(("gain", "wanted"), [(0.4, torch.float32), (1.4, torch.float32), (2.5, torch.bfloat16)])
def test_the_faster_format_is_taken_where_the_gain_is_worth_it(cache, monkeypatch, gain, wanted):
    monkeypatch.setattr(precision, "measured_gain", lambda: gain)
    assert precision.fast_dtype("cpu") == wanted


def test_it_is_measured_once_for_a_machine_and_kept(cache, monkeypatch):
    calls = []
    monkeypatch.setattr(precision, "measured_gain", lambda: calls.append(1) or 3.0)
    assert [precision.kept_gain() for _ in range(3)] == [3.0] * 3 and len(calls) == 1
    monkeypatch.setattr(precision, "machine", lambda: "another processor")
    precision.kept_gain()
    assert len(calls) == 2 and len(json.loads(cache.read_text())) == 2


def test_a_damaged_note_is_measured_anew(cache, monkeypatch):
    cache.write_text("{", encoding="utf-8")
    monkeypatch.setattr(precision, "measured_gain", lambda: 2.0)
    assert precision.kept_gain() == 2.0 and json.loads(cache.read_text())


def test_a_measurement_gives_a_ratio(monkeypatch):
    monkeypatch.setattr(precision, "SECONDS", 0.001)
    assert precision.measured_gain() > 0


@pytest.mark.parametrize(("capability", "wanted"), [((7, 5), torch.float16), ((8, 0), torch.bfloat16)])
def test_a_gpu_is_asked_for_its_capability(monkeypatch, capability, wanted):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert precision.fast_dtype("cuda:0") == wanted
    assert precision.fast_dtype("mps") == torch.float32


def test_a_cache_that_cannot_be_written_is_done_without(cache, monkeypatch):
    cache.parent.joinpath("a file").write_text("", encoding="utf-8")
    monkeypatch.setenv("SPECTRUM_CACHE", str(cache.parent / "a file"))
    monkeypatch.setattr(precision, "measured_gain", lambda: 2.0)
    assert precision.kept_gain() == 2.0
