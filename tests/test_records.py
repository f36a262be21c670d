"""The record of a bench: kept and damaged, exported and repeated, two runs side by side, and the time a run takes."""

import json

import pandas as pd
import pytest

from spectrum import records

RUN = {"settings": {"rank": 8, "lr": 5e-3, "targets": ["q_proj"]}, "result": {"score": 0.5, "trainable": 175104}}
OTHER = {"settings": {"rank": 64, "lr": 5e-3, "targets": ["q_proj"]}, "result": {"score": 0.12345, "bits": 9}}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of the user's."""
    monkeypatch.setenv("SPECTRUM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_record_grows_and_a_damaged_one_is_named(tmp_path):
    path = tmp_path / "runs" / "bench.json"
    assert records.read_history(path) == []
    records.add_to_history(RUN, path)
    assert records.add_to_history(OTHER, path) == [RUN, OTHER] == records.read_history(path)
    assert [file.name for file in path.parent.iterdir()] == ["bench.json"]
    path.write_text("[{")
    with pytest.raises(ValueError, match=r"bench\.json' is no record of runs .* rename it"):
        records.read_history(path)


def test_an_export_holds_the_table_the_data_and_lines_that_run(tmp_path):
    table = pd.DataFrame({"run": [1, 2], "score %": [50.0, 12.3]})
    csv, data, code = records.export([RUN, OTHER], tmp_path / "bench.json", table, "spectrum.lessons.lora_rank")
    assert pd.read_csv(csv).equals(table) and json.loads(data.read_text()) == [RUN, OTHER]
    assert {csv.parent, data.parent, code.parent} == {tmp_path} and code.suffix == ".py"
    seen = []
    lines = code.read_text().replace("from spectrum.lessons.lora_rank import runs", "")
    exec(lines, {"runs": type("Runs", (), {"run": staticmethod(lambda **settings: seen.append(settings))})})
    assert seen == [RUN["settings"], OTHER["settings"]]


def test_an_upload_is_kept_beside_another_of_its_name(tmp_path):
    first = records.keep_upload("own.csv", b"a", tmp_path)
    assert records.keep_upload("own.csv", b"a", tmp_path) == first, "the same file is there already"
    second = records.keep_upload("C:\\data\\own.csv", b"b", tmp_path)
    assert (first.name, second.name) == ("own.csv", "own-2.csv")
    assert first.read_bytes() == b"a" and second.read_bytes() == b"b"
    assert records.keep_upload("../../own.csv", b"a", tmp_path) == first, "nothing is written outside the folder"


def test_two_runs_show_what_differs_and_all_results():
    rows = records.compared(RUN, OTHER).values.tolist()
    assert rows == [
        ["rank", "8", "64"],
        ["score", "0.5", "0.1235"],
        ["trainable", "175,104", "–"],
        ["bits", "–", "9"],
    ]
    assert records.differ(RUN, RUN) == []


def test_a_pace_is_the_latest_of_the_setting_at_the_nearest_rank():
    what = {"model": "base", "data": "facts"}
    assert records.find_pace(what) is None and "not measured yet" in records.pace_text(None, 10)
    for rank, step in ((8, 9.0), (64, 2.0), (8, 1.0)):
        records.keep_pace(what, step, 5.0, rank)
    assert len(records.read_paces()) == 2
    assert records.find_pace(what, 4)["step"] == 1.0 and records.find_pace(what, 60)["step"] == 2.0
    assert records.find_pace(what | {"model": "smollm2"}) is None
    told = records.pace_text(records.find_pace(what, 4), 100)
    assert "about <b>105 s</b>" in told and "at rank 8" in told, "a hundred steps, and five seconds around them"


def test_a_pace_of_another_machine_is_kept_and_not_used(monkeypatch):
    records.keep_pace({"model": "base"}, 1.0, 0.0)
    monkeypatch.setattr(records, "machine", lambda: "another")
    assert records.find_pace({"model": "base"}) is None
    records.keep_pace({"model": "base"}, 7.0, 0.0)
    monkeypatch.setattr(records, "machine", lambda: "a third")
    assert len(json.loads(records.paces_file().read_text())) == 2


def test_a_note_of_paces_that_was_cut_short_is_measured_anew(cache):
    cache.mkdir()
    (cache / "paces.json").write_text("{")
    assert records.read_paces() == []
    assert records.keep_pace({"model": "base"}, 1.0, 0.0) and records.find_pace({"model": "base"})["step"] == 1.0


@pytest.mark.parametrize(("seconds", "said"), [(0.2, "1 s"), (119, "119 s"), (150, "2 min"), (7200, "2.0 h")])
def test_times_are_said_as_people_say_them(seconds, said):
    assert records.spoken(seconds) == said
