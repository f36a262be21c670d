"""A fixed part of the mutants of `make mutants`: none may pass its check unless a reason is written down."""

import ast
import importlib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from spectrum.checks.snapshot import calls_of
from tools import mutants
from tools.ordinary_faults import ordinary
from tools.wrapped_faults import calls_it, wrapped

LABS = sorted(path.name[:2] for path in mutants.ROOT.glob("solutions/*.ipynb"))
SOURCE = """
def first(texts, k=2):
    found = [text.lower() for text in texts if len(text) > 1]
    return max(found[:k], key=len)
"""


@pytest.mark.slow
@pytest.mark.parametrize("lab", LABS)
def test_no_mutant_passes_without_a_reason(lab):
    """In a process of its own, as `make mutants` is: a fork cannot use the threads that other tests have left here."""
    command = [sys.executable, "-m", "tools.mutants", "--lab", lab, "--share", "0.1", "--jobs", "1"]
    done = subprocess.run(command, cwd=mutants.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_task_that_trains_is_left_out_of_a_share_and_that_is_said(capsys):
    assert mutants.run_lab("11", task=5, share=0.1) == []
    assert "lab 11, task 5: not run, its check trains" in capsys.readouterr().out


def test_every_reason_belongs_to_a_task_and_says_something():
    for (lab, task, words), reason in mutants.accepted_mutants().items():
        assert lab in LABS and 1 <= task <= 5 and words and len(reason.split()) > 5


def test_ordinary_faults_are_small_different_and_each_changes_the_source():
    tree = ast.parse(SOURCE)
    found = dict(ordinary(tree))
    sources = [ast.unparse(faulty) for faulty in found.values()]
    assert len(set(sources)) == len(sources) and ast.unparse(tree) not in sources
    line = "return max(found[:k], key=len)"
    for fault in (f"{line} → return min(found[:k], key=len)", f"{line} → return max(found[:], key=len)",
                  f"{line} → return max(found[:k + 1], key=len)", f"{line} → return max(found[:k])", f"{line} → pass",
                  "def first(texts, k=2): → def first(texts, k=3):",
                  "found = [text.lower() for text in texts if len(text) > 1] → pass"):  # fmt: skip
        assert fault in found
    assert any("if len(text) >= 1]" in fault for fault in found)
    assert any("[text for text in texts if" in fault for fault in found)


def test_two_faults_that_read_alike_are_both_tried():
    tree = ast.parse(
        "def f(x):\n    for y in x:\n        if y:\n            break\n        x = y\n        if x:\n            break"
    )
    assert {"break → continue", "break → continue (2)"} <= dict(ordinary(tree)).keys()


def doubled(x, alpha=1):
    return x * 2 * alpha


def run(words, *arguments, calls):
    """Return what the doubled function gives under the wrapped fault with these words."""
    return dict(wrapped(doubled, calls))[words](*arguments)


def test_wrapped_faults_follow_from_what_a_function_is_given_and_gives():
    x = torch.tensor([1.25, 2, 3, 4, 5], requires_grad=True)
    calls = [({"x": x, "alpha": 1}, doubled(x))]
    assert run("sees only 4 of x", x, calls=calls).tolist() == [2.5, 4, 6, 8, 0]
    assert run("cuts its result to whole numbers", x / 2, calls=calls)[0] == 1
    assert run("ignores alpha", x, 3, calls=calls)[0] == 2.5
    assert run("takes int(alpha)", x, 0.5, calls=calls).sum() == 0
    assert not run("detaches the gradient", x, calls=calls).requires_grad
    (slope,) = torch.autograd.grad(run("doubles the gradient", x, calls=calls).sum(), x)
    assert slope.tolist() == [4] * 5
    names = dict(wrapped(doubled, [({"x": "ab"}, "abab")]))
    assert "drops what is not ASCII in x" in names and "changes x" not in names and "rounds to 2 places" not in names
    assert names["drops what is not ASCII in x"]("é1") == "11"


def test_a_pair_is_not_cut_and_tuples_of_several_sizes_are():
    pair, other = ({"x": (1, 2)}, (1, 2, 1, 2)), ({"x": (1,)}, (1, 1))
    assert "sees only 4 of x" not in dict(wrapped(doubled, [pair]))
    assert "sees only 4 of x" in dict(wrapped(doubled, [pair, other]))


@pytest.mark.parametrize("lab", LABS)
def test_a_mutant_that_calls_what_is_forbidden_is_seen(lab):
    module = importlib.import_module(f"spectrum.checks.lab_{lab}")
    rules = [check.rules for check in vars(module).values() if getattr(check, "is_check", False)]
    for name in {name for rule in rules for name in rule.get("forbids", ())}:
        with calls_of([name]) as called:
            calls_it(name, None)
        assert called, name


def test_a_labs_table_is_made_of_its_own_check_with_its_helpers_and_of_its_own_reasons(monkeypatch):
    names = {path.stem for path in mutants.check_files("03")}
    assert {"lab_03", "cases_03", "decoding_03", "gate", "machinery", "snapshot"} <= names and "lab_02" not in names
    reasons = mutants.accepted_mutants()
    before = mutants.fingerprint("03")
    for lab, same in (("02", True), ("03", False)):
        monkeypatch.setattr(mutants, "accepted_mutants", lambda lab=lab: {**reasons, (lab, 1, "a fault"): "a reason"})
        assert (mutants.fingerprint("03") == before) == same


def test_a_fault_keeps_state_between_calls():
    calls = [({"x": [1]}, [1, 1])]
    faults = dict(wrapped(doubled, calls))
    still = faults["still sees the x of the call before"]
    assert (still([1]), still([2])) == ([1, 1], [1, 2, 1, 2])
    same = faults["gives the same object each time"]
    assert same([1]) is same([2])
    by_shape = faults["remembers results by the shape of what it is given"]
    assert by_shape([1]) == by_shape([2]) == [1, 1] and by_shape([1, 2]) == [1, 2, 1, 2]
    spoiled = [1, 2]
    faults["changes x"](spoiled)
    assert spoiled == [1]


def test_threads_of_a_check_do_not_race_for_the_pool_of_the_fork(monkeypatch):
    """torch makes it at the first use after a fork, unlocked: loading a model in threads failed now and then."""
    task, numbers = mutants.tasks_of("04")[1], torch.ones(200_000, dtype=torch.float64)
    torch.set_num_threads(torch.get_num_threads())  # the pool is there before the fork

    def loads(seed):
        start = threading.Barrier(4)

        def copy():
            start.wait()
            torch.empty(200_000).copy_(numbers)

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(copy) for _ in range(4)]:
                done.result()

    monkeypatch.setattr(task, "run", loads)
    said = mutants.try_all(task, [(str(n), lambda: None) for n in range(20)], 2, 1, 5)
    assert set(said.values()) == {None}


@pytest.mark.slow
def test_a_mutant_that_loops_is_stopped_and_one_that_passes_is_told(monkeypatch):
    task = mutants.tasks_of("04")[1]

    def loops():
        while True:
            pass

    said = mutants.try_all(task, [("right", lambda: None), ("loops", loops)], 2, 1, 5)
    assert said == {"right": None, "loops": "took too long"}
