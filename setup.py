"""Adds the lessons' stored results to a built package, so that lessons run where there is no clone of the course."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithResults(build_py):
    """Builds the package and puts results/ into it; an editable install reads results/ where it lies."""

    def run(self):
        super().run()
        if not self.editable_mode:
            shutil.copytree(Path("results"), Path(self.build_lib) / "spectrum" / "results", dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithResults})
