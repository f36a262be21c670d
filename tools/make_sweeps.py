"""Runs the sweeps whose results are stored in results/: `make sweeps`, or `python -m tools.make_sweeps rates style`.

With --real (`make real`) the runs on SmolLM2, in the folder real/ of each lesson.

A run that is finished is never done again; what was interrupted is done when the same command is given again.
"""

import argparse
import importlib
from pathlib import Path

from spectrum.sweeps import missing, run_sweep

ROOT = Path(__file__).parents[1]
# Folder in results/ -> module with GRIDS and run.
SWEEPS = {
    "05_measuring_prompts": "spectrum.lessons.measuring_prompts.runs",
    "07_instruction_tuning": "spectrum.lessons.instruction_tuning.runs",
    "11_lora_by_hand": "spectrum.lessons.lora_by_hand.runs",
    "12_lora_rank": "spectrum.lessons.lora_rank.runs",
    "14_four_bits": "spectrum.lessons.four_bits.runs",
    "15_qlora": "spectrum.lessons.qlora.runs",
    "17_small_and_local": "spectrum.lessons.small_and_local.runs",
}


# The same for the runs on SmolLM2: module with REAL and run, which store in the folder real/ of the lesson.
REAL_SWEEPS = {
    "00_start_here": "spectrum.lessons.start_here.runs",
    "01_base_and_instruct": "spectrum.lessons.base_and_instruct.runs",
    "06_retrieval": "spectrum.lessons.retrieval.runs",
    "07_instruction_tuning": "spectrum.lessons.instruction_tuning.reading",
    "12_lora_rank": "spectrum.lessons.lora_rank.runs",
    "14_four_bits": "spectrum.lessons.four_bits.runs",
    "15_qlora": "spectrum.lessons.qlora.runs",
    "16_qlora_on_a_gpu": "spectrum.lessons.qlora_on_a_gpu.runs",
    "17_small_and_local": "spectrum.lessons.small_and_local.runs",
}


def sweeps(names, real=False):
    """Yields (folder, grid, run) of the sweeps that are named, of all when none is."""
    for lesson, module in (REAL_SWEEPS if real else SWEEPS).items():
        module = importlib.import_module(module)
        folder = ROOT / "results" / lesson / ("real" if real else "")
        for name, grid in (module.REAL if real else module.GRIDS).items():
            if not names or name in names or lesson in names:
                yield folder / name, grid, module.run


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="lessons or sweeps; all by default")
    parser.add_argument("--left", action="store_true", help="only show what is left to run")
    parser.add_argument("--real", action="store_true", help="the runs on SmolLM2 instead of those on lumen")
    options = parser.parse_args()
    chosen = list(sweeps(options.names, options.real))
    if not chosen:
        raise SystemExit(f"no sweep is named {', '.join(options.names)}; lessons are {', '.join(SWEEPS)}")
    for folder, grid, run in chosen:
        print(f"{folder.relative_to(ROOT)}: {len(missing(grid, folder))} of {len(grid)} runs left")
        if not options.left:
            run_sweep(run, grid, folder)


if __name__ == "__main__":
    main()
