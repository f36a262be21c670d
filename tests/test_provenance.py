"""A stored number says where it came from: the hash is that of the file, the rest that of the run."""

import hashlib
import json

from spectrum.models import load_model
from spectrum.provenance import provenance, weights_mark


def test_a_run_on_a_folder_names_its_weights_format_and_machine(tiny_folder):
    model, _ = load_model(tiny_folder, dtype="bfloat16")
    found = json.loads(json.dumps(provenance(model, tiny_folder.as_posix())))
    whole = hashlib.sha256((tiny_folder / "model.safetensors").read_bytes()).hexdigest()
    assert found["weights"] == whole[:12] and found["dtype"] == "bfloat16" and found["threads"] >= 1
    assert found["device"] and set(found["versions"]) == {"torch", "transformers", "peft"} and len(found["date"]) == 10


def test_weights_without_a_birth_certificate_are_hashed_and_shards_are_not(tiny_folder, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes((tiny_folder / "model.safetensors").read_bytes())
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    assert weights_mark(tmp_path) == weights_mark(tiny_folder)
    path.unlink()
    assert weights_mark(tmp_path) is None
