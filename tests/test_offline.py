"""Nothing is even attempted on the network: by any module, by peft and bitsandbytes, or by loading and generating."""

import os
import pkgutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import spectrum

MODULES = sorted(module.name for module in pkgutil.walk_packages(spectrum.__path__, "spectrum."))
MODULES = [name for name in MODULES if not name.endswith("__main__")]  # a command, not a module

GUARDED = """
import sys
sys.path[:0] = {paths!r}
import conftest
conftest.block_network()
{body}
print("attempts:", conftest.ATTEMPTS)
"""


def run_guarded(body):
    """Run code in a fresh interpreter under the guard, offline; return (stdout, stderr)."""
    here = Path(__file__).parent
    code = GUARDED.format(paths=[str(here), str(here.parent)], body=body)
    env = os.environ | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_the_guard_refuses_and_names_the_address(no_network):
    for call in [
        lambda: socket.create_connection(("192.0.2.1", 443), timeout=1),
        lambda: socket.socket().connect(("192.0.2.1", 443)),
        lambda: socket.getaddrinfo("models.example", 443),
    ]:
        with pytest.raises(OSError, match="192.0.2.1|models.example"):
            call()
    assert len(no_network) == 3
    no_network.clear()


def test_the_guard_lets_this_machine_talk_to_itself():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    assert socket.getaddrinfo("localhost", 80)


@pytest.mark.slow
def test_importing_everything_attempts_no_connection():
    imports = "\n".join(f"import {name}" for name in [*MODULES, "peft", "bitsandbytes", "datasets"])
    out, _ = run_guarded(imports)
    assert out.splitlines()[-1] == "attempts: []"


@pytest.mark.slow
def test_loading_and_generating_attempts_no_connection_and_prints_nothing_else(tiny_folder):
    out, err = run_guarded(
        f"""
from spectrum.generate import complete
from spectrum.models import load_model
model, tokenizer = load_model({str(tiny_folder)!r})
answers = complete(model, tokenizer, ["Mira", [{{"role": "user", "content": "Hi"}}]], max_new_tokens=4)
assert len(answers) == 2
"""
    )
    assert (out, err) == ("attempts: []\n", "")
