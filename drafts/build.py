"""build.py percent.py out.ipynb : percent -> ipynb with stable ids and clean metadata"""
import sys, jupytext, nbformat
from tools import run_notebooks
src, out = sys.argv[1:3]
nb = jupytext.read(src, fmt="py:percent")
for i, c in enumerate(nb.cells):
    c.id = f"{('md' if c.cell_type=='markdown' else 'code')}-{i:02d}"
    if c.cell_type == "code":
        c.outputs, c.execution_count = [], None
run_notebooks.write(run_notebooks.clean(nb), out)
