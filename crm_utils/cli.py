"""The command ``crm``: run a study, load its data, check it. Every error is a sentence and an exit code.

What a command needs is imported when it is called: ``crm --help`` waits for neither pandas nor papermill.
"""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crm_utils import durable
from crm_utils.backfill import Every, days, each_day
from crm_utils.errors import CrmError, RunError, StudyError, known_names
from crm_utils.hook import Hook
from crm_utils.logs import Log, LogFormat
from crm_utils.signals import held, stoppable

if TYPE_CHECKING:
    from crm_utils.plan import Request

__all__ = ["app"]

#: Thirty days. Systems wait no longer than 49 (Windows), and a run that takes a week is one that hangs.
LONGEST_SECONDS = 30 * 86_400

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=__doc__.partition("\n")[0].replace("``", ""),
)


@app.callback()
def _speak() -> None:
    """Let a sign that a terminal or a log does not have (``✓`` in cp1252) be written as its number.

    Else the word that cannot be written would end the run that it tells of.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not one that a caller put there
            stream.reconfigure(errors="backslashreplace")


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
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Take over what passed before with the same data, code, parameters."),
    ] = False,
    first: Annotated[str, typer.Option("--from", help="A report for each day from this one …")] = "",
    last: Annotated[str, typer.Option("--to", help="… up to this one.")] = "",
    every: Annotated[Every, typer.Option(help="How far those days lie apart.")] = Every.month,
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks beside each other.")] = 2,
    cell_timeout: Annotated[
        int, typer.Option(min=1, max=LONGEST_SECONDS, help="Seconds that a cell may take.")
    ] = 900,
    run_timeout: Annotated[
        int, typer.Option(min=1, max=LONGEST_SECONDS, help="Seconds that the run may take.")
    ] = 7200,
    log_format: Annotated[
        LogFormat, typer.Option(help="Lines for people, or JSON for machines.")
    ] = LogFormat.text,
    on_end: Annotated[
        str, typer.Option(metavar="COMMAND", help="Called at the end, with the path of run.json.")
    ] = "",
) -> None:
    """Load the data, execute the notebooks, publish the report."""
    log = Log(log_format)
    with _sentences(log):
        from crm_utils import study
        from crm_utils.plan import Request, given_parameters

        hook, root = Hook(on_end), study.find_root()
        request = Request(
            study=name,
            as_of=as_of,
            parameters=given_parameters(root, set_ or []),
            only=tuple(only or ()),
            jobs=jobs,
            cell_timeout=cell_timeout,
            run_timeout=run_timeout,
            resume=resume,
        )
        if not (first or last):
            _run(root, request, log, hook)
        elif as_of:
            raise StudyError(
                "--as-of is one day, --from and --to are several. Leave out the one or the others."
            )
        else:
            each_day(root, request, days(first, last, every), lambda one: _run(root, one, log, hook), log)


def _run(root: Path, request: Request, log: Log, hook: Hook) -> None:
    """One run, and the word to whoever is to be told of its end."""
    from crm_utils import pipeline

    manifest: Path | None = None

    def tell(event: str, facts: dict[str, Any]) -> None:
        nonlocal manifest
        manifest = Path(facts["manifest"]) if event == "started" else manifest
        log(event, facts)

    code, message = 0, ""
    try:
        pipeline.run_study(root, request, tell=tell)
    except BaseException as error:
        code, message = getattr(error, "exit_code", 1), str(error) or type(error).__name__
        raise
    finally:
        with held():
            trouble = hook(manifest, code, message)
            if trouble:
                log("warning", {"message": trouble})


@app.command()
def load_data(
    name: StudyName,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="People may get other pseudonyms than in the load before.")
    ] = False,
) -> None:
    """Bring a study's data in as a snapshot; loading the same data twice does nothing."""
    from crm_utils import loading, study
    from crm_utils.lock import locked

    with _sentences(Log()):
        root = study.find_root()
        chosen = study.read_study(root, name)
        with locked(root / "reports" / name, name):
            snapshot, is_new = loading.load(root, chosen, new_key=new_key)
        typer.echo(f"{'Loaded' if is_new else 'Already there:'} snapshot {snapshot.id} of {name}")
        for table, rows in snapshot.manifest["tables"].items():
            counts = [f"{rows[key]:,}" for key in ("read", "loaded", "quarantined", "left_out")]
            read, loaded, aside, out = counts
            words = f"{read:>13} read {loaded:>13} loaded {aside:>9} set aside {out:>9} left out"
            typer.echo(f"  {table:<12} {words}")


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The study's name: small letters, digits, _.")],
    files: Annotated[
        list[Path],
        typer.Option("--from", metavar="FILE", help="A file of data, or 'several-*.csv' (again for more)."),
    ],
) -> None:
    """Look at files and write a commented study for them: a proposal, to be read and mended."""
    from crm_utils import study
    from crm_utils.proposal import propose, summary

    with _sentences(Log()):
        root = study.find_root()
        place = study.new_path(root, name)
        text, tables = propose(files, root, name)
        place.write_text(text, encoding="utf-8")
        for line in summary(tables):
            typer.echo(line)
        where = place.relative_to(root)
        typer.echo(f"Wrote {where}. Read it, mend what says LOOK or MISSING; then: crm check {name}")


