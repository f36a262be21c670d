"""JupyterLab on this machine, and a notebook in it driven through Chromium.

    with running_lab(folder) as lab, lab.open("notebooks/01_base_and_instruct.ipynb") as notebook:
        notebook.run_all()
        number = notebook.find_cell("playground")  # by its tag
        notebook.wait_for_text(number, "temperature 1.0")
        notebook.tab_to(number, notebook.output(number).get_by_role("slider").first)
        notebook.page.keyboard.press("ArrowRight")
        notebook.wait_for_text(number, "temperature 1.1")

A copy of the notebook is opened, so that nothing is saved into the course.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 600  # seconds that only a hang takes, however busy the machine is
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
FLAGS += ("--disable-background-networking", "--disable-component-update", "--disable-sync")
# Every cell is in the page at once, and JupyterLab asks the web for no news and no updates.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
RUN_ALL = "async () => { await window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
# Resolves when every picture is decoded and two frames have been painted since.
PAINTED = """async () => {
    await Promise.all([...document.images].map(picture => picture.decode().catch(() => null)));
    for (let frame = 0; frame < 2; frame += 1) await new Promise(resolve => requestAnimationFrame(resolve));
}"""
SELECT = """number => {
    const cells = window.jupyterapp.shell.currentWidget.content;
    cells.mode = "command";
    cells.activeCellIndex = number;
    cells.activeCell.node.focus();
}"""
CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells"
KERNEL_STATUS = "() => window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status"


def find_browser():
    """Return the path of a Chromium or Chrome, from the variable CHROMIUM or the usual names, or None."""
    return next(filter(None, map(shutil.which, filter(None, (os.environ.get("CHROMIUM"), *BROWSERS)))), None)


def why_not():
    """Return why no browser test can run here, in one sentence; '' where it can."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "playwright is not installed: pip install -e '.[browser]' -c constraints.txt"
    return "" if find_browser() else "no Chromium found: install it (apt install chromium) or set CHROMIUM to its path"


def free_port():
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_settings(folder):
    """Write JupyterLab's settings below `folder`."""
    for name, settings in SETTINGS.items():
        path = folder / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))


