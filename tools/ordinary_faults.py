"""Ordinary mutants: one small fault in a function's source, by `ast`.

The kinds are those of Offutt et al. 1996 (operators, comparisons, constants, statements) and what a first try at these
tasks gets wrong: slices, arguments in the other order, the other method of a pair, a default. The well-kept libraries
(mutmut, cosmic-ray) have the first kinds only, and change files of a project, not a function lifted from a notebook.
"""

import ast
import copy
from collections import Counter

# op -> what is written by mistake in its place
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
             ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
             ast.MatMult: ast.Mult}  # fmt: skip
COMPARISONS = {ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt),
               ast.GtE: (ast.Gt, ast.LtE), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,),
               ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,)}  # fmt: skip
PAIRS = (("min", "max"), ("sum", "mean"), ("any", "all"), ("argmax", "argmin"), ("amax", "amin"), ("exp", "log"),
         ("lower", "upper"), ("sum", "max"), ("search", "fullmatch"), ("search", "match"), ("findall", "split"),
         ("zeros", "ones"), ("rand", "randn"), ("startswith", "endswith"), ("append", "extend"), ("floor", "ceil"),
         ("cumsum", "cumprod"), ("softmax", "log_softmax"), ("abs", "square"), ("strip", "lstrip"),
         ("strip", "rstrip"), ("keys", "values"), ("permutations", "combinations"), ("sqrt", "square"),
         ("list", "tuple"), ("add", "discard"), ("sorted", "list"), ("reversed", "list"), ("len", "max"))  # fmt: skip
OTHERS = {}
for one, two in PAIRS:
    OTHERS.setdefault(one, []).append(two)
    if (two, one) not in (("list", "sorted"), ("list", "reversed"), ("max", "len"), ("list", "tuple")):
        OTHERS.setdefault(two, []).append(one)


def ordinary(tree):
    """Yields (the fault in words, the faulty tree) for every small fault of the functions in a parsed cell."""
    seen, told = {ast.unparse(tree)}, Counter()
    for place, node in enumerate(ast.walk(tree)):
        for change in changes(node):
            faulty = copy.deepcopy(tree)
            twin = list(ast.walk(faulty))[place]
            change(twin)
            text = ast.unparse(ast.fix_missing_locations(faulty))
            if text not in seen:
                seen.add(text)
                said = words(tree, faulty)
                told[said] += 1  # a line may stand in a function twice
                yield said + f" ({told[said]})" * (told[said] > 1), faulty


def words(tree, faulty):
    """Returns "line → faulty line" for the lines in which two trees differ."""
    old, new = (ast.unparse(side).split("\n") for side in (tree, faulty))
    start = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    end = next((i for i, (a, b) in enumerate(zip(old[::-1], new[::-1], strict=False)) if a != b), 0)
    end = min(end, len(old) - start, len(new) - start)
    was, now = (" ⏎ ".join(line.strip() for line in side[start : len(side) - end]) for side in (old, new))
    return f"{was or '(nothing)'} → {now or '(dropped)'}"


def changes(node):
    """Yields functions, each of which puts one fault into a node like the given one.

    `strict=` of zip only guards against inputs that no check gives: it stays.
    """
    if isinstance(node, ast.keyword) and node.arg == "strict":
        node.value.kind = "stays"
    yield from statement_changes(node)
    if isinstance(node, ast.BinOp | ast.AugAssign):
        if type(node.op) in OPERATORS:
            yield lambda n: setattr(n, "op", OPERATORS[type(n.op)]())
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub | ast.Div | ast.MatMult | ast.FloorDiv):
            yield swap_sides
    elif isinstance(node, ast.Compare):
        for other in COMPARISONS.get(type(node.ops[0]), ()):
            yield lambda n, other=other: n.ops.__setitem__(0, other())
    elif isinstance(node, ast.BoolOp):
        yield lambda n: setattr(n, "op", ast.And() if isinstance(n.op, ast.Or) else ast.Or())
        for place in range(len(node.values)):
            yield lambda n, place=place: n.values.pop(place)
    elif isinstance(node, ast.Constant):
        yield from constant_changes(node)
    elif isinstance(node, ast.Slice):
        yield from slice_changes(node)
    elif isinstance(node, ast.IfExp):
        yield lambda n: setattr(n, "body", n.orelse)
        yield lambda n: setattr(n, "orelse", n.body)
    elif isinstance(node, ast.comprehension):
        for place in range(len(node.ifs)):
            yield lambda n, place=place: n.ifs.pop(place)
    elif isinstance(node, ast.Call):
        yield from call_changes(node)
    for field, part in ast.iter_fields(node):
        yield from unwrapped(field, part)


