"""`make mutants`: are the labs' checks able to fail? Every worked function, with one fault, goes through its check.

A mutant that passes has survived. Either the check has a gap, or the mutant is a right answer too: then
tests/mutants_accepted.toml says why. The table of a lab is written to results/mutants/lab_NN.json when all of it was
run, and not run again until its solution, its check or these tools change.

    python -m tools.mutants --lab 03 --task 2 --kind ordinary    # shows survivors, writes nothing
"""

import argparse
import functools
import json
import multiprocessing
import re
import resource
import time
import tomllib
import zlib
from multiprocessing.connection import wait

import nbformat
import torch

from spectrum.checks import machinery
from tools.ordinary_faults import ordinary
from tools.worked_labs import ROOT, forbids_of, put, put_tree, record, tasks_of
from tools.wrapped_faults import wrapped

ACCEPTED = ROOT / "tests" / "mutants_accepted.toml"
KINDS = ("ordinary", "wrapped")
SLOW = {("07", 5), ("11", 5), ("12", 5)}  # a check that trains for seconds: a fixed tenth will do
LONGEST = 60  # seconds of processor time for one mutant at most; less where the right answer is quick


def mutants_of(task, kind, recorded):
    """Yields (the fault in words, a function that puts it into the task's space)."""
    if kind == "ordinary":
        for words, tree in ordinary(task.functions):
            yield words, functools.partial(put_tree, task, tree)
        return
    for (name, method), calls in recorded.items():
        home = task.space[name]
        function = getattr(home, method) if method else home
        for words, faulty in wrapped(function, calls, forbids_of(task)):
            yield f"{name}{'.' * bool(method)}{method}: {words}", functools.partial(put, task, name, method, faulty)


def trial(task, install, draws, limit, outcome):
    """Runs one mutant in this process, a fork, under a limit of processor time; sends what the check said or None."""
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    torch.set_num_threads(1)  # makes the fork's pool while it has one thread: two that load a model at once race for it
    torch.set_num_threads = lambda n: None
    said = "passed"
    try:
        install()
    except Exception as error:  # a mutant that cannot even be defined is found out
        said = f"{type(error).__name__}: {error}"
    for seed in range(draws if said == "passed" else 0):
        said = None
        try:
            task.run(seed)
        except machinery.CheckFailed as error:
            said = error.message
        if said is None:
            break
    outcome.send(said)


def try_all(task, mutants, jobs, draws, limit):
    """Returns {fault in words: what the check said, None where it passed, "took too long"}; `jobs` at a time."""
    fork, said, running, todo = multiprocessing.get_context("fork"), {}, {}, list(mutants)[::-1]
    while todo or running:
        while todo and len(running) < jobs:
            words, install = todo.pop()
            here, there = fork.Pipe(duplex=False)
            process = fork.Process(target=trial, args=(task, install, draws, limit, there), daemon=True)
            process.start()
            there.close()
            running[here] = words, process, time.monotonic()
        ready = wait(list(running), timeout=1)
        late = [here for here, (*_, start) in running.items() if time.monotonic() - start > 20 * limit]
        for here in {*ready, *late}:
            words, process, _ = running.pop(here)
            try:
                said[words] = here.recv() if here in ready else "took too long"
            except EOFError:  # killed by its limit, or it killed itself
                said[words] = "took too long"
            process.kill()
            process.join()
    return said


def chosen(task, kind, words, share):
    """Returns whether a mutant belongs to a fixed share of all."""
    return zlib.crc32(f"{task.lab} {task.number} {kind} {words}".encode()) % 10_000 < 10_000 * share


def run_task(task, kinds, share, jobs, draws, accepted):
    """Returns the rows of a task: one a kind, with its survivors. Raises RuntimeError where the right answer fails."""
    share = share / 10 if (task.lab, task.number) in SLOW else share
    recorded, seconds = record(task)
    limit, rows = min(LONGEST, 5 + int(10 * seconds)) * draws, []
    right = try_all(task, [("right", lambda: None)], 1, draws, limit)["right"]
    if right is not None:
        raise RuntimeError(f"lab {task.lab}, task {task.number}: the right answer does not pass: {right}")
    for kind in kinds:
        mutants = [pair for pair in mutants_of(task, kind, recorded) if chosen(task, kind, pair[0], share)]
        said = try_all(task, mutants, jobs, draws, limit)
        alive = sorted(words for words, verdict in said.items() if verdict is None)
        reasons = {words: accepted[task.lab, task.number, words] for words in alive
                   if (task.lab, task.number, words) in accepted}  # fmt: skip
        rows.append({"task": task.number, "kind": kind, "mutants": len(said), "killed": len(said) - len(alive),
                     "right answers": reasons,
                     "survivors": [words for words in alive if words not in reasons]})  # fmt: skip
        show(task.lab, rows[-1])
    return rows


