"""Finding the controls of a widget in a test, and waiting for what they start."""

import time


def every(widget):
    """Return a widget and everything in it, in order."""
    return [widget, *(below for child in getattr(widget, "children", ()) for below in every(child))]


def control(shell, description):
    """Return the first control with this description."""
    return next(x for x in every(shell) if getattr(x, "description", None) == description)


def wait_until(condition, seconds=600):
    """Wait for a condition; fail after a time that only a hang takes, however busy the machine is."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