def lab_environment(folder):
    """Return the environment of a JupyterLab that reads and writes nothing of the user's own."""
    homes = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    homes |= {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython"}
    places = {variable: str(folder / name) for variable, name in homes.items()}
    search = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return os.environ | places | {"PYTHONPATH": search, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


@dataclass
class Lab:
    """A running JupyterLab: its address, its token, the folder it serves, and a browser."""

    url: str
    token: str
    folder: Path
    browser: object

    @contextlib.contextmanager
    def open(self, path, timeout=PATIENCE, height=1600):
        """Give an OpenNotebook with a copy of the notebook at `path`, its kernel ready; closes the page afterwards."""
        shutil.copy(path, self.folder / Path(path).name)
        page = self.browser.new_page(viewport={"width": 1280, "height": height})
        try:
            address = f"{self.url}/lab/tree/{Path(path).name}?token={self.token}&reset"
            page.goto(address, timeout=timeout * 1000)
            page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=timeout * 1000)
            notebook = OpenNotebook(page)
            notebook.wait_until_idle(timeout)
            yield notebook
        finally:
            page.close()

    def request(self, path, method="GET"):
        """Send a request with the token to the server's API and return the status."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status


@dataclass
class OpenNotebook:
    """A notebook in the browser. Cells are numbered from 0, markdown cells included."""

    page: object

    def wait_until_idle(self, timeout=PATIENCE):
        """Wait until the kernel is idle; raises TimeoutError naming its last status."""
        end, status = time.monotonic() + timeout, None
        while time.monotonic() < end:
            status = self.page.evaluate(KERNEL_STATUS)
            if status == "idle":
                return
            time.sleep(0.1)
        raise TimeoutError(f"the kernel is {status!r} after {timeout} s")

    def run_all(self, timeout=PATIENCE):
        """Run all cells and wait until the kernel is idle; raises RuntimeError naming the first error."""
        self.page.evaluate(RUN_ALL)
        self.wait_until_idle(timeout)
        outputs = [output for cell in self.page.evaluate(CELLS) for output in cell.get("outputs", [])]
        for output in outputs:
            if output["output_type"] == "error":
                raise RuntimeError(f"{output['ename']}: {output['evalue']}")

    def cell(self, number):
        """Return the locator of a cell."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def output(self, number):
        """Return the locator of a cell's outputs."""
        return self.cell(number).locator(".jp-Cell-outputWrapper")

    def find_cell(self, tag):
        """Return the number of the first cell with the tag; raises ValueError where there is none."""
        for number, cell in enumerate(self.page.evaluate(CELLS)):
            if tag in cell["metadata"].get("tags", []):
                return number
        raise ValueError(f"no cell has the tag {tag!r}")

    def wait_for_text(self, number, pattern, timeout=PATIENCE):
        """Wait until a cell's outputs hold the regular expression, and return them as text; raises TimeoutError.

        A widget's own readout changes before the kernel has answered: wait for what only the kernel can know.
        """
        end, text = time.monotonic() + timeout, ""
        while time.monotonic() < end:
            text = self.output(number).inner_text()
            if re.search(pattern, text):
                return text
            time.sleep(0.1)
        raise TimeoutError(f"after {timeout} s {pattern!r} is not in the outputs of cell {number}, which read:\n{text}")

    def tab_to(self, number, locator, limit=60):
        """Select a cell, then press Tab until the element has the focus, as someone without a mouse does.

        Raises AssertionError where the element is not reached.
        """
        self.page.evaluate(SELECT, number)
        for _ in range(limit):
            if locator.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"from cell {number} on, not reached by pressing Tab {limit} times")

    def screenshot(self, path, number=None):
        """Save a picture of the page, or of one cell, once its own pictures are painted."""
        self.page.evaluate(PAINTED)
        (self.page if number is None else self.cell(number)).screenshot(path=str(path))


def wait_for_server(lab, process, log, timeout=PATIENCE):
    """Wait until the server answers; raises RuntimeError with its log where it ends or does not answer."""
    end = time.monotonic() + timeout
    while time.monotonic() < end and process.poll() is None:
        try:
            lab.request("/api/status")
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")


def stop_server(lab, process):
    """Ask the server to end, which ends its kernels too; end it where it does not."""
    with contextlib.suppress(urllib.error.URLError, OSError):
        lab.request("/api/shutdown", method="POST")
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()


@contextlib.contextmanager
def running_lab(folder):
    """Give a Lab that serves `folder`/notebooks, with Chromium; both end afterwards."""
    from playwright.sync_api import sync_playwright

    folder, token, port = Path(folder), secrets.token_hex(16), free_port()
    served, log = folder / "notebooks", folder / "jupyter.log"
    served.mkdir(parents=True)
    write_settings(folder / "settings")
    options = [f"--ServerApp.port={port}", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={served}"]
    options += ["--ServerApp.ip=127.0.0.1", "--no-browser", "--allow-root", "--LabApp.expose_app_in_browser=True"]
    command = [sys.executable, "-m", "jupyter", "lab", *options, "--LabApp.extension_manager=readonly"]
    with log.open("w") as sink:
        environment = lab_environment(folder)
        process = subprocess.Popen(command, cwd=served, env=environment, stdout=sink, stderr=subprocess.STDOUT)
    lab = Lab(f"http://127.0.0.1:{port}", token, served, None)
    try:
        wait_for_server(lab, process, log)
        with sync_playwright() as playwright:
            lab.browser = playwright.chromium.launch(executable_path=find_browser(), args=list(FLAGS))
            yield lab
            lab.browser.close()
    finally:
        stop_server(lab, process)
