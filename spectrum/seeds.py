"""Random numbers that depend on names: the same on every machine and Python version."""

import random


def seeded(*parts):
    """Returns a `random.Random` that depends only on the parts, on every machine and Python version."""
    return random.Random("/".join(map(str, parts)))
