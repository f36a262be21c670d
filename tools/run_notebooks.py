"""Execute notebooks and store fresh outputs with clean metadata, or check that what is stored is fresh and clean.

python -m tools.run_notebooks [--check] [--save-timings] [paths ...]
"""

import argparse
import json
import os
import re
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
TIMES = ROOT / "results" / "notebook_times.json"
MAX_BYTES = 300_000
CELL_TIMEOUT = 600  # seconds
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
KEPT_METADATA = ("jupyter", "points", "tags", "task")
WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGET_TEXT = "[interactive: run this cell to use it]"
# What tqdm writes: "  40%|████      | 4/10 [00:01<00:02, 3.1it/s]", or without a total "4it [00:01, 3.1it/s]".
BAR = re.compile(r"\d+%\|.*\||\d+(it|B)? \[\d\d:\d\d.*\]")
ADDRESS = re.compile(r" at 0x[0-9a-f]{6,}")


@dataclass
class Run:
    """What executing one notebook took."""

    seconds: float
    peak_mb: float


# ---- outputs ----


def without_bars(text):
    """Returns `text` without the lines and carriage-return frames that are progress bars."""
    pieces = re.split(r"(?<=[\r\n])", text)
    return "".join(piece for piece in pieces if not BAR.search(piece)) if BAR.search(text) else text


def clean_output(output):
    """Returns one stored output without noise, or None where nothing is left: a progress bar, an empty stream."""
    if output.output_type == "stream":
        output.text = without_bars(output.text)
        return output if output.text.strip("\r\n") else None
    if output.output_type == "error":
        return output
    if WIDGET in output.data:
        # A widget's state is not stored (it breaks previews on the web), so its random id leads nowhere.
        if BAR.search(output.data.get("text/plain", "")):
            return None
        return nbformat.v4.new_output(output.output_type, data={"text/plain": WIDGET_TEXT}, metadata={})
    return output


def clean_outputs(outputs):
    """Returns the outputs of one cell cleaned, streams of the same name that follow each other joined."""
    cleaned = []
    for output in filter(None, map(clean_output, outputs)):
        last = cleaned[-1] if cleaned else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            cleaned.append(output)
    return cleaned


def clean(notebook):
    """Returns the notebook with execution counts 1..n, clean outputs and only the metadata that the course uses."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": {"name": "python"}})
    count = 0
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({k: v for k, v in sorted(cell.metadata.items()) if k in KEPT_METADATA})
        if cell.cell_type != "code" or cell.execution_count is None:
            continue
        count += 1
        cell.execution_count = count
        cell.outputs = clean_outputs(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    return notebook


# ---- files ----


def read(path):
    """Returns the notebook at `path`; raises ValueError where it is no notebook of format 4."""
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, json.JSONDecodeError, nbformat.reader.NotJSONError, AttributeError) as error:
        raise ValueError(f"{path}: cannot be read as a notebook ({error}). Name a file that ends in .ipynb.") from error


def write(notebook, path):
    """Writes the notebook, always the same bytes for the same content."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    Path(path).write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8")


def default_paths():
    """Returns every lesson and solution of the course."""
    return sorted(ROOT.glob("notebooks/*.ipynb")) + sorted(ROOT.glob("solutions/*.ipynb"))


# ---- executing ----


def watch_memory(client, peak, stop):
    """Keeps in `peak[0]` the highest resident memory, in MB, of the client's kernel and its children, until `stop`."""
    import psutil

    while not stop.wait(0.05):
        provisioner = getattr(client.km, "provisioner", None)
        if getattr(provisioner, "pid", None) is None:
            continue
        try:
            kernel = psutil.Process(provisioner.pid)
            family = [kernel, *kernel.children(recursive=True)]
            peak[0] = max(peak[0], sum(p.memory_info().rss for p in family) / 1e6)
        except psutil.NoSuchProcess:
            continue  # a child that ended between being listed and being asked


def execute(notebook, folder, timeout=CELL_TIMEOUT, allow_errors=False):
    """Executes the notebook in `folder` and returns a Run; raises nbclient's CellExecutionError at the first error.

    Cells tagged `raises-exception` may raise.
    """
    from nbclient import NotebookClient

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        record_timing=False,
        allow_errors=allow_errors,
        resources={"metadata": {"path": str(folder)}},
    )
    client.widget_registry = {"@jupyter-widgets/output": {"OutputModel": silent_output()}}
    peak, stop = [0.0], threading.Event()
    watcher = threading.Thread(target=watch_memory, args=(client, peak, stop), daemon=True)
    start = time.perf_counter()
    watcher.start()
    try:
        client.execute(env=kernel_env())
    finally:
        stop.set()
        watcher.join()
    return Run(round(time.perf_counter() - start, 1), round(peak[0]))


