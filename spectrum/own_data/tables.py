"""Tables of any kind as records with their line numbers: JSON, CSV, parquet, folders, DataFrames, data sets, lists.

`json`, `csv`, `pyarrow` and `datasets` do the reading; what is added is where each record stands and why one fails.
"""

import gzip
import io
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from spectrum.own_data.causes import decode, refuse_other_files
from spectrum.own_data.csv_files import read_csv
from spectrum.own_data.json_files import read_json

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
SPLITS = ("train", "validation", "valid", "val", "dev", "test", "eval")
ABOUT = ("dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json", "package.json")


@dataclass
class Table:
    """The records of one source. A record is a dict, or a ValueError where the line holds none."""

    name: str  # as messages call the source: 'data.csv', "the DataFrame"
    kind: str  # "JSON Lines", "CSV with semicolons" …
    lines: list  # where each record begins: the line of its file, or its number from 1
    records: list
    unit: str = "line"
    notes: list = field(default_factory=list)


def read_table(source, encoding=None, split=None):
    """Returns the Table of a path, a DataFrame, a `datasets` Dataset or DatasetDict, or a list of dicts.

    `encoding` is that of text files, UTF-8 where it is None; `split` names one of several parts. Raises
    FileNotFoundError for a path that is not there, ValueError where the source as a whole cannot be read, has several
    splits of which none was named, or has no rows, and TypeError for a source of another type.
    """
    table = open_source(source, encoding, split)
    if not table.records:
        raise ValueError(f"{table.name} has no rows.")
    return table


def open_source(source, encoding, split):
    """Returns the Table of a source of any kind, perhaps without rows."""
    if isinstance(source, str | Path):
        return read_path(Path(source).expanduser(), encoding, split)
    kind = type(source).__name__
    if encoding is not None:
        raise ValueError(f"encoding={encoding!r} is for text files, and this is a {kind}: leave it away.")
    if isinstance(source, dict) and hasattr(source, "num_rows"):  # a datasets.DatasetDict
        return read_dataset(pick_split("the DatasetDict", source, split), "the DatasetDict")
    if split is not None:
        raise ValueError(f"A {kind} has no split {split!r}: leave split away.")
    if kind == "DataFrame" and hasattr(source, "to_dict"):
        doubled = source.columns[source.columns.duplicated()]
        if len(doubled):
            raise ValueError(f"The DataFrame has two columns {doubled[0]!r}: rename one.")
        return numbered("the DataFrame", kind, source.astype(object).where(source.notna(), None).to_dict("records"))
    if hasattr(source, "column_names") and hasattr(source, "to_list"):
        return read_dataset(source, "the Dataset")
    if isinstance(source, list | tuple):
        return numbered("the list", "list of dicts", list(source))
    raise TypeError(
        f"A {kind} cannot be read as rows: give the path of a file or folder, a DataFrame, a datasets.Dataset "
        "or a list of dicts."
    )


def numbered(name, kind, records):
    """Returns a Table whose records are numbered from 1."""
    return Table(name, kind, list(range(1, len(records) + 1)), records, "row")


def read_dataset(dataset, name):
    """Returns the rows of a `datasets.Dataset`."""
    return numbered(name, "data set", dataset.with_format(None).to_list())


def pick_split(name, splits, split):
    """Returns one of {split: data}: the named one, or the only one; ValueError lists them."""
    if split is None and len(splits) == 1:
        return next(iter(splits.values()))
    if split not in splits:
        asked = f", and no {split!r}" if split else ""
        raise ValueError(
            f"{name} holds the splits {list(splits)}{asked}: give one, as in split={next(iter(splits))!r}."
        )
    return splits[split]


# ---- paths ----


def read_path(path, encoding, split):
    """Returns the Table of a file or folder."""
    name = repr(str(path))
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {name}.{near(path)}")
    if path.is_dir():
        return read_folder(path, encoding, split)
    if split is not None:
        raise ValueError(f"{name} is one file and has no split {split!r}: leave split away.")
    return read_file(path, encoding)


def near(path):
    """Returns a hint at a file beside a path that is spelled nearly as it is."""
    beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    match = get_close_matches(path.name, beside, 1)
    return f" Did you mean {str(path.parent / match[0])!r}?" if match else ""


