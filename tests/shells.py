"""Finding the controls of a widget in a test."""


def every(widget):
    """Return a widget and everything in it, in order."""
    return [widget, *(below for child in getattr(widget, "children", ()) for below in every(child))]


def control(shell, description):
    """Return the first control with this description."""
    return next(x for x in every(shell) if getattr(x, "description", None) == description)
