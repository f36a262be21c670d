"""Records of a CSV text with their lines, read strictly: a quote that swallows lines is named with its line.

Python's `csv` reads (pandas keeps no line numbers of cells that span lines); what is added is which delimiter the file
has, and how to go on after a stray quote.
"""

import csv
import io
from contextlib import contextmanager
from itertools import islice

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MAX_CELL = 100_000_000  # characters; Python's own limit of 131,072 refuses the longer documents of a corpus
MANY_QUOTES = 50  # stray quotes after which the whole file is refused
SNIFFED = 50  # lines from which the delimiter is told
LONG_ROW = 20  # lines of one row from which on it is said


def read_csv(text):
    """Returns (kind, lines, records, notes) of a CSV text with a header, its delimiter , ; | or tab.

    A row is numbered by the line it begins in; one that cannot be read, or has not as many cells as the header, is a
    ValueError among the records. Raises ValueError for a header that cannot be used and for quotes that are stray all
    over.
    """
    physical = list(io.StringIO(text, newline=""))
    if text[:4].lower() == "sep=":
        raise ValueError("line 1: is Excel's line 'sep=…', not the header: delete it")
    delimiter, width = sniff(physical)
    with long_cells():
        rows = ((line, cells) for line, cells in parse(physical, delimiter, width) if cells)
        top, header = next(rows, (1, []))
        if isinstance(header, ValueError):
            raise ValueError(f"line {top}, the header: {header}")
        header = [name.strip() for name in header]
        if len(set(header)) < len(header):
            raise ValueError(f"line {top}: two columns of the header {header} have one name")
        found = [(line, record_of(header, cells)) for line, cells in rows]
    lines = [line for line, _ in found]
    return f"CSV with {DELIMITERS[delimiter]}", lines, [record for _, record in found], long_rows(lines, len(physical))


@contextmanager
def long_cells():
    """Lifts the limit of `csv` on the size of a cell for the block."""
    before = csv.field_size_limit(MAX_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def sniff(physical):
    """Returns (delimiter, number of columns): what gives most of the first rows as many cells as the header."""
    best = (0, ",", 1)
    with long_cells():
        for delimiter in DELIMITERS:
            rows = [row for row in csv.reader(physical[:SNIFFED], delimiter=delimiter) if row]
            width = len(rows[0]) if rows else 1
            fitting = sum(len(row) == width for row in rows) if width > 1 else 0
            if fitting > best[0]:
                best = fitting, delimiter, width
    return best[1:]


def record_of(header, cells):
    """Returns {column: cell} of a row, or a ValueError that says why there is none."""
    if isinstance(cells, ValueError):
        return cells
    if len(cells) != len(header):
        more = "; quote a cell that holds the delimiter" if len(cells) > len(header) else ""
        return ValueError(f"{len(cells)} cells, and the header has {len(header)}{more}")
    return dict(zip(header, cells, strict=True))


def parse(physical, delimiter, width):
    """Yields (line, cells) of each row; a ValueError in place of the cells where a quote is stray.

    Reading goes on in the line after the stray quote, where a row with an unpaired quote is refused as well.
    """
    start, strays, first = 0, 0, None
    while start < len(physical):
        reader = csv.reader(islice(physical, start, None), delimiter=delimiter, strict=True)
        begin = start
        try:
            for cells in reader:
                end = start + reader.line_num
                if swallows_rows(physical[begin:end], delimiter, width):
                    raise csv.Error("swallows rows")
                if first and sum(line.count('"') for line in physical[begin:end]) % 2:
                    cells = ValueError(f"a quote stands unpaired, after the stray one of line {first}")
                yield begin + 1, cells
                begin = end
            return
        except csv.Error as error:
            why = why_no_csv(physical[begin : start + reader.line_num], begin + 1, error)
            start, strays, first = begin + 1, strays + 1, begin + 1
            if strays > MANY_QUOTES:
                raise ValueError(f"line {begin + 1}: {why}. So it is in more than {MANY_QUOTES} rows") from error
            yield begin + 1, ValueError(why)


def swallows_rows(lines, delimiter, width):
    """Returns whether the lines of one row, at least five, all have as many delimiters as a row of their own."""
    if len(lines) < 5 or width < 2:
        return False
    return all(line.count(delimiter) == width - 1 for line in lines)


def why_no_csv(lines, begin, error):
    """Returns why the row that begins in line `begin` cannot be read; `lines` are those up to the mistake."""
    last = begin + len(lines) - 1
    double = 'remove it, or quote the whole cell and double the quote in it ("")'
    if "swallows" in str(error):
        meant = "; if the cell is meant to be so, save the file as JSON Lines"
        return f"a quote opens a cell that closes only in line {last}, and its lines look like rows: {double}{meant}"
    if "unexpected end" in str(error):
        return f"a quote opens a cell that is never closed, to the end of the file in line {last}: {double}"
    if '\\"' in "".join(lines):
        return 'a quote is escaped by a backslash (\\"); CSV doubles it (""). Write the file anew with csv or pandas'
    if len(lines) > 1:
        return f"a quote opens a cell that goes on to line {last}, where text follows another quote: {double}"
    return f"text follows the quote that closes a cell ({error}): {double}"


def long_rows(lines, count):
    """Returns a note on the rows that span very many lines, which a stray quote may have made."""
    spans = [(end - begin, begin) for begin, end in zip(lines, [*lines, count + 1][1:], strict=True)]
    long = [(size, begin) for size, begin in spans if size > LONG_ROW]
    if not long:
        return []
    size, begin = max(long)
    return [f"rows of more than {LONG_ROW} lines: {len(long)}, the longest from line {begin} on has {size}"]
