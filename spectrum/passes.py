"""The passes of training in 16 bits: autocast, without what it would do twice or, on a processor, slowly."""

import contextlib

import torch

HALVES = (torch.float16, torch.bfloat16)
DTYPES = {None: None, "bf16": torch.bfloat16, "fp16": torch.float16}
NARROW = 256  # tokens; up to here attention in 16 bits is faster written out, on a processor (`tools.bench real`)


def precision_of(dtype):
    """Returns the `precision` in which the passes of a model of a torch dtype run: "bf16", "fp16", None for 32 bits."""
    return {torch.bfloat16: "bf16", torch.float16: "fp16"}.get(dtype)


def autocast(precision, device):
    """Returns the context of a forward pass on a torch device in a `precision`, or as the model is for None."""
    return torch.autocast(torch.device(device).type, dtype=DTYPES[precision], enabled=precision is not None)


@contextlib.contextmanager
def quick_passes(model, precision, batch):
    """A context for the forward and the backward pass of a batch under autocast; for a `precision` of None it is none.

    peft would take an adapter's inputs to 32 bits, and autocast back to 16 at once: that is left out, and changes no
    number. And torch's fused attention, made for long rows, is slow on a processor in 16 bits on the short ones of
    chats: up to NARROW tokens its plain formula is used (8 chats of 104 tokens: in less than half the time).
    """
    with contextlib.ExitStack() as stack:
        if precision:
            stack.enter_context(adapters_as_given(model))
        if precision and batch["input_ids"].device.type == "cpu" and batch["input_ids"].shape[1] <= NARROW:
            stack.enter_context(plain_attention())
        yield


def adapters_as_given(model):
    """Returns a context in which peft's layers hand their input to an adapter in the format that it has."""
    from peft.helpers import disable_input_dtype_casting

    return disable_input_dtype_casting(model)


@contextlib.contextmanager
def plain_attention():
    """A context in which torch computes attention by its plain formula, in 16 bits where its inputs are."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    allowed = torch.backends.cuda.fp16_bf16_reduction_math_sdp_allowed()
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(allowed)
