"""A pytest plugin for nbval: compare outputs as `tools.run_notebooks` stores them, without bars and widget ids.

Whether a progress bar appears depends on how fast a machine is, so it can be part of no comparison.
Use: python -m pytest -p tools.nbval_bars --nbval --nbval-current-env notebooks
"""

import nbval.plugin

from tools.run_notebooks import clean_outputs

_plain = nbval.plugin.transform_streams_for_comparison


def transform_cleaned(outputs):
    """Returns the outputs in nbval's form, cleaned first."""
    return _plain(clean_outputs(outputs))


nbval.plugin.transform_streams_for_comparison = transform_cleaned
