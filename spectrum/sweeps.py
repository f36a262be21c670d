"""Grids of runs through any executor: one JSON file for each finished run, nothing run twice, failures kept as data."""

import hashlib
import json
import multiprocessing
import os
import pickle
import sys
import threading
import time
import traceback
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from pathlib import Path

from tqdm.auto import tqdm

WORKERS = 2


def results_folder(lesson=""):
    """Returns the folder of a lesson's stored results, such as "12_lora_rank"; without a name, that of all.

    In a clone of the course they lie in results/, in an installed package beside its modules.
    """
    package = Path(__file__).parent
    folder = package.parent / "results" if (package.parent / "pyproject.toml").exists() else package / "results"
    return folder / lesson


def run_sweep(run, grid, folder, executor=None, retry=False, progress=True):
    """Returns the records of a grid, in its order, after running what the folder does not hold yet.

    `run(**settings)` returns a dict; `grid` is a list of settings; both are plain data that JSON can hold. A record is
    {"settings", "result", "error", "wall_seconds"}: a run that raised has no result but its error as text, and is run
    again only with `retry`. Each record is one file, written in one piece when its run ends, so that an interrupted
    sweep goes on where it was. `executor` is any concurrent.futures.Executor, and is left open; by default two
    processes with one thread each. Raises ValueError for settings that JSON cannot hold and for a function that other
    processes cannot import, RuntimeError when a process dies.
    """
    todo, folder = missing(grid, folder, retry), Path(folder).absolute()
    if todo and executor is None:
        check_importable(run)
    folder.mkdir(parents=True, exist_ok=True)
    bar = tqdm(total=len(grid), initial=len(grid) - len(todo), desc=folder.name, disable=not (progress and todo))
    pool = executor or (start_pool() if todo else None)
    futures = {pool.submit(run_one, run, settings, folder): settings for settings in todo}
    failed = 0
    try:
        for future in as_completed(futures):
            record = finish(future, futures[future], folder)
            store(record, folder)  # the worker did, but on a cluster perhaps on a disk of its own
            failed += record["error"] is not None
            bar.set_postfix(failed=failed, refresh=False)
            bar.update(1)
    finally:
        for future in futures:  # interrupted: what has not begun never will; what has, ends and is stored
            future.cancel()
        if pool and executor is None:
            pool.shutdown(wait=all(future.done() for future in futures))
        bar.close()
    return [read_record(record_path(folder, settings)) for settings in grid]


def missing(grid, folder, retry=False):
    """Returns the settings of the grid that the folder has no record of, each once; with `retry`, also the failed."""
    left = {}
    for settings in grid:
        path = record_path(folder, settings)
        if not path.exists() or retry and read_record(path)["error"] is not None:
            left.setdefault(path, settings)
    return list(left.values())


def read_sweep(folder):
    """Returns the sweep of a folder as a DataFrame: a row for each record; settings, results, error, wall_seconds.

    A failed run has NaN for results, a run that did not fail has None as error. Raises FileNotFoundError for a folder
    without records.
    """
    import pandas as pd

    paths = sorted(Path(folder).glob("run-*.json"))
    if not paths:
        raise FileNotFoundError(f"{str(folder)!r} holds no finished runs (run-….json); run the sweep first")
    rows = []
    for path in paths:
        record = read_record(path)
        rest = {"error": record["error"], "wall_seconds": record["wall_seconds"]}
        rows.append({**record["settings"], **(record["result"] or {}), **rest})
    table = pd.DataFrame(rows)
    return table[[*table.columns.drop(["error", "wall_seconds"]), "error", "wall_seconds"]]


def record_path(folder, settings):
    """Returns the path of a run's record: named by a hash of its settings, whatever their order."""
    try:
        text = json.dumps(settings, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"settings must be plain numbers, text, lists and dicts, not {settings}: {error}") from None
    return Path(folder) / f"run-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def read_record(path):
    """Returns the record of a file; ValueError, naming the file, where it is damaged."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {name: record[name] for name in ("settings", "result", "error", "wall_seconds")}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{str(path)!r} is no record of a run ({error}); delete it, and it is run again") from None


def run_one(run, settings, folder):
    """Returns the record of one run, stored already. In the worker, so that it outlives whoever asked for it."""
    start, result, error = time.perf_counter(), None, None
    try:
        result = run(**settings)
        check_result(result, settings)
    except Exception as raised:  # kept as data: the other runs go on
        result, error = None, describe(raised)
    record = {"settings": settings, "result": result, "error": error}
    record["wall_seconds"] = round(time.perf_counter() - start, 2)
    store(record, folder)
    return record


def check_result(result, settings):
    """Raises where a result cannot be stored, or would hide a setting of the same name in the table."""
    if not isinstance(result, dict):
        raise TypeError(f"a run must return a dict, not {type(result).__name__}")
    json.dumps(result)
    hidden = [n for n in result if n in settings and result[n] != settings[n] or n in ("error", "wall_seconds")]
    if hidden:
        raise ValueError(f"the result has {hidden[0]!r}, which is the name of another column; give it another name")


def store(record, folder):
    """Writes a record in one piece: whoever reads sees the whole file or none."""
    path = record_path(folder, record["settings"])
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def finish(future, settings, folder):
    """Returns the record that a future came back with, or one of what it raised: sys.exit() is a failure too."""
    try:
        return future.result()
    except BrokenExecutor as error:
        raise RuntimeError(
            f"a worker process died, perhaps for want of memory, in or near the run with {settings}. Finished runs are "
            f"in {str(folder)!r}; the same call goes on from there"
        ) from error
    except (Exception, SystemExit) as raised:
        return {"settings": settings, "result": None, "error": describe(raised), "wall_seconds": None}


def describe(error):
    """Returns an exception in a line: its type, its message, and where it was raised, without paths of this machine."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno}, in {frames[-1].name})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


def start_pool():
    """Returns a pool of two new processes with one thread each: two runs side by side beat one on two threads."""
    spawn = multiprocessing.get_context("spawn")  # a forked process would inherit torch's threads half-dead
    return ProcessPoolExecutor(WORKERS, mp_context=spawn, initializer=start_worker)


def start_worker():
    """Makes this process compute on one thread, and end when its parent does, even when that is killed."""
    import torch

    torch.set_num_threads(1)
    threading.Thread(target=exit_with_parent, daemon=True).start()


def exit_with_parent():
    """Ends this process when its parent has ended. Its run would otherwise go on beside the same run, resumed."""
    multiprocessing.parent_process().join()
    os._exit(1)


def check_importable(run):
    """Raises ValueError for a function that a new process cannot find: a lambda, or one written in a notebook."""
    function = getattr(run, "func", run)
    lost = function.__module__ == "__main__" and not hasattr(sys.modules["__main__"], "__file__")
    try:
        pickle.dumps(run)
    except (pickle.PicklingError, AttributeError, TypeError):
        lost = True
    if lost:
        raise ValueError(
            f"run_sweep: other processes cannot import {function!r}; put it in a file of its own and import it, or "
            "give executor=ThreadPoolExecutor(1)"
        )
