"""What lesson 00 checks: every fault is a line of the table that says what to do, and nothing raises."""

import json

import pytest
import tiny

from spectrum import doctor, models
from spectrum.generate import complete

PROMPT = "Mira ordered"


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A folder with tiny lumen-base and lumen-instruct that know their reference answer."""
    for name in ("lumen-base", "lumen-instruct"):
        folder = tiny.make_tiny(tmp_path / name)
        answer = complete(*models.load_folder(folder, "cpu", None), [PROMPT], max_new_tokens=24)[0]
        change_birth(folder, reference={"prompt": PROMPT, "answer": answer})
    monkeypatch.setattr(models, "WEIGHTS", tmp_path)
    monkeypatch.setattr(doctor, "WEIGHTS", tmp_path)
    return tmp_path


def change_birth(folder, **changes):
    path = folder / "birth.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def row_of(check):
    return doctor.check_machine().set_index("check").loc[check]


def test_a_sound_machine(weights, monkeypatch):
    monkeypatch.setattr(doctor, "free_memory", lambda device: 6e9)
    monkeypatch.setattr(doctor.os, "cpu_count", lambda: 2)
    table = doctor.check_machine()
    assert list(table.columns) == ["check", "found", "wanted", "ok"]
    assert set(table.ok) == {"yes"}, table
    assert {"Python", *doctor.PACKAGES, "free memory", "accelerator", "lumen-base answers"} <= set(table.check)


def test_a_missing_package(weights, monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "no-such-package"))
    row = row_of("no-such-package")
    assert row.ok == "NO" and row.found == "missing" and "pip install" in row.wanted
    assert row_of("torch").ok == "yes"


def test_low_memory(weights, monkeypatch):
    monkeypatch.setattr(doctor, "free_memory", lambda device: 0.7e9)
    row = row_of("free memory")
    assert (row.ok, row.found, row.wanted) == ("NO", "0.7 GB", "2 GB or more")


def test_a_damaged_weight_file(weights):
    path = weights / "lumen-base" / "model.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    row = row_of("lumen-base answers")
    assert row.ok == "NO" and "model.safetensors" in row.found
    assert row_of("lumen-instruct answers").ok == "yes"


def test_a_missing_model(weights):
    (weights / "lumen-instruct" / "birth.json").unlink()
    row = row_of("lumen-instruct answers")
    assert row.ok == "NO" and "FileNotFoundError" in row.found and row.wanted == "a verified checkpoint"


def test_another_answer_than_at_birth(weights):
    change_birth(weights / "lumen-base", reference={"prompt": PROMPT, "answer": "Lisbon"})
    row = row_of("lumen-base answers")
    assert row.ok == "NO" and row.wanted == "Lisbon"


def test_banner(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "TIMES", tmp_path / "notebook_times.json")
    monkeypatch.delenv("SPECTRUM_PROFILE", raising=False)
    assert doctor.banner("01_base_and_instruct") == (
        "profile: embedded · this lesson from top to bottom: time and memory not measured yet"
    )
    doctor.TIMES.write_text(json.dumps({"notebooks/01_base_and_instruct.ipynb": {"seconds": 41.6, "peak_mb": 512.3}}))
    assert doctor.banner("01_base_and_instruct").endswith(": 42 s and 512 MB on two cores, no GPU")
    assert doctor.banner("02_few_shot").endswith("not measured yet")
    monkeypatch.setenv("SPECTRUM_PROFILE", "laptop")
    assert doctor.banner("02_few_shot").startswith("profile: laptop ")
