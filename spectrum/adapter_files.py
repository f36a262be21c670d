"""The folder of a saved adapter: which base it belongs to, and whether it fits a model."""

import json
from pathlib import Path, PureWindowsPath

import torch
from torch import nn

from spectrum.layers import LINEAR, layer_width

# Beside a saved adapter: what it was trained on. Written by `adapters.save_adapter`; plain peft leaves it alone.
BASE_FILE = "base.json"


def write_base(model, folder):
    """Writes beside each adapter below the folder what it was trained on, by name: a path holds on one machine only."""
    note = {"name": source_name(model), "vocabulary": vocabulary(model), "values": sample_values(model)}
    for path in Path(folder).rglob("adapter_config.json"):
        (path.parent / BASE_FILE).write_text(json.dumps(note) + "\n", encoding="utf-8")
        config = json.loads(path.read_text(encoding="utf-8")) | {"base_model_name_or_path": note["name"]}
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    card, source = Path(folder) / "README.md", model.get_base_model().name_or_path
    if card.exists() and source:
        card.write_text(card.read_text(encoding="utf-8").replace(source, note["name"]), encoding="utf-8")


def check_adapter(model, folder):
    """Raises unless the folder holds an adapter that fits the model; the message names both sides."""
    from peft import PeftConfig
    from peft.utils import load_peft_weights

    if not (folder / "adapter_config.json").exists() or not list(folder.glob("adapter_model.*")):
        raise FileNotFoundError(f"{str(folder)!r} holds no adapter: adapter_config.json and adapter_model.safetensors")
    config = PeftConfig.from_pretrained(folder)
    path = folder / BASE_FILE
    note = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    theirs = note.get("name") or base_name(config.base_model_name_or_path)
    ours = source_name(model)
    start = f"The adapter in {str(folder)!r} was made for {theirs or 'an unnamed model'!r}"
    if note.get("vocabulary", vocabulary(model)) != vocabulary(model):
        raise ValueError(
            f"{start} with a vocabulary of {note['vocabulary']} tokens; this model, {ours!r}, has {vocabulary(model)}"
        )
    if config.peft_type == "LORA" and (problem := misfit(model, config, load_peft_weights(str(folder), device="cpu"))):
        raise ValueError(f"{start}, and does not fit this model, {ours!r}: {problem}{resized(problem, model)}")
    if note and (name := other_value(note["values"], sample_values(model))):
        raise ValueError(f"{start} with other weights than this model, {ours!r}, has in {name}; load the one it needs")
    if not note and theirs and ours and path_of(theirs).name != path_of(ours).name:
        raise ValueError(
            f"{start}, and this model is {ours!r}. Load {theirs!r}; or, if both are the same model under two names, "
            "use peft.PeftModel.from_pretrained"
        )


def misfit(model, config, tensors):
    """Returns what does not fit between a LoRA's tensors and the model's layers, in words, or None."""
    from peft.tuners.tuners_utils import check_target_module_exists

    layers = {plain_name(n): m for n, m in model.named_modules() if isinstance(m, (*LINEAR, nn.Embedding))}
    covered = set()
    for key, tensor in tensors.items():
        name, lora, part = key.removeprefix("base_model.model.").rpartition(".lora_")
        if not lora:  # a whole layer trained beside the LoRA, such as the embeddings
            name, _, part = key.removeprefix("base_model.model.").rpartition(".")
        elif name not in layers:
            return f"it has no layer {name!r}"
        covered.add(name)
        theirs = tuple(tensor.shape)
        ours = fitting_shape(layers[name], part.partition(".")[0], theirs) if name in layers else theirs
        if theirs != ours:
            return f"{key!r} is of {theirs}, and {ours} would fit"
    wanted = [n for n, m in layers.items() if not isinstance(m, nn.Embedding) and check_target_module_exists(config, n)]
    bare = [name for name in wanted if name not in covered]
    return f"it has {len(wanted)} layers of the kind adapted, {bare[0]!r} among those without one" if bare else None


def resized(problem, model):
    """Returns what to do where the misfit is the number of tokens, in a sentence, else nothing."""
    named = f"({vocabulary(model)}," in problem and ("embed" in problem or "head" in problem or "wte" in problem)
    advice = "The vocabulary was resized before the adapter was trained: resize_token_embeddings to that number first"
    return f". {advice}" if named else ""


def fitting_shape(layer, part, shape):
    """Returns the shape that a saved tensor would have for this layer; the rank is the tensor's own."""
    if isinstance(layer, nn.Embedding):
        out, into = layer.num_embeddings, layer.embedding_dim
        parts = {"embedding_A": (shape[0], out), "embedding_B": (into, shape[-1]), "weight": (out, into)}
    else:
        into, out = layer_width(layer)
        parts = {"A": (shape[0], into), "B": (out, shape[-1]), "weight": (out, into), "bias": (out,)}
    return parts.get(part, shape)


def plain_name(name):
    """Returns a module's or parameter's name as it was before PEFT wrapped it."""
    return name.removeprefix("base_model.model.").replace(".base_layer", "")


def source_name(model):
    """Returns the short name of where a model, or a PeftModel's base, was loaded from."""
    return base_name(model.get_base_model().name_or_path if hasattr(model, "peft_config") else model.name_or_path)


def base_name(text):
    """Returns the short name of a model's source: a folder's own, or `org/name` of a hub model; "" for none."""
    parts = path_of(text or "").parts
    hub = [part for part in parts if part.startswith("models--")]  # the hub's cache: models--org--name/snapshots/…
    if hub:
        return hub[0].removeprefix("models--").replace("--", "/")
    hub_id = len(parts) == 2 and "\\" not in text and not Path(text).is_absolute() and not Path(text).is_dir()
    return text if hub_id else path_of(text or "").name


def path_of(text):
    """Returns a path, of this system or of Windows, where backslashes part it: adapters travel between the two."""
    return PureWindowsPath(text) if "\\" in text else Path(text)


def vocabulary(model):
    """Returns the number of tokens that the model has an embedding for."""
    return len(model.get_input_embeddings().weight)


def sample_values(model):
    """Returns {parameter name: 4 of its values}, evenly spread, of the base's own unquantized parameters."""
    adapters, values = set(getattr(model, "peft_config", {})), {}
    for name, p in model.named_parameters():
        if p.is_floating_point() and not adapters & set(name.split(".")):
            flat = p.detach().reshape(-1)
            values[plain_name(name)] = flat[:: max(1, flat.numel() // 4)][:4].float().tolist()
    return values


def other_value(theirs, ours):
    """Returns the name of a parameter whose sampled values differ by more than 16 bits round (1 %), or None."""
    for name in theirs.keys() & ours.keys():
        if not torch.allclose(torch.tensor(theirs[name]), torch.tensor(ours[name]), rtol=0.01, atol=1e-6):
            return name
    return None
