"""Runs for tests/test_sweeps.py, in a file of their own: the processes of a pool import them."""

import os
import sys
import time
from pathlib import Path


def noted(x, log, seed=0, seconds=0.0):
    """Returns x², after noting in a file that the run began, by which process."""
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"{x} {os.getpid()}\n")
    time.sleep(seconds)
    return {"square": x * x + seed}


def picky(x):
    """Returns x/2, and refuses odd numbers in one way or another."""
    if x == 3:
        sys.exit("three")
    if x % 2:
        raise ValueError(f"{x} is odd")
    return {"half": x / 2}


def threads(x):
    """Returns the number of threads that torch uses, and the process."""
    import torch

    return {"threads": torch.get_num_threads(), "process": os.getpid(), "main": sys.modules["__main__"].__name__}


def fixed_later(x, flag):
    """Fails until a file exists."""
    if not Path(flag).exists():
        raise RuntimeError("not yet")
    return {"ok": x}


def dies(x):
    """Takes its process with it."""
    os._exit(3)


def interrupted(x, log):
    """Is interrupted in its third run."""
    if x == 2:
        raise KeyboardInterrupt
    return noted(x, log)
