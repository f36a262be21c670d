"""Thin helpers on bitsandbytes: load a model with 4-bit weights, and the ledger of bytes that training needs.

Built by hand in notebooks/15_qlora.ipynb.
"""

from pathlib import Path

from spectrum import adapters
from spectrum.models import find_model, load_folder, pick_device

BLOCK = 64  # weights that share one constant in NF4
BLOCK_OF_CONSTANTS = 256  # constants that share one, when they are quantized themselves


def load_quantized(name=None, double=True, device=None):
    """Returns (model, tokenizer) as `load_model` does, with the linear layers but the head in NF4.

    With `double` the constants are quantized too. Layers are computed in the dtype that `load_model` would pick for the
    whole model; on the CPU that is float32. It runs on a CPU or on an NVIDIA GPU. Raises ValueError, beyond what
    `load_model` raises, for layers that bitsandbytes cannot handle on a CPU. NF4: Dettmers et al. 2023, arXiv
    2305.14314.
    """
    from transformers import BitsAndBytesConfig

    device = pick_device(device)
    device = device if device.startswith("cuda") else "cpu"
    folder, dtype = find_model(name, device)
    if device == "cpu":
        check_widths(folder)
    four_bits = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=double,
        bnb_4bit_compute_dtype=dtype,
    )
    model, tokenizer = load_folder(folder, device, dtype, quantization_config=four_bits, device_map={"": device})
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            # On a processor with such instructions bitsandbytes would compute in bfloat16 whatever we ask for, and
            # the loss would show that rounding as well.
            layer.support_avx512bf16_for_cpu = False
    return model, tokenizer


def check_widths(folder):
    """Raises ValueError where a linear layer's inputs are no multiple of 64.

    bitsandbytes 0.50 on a CPU then gives wrong weights, in silence: it starts a new block with each row, though the
    blocks run on over rows (64 × 96 weights of a normal distribution come back up to 2 off; on a GPU they are right).
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    for name, layer in adapters.find_layers(adapters.empty_model(config)).items():
        if layer.in_features % BLOCK:
            raise ValueError(
                f"load_quantized: {name!r} of {str(Path(folder))!r} has {layer.in_features} inputs, no multiple of "
                f"{BLOCK}; bitsandbytes dequantizes such a layer wrongly on a CPU. Use a GPU, or a model of another "
                "width"
            )
