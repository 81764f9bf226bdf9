"""How does JupyterLab open a notebook without marking it unsaved? It is handed the kernel's language with it.

A notebook in the repository says nothing of the Python that ran it. JupyterLab writes the kernel's
``language_info`` into every notebook that lacks it, as it opens, and takes that for a change of the reader's.
``nox -s lab`` starts JupyterLab with the class below.
"""

from __future__ import annotations

from typing import Any

from ipykernel.ipkernel import IPythonKernel
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

__all__ = ["Notebooks"]


class Notebooks(AsyncLargeFileManager):  # type: ignore[misc, unused-ignore]
    """Files as always; a notebook gets the language of this environment's kernel, and is saved without."""

    async def get(self, path: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """A file or folder, as Jupyter's contents API describes it."""
        model: dict[str, Any] = await super().get(path, *args, **kwargs)  # type: ignore[no-untyped-call]
        if model["type"] == "notebook" and model["content"] is not None:
            model["content"]["metadata"].setdefault("language_info", dict(IPythonKernel.language_info))
        return model

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        """Write a file; of a notebook all but the language."""
        if model.get("type") == "notebook" and model.get("content") is not None:
            model["content"]["metadata"].pop("language_info", None)
        saved: dict[str, Any] = await super().save(model, path)  # type: ignore[no-untyped-call]
        return saved