def swap_sides(node):
    """Swaps the two sides of an operator."""
    node.left, node.right = node.right, node.left


def constant_changes(node):
    """Yields changes of a number by 1 either way, of True and False, and of a text's first and last character."""
    value = node.value
    if node.kind == "stays":
        return
    if isinstance(value, bool):
        yield lambda n: setattr(n, "value", not n.value)
    elif isinstance(value, int | float):
        yield lambda n: setattr(n, "value", n.value + 1)
        yield lambda n: setattr(n, "value", n.value - 1)
        if isinstance(value, float):
            yield lambda n: setattr(n, "value", n.value * 0.9)
    elif isinstance(value, str) and value:
        yield lambda n: setattr(n, "value", n.value[1:])
        yield lambda n: setattr(n, "value", n.value[:-1])


def slice_changes(node):
    """Yields a slice without a bound, and with a bound moved by one."""
    for bound in ("lower", "upper", "step"):
        if getattr(node, bound) is not None:
            yield lambda n, bound=bound: setattr(n, bound, None)
            if bound != "step" and not isinstance(getattr(node, bound), ast.Constant):
                for op in (ast.Add, ast.Sub):
                    yield lambda n, bound=bound, op=op: setattr(
                        n, bound, ast.BinOp(getattr(n, bound), op(), ast.Constant(1)))  # fmt: skip


def call_changes(node):
    """Yields arguments swapped, keywords dropped, and the other function or method of a pair."""
    for place in range(len(node.args) - 1):
        yield lambda n, place=place: n.args.__setitem__(slice(place, place + 2), n.args[place : place + 2][::-1])
    for place in (place for place, keyword in enumerate(node.keywords) if keyword.arg != "strict"):
        yield lambda n, place=place: n.keywords.pop(place)
    name = "attr" if isinstance(node.func, ast.Attribute) else "id"
    for other in OTHERS.get(getattr(node.func, name, None), ()):
        yield lambda n, other=other: setattr(n.func, name, other)


def unwrapped(field, part):
    """Yields changes that put a part of an expression in its place: x for `x.lower()`, `not x`, `-x`, `set(x)`."""
    for place, inner in enumerate(part) if isinstance(part, list) else [(None, part)]:
        new = None
        if isinstance(inner, ast.UnaryOp):
            new = lambda n: n.operand  # noqa: E731
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and len(inner.args) <= 1:
            if not isinstance(inner.func.value, ast.Name) or inner.func.value.id not in ("torch", "np", "re", "math"):
                new = lambda n: n.func.value  # noqa: E731
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and len(inner.args) == 1:
            new = lambda n: n.args[0]  # noqa: E731
        if new and place is None:
            yield lambda n, new=new: setattr(n, field, new(getattr(n, field)))
        elif new:
            yield lambda n, new=new, place=place: getattr(n, field).__setitem__(place, new(getattr(n, field)[place]))


def statement_changes(node):
    """Yields each statement of a node's body dropped, conditions turned round, break for continue, += for =."""
    body = getattr(node, "body", None)
    if isinstance(body, list) and not isinstance(node, ast.Module | ast.ClassDef):
        for field in ("body", "orelse"):
            for place, statement in enumerate(getattr(node, field, [])):
                if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Constant):
                    yield lambda n, field=field, place=place: getattr(n, field).__setitem__(place, ast.Pass())
    if isinstance(node, ast.If | ast.While):
        yield lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))
    for place, statement in enumerate(body if isinstance(body, list) else []):
        if isinstance(statement, ast.Break):
            yield lambda n, place=place: n.body.__setitem__(place, ast.Continue())
        elif isinstance(statement, ast.AugAssign):
            yield lambda n, place=place: n.body.__setitem__(
                place, ast.Assign([n.body[place].target], n.body[place].value))  # fmt: skip
