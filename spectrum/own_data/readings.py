"""What was read from a source of rows, with the line of each; and refusals that name every line at once."""

import dataclasses
from dataclasses import dataclass, field

NAMED = 5  # of many refused rows, how many are named in full
LISTED = 100  # how many of the others are named by their line


@dataclass
class Reading:
    """The usable rows of a source, and what is to be said about them; `str` of it is that in a sentence."""

    rows: list  # as `tokenize_rows` takes them; preference pairs as spectrum.preferences does
    lines: list  # the line of its file that each row begins in, or its number from 1
    problems: list  # "line 3: why" of each record that cannot be used
    form: str
    noun: str = "rows"
    unused: list = field(default_factory=list)  # columns, and keys of turns, that the rows do not have
    notes: list = field(default_factory=list)  # what was changed, and what kind of file it was
    unit: str = "line"

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return iter(self.rows)

    def __getitem__(self, index):
        return self.rows[index]

    def take(self, indices):
        """Returns the Reading of some of the rows, which keep their lines."""
        rows, lines = [self.rows[i] for i in indices], [self.lines[i] for i in indices]
        return dataclasses.replace(self, rows=rows, lines=lines)

    def said(self):
        """Returns what was understood: the form, how many rows, how many refused, what was not used or was changed."""
        refused = [f"{len(self.problems)} refused"] if self.problems else []
        unused = (
            [f"columns not used: {', '.join(str(name) or '(no name)' for name in self.unused)}"] if self.unused else []
        )
        noun = self.noun.removesuffix("s") if len(self.rows) == 1 else self.noun
        counts = ", ".join([f"read as {self.form}: {len(self.rows)} {noun}", *refused, *unused])
        return "; ".join([counts, *self.notes])

    __str__ = __repr__ = said


def each_row(function, rows, unit, lines):
    """Returns the function's result for each row; ValueError names all rows for which it raises one."""
    results, problems, cause = [], [], None
    for line, row in zip(lines, rows, strict=True):
        try:
            results.append(function(row))
        except ValueError as error:
            cause = cause or error
            problems.append((line, f"{unit} {line}: {error}"))
    if problems:
        raise ValueError(name_all([line for line, _ in problems], [why for _, why in problems], unit)) from cause
    return results


def name_all(lines, reasons, unit):
    """Returns a sentence for refused rows: the first few with their reasons, the others by line."""
    if len(reasons) == 1:
        return reasons[0]
    more = [str(line) for line in lines[NAMED:]]
    others = f"\nand {unit}s {', '.join(more[:LISTED])}" if more else ""
    others += f" and {len(more) - LISTED} more" if len(more) > LISTED else ""
    return f"{len(reasons)} {unit}s cannot be used:\n" + "\n".join(reasons[:NAMED]) + others