def show(lab, row):
    """Prints a row, and its survivors."""
    left = f"{len(row['right answers'])} right answers, {len(row['survivors'])} survivors"
    print(
        f"lab {lab}, task {row['task']}, {row['kind']}: {row['killed']} of {row['mutants']} killed, {left}", flush=True
    )
    for words in row["survivors"]:
        print(f"    {words}", flush=True)


def accepted_mutants():
    """Returns {(lab, task, fault in words): reason why it is a right answer} of tests/mutants_accepted.toml."""
    rows = tomllib.loads(ACCEPTED.read_text())["accepted"] if ACCEPTED.exists() else []
    return {(row["lab"], row["task"], words): row["reason"] for row in rows for words in row["mutants"]}


def run_lab(lab, task=None, kinds=KINDS, share=1.0, jobs=2, draws=1):
    """Returns the rows of a lab, or of one of its tasks; a share leaves out the tasks whose check trains."""
    torch.set_num_threads(1)
    accepted, rows = accepted_mutants(), []
    for one in (one for one in tasks_of(lab) if task in (None, one.number)):
        if share < 1 and (lab, one.number) in SLOW:
            print(
                f"lab {lab}, task {one.number}: not run, its check trains; without --share a fixed tenth is", flush=True
            )
        else:
            rows += run_task(one, kinds, share, jobs, draws, accepted)
    return rows


def check_files(lab):
    """Returns the files that a lab's check is made of: its own, and those of spectrum/checks imported on the way."""
    todo, found = [f"lab_{lab}"], set()
    while todo:
        path = ROOT / "spectrum" / "checks" / f"{todo.pop()}.py"
        if path not in found:
            found.add(path)
            todo += re.findall(r"^from spectrum\.checks\.(\w+) import", path.read_text(), re.MULTILINE)
    return sorted(found)


def fingerprint(lab):
    """Returns a checksum of what decides a lab's table."""
    tools = [*sorted(ROOT.glob("tools/*_faults.py")), ROOT / "tools/mutants.py", ROOT / "tools/worked_labs.py"]
    reasons = {key: reason for key, reason in accepted_mutants().items() if key[0] == lab}
    cells = nbformat.read(next(ROOT.glob(f"solutions/{lab}_*.ipynb")), as_version=4).cells
    texts = [path.read_text() for path in (*tools, *check_files(lab))]
    sources = [cell.source for cell in cells if "colab" not in cell.metadata.get("tags", [])]
    return zlib.crc32("".join([*texts, repr(reasons), *sources]).encode())


def main(arguments=None):
    """Runs the mutants of all labs, or of what the options name; returns 1 where a survivor has no reason."""
    parser = argparse.ArgumentParser(description="Puts small faults into the worked labs and runs their checks.")
    labs = sorted(path.name[:2] for path in ROOT.glob("solutions/*.ipynb"))
    parser.add_argument("--lab", choices=labs)
    parser.add_argument("--task", type=int)
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--share", type=float, default=1.0, help="a fixed share of the mutants, such as 0.1")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--draws", type=int, default=1, help="killed only if under each of so many draws of inputs")
    options = parser.parse_args(arguments)
    whole, left = options.task is None and options.kind is None and options.share == 1, 0
    for lab in [options.lab] if options.lab else labs:
        path = ROOT / "results" / "mutants" / f"lab_{lab}.json"
        if whole and path.exists() and json.loads(path.read_text())["made of"] == fingerprint(lab):
            print(f"lab {lab}: {path.name} is up to date")
            continue
        kinds = (options.kind,) if options.kind else KINDS
        rows = run_lab(lab, options.task, kinds, options.share, options.jobs, options.draws)
        left += sum(len(row["survivors"]) for row in rows)
        if whole:
            path.parent.mkdir(parents=True, exist_ok=True)
            table = {"lab": lab, "made of": fingerprint(lab), "rows": rows}
            path.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")
    return int(left > 0)


if __name__ == "__main__":
    raise SystemExit(main())
