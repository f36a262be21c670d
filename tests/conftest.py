"""Shared by all tests: tiny checkpoints, and a guard that lets no test reach beyond this machine."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # read when huggingface_hub is imported, so it comes first
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import ipaddress
import socket

import pytest

ATTEMPTS = []


class NetworkBlocked(OSError):
    """What a blocked connection raises: an OSError, so libraries take it for a network that is down."""


def is_local(host):
    """Return whether a host name or address means this machine."""
    if host in (None, "", b"", "localhost", b"localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host).is_loopback
    except ValueError:
        return False


def block_network():
    """Make every connection or look-up beyond this machine raise NetworkBlocked, and note it in ATTEMPTS."""

    def refuse(address):
        ATTEMPTS.append(address)
        raise NetworkBlocked(f"connection to {address} attempted; tests and lessons run without a network")

    def guard_socket(original):
        def connect(self, address):
            if self.family != getattr(socket, "AF_UNIX", None) and not is_local(address[0]):
                refuse(address)
            return original(self, address)

        return connect

    def guard_host(original, host_of):
        def call(target, *args, **kwargs):
            if not is_local(host_of(target)):
                refuse(target)
            return original(target, *args, **kwargs)

        return call

    socket.socket.connect = guard_socket(socket.socket.connect)
    socket.socket.connect_ex = guard_socket(socket.socket.connect_ex)
    socket.create_connection = guard_host(socket.create_connection, lambda address: address[0])
    socket.getaddrinfo = guard_host(socket.getaddrinfo, lambda host: host)


def pytest_addoption(parser):
    parser.addoption("--fresh", action="store_true", help="draw new inputs in the tests of the labs' checks")


LONGEST = ("test_mutants.py", "test_checks.py", "test_take_it_to_work.py", "test_labs.py")


def pytest_collection_modifyitems(items):
    """Puts the files that take longest first, so that no process is left alone with one at the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_configure(config):
    # For the whole session and not as a fixture: session fixtures and collection run under it too.
    block_network()


@pytest.fixture(autouse=True)
def no_network():
    """Fail a test that attempted a connection, even where a library swallowed the error."""
    ATTEMPTS.clear()
    yield ATTEMPTS
    assert not ATTEMPTS, f"connection attempted to {', '.join(map(str, ATTEMPTS))}"


@pytest.fixture
def pictures(monkeypatch):
    """The pictures that were displayed."""
    from spectrum import plots

    found = []
    monkeypatch.setattr(plots, "display", found.append)
    return found


@pytest.fixture
def told(monkeypatch):
    """The alt texts of the pictures that were displayed."""
    from spectrum import plots

    found = []
    monkeypatch.setattr(plots, "display", lambda picture: found.append(picture.alt))
    return found


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """The folder of a tiny Llama with a chat template."""
    from tiny import make_tiny

    return make_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny(tiny_folder):
    """(model, tokenizer) of the tiny Llama; tests leave them as they are."""
    from spectrum.models import load_model

    return load_model(tiny_folder, device="cpu")


@pytest.fixture(scope="session")
def tiny_qwen(tmp_path_factory):
    """(model, tokenizer) of a tiny Qwen3: no bos token, another chat template, without generation markers."""
    from tiny import make_tiny

    from spectrum.models import load_model

    return load_model(make_tiny(tmp_path_factory.mktemp("qwen"), architecture="qwen3"), device="cpu")


@pytest.fixture(params=["tiny", "tiny_qwen"])
def pair(request):
    """(model, tokenizer) of both architectures."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def eager():
    """bitsandbytes compiles for a minute what takes a second here."""
    import torch

    with torch.compiler.set_stance("force_eager"):
        yield
