"""Worked labs, lifted out of their notebooks: each task's functions, what they need, and the calls of its check."""

import ast
import contextlib
import functools
import importlib
import inspect
import io
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np

from spectrum.checks import machinery
from tools.lifted import needed

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Task:
    """A task of a worked lab: what it needs, its functions and classes, and the calls of its check."""

    lab: str
    number: int
    space: dict
    functions: ast.Module
    check: ast.Module

    def run(self, seed=0):
        """Runs the check on what the space holds, with inputs drawn from a seed; raises CheckFailed."""
        machinery.SEEDS = np.random.default_rng(seed)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(self.check, f"<check of lab {self.lab}, task {self.number}>", "exec"), self.space)


def tasks_of(lab):
    """Returns the Tasks of a worked lab, its notebook lifted: no cell is run but for what a check needs."""
    path = next(ROOT.glob(f"solutions/{lab}_*.ipynb"))
    found, functions, checks = [], {}, {}
    for cell in nbformat.read(path, as_version=4).cells:
        tags, nodes = cell.metadata.get("tags", []), ast.parse(cell.source).body if cell.cell_type == "code" else []
        if "task" in tags:
            functions[len(functions) + 1] = [n for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        if "check" in tags:
            checks.setdefault(len(functions), []).extend(range(len(found), len(found) + len(nodes)))
        found += nodes
    return [make_task(lab, number, found, functions[number], places) for number, places in checks.items()]


def make_task(lab, number, found, functions, places):
    """Returns a Task whose space holds what its check needs."""
    before = [node for place in places for node in needed(found, place)[:-1]]
    nodes = [node for node in found if any(node is other for other in (*before, *functions))]
    space = {"__name__": f"lab_{lab}"}
    exec(compile(ast.Module(nodes, []), f"<worked lab {lab}>", "exec"), space)
    bare = ast.parse(ast.unparse(ast.Module(functions, [])))
    for node in ast.walk(bare):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    return Task(lab, number, space, bare, ast.Module([found[place] for place in places], []))


def put_tree(task, tree):
    """Puts the functions of a parsed cell into a task's space."""
    exec(compile(tree, f"<mutant of lab {task.lab}, task {task.number}>", "exec"), task.space)


def put(task, name, method, faulty):
    """Puts a function, or a class with one other method, into a task's space."""
    home = task.space[name]
    task.space[name] = type(home.__name__, (home,), {method: faulty}) if method else faulty


def forbids_of(task):
    """Returns the names that the task's check forbids."""
    module = importlib.import_module(f"spectrum.checks.lab_{task.lab}")
    called = {node.attr for node in ast.walk(task.check) if isinstance(node, ast.Attribute)}
    return [
        name for call in sorted(called) for name in getattr(getattr(module, call, None), "rules", {}).get("forbids", ())
    ]


def record(task):
    """Returns ({(name, method or ""): [({parameter: argument}, result)]}, seconds) of the check on the right answer."""
    recorded, right = {}, dict(task.space)
    for node in task.functions.body:
        home = task.space[node.name]
        methods = [n.name for n in node.body if isinstance(n, ast.FunctionDef)] if isinstance(home, type) else [""]
        for method in methods:
            calls = recorded[node.name, method] = []
            put(task, node.name, method, remembering(getattr(home, method) if method else home, calls))
    start = time.process_time()
    try:
        task.run()
    finally:
        task.space.update(right)
    return recorded, time.process_time() - start


def remembering(function, calls, most=200):
    """Returns the function that also writes its first calls down, as {parameter: argument} and result."""

    @functools.wraps(function)
    def called(*args, **kwargs):
        bound = inspect.signature(function).bind(*args, **kwargs)
        bound.apply_defaults()
        result = function(*args, **kwargs)
        if len(calls) < most:
            calls.append((dict(bound.arguments), result))
        return result

    return called
