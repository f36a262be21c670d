"""Where a stored number came from: which weights, in which format, on which machine, with which versions, and when."""

import json
from datetime import date
from importlib.metadata import version

from spectrum.checkpoints import weights_hash
from spectrum.models import find_folder, resolve_role
from spectrum.precision import processor


def provenance(model, name):
    """Returns {"model", "weights", "dtype", "device", "threads", "versions", "date"} of a run on a model, plain data.

    "weights" are the first 12 digits of the sha256 of its file of weights, as its birth.json says where it has one.
    """
    import torch

    return {
        "model": resolve_role(name),
        "weights": weights_mark(find_folder(resolve_role(name))),
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": device_name(model.device),
        "threads": torch.get_num_threads(),
        "versions": {package: version(package) for package in ("torch", "transformers", "peft")},
        "date": date.today().isoformat(),
    }


def weights_mark(folder):
    """Returns the beginning of the hash of a checkpoint's weights; None where they lie in several files."""
    if (folder / "birth.json").exists():
        found = json.loads((folder / "birth.json").read_text(encoding="utf-8"))["files"]
    else:
        found = weights_hash(folder) if (folder / "model.safetensors").exists() else {}
    return found.get("model.safetensors", "")[:12] or None


def device_name(device):
    """Returns the name of the processor or GPU that a model is on."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
