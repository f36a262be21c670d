"""Files for tests of what is served: lumen-instruct in two kinds, and an adapter that spoils its answers."""

import torch
from peft import LoraConfig, get_peft_model

from spectrum import export
from spectrum.models import load_model


def counter_files(folder):
    """Return ({kind: GGUF file of lumen-instruct}, the file of a drawn adapter), written into a folder."""
    model, tokenizer = load_model("instruct")
    bases = {kind: export.write_gguf(model, tokenizer, folder / kind, kind) for kind in ("f16", "q4_0")}
    adapted = get_peft_model(model, LoraConfig(r=2, task_type="CAUSAL_LM", target_modules="all-linear"))
    torch.manual_seed(0)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            parameter.data = 0.5 * torch.randn_like(parameter)
    return bases, export.write_gguf_adapter(adapted, folder / "lora")
