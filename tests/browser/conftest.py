"""One JupyterLab and one browser for all browser tests."""

import pytest
from browser.jupyter import running_lab, why_not


def pytest_collection_modifyitems(items):
    reason = why_not()
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A running Lab; see browser/jupyter.py."""
    with running_lab(tmp_path_factory.mktemp("jupyterlab")) as running:
        yield running
