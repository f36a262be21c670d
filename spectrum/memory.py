"""Bytes of memory: what is free, what a process has held at most, and what tensors take at most while something runs.

Used in notebooks/16_qlora_on_a_gpu.ipynb.
"""

import contextlib
import os
import re
from pathlib import Path

import psutil


def free_memory(device):
    """Returns the bytes that are free on a GPU, or in this computer's memory for other devices."""
    if str(device).startswith("cuda"):
        import torch

        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


def peak_memory(pid):
    """Returns the most bytes of memory that a process has held so far, on Linux; elsewhere those that it holds now.

    What it holds now is a poor measure: a system may take pages back that were not used for a while.
    """
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return psutil.Process(pid).memory_info().rss
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1])


def forget_peak():
    """Lets this process's `peak_memory` begin anew from what it holds now, where the system can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_of_tensors(call, device):
    """Returns the most bytes that new tensors took at once on a device while `call()` ran.

    On an NVIDIA GPU torch counts them itself; elsewhere torch's profiler notes each tensor made and let go, which takes
    a little time.
    """
    import torch

    if str(device).startswith("cuda"):
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        call()
        return torch.cuda.max_memory_allocated(device) - before
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler would tell when it starts and stops
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        call()
    changes = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    most = held = 0
    for change in sorted(changes, key=lambda event: event.start_ns()):
        held += change.nbytes()
        most = max(most, held)
    return most


def bytes_of(tensors):
    """Returns the bytes of tensors, each piece of memory once."""
    return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


def held_by(model, optimizer):
    """Returns the bytes of what stays from step to step: weights and their 4-bit constants, buffers, and moments."""
    tensors = [*model.parameters(), *model.buffers()]
    for state in (p.quant_state for p in model.parameters() if hasattr(p, "quant_state")):
        tensors += [state.absmax, state.code]
        tensors += [state.state2.absmax, state.state2.code, state.offset] if state.nested else []
    moments = [value for state in optimizer.state.values() for value in state.values() if hasattr(value, "numel")]
    return bytes_of([*tensors, *moments])
