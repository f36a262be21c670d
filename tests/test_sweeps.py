"""Sweeps: every run once, one whole file each, failures as data, and a kill that loses nothing."""

import json
import os
import subprocess
import sys
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sweep_runs
from shells import wait_until

from spectrum.sweeps import missing, read_sweep, record_path, run_sweep

ROOT = Path(__file__).parents[1]


@pytest.fixture
def thread():
    """A pool of one thread: runs one after the other in this process."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def begun(log):
    """Returns the x of every run that began, in order."""
    return [int(line.split()[0]) for line in log.read_text().splitlines()] if log.exists() else []


def grid_of(log, count=4, **settings):
    return [{"x": x, "log": str(log), **settings} for x in range(count)]


# ---- records ----


def test_each_run_is_one_file_and_the_records_come_in_the_order_of_the_grid(tmp_path, thread):
    log, folder = tmp_path / "log", tmp_path / "sweep"
    grid = grid_of(log)[::-1]
    records = run_sweep(sweep_runs.noted, grid, folder, thread)
    assert [r["settings"] for r in records] == grid and [r["result"]["square"] for r in records] == [9, 4, 1, 0]
    assert all(r["error"] is None and r["wall_seconds"] >= 0 for r in records)
    files = sorted(path.name for path in folder.iterdir())
    assert len(files) == 4 and all(name.startswith("run-") and name.endswith(".json") for name in files)
    for settings, record in zip(grid, records, strict=True):
        assert json.loads(record_path(folder, settings).read_text()) == record


def test_nothing_runs_twice_and_new_settings_are_added(tmp_path, thread):
    log, folder = tmp_path / "log", tmp_path / "sweep"
    grid = grid_of(log, 2)
    assert missing(grid, folder) == grid
    run_sweep(sweep_runs.noted, grid, folder, thread)
    assert missing(grid, folder) == []
    turned = [dict(reversed(settings.items())) for settings in grid]  # the order of the names does not matter
    run_sweep(sweep_runs.noted, [*turned, *grid_of(log, 3), *grid_of(log, 3)], folder, thread)
    assert begun(log) == [0, 1, 2]


def test_without_anything_to_do_no_process_is_started(tmp_path, thread, monkeypatch):
    grid = grid_of(tmp_path / "log", 2)
    expected = run_sweep(sweep_runs.noted, grid, tmp_path / "sweep", thread)
    monkeypatch.setattr("spectrum.sweeps.start_pool", lambda: pytest.fail("started a pool"))
    assert run_sweep(lambda: None, grid, tmp_path / "sweep") == expected


def test_failures_are_data_and_run_again_only_on_request(tmp_path, thread):
    folder, flag = tmp_path / "sweep", tmp_path / "flag"
    grid = [{"x": x, "flag": str(flag)} for x in range(2)]
    records = run_sweep(sweep_runs.fixed_later, grid, folder, thread)
    for record in records:
        assert record["result"] is None
        assert record["error"].startswith("RuntimeError: not yet (sweep_runs.py, line ")
        assert str(ROOT) not in json.dumps(record["error"])
    flag.touch()
    assert missing(grid, folder) == [] and missing(grid, folder, retry=True) == grid
    assert run_sweep(sweep_runs.fixed_later, grid, folder, thread) == records
    assert [r["result"] for r in run_sweep(sweep_runs.fixed_later, grid, folder, thread, retry=True)] == [
        {"ok": 0}, {"ok": 1}]  # fmt: skip
    assert missing(grid, folder, retry=True) == []


@pytest.mark.parametrize(
    "result,message",
    [
        (None, "TypeError: a run must return a dict, not NoneType"),
        ({"score": np.float32(1)}, "TypeError: Object of type float32 is not JSON serializable"),
        ({"x": 5}, "ValueError: the result has 'x', which is the name of another column"),
        ({"error": 5}, "ValueError: the result has 'error'"),
    ],
)
def test_a_result_that_cannot_be_stored_is_a_failure_with_its_reason(tmp_path, thread, result, message):
    (record,) = run_sweep(lambda x: result, [{"x": 1}], tmp_path, thread)
    assert record["error"].startswith(message) and record["result"] is None


def test_the_table_has_a_row_for_each_run_and_a_column_for_each_name(tmp_path, thread):
    grid = [{"x": x} for x in range(4)]
    run_sweep(sweep_runs.picky, grid, tmp_path, thread)
    (tmp_path / "defaults.json").write_text("{}")  # a file of another kind
    table = read_sweep(tmp_path).sort_values("x")
    assert list(table.columns) == ["x", "half", "error", "wall_seconds"]
    assert table["x"].tolist() == [0, 1, 2, 3]
    assert table["half"].tolist()[::2] == [0.0, 1.0] and table["half"].isna().tolist() == [False, True, False, True]
    assert table["error"].notna().tolist() == [False, True, False, True]
    assert "1 is odd" in table["error"].iloc[1] and table["error"].iloc[3].startswith("SystemExit: three")


# ---- interruptions ----


def test_a_record_is_written_whole_or_not_at_all(tmp_path, thread, monkeypatch):
    def fail(path, target):
        raise OSError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)  # the last step: all is written by then
        with pytest.raises(OSError, match="the disk is gone"):
            run_sweep(sweep_runs.picky, [{"x": 0}], tmp_path, thread)
    assert missing([{"x": 0}], tmp_path) == [{"x": 0}]
    assert run_sweep(sweep_runs.picky, [{"x": 0}], tmp_path, thread)[0]["result"] == {"half": 0.0}


def test_an_interrupt_keeps_what_is_finished_and_begins_nothing_more(tmp_path, thread):
    log, folder = tmp_path / "log", tmp_path / "sweep"
    grid = grid_of(log, 6)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(sweep_runs.interrupted, grid, folder, thread)
    # The thread may have begun another run before the rest was cancelled: that one ends, and is stored. Only when the
    # thread has done something that was asked for later is it sure to be through with it.
    thread.submit(int).result()
    assert missing(grid, folder) == [s for s in grid if s["x"] not in begun(log)]
    assert begun(log)[:2] == [0, 1]
    run_sweep(sweep_runs.noted, grid, folder, thread)
    assert sorted(begun(log)) == list(range(6))


@pytest.mark.slow
def test_a_killed_sweep_goes_on_and_its_workers_end_with_it(tmp_path):
    log, folder = tmp_path / "log", tmp_path / "sweep"
    grid = grid_of(log, 8, seconds=0.4)
    code = (
        "import json, sys, sweep_runs\nfrom spectrum.sweeps import run_sweep\n"
        "if __name__ == '__main__':\n    run_sweep(sweep_runs.noted, json.loads(sys.argv[1]), sys.argv[2])\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    (tmp_path / "torch.py").write_text("def set_num_threads(count): pass\n")  # the workers start in no time
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT), str(ROOT / "tests")])}
    sweep = subprocess.Popen([sys.executable, script, json.dumps(grid), folder], env=paths, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(list(folder.glob("run-*.json"))) >= 3)
    sweep.kill()
    sweep.wait()
    workers = {int(line.split()[1]) for line in log.read_text().splitlines()}
    assert len(workers) == 2
    wait_until(lambda: not any(alive(pid) for pid in workers))
    left = missing(grid, folder)
    assert 1 <= len(left) <= 5
    with ThreadPoolExecutor(1) as pool:
        records = run_sweep(sweep_runs.noted, grid, folder, pool)
    assert [r["result"]["square"] for r in records] == [x * x for x in range(8)]
    runs, again = begun(log), {settings["x"] for settings in left}
    for x in range(8):  # begun and killed, those two may have begun twice
        assert runs.count(x) == 1 or x in again and runs.count(x) == 2


def alive(pid):
    """Returns whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_by_default_two_processes_of_one_thread_each(tmp_path):
    records = run_sweep(sweep_runs.threads, [{"x": x} for x in range(4)], tmp_path)
    found = [record["result"] for record in records]
    assert {r["threads"] for r in found} == {1} and os.getpid() not in {r["process"] for r in found}