@app.command()
def check(name: StudyName) -> None:
    """Check a study and its data, and say what would load and what a run would do; nothing is written."""
    from crm_utils import study
    from crm_utils.plan import Request, check_request
    from crm_utils.preview import described, preview, refuse_as_a_load
    from crm_utils.proposal.looks import unconfirmed

    with _sentences(Log()):
        root = study.find_root()
        checked = check_request(root, Request(name))
        tables = preview(root, checked.study)
        typer.echo(f"{checked.study.title}, source {checked.study.kind}; nothing was written")
        for line in described(tables):
            typer.echo(line)
        skipped = checked.skipped({table.name for table in tables if table.loaded})
        for notebook in checked.notebooks:
            what = skipped.get(notebook.name)
            typer.echo(f"  {notebook.path.stem:<24} {'skipped: ' + what if what else 'would run'}")
        left = unconfirmed((root / "studies" / f"{name}.yaml").read_text(encoding="utf-8"))
        for line in [f"Not confirmed yet, in studies/{name}.yaml:", *left] if left else []:
            typer.echo(f"  {line}")
        refuse_as_a_load(checked.study, tables)


@app.command()
def export(
    name: StudyName,
    day: Annotated[str, typer.Argument(metavar="DAY", help="A report's day, 'latest', or a run's id.")],
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A list that the report saved.")],
) -> None:
    """Join a saved list back to the people on it, for sending; writes to private/, and logs that it did."""
    from crm_utils import key_map, study
    from crm_utils.diff import find_report
    from crm_utils.record import read_manifest

    with _sentences(Log()):
        root = study.find_root()
        study.read_study(root, name)
        report = find_report(root, name, day)
        path = report / "tables" / f"{table}.parquet"
        if not path.is_file():
            there = known_names(table, [p.stem for p in path.parent.glob("*.parquet")], label="There are")
            raise StudyError(f"The report of '{name}' for {day} has no table '{table}'. {there}")
        snapshot = str((read_manifest(report) or {})["snapshot"]["id"])
        done = key_map.export(root, name, snapshot, path)
        where = done.path.relative_to(root)
        typer.echo(f"{done.found:,} of {done.rows:,} rows have somebody to send to: {where}")
        if done.held_out:
            typer.echo(f"{done.held_out:,} rows are not in it: held out by lot, to be compared with later.")


@app.command()
def diff(
    name: StudyName,
    before: Annotated[str, typer.Argument(metavar="DAY1", help="A report's day, 'latest', or a run's id.")],
    after: Annotated[str, typer.Argument(metavar="DAY2", help="Likewise.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Every number that moved, not the first 20.")
    ] = False,
) -> None:
    """Say what moved between two reports, and whether data, day, parameters or code are the cause."""
    from crm_utils import study
    from crm_utils.diff import described, diff, find_report

    with _sentences(Log()):
        root = study.find_root()
        study.read_study(root, name)
        found = diff(find_report(root, name, before), find_report(root, name, after))
        for line in described(found, everything=everything):
            typer.echo(line)
        if found.unexplained:
            raise RunError("Results moved by themselves: something in a notebook is not reproducible.")


@app.command()
def dictionary() -> None:
    """Print the data dictionary (data/README.md): every table, and what each source decides."""
    from crm_utils import sources
    from crm_utils.dictionary import dictionary

    sys.stdout.write(dictionary() + "\n" + sources.decisions())


@contextmanager
def _sentences(log: Log) -> Iterator[None]:
    """End with an error's sentence and exit code instead of a traceback; signals are such errors."""
    try:
        with stoppable():
            yield
    except CrmError as error:
        log.error(str(error), error.exit_code)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:  # whoever read has seen enough (crm diff … | head): click ends quietly
        raise
    except OSError as error:  # no room, no permission, a file where a folder should be
        log.error(durable.refusal(error), RunError.exit_code)
        raise typer.Exit(RunError.exit_code) from None
    except Exception:  # ours to mend: the traceback is the message
        log.error(traceback.format_exc(), 1)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app()
