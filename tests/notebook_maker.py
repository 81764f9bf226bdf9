"""Small notebooks for tests, in the form that the project's own have."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

__all__ = ["PARAMETERS", "write_notebook"]

PARAMETERS = 'study: str = "tiny"  # a file in studies/\nas_of: str = ""  # YYYY-MM-DD\n'


def write_notebook(
    root: Path, number: int, name: str, *cells: str, parameters: str = "", opens: str | None = None
) -> Path:
    """A notebook with a question, the parameters cell, open_run, and the given code cells."""
    tagged = new_code_cell(PARAMETERS + parameters, metadata={"tags": ["parameters"]})
    opened = f'from crm_utils import open_run\nrun = open_run("{opens or name}", study=study, as_of=as_of)'
    notebook = new_notebook(
        cells=[
            new_markdown_cell(f"# Is {name} right?"),
            tagged,
            new_code_cell(opened),
            *map(new_code_cell, cells),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    path = root / "notebooks" / f"{number:02}_{name}.ipynb"
    nbformat.write(notebook, path)
    return path
