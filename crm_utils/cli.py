"""The command ``crm``: run a study, load its data, check it. Every error is a sentence and an exit code.

What a command needs is imported when it is called: ``crm --help`` waits for neither pandas nor papermill.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from crm_utils.errors import CrmError, StudyError
from crm_utils.signals import stoppable

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=__doc__.partition("\n")[0],
)
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)
_MARKS = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "not run": "[yellow]–[/]"}

StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="A file in studies/, without .yaml.")]


@app.command()
def run(
    name: StudyName,
    as_of: Annotated[
        str, typer.Option(help="YYYY-MM-DD (that day's end) or 'latest'; the study's own day if left out.")
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option(help="Run just this notebook (again for more); is not published.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NOTEBOOK.NAME=VALUE", help="A parameter.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks beside each other.")] = 2,
    cell_timeout: Annotated[int, typer.Option(min=1, help="Seconds that a cell may take.")] = 900,
    run_timeout: Annotated[int, typer.Option(min=1, help="Seconds that the run may take.")] = 7200,
) -> None:
    """Load the data, execute the notebooks, publish the report."""
    from crm_utils import pipeline, study
    from crm_utils.plan import Request

    def tell(event: str, facts: dict[str, Any]) -> None:
        if event == "notebook":
            line = f"{_MARKS[facts['status']]} {facts['file'][:-6]:<24} {facts['seconds']:6.1f} s"
            out.print(f"{line}  {escape(facts['reason'])}")

    with _sentences():
        root = study.find_root()
        request = Request(
            study=name,
            as_of=as_of,
            parameters=_parameters(set_ or []),
            only=tuple(only or ()),
            jobs=jobs,
            cell_timeout=cell_timeout,
            run_timeout=run_timeout,
        )
        report = pipeline.run_study(root, request, tell=tell)
        out.print(f"The report is in {escape(str(report / 'index.html'))}")


@app.command()
def load_data(name: StudyName) -> None:
    """Bring a study's data in as a snapshot; loading the same data twice does nothing."""
    from crm_utils import snapshots, study
    from crm_utils.lock import locked

    with _sentences():
        root = study.find_root()
        chosen = study.read_study(root, name)
        with locked(root / "reports" / name, name):
            snapshot, is_new = snapshots.load(root, chosen)
        out.print(f"{'Loaded' if is_new else 'Already there:'} snapshot {snapshot.id} of {name}")
        for table, rows in snapshot.manifest["tables"].items():
            read, loaded, aside = (f"{rows[key]:,}" for key in ("read", "loaded", "quarantined"))
            out.print(f"  {table:<12} {read:>13} read {loaded:>13} loaded {aside:>9} set aside")


@app.command()
def check(name: StudyName) -> None:
    """Check a study, its parameters and its data, and say what a run would do."""
    from crm_utils import study
    from crm_utils.plan import Request, make_plan

    with _sentences():
        plan = make_plan(study.find_root(), Request(name))
        out.print(f"{plan.study.title} as of {plan.as_of}, snapshot {plan.snapshot.id}")
        for notebook in plan.notebooks:
            what = plan.skipped.get(notebook.name)
            out.print(f"  {notebook.path.stem:<24} {'skipped: ' + what if what else 'would run'}")


@app.command()
def dictionary() -> None:
    """Print the data dictionary (data/README.md): every table, and what each source decides."""
    from crm_utils import sources, tables

    sys.stdout.write(tables.dictionary() + "\n" + sources.decisions())


@contextmanager
def _sentences() -> Iterator[None]:
    """End with an error's sentence and exit code instead of a traceback; signals are such errors."""
    try:
        with stoppable():
            yield
    except CrmError as error:
        err.print(f"[red]Error:[/] {escape(str(error))}")
        raise typer.Exit(error.exit_code) from None


def _parameters(given: list[str]) -> dict[str, dict[str, Any]]:
    """Read NOTEBOOK.NAME=VALUE in the type that the notebook's parameters cell declares."""
    if not given:
        return {}
    from crm_utils import study
    from crm_utils.notebook_file import read_notebooks

    notebooks = {n.name: n for n in read_notebooks(study.find_root() / "notebooks")}
    found: dict[str, dict[str, Any]] = {}
    for text in given:
        place, equals, value = text.partition("=")
        notebook, dot, name = place.partition(".")
        if not (equals and dot):
            raise StudyError(f"--set {text}: write it as NOTEBOOK.NAME=VALUE, such as segmentation.seed=7.")
        parameter = notebooks[notebook].parameters.get(name) if notebook in notebooks else None
        found.setdefault(notebook, {})[name] = parameter.parse(value) if parameter else value
    return found


if __name__ == "__main__":
    app()