def read_file(path, encoding=None):
    """Returns the Table of one file, by the suffix of its name; .gz is unpacked."""
    name, suffixes = repr(str(path)), [suffix.lower() for suffix in path.suffixes]
    packed = suffixes[-1:] == [".gz"]
    suffix = (suffixes[-2:-1] if packed else suffixes[-1:]) or [""]
    if suffix[0] not in SUFFIXES:
        raise ValueError(
            f"{name} is of no format that can be read: give {', '.join(SUFFIXES)}, one of them with .gz, a folder that "
            "save_to_disk wrote, or a clone of a hub data set."
        )
    data = unpack(path, name) if packed else path.read_bytes()
    if suffix[0] == ".parquet" and encoding is not None:
        raise ValueError(f"{name} is parquet, which has no encoding={encoding!r} to choose: leave it away.")
    if suffix[0] == ".parquet":
        return read_parquet(name, data)
    refuse_other_files(name, data)
    text = decode(name, data, encoding)
    try:
        kind, lines, records, *notes = (read_csv if suffix[0] in (".csv", ".tsv") else read_json)(text)
    except ValueError as error:
        raise ValueError(f"{name}, {error}.") from error
    return Table(name, kind, lines, records, notes=list(*notes))


def unpack(path, name):
    """Returns the bytes of a gzip file."""
    try:
        return gzip.decompress(path.read_bytes())
    except EOFError as error:
        raise ValueError(f"{name} is cut off: download it again.") from error
    except (OSError, ValueError) as error:
        refuse_other_files(name, path.read_bytes()[:200])
        raise ValueError(f"{name} is not compressed by gzip ({error}); give it a name without .gz.") from error


def read_parquet(name, data):
    """Returns the rows of a parquet file."""
    import pyarrow
    import pyarrow.parquet

    if not data.startswith(b"PAR1"):
        refuse_other_files(name, data)
    try:
        table = pyarrow.parquet.read_table(io.BytesIO(data))
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"{name} is no whole parquet file ({error}): download or write it again.") from error
    if len(set(table.column_names)) < len(table.column_names):
        raise ValueError(f"{name} has two columns of one name: {table.column_names}.")
    return numbered(name, "parquet", table.to_pylist())


def read_folder(path, encoding, split):
    """Returns the rows of a folder: what save_to_disk wrote, or the data files of a clone, one split of them."""
    name = repr(str(path))
    if (path / "dataset_dict.json").exists() or (path / "state.json").exists():
        return read_saved(path, name, split)
    files = [f for f in sorted(path.rglob("*")) if is_data(f, path)]
    if not files:
        there = sorted(f.name for f in path.iterdir())[:8]
        raise ValueError(f"The folder {name} holds no data file ({', '.join(SUFFIXES)}); it has {there}.")
    groups = {}
    for file in files:
        groups.setdefault(split_of(file.relative_to(path)), []).append(file)
    tables = [read_file(file, encoding) for file in pick_split(f"The folder {name}", groups, split)]
    if len(tables) == 1:
        return tables[0]
    labels = [f"{Path(t.name.strip(chr(39))).name}:{n}" for t in tables for n in t.lines]
    notes = [f"{len(tables)} files", *dict.fromkeys(note for t in tables for note in t.notes)]
    kinds = " and ".join(dict.fromkeys(t.kind for t in tables))
    return Table(f"The folder {name}", kinds, labels, [r for t in tables for r in t.records], tables[0].unit, notes)


def read_saved(path, name, split):
    """Returns the rows of a folder that `save_to_disk` of a Dataset or a DatasetDict wrote."""
    from datasets import load_from_disk

    try:
        found = load_from_disk(str(path))
    except Exception as error:  # pyarrow's, json's and the system's: whatever a damaged folder raises
        raise ValueError(f"The folder {name} cannot be loaded as a data set: {error}") from error
    return read_dataset(pick_split(f"The folder {name}", found, split) if isinstance(found, dict) else found, name)


def is_data(file, folder):
    """Returns whether a file of a clone is part of its data: no hidden file and none of those about the data."""
    parts = file.relative_to(folder).parts
    suffix = "".join(file.suffixes[-2:-1]) if file.suffix == ".gz" else file.suffix
    return suffix.lower() in SUFFIXES and file.name not in ABOUT and not any(part.startswith(".") for part in parts)


def split_of(path):
    """Returns the split that a path names, as hub data sets do: data/test-00000-of-00001.parquet is of "test"."""
    words = re.split(r"[^a-z]+", str(path).lower())
    return next((split for split in SPLITS if split in words), "train")