def silent_output():
    """Returns nbclient's Output widget as a class that keeps what it shows without telling the kernel.

    Telling it writes to the socket on which nbclient awaits the cell's reply; the reply that arrives meanwhile is not
    noticed then, and the cell seems to run until its timeout.
    """
    from nbclient.output_widget import OutputWidget

    return type("SilentOutput", (OutputWidget,), {"sync_state": lambda self: None})


def kernel_env():
    """Returns the environment of a kernel: this one, with the course's package to be found from any folder."""
    places = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(p for p in places if p)}


def run(path, timeout=CELL_TIMEOUT):
    """Executes the notebook at `path` in place, cleans it, stores it, and returns a Run.

    The file is left as it was where a cell raises.
    """
    path = Path(path)
    notebook = read(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    took = execute(notebook, path.parent, timeout)
    write(clean(notebook), path)
    return took


# ---- checking ----


def cell_problems(cell, number):
    """Returns what is wrong with the stored outputs of code cell `number` (from 1), one sentence each."""
    where, problems = f"code cell {number}", []
    if cell.execution_count != number:
        problems.append(f"{where} has execution count {cell.execution_count}, not {number}")
    for output in cell.outputs:
        text = json.dumps(output)
        if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
            problems.append(f"{where} stores an error: {output.ename}")
        if WIDGET in text:
            problems.append(f"{where} stores the id of a widget")
        if ADDRESS.search(text):
            problems.append(f"{where} prints a memory address, which differs in every run (end it with `_ = ...`)")
    return problems


def find_problems(path):
    """Returns what is not fresh or not clean in the notebook stored at `path`: one sentence each, [] for nothing."""
    notebook = read(path)
    code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    problems = [p for number, cell in enumerate(code, 1) for p in cell_problems(cell, number)]
    if "widgets" in notebook.metadata:
        problems.append("stores widget state, which breaks the preview on the web")
    if any("execution" in cell.metadata for cell in notebook.cells):
        problems.append("stores the times at which its cells ran")
    size = Path(path).stat().st_size
    if size > MAX_BYTES:
        problems.append(f"has {size / 1000:.0f} KB, more than {MAX_BYTES / 1000:.0f}: draw fewer or smaller figures")
    return problems


# ---- command line ----


def save_times(times, target=TIMES):
    """Adds what each notebook took to the JSON file that the lessons' banners read."""
    known = json.loads(target.read_text()) if target.exists() else {}
    known.update({name: {"seconds": run.seconds, "peak_mb": run.peak_mb} for name, run in times.items()})
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")


def show_name(path):
    """Returns the path as seen from the course's folder where it lies in it."""
    path = Path(path).resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def check_all(paths):
    """Prints every problem and returns how many notebooks have one."""
    bad = 0
    for path in paths:
        problems = find_problems(path)
        bad += bool(problems)
        for problem in problems:
            print(f"{show_name(path)}: {problem}")
    print(f"{len(paths)} notebooks checked, {bad} to be executed again with `make notebooks`")
    return bad


def run_all(paths):
    """Executes the notebooks one after the other, prints what each took, and returns {name: Run}."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    times = {}
    for path in paths:
        try:
            times[show_name(path)] = took = run(path)
        except (CellExecutionError, CellTimeoutError) as error:
            sys.exit(f"{show_name(path)} stopped, and its stored outputs are as before:\n{error}")
        print(f"{show_name(path)}: {took.seconds:.1f} s, peak memory {took.peak_mb:.0f} MB", flush=True)
    return times


def main(arguments=None):
    """Runs the command line and returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.run_notebooks", description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks; without any: all of notebooks/ and solutions/")
    parser.add_argument("--check", action="store_true", help="execute nothing, only say what is not fresh or clean")
    parser.add_argument("--save-timings", action="store_true", help=f"write {show_name(TIMES)}")
    options = parser.parse_args(arguments)
    paths = options.paths or default_paths()
    if options.check:
        return 1 if check_all(paths) else 0
    times = run_all(paths)
    if options.save_timings:
        save_times(times)
    return 0


if __name__ == "__main__":
    sys.exit(main())
