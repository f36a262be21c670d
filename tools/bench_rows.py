"""Seconds and peak memory of reading 100,000 rows, a process for each format: `python -m tools.bench_rows`."""

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = 100_000
FILES = ("rows.jsonl", "chats.jsonl", "rows.json", "rows.csv", "rows.parquet")


def main():
    """Writes the files and prints a line for each."""
    with tempfile.TemporaryDirectory() as folder:
        for name in FILES:
            path = Path(folder) / name
            write(path)
            subprocess.run([sys.executable, "-m", "tools.bench_rows", str(path)], check=True)


def write(path):
    """Writes ROWS rows of about 200 characters, or chats of two turns."""
    text = "The lantern of order 4821 arrived late, and one lamp is broken. "
    rows = [{"prompt": f"Message {i}: {text * 2}", "completion": f"broken {i}, {text}"} for i in range(ROWS)]
    if path.name.startswith("chats"):
        roles = ("prompt", "user"), ("completion", "assistant")
        rows = [{"messages": [{"role": role, "content": row[field]} for field, role in roles]} for row in rows]
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows, indent=1))
    elif path.suffix == ".csv":
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        import pandas as pd

        pd.DataFrame(rows).to_parquet(path)


def measure(path):
    """Prints how long reading and splitting a file takes, and the peak memory of this process."""
    from spectrum.examples import read_rows
    from spectrum.own_data.splits import split_rows

    start = time.perf_counter()
    reading = read_rows(path)
    read = time.perf_counter() - start
    split_rows(reading)
    both = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is bytes there, KiB on Linux
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    print(f"{path.name:14}{len(reading):8,} rows: {read:.2f} s, with the split {both:.2f} s; peak {peak:.0f} MB")


if __name__ == "__main__":
    measure(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
