"""A GGUF file behind an address of this machine, in the form of OpenAI's interface: llama.cpp, without torch.

In a terminal: `python -m spectrum.serve model.gguf --adapter lora.gguf --port 8080`. In Python: `with serve(path) as
server`. Nothing here needs torch; what runs the file is the package xllamacpp, the extra "serve" of this package.
`spectrum.export` writes such files; notebooks/17_small_and_local.ipynb shows the road.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from spectrum.memory import peak_memory

HOST = "127.0.0.1"  # loopback: no other machine can ask
MISSING = "serve: the package xllamacpp is missing; pip install 'customization-spectrum[serve]'"


@dataclass(frozen=True)
class Served:
    """A model that answers at `url` in process `pid`, `seconds` after it was asked for."""

    url: str
    pid: int
    seconds: float

    def memory(self):
        """Returns the most bytes of memory that the process has held so far, as `memory.peak_memory`."""
        return peak_memory(self.pid)


@contextlib.contextmanager
def serve(path, adapters=(), context=1024, threads=1):
    """A context in which a GGUF file answers at an address of this machine, as a Served; it ends with the block.

    `adapters` are files of `export.write_gguf_adapter`, each of which a request may weigh by its number:
    `extra_body={"lora": [{"id": 0, "scale": 1.0}]}`. `context` is how many tokens a question and its answer may have
    together. Raises FileNotFoundError for a file that is not there, ImportError without xllamacpp, and RuntimeError
    where llama.cpp cannot load a file. Used in notebooks/17_small_and_local.ipynb.
    """
    check(path, *adapters)
    command = [sys.executable, "-m", "spectrum.serve", str(path), "--context", str(context), "--threads", str(threads)]
    command += [part for adapter in adapters for part in ("--adapter", str(adapter))] + ["--until-closed"]
    with tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment()
        )
        try:
            first = process.stdout.readline().strip()
            if not first:
                process.wait()
                errors.seek(0)
                raise RuntimeError(errors.read()[-1500:].strip() or f"serve: the process for {path} ended at once")
            yield Served(first, process.pid, time.perf_counter() - start)
        finally:
            process.stdin.close()
            process.stdout.close()
            process.wait()


def environment():
    """Returns the variables of a new process that finds this package where this process does."""
    here = str(Path(__file__).parents[1])
    return os.environ | {"PYTHONPATH": os.pathsep.join(part for part in (here, os.environ.get("PYTHONPATH")) if part)}


def check(*paths):
    """Raises where a file is missing, or what runs it."""
    for path in paths:
        if not Path(path).is_file():
            raise FileNotFoundError(f"serve: there is no file {str(path)!r}; spectrum.export writes such files")
    try:
        import xllamacpp  # noqa: F401
    except ImportError:
        raise ImportError(MISSING) from None


def start(path, adapters=(), context=1024, threads=1, port=0):
    """Returns llama.cpp's server of a GGUF file, in this process, at `listening_address`; it stops when it is deleted.

    A `port` of 0 takes a free one. Raises FileNotFoundError and ImportError as `serve` does.
    """
    check(path, *adapters)
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.hostnames, params.port = str(path), [HOST], port
    params.n_ctx, params.n_parallel, params.verbosity, params.warmup = context, 1, -1, False
    params.cpuparams.n_threads = threads
    params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(adapter), 1.0) for adapter in adapters]
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise RuntimeError(f"serve: llama.cpp could not start with {path} ({error}). Is it a whole GGUF file, are the "
                           "adapters LoRAs over it, and is the port free?") from None  # fmt: skip


def main():
    parser = argparse.ArgumentParser(prog="python -m spectrum.serve", description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a GGUF file, as spectrum.export writes it")
    parser.add_argument("--adapter", action="append", default=[], help="a GGUF file of a LoRA over it; may be repeated")
    parser.add_argument("--port", type=int, default=0, help="by default a free one")
    parser.add_argument("--context", type=int, default=1024, help="tokens of a question and its answer together")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="by default all")
    parser.add_argument("--until-closed", action="store_true", help="end when the standard input is closed")
    options = parser.parse_args()
    try:
        server = start(options.model, options.adapter, options.context, options.threads, options.port)
    except (FileNotFoundError, ImportError, RuntimeError) as error:
        raise SystemExit(str(error)) from None
    print(f"{server.listening_address}/v1", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while sys.stdin.read(1) if options.until_closed else not time.sleep(3600):
            pass


if __name__ == "__main__":
    main()
