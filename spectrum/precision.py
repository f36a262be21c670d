"""Which number format this machine's processor multiplies faster: measured once, not read off a list of flags."""

import contextlib
import json
import platform
import statistics
import time

from spectrum.checkpoints import cache_folder

SHAPE = (512, 576, 1536)  # tokens, inputs, outputs: a linear layer of SmolLM2 over a small batch
ROUNDS, SECONDS = 5, 0.1  # for each format, in turn
WORTH = 1.5  # bfloat16 keeps 8 bits of a number; half as fast again is the least that it is taken for


def fast_dtype(device):
    """Returns the torch dtype for inference on a device: a GPU's native 16 bits, or what `measured_gain` says here."""
    import torch

    if str(device).startswith("cuda"):
        # Not is_bf16_supported(): a T4 answers True and then emulates it.
        return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else torch.float16
    if str(device) != "cpu":
        return torch.float32
    return torch.bfloat16 if kept_gain() >= WORTH else torch.float32


def kept_gain():
    """Returns how many times faster bfloat16 is than float32 here, measured at the first call and kept in the cache."""
    path, mark = cache_folder() / "precision.json", machine()
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not measured yet, or the note was cut short
        known = {}
    if mark not in known:
        known[mark] = round(measured_gain(), 2)
        with contextlib.suppress(OSError):  # a cache that cannot be written costs this second again at each start
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    return known[mark]


def machine():
    """Returns what the measurement depends on, as text: processor and version of torch."""
    import torch

    return f"{processor()}, torch {torch.__version__}"


def processor():
    """Returns the name of the processor and the formats it multiplies natively, where the system tells."""
    try:
        lines = open("/proc/cpuinfo", encoding="utf-8").read().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    native = [flag for flag in found.get("flags", "").split() if flag in ("amx_bf16", "avx512_bf16")]
    return " ".join([found.get("model name", platform.machine()), *native])


def measured_gain():
    """Returns the median over rounds of float32's time for a matrix product over bfloat16's."""
    import torch

    tokens, inputs, outputs = SHAPE
    pairs = {d: (torch.ones(tokens, inputs, dtype=d), torch.ones(outputs, inputs, dtype=d))
             for d in (torch.float32, torch.bfloat16)}  # fmt: skip
    gains = []
    for _ in range(ROUNDS):
        times = {dtype: product_time(*pair) for dtype, pair in pairs.items()}
        gains.append(times[torch.float32] / times[torch.bfloat16])
    return statistics.median(gains)


def product_time(x, weight):
    """Returns the mean seconds of a linear layer, over SECONDS."""
    from torch.nn.functional import linear

    linear(x, weight)  # the first call sets up
    start, calls, taken = time.perf_counter(), 0, 0.0
    while taken < SECONDS:
        linear(x, weight)
        calls += 1
        taken = time.perf_counter() - start
    return taken / calls
