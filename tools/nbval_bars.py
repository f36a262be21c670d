"""A pytest plugin for nbval: compare outputs as `tools.run_notebooks` stores them, the longest notebooks first.

Whether a progress bar appears depends on how fast a machine is, so it can be part of no comparison, nor can widget ids.
Use: python -m pytest -p tools.nbval_bars --nbval --nbval-current-env notebooks
"""

import json

import nbval.plugin

from tools.run_notebooks import ROOT, clean_outputs

_plain = nbval.plugin.transform_streams_for_comparison


def transform_cleaned(outputs):
    """Returns the outputs in nbval's form, cleaned first."""
    return _plain(clean_outputs(outputs))


nbval.plugin.transform_streams_for_comparison = transform_cleaned


def pytest_collection_modifyitems(items):
    """Puts the notebooks that take longest first, so that no process is left alone with one at the end."""
    times = json.loads((ROOT / "results" / "notebook_times.json").read_text(encoding="utf-8"))
    found = {ROOT / name: entry["seconds"] for name, entry in times.items()}
    items.sort(key=lambda item: -found.get(item.path, 0))  # a notebook's cells stay in their order
