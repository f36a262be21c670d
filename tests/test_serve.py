"""A GGUF file behind an address: served from another process without torch, from a terminal, and what goes wrong."""

import signal
import subprocess
import sys

import psutil
import pytest

from spectrum import export
from spectrum.models import load_model
from spectrum.serve import environment, serve

pytest.importorskip("xllamacpp")
openai = pytest.importorskip("openai")
QUESTION = [{"role": "user", "content": "Give the city.\nI live in Rome. This is about order 4883."}]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return export.write_gguf(*load_model("instruct"), tmp_path_factory.mktemp("gguf") / "instruct.gguf")


def answer(url):
    with openai.OpenAI(base_url=url, api_key="none") as client:
        reply = client.chat.completions.create(model="any", messages=QUESTION, max_tokens=16, temperature=0)
    return reply.choices[0].message.content


def test_a_served_model_answers_on_this_machine_alone_and_ends_with_the_block(file):
    with serve(file) as server:
        assert answer(server.url) == "Rome"
        assert server.url.startswith("http://127.0.0.1:")
        assert server.memory() > file.stat().st_size
        assert server.memory() >= psutil.Process(server.pid).memory_info().rss, "a peak, not what is held now"
        libraries = {path.path for path in psutil.Process(server.pid).memory_maps()}
        assert not any("libtorch" in path for path in libraries), "nothing of torch is loaded"
        assert {each.laddr.ip for each in psutil.Process(server.pid).net_connections()} == {"127.0.0.1"}
    assert not psutil.pid_exists(server.pid)


def test_a_served_model_ends_when_whoever_asked_for_it_is_killed(file):
    code = "import sys, time\nfrom spectrum.serve import serve\nwith serve(sys.argv[1]) as server:\n    "
    code += "print(server.pid, flush=True); time.sleep(99)"
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE, text=True, env=environment()
    )
    child = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    child.wait(timeout=30)  # raises where it is still there


def test_from_a_terminal_until_it_is_interrupted(file):
    command = [sys.executable, "-m", "spectrum.serve", str(file), "--threads", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    assert answer(process.stdout.readline().strip()) == "Rome"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


def test_what_cannot_be_served_is_said_in_a_sentence(file, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file .*missing.gguf"), serve(tmp_path / "missing.gguf"):
        pass
    with pytest.raises(FileNotFoundError, match="no file .*lora.gguf"), serve(file, [tmp_path / "lora.gguf"]):
        pass
    half = tmp_path / "half.gguf"
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(RuntimeError, match="llama.cpp could not start with .*half.gguf") as raised, serve(half):
        pass
    assert "Traceback" not in str(raised.value)


def test_without_the_package_that_runs_it_the_extra_is_named(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ImportError, match=r"pip install 'customization-spectrum\[serve\]'"), serve(file):
        pass
