"""Tables of every kind give the same rows with the lines that they stand in."""

import gzip
import json

import pandas as pd
import pytest

from spectrum.examples import read_rows

ROWS = [{"prompt": f"Größe {i}, in m?", "completion": f"{i}\nund mehr"} for i in range(4)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
FRAME = pd.DataFrame(ROWS)
TEXTS = {
    "a.jsonl": LINES,
    "a.ndjson": "\n" + LINES,
    "mac.jsonl": LINES.replace("\n", "\r"),
    "a.json": json.dumps(ROWS, indent=2),
    "b.json": json.dumps(ROWS),
    "c.json": LINES,
    "pretty.jsonl": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "array.jsonl": json.dumps(ROWS, indent=2),
    "a.csv": FRAME.to_csv(index=False),
    "b.csv": FRAME.to_csv(index=False, sep=";"),
    "c.csv": FRAME.to_csv(index=False, sep="|"),
    "a.tsv": FRAME.to_csv(index=False, sep="\t"),
    "windows.csv": FRAME.to_csv(index=False).replace("\r\n", "\n").replace("\n", "\r\n"),
    "blank.csv": "\n" + FRAME.to_csv(index=False) + "\n\n",
}
STARTS = {"a.ndjson": [2, 3, 4, 5], "a.json": [2, 6, 10, 14], "b.json": [1] * 4, "pretty.jsonl": [1, 5, 9, 13]}
STARTS |= {"array.jsonl": [2, 6, 10, 14], "blank.csv": [3, 5, 7, 9]}


@pytest.mark.parametrize("name", TEXTS)
def test_text_files_give_the_rows_and_their_lines(tmp_path, name):
    (tmp_path / name).write_bytes(TEXTS[name].encode())
    reading = read_rows(tmp_path / name)
    found = [{field: text.replace("\r\n", "\n") for field, text in row.items()} for row in reading]
    assert found == ROWS and reading.problems == []
    usual = [2, 4, 6, 8] if name.endswith(("csv", "tsv")) else [1, 2, 3, 4]
    assert reading.lines == STARTS.get(name, usual)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_other_encodings_and_compressed_files(tmp_path, name, encoding):
    text = TEXTS[name].encode(encoding)
    path = tmp_path / f"{name}.gz"
    path.write_bytes(gzip.compress(text))
    assert read_rows(path, encoding=None if encoding == "utf-8-sig" else encoding).rows == ROWS


def test_parquet_frames_data_sets_and_lists(tmp_path):
    from datasets import Dataset, DatasetDict

    FRAME.to_parquet(tmp_path / "a.parquet")
    data = Dataset.from_list(ROWS)
    for source in (tmp_path / "a.parquet", FRAME, data, DatasetDict(train=data), ROWS, tuple(ROWS)):
        reading = read_rows(source)
        assert reading.rows == ROWS and reading.lines == [1, 2, 3, 4] and reading.unit == "row"
    assert read_rows(data.select([3, 1])).rows == [ROWS[3], ROWS[1]]
    with pytest.raises(ValueError, match=r"the DatasetDict holds the splits \['train', 'test'\]: give one"):
        read_rows(DatasetDict(train=data, test=data))
    assert len(read_rows(DatasetDict(train=data, test=data.select([0])), split="test")) == 1


def test_missing_cells_of_a_frame_are_missing(tmp_path):
    reading = read_rows(pd.DataFrame([*ROWS, {"prompt": "x"}]))
    assert reading.problems == ["row 5: field 'completion' is missing"]
    with pytest.raises(ValueError, match="The DataFrame has two columns 'a'"):
        read_rows(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def clone(folder, files):
    """Writes a folder as `git clone` of a hub data set leaves it."""
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "x.json").write_text("{}")
    (folder / "README.md").write_text("---\n")
    (folder / "dataset_infos.json").write_text("{}")
    for name, rows in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        if name.endswith(".parquet"):
            pd.DataFrame(rows).to_parquet(folder / name)
        else:
            (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_clones_of_hub_data_sets(tmp_path):
    shards = {"data/train-00000-of-00002.parquet": ROWS[:3], "data/train-00001-of-00002.parquet": ROWS[3:]}
    one = read_rows(clone(tmp_path / "one", shards))
    assert one.rows == ROWS and "2 files" in one.notes
    assert one.lines[3] == "train-00001-of-00002.parquet:1"
    two = clone(tmp_path / "two", {"train.jsonl": ROWS, "test.jsonl": [*ROWS[:2], {"prompt": "x"}]})
    with pytest.raises(ValueError, match=r"holds the splits \['test', 'train'\]: give one, as in split='test'"):
        read_rows(two)
    assert read_rows(two, split="train").rows == ROWS
    assert read_rows(two, split="test").problems == ["line 3: field 'completion' is missing"]
    with pytest.raises(ValueError, match="holds no data file"):
        read_rows(clone(tmp_path / "none", {}))


def test_a_damaged_folder_of_save_to_disk_says_so(tmp_path):
    from datasets import Dataset

    Dataset.from_list(ROWS).save_to_disk(tmp_path / "a")
    next((tmp_path / "a").glob("*.arrow")).write_bytes(b"cut")
    with pytest.raises(ValueError, match="cannot be loaded as a data set") as refusal:
        read_rows(tmp_path / "a")
    assert refusal.value.__cause__ is not None


def test_a_cell_may_be_long_and_may_hold_lines_that_are_no_rows(tmp_path):
    poem = "Once, long ago,\nthere was a lamp\nin a tower, tall,\nwhich nobody lit,\nnot once, not ever, at all"
    rows = [{"prompt": "A poem", "completion": poem}, {"prompt": "Much", "completion": "word " * 60_000}]
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    assert read_rows(tmp_path / "a.csv").rows == rows


def test_one_column_says_when_a_row_spans_many_lines(tmp_path):
    rows = [{"text": "short"}, {"text": "\n".join(f"line {i}" for i in range(30))}]
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    reading = read_rows(tmp_path / "a.csv")
    assert reading.rows == rows
    assert reading.notes[1] == "rows of more than 20 lines: 1, the longest from line 3 on has 30"


def test_the_limit_of_csv_is_left_as_it_was(tmp_path):
    import csv

    before = csv.field_size_limit()
    (tmp_path / "a.csv").write_text('text\n"open\n')
    with pytest.raises(ValueError):
        read_rows(tmp_path / "a.csv")
    assert csv.field_size_limit() == before
