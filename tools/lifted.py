"""Code taken out of a notebook by parsing it, so that it can be compared with the library, or mutated."""

import ast
import symtable
from pathlib import Path

import nbformat

SIMPLE = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)


def statements(path):
    """Return the top-level statements of a notebook's code cells, lines that begin with % or ! left out."""
    notebook = nbformat.read(path, as_version=4)
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            lines = ["" if line.startswith(("%", "!")) else line for line in cell.source.split("\n")]
            found += ast.parse("\n".join(lines)).body
    return found


def names_bound(node):
    """Return the names that a top-level statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    targets = getattr(node, "targets", None) or [getattr(node, "target", ast.Pass())]
    return {leaf.id for target in targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)}


def names_used(node):
    """Return the names that a statement reads from the notebook, inside functions too, but not those local to them."""
    used, todo = set(), [symtable.symtable(ast.unparse(node), "notebook", "exec")]
    while todo:
        table = todo.pop()
        top = table.get_type() == "module"
        used |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())}
        todo += table.get_children()
    return used


def maker_of(name, found, index):
    """Return the index of the statement that defines `name` for statement `index`: the last before it, else the last
    after it (a function that is called later); None where the notebook does not define it.
    """
    makers = [i for i, node in enumerate(found) if isinstance(node, SIMPLE) and name in names_bound(node)]
    before = [i for i in makers if i < index]
    return (before or makers or [None])[-1]


def needed(found, target):
    """Return the statements that the statement with index `target` needs and itself, in the order of the notebook."""
    chosen, todo = {target}, [target]
    while todo:
        index = todo.pop()
        own = names_bound(found[index]) | names_bound(found[target])  # a function that calls itself means itself
        for name in names_used(found[index]) - own:
            maker = maker_of(name, found, index)
            if maker is not None and maker not in chosen:
                chosen.add(maker)
                todo.append(maker)
    return [found[i] for i in sorted(chosen)]


def lift(path, name, version=-1):
    """Return the function or class `name` of the notebook at `path`, having executed only it and what it needs.

    `version` picks among several definitions of the same name (a function grown in view): -1 is the last, 0 the first.
    Raises ValueError where the notebook does not define the name.
    """
    found = statements(path)
    kinds = ast.FunctionDef | ast.ClassDef
    makers = [i for i, node in enumerate(found) if isinstance(node, kinds) and node.name == name]
    if not makers:
        raise ValueError(f"{Path(path).name} defines no function or class named {name!r}")
    space = {"__name__": f"lifted_{Path(path).stem}"}
    module = ast.Module(body=needed(found, makers[version]), type_ignores=[])
    exec(compile(module, str(path), "exec"), space)
    return space[name]
