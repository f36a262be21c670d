"""Thin helpers on bitsandbytes: load a model with 4-bit weights, and let it keep less for the backward pass.

Built by hand in notebooks/15_qlora.ipynb. What training then needs in memory is in spectrum/ledger.py.
"""

from pathlib import Path

from spectrum import adapters
from spectrum.layers import check_share, layer_width, share_of
from spectrum.models import find_model, load_folder, pick_device

BLOCK = 64  # weights that share one constant in NF4
BLOCK_OF_CONSTANTS = 256  # constants that share one, when they are quantized themselves


def load_quantized(name=None, double=True, device=None, allow=0.5):
    """Returns (model, tokenizer) as `load_model` does, with the linear layers but the head in NF4.

    With `double` the constants are quantized too. Layers are computed in the dtype that `load_model` would pick for the
    whole model. It runs on a CPU or on an NVIDIA GPU. Raises ValueError, beyond what
    `load_model` raises, for layers that bitsandbytes cannot handle on a CPU, and where it leaves a larger share of the
    weights as they are than 1 - `allow`, as the stacked experts of a mixture. NF4: Dettmers et al. 2023, arXiv
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
    check_share("load_quantized", share_in_four_bits(model), allow, model)
    return model, tokenizer


def share_in_four_bits(model):
    """Returns the share of a model's matrices that are held in 4 bits; embeddings and the head do not count."""
    return share_of(
        model, {n: m for n, m in model.named_modules() if hasattr(getattr(m, "weight", None), "quant_state")}
    )


def check_widths(folder):
    """Raises ValueError where a linear layer's inputs are no multiple of 64.

    bitsandbytes 0.50 on a CPU then gives wrong weights, in silence: it starts a new block with each row, though the
    blocks run on over rows (64 × 96 weights of a normal distribution come back up to 2 off; on a GPU they are right).
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    for name, layer in adapters.find_layers(adapters.empty_model(config)).items():
        if layer_width(layer)[0] % BLOCK:
            raise ValueError(
                f"load_quantized: {name!r} of {str(Path(folder))!r} has {layer_width(layer)[0]} inputs, no multiple of "
                f"{BLOCK}; bitsandbytes dequantizes such a layer wrongly on a CPU. Use a GPU, or a model of another "
                "width"
            )


def checkpoint_layers(model):
    """Returns the model, which now keeps only each layer's input for the backward pass and computes the rest again."""
    if hasattr(model, "activation_checkpointing_enable"):  # transformers 5.23 warns of the old name
        model.activation_checkpointing_enable()
    else:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model