def test_a_process_that_dies_is_reported_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("spectrum.sweeps.start_worker", sweep_runs.os.getpid)  # without torch: faster
    with pytest.raises(RuntimeError, match="a worker process died.*goes on from there"):
        run_sweep(sweep_runs.dies, [{"x": 1}], tmp_path)
    assert missing([{"x": 1}], tmp_path) == [{"x": 1}]


# ---- other executors, bad input ----


class FarAway(Executor):
    """An executor whose workers share no disk with this process: what they write is lost."""

    def submit(self, function, *arguments):
        future, (run, settings, folder) = Future(), arguments
        future.set_result(function(run, settings, folder / "elsewhere"))
        return future


def test_an_executor_without_a_common_disk_loses_nothing(tmp_path):
    records = run_sweep(sweep_runs.picky, [{"x": 0}, {"x": 2}], tmp_path, FarAway())
    assert [r["result"]["half"] for r in records] == [0.0, 1.0] and len(read_sweep(tmp_path)) == 2


def test_a_function_that_processes_cannot_import_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(ValueError, match=r"cannot import .*put it in a file of its own"):
        run_sweep(lambda x: {}, [{"x": 1}], tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize("value", [np.int64(1), {1, 2}, float("nan")])
def test_settings_that_a_file_cannot_hold_are_refused(tmp_path, thread, value):
    with pytest.raises(ValueError, match="settings must be plain numbers"):
        run_sweep(sweep_runs.picky, [{"x": 0}, {"x": value}], tmp_path, thread)


def test_a_damaged_record_is_named_and_an_empty_folder_too(tmp_path, thread):
    with pytest.raises(FileNotFoundError, match="no finished runs"):
        read_sweep(tmp_path)
    run_sweep(sweep_runs.picky, [{"x": 0}], tmp_path, thread)
    path = record_path(tmp_path, {"x": 0})
    path.write_text(path.read_text()[:20])
    with pytest.raises(ValueError, match=rf"{path.name}.*delete it"):
        read_sweep(tmp_path)
