"""The command ``crm``: run a study, load its data, check it. Every error is a sentence and an exit code.

What a command needs is imported when it is called: ``crm --help`` waits for neither pandas nor papermill.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crm_utils.command.backfill import Every, days, each_day
from crm_utils.command.logs import Log, LogFormat
from crm_utils.command.on_end import Hook
from crm_utils.errors import CrmError, RunError, StudyError, known_names
from crm_utils.tools import durable
from crm_utils.tools.signals import held, stoppable, within

if TYPE_CHECKING:
    from crm_utils.runner.plan import Request

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

    Else the word that cannot be written would end the run that it tells of. And whatever rights the caller
    leaves to new files, nobody else may change ours.
    """
    os.umask(os.umask(0o022) | 0o022)
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
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks to run in parallel.")] = 2,
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
        from crm_utils.runner.plan import Request, given_parameters

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
    from crm_utils.runner import pipeline

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
    run_timeout: Annotated[
        int, typer.Option(min=1, max=LONGEST_SECONDS, help="Seconds that the load may take.")
    ] = 7200,
) -> None:
    """Bring a study's data in as a snapshot; loading the same data twice does nothing."""
    from crm_utils import loading, study
    from crm_utils.tools.lock import locked

    with _sentences(Log()):
        root = study.find_root()
        chosen = study.read_study(root, name)
        limit = within(run_timeout, loading.time_is_up(run_timeout))
        with locked(root / "reports" / name, name), limit:
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
        list[str],
        typer.Option(
            "--from",
            metavar="[TABLE=]FILE",
            help="A file of data, or 'several-*.csv' (again for more); orders=FILE says what it is.",
        ),
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
    """Check a study and its data, and say what would load and what a run would say; nothing is written."""
    from crm_utils import study
    from crm_utils.engine.reach import refuse_unreachable
    from crm_utils.loading.preview import described, look, refuse_as_a_load
    from crm_utils.proposal.fitting import no_longer_fit
    from crm_utils.proposal.looks import unconfirmed
    from crm_utils.runner.foresee import said_of, to_hold_against
    from crm_utils.runner.plan import Request, check_request

    with _sentences(Log()):
        root = study.find_root()
        checked = check_request(root, Request(name))
        tables, shop = look(root, checked.study)
        typer.echo(f"{checked.study.title}, source {checked.study.kind}; nothing was written")
        for line in [*described(tables), *(f"  LOOK: {doubt}" for doubt in shop.doubts)]:
            typer.echo(line)
        if shop.refused:  # numbers of lines that count twice would be believed
            refuse_as_a_load(checked.study, tables, shop)
        for line in no_longer_fit(shop.orders, checked.given("churn"), currency=checked.study.currency):
            typer.echo(f"  LOOK: {line}")
        if shop.facts is not None and shop.ends is not None:
            part = next((table.part for table in tables if table.name == "order_lines"), "")
            ends = {"first": shop.ends.first, "last": shop.ends.last}
            for line in to_hold_against(shop.facts, checked.study.currency, part=part, **ends):
                typer.echo(f"  {line}")
        skipped = checked.skipped({table.name for table in tables if table.loaded})
        said = said_of(checked.notebooks, skipped, shop.facts, checked.parameters, checked.after)
        for notebook in checked.notebooks:
            typer.echo(f"  {notebook.path.stem:<24} {said[notebook.name]}")
        if checked.study.engine.kind != "duckdb":
            refuse_unreachable(checked.study.engine)
            typer.echo(f"Engine: {checked.study.engine.shown}; it can be reached.")
        left = unconfirmed((root / "studies" / f"{name}.yaml").read_text(encoding="utf-8"))
        for line in [f"Not confirmed yet, in studies/{name}.yaml:", *left] if left else []:
            typer.echo(f"  {line}")
        refuse_as_a_load(checked.study, tables, shop)


@app.command()
def export(
    name: StudyName,
    day: Annotated[str, typer.Argument(metavar="DAY", help="A report's day, 'latest', or a run's id.")],
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A list that the report saved.")],
    form: Annotated[
        str, typer.Option("--for", metavar="FORM", help="A provider's form: sms, nhn_alimtalk, sens, …")
    ] = "",
    channel: Annotated[str, typer.Option(help="With --for: only messages by this channel.")] = "",
) -> None:
    """Join a saved list back to the people on it, for sending; writes to private/, and logs that it did."""
    from crm_utils import study
    from crm_utils.command.sending import in_a_form, only_under_rules
    from crm_utils.people import key_map, ledger
    from crm_utils.reports.compare_reports import find_report
    from crm_utils.reports.manifest import read_manifest
    from crm_utils.tables import AsOf

    with _sentences(Log()):
        root = study.find_root()
        study.read_study(root, name)
        report = find_report(root, name, day)
        path = report / "tables" / f"{table}.parquet"
        if not path.is_file():
            there = known_names(table, [p.stem for p in path.parent.glob("*.parquet")], label="There are")
            raise StudyError(f"The report of '{name}' for {day} has no table '{table}'. {there}")
        manifest = read_manifest(report) or {}
        snapshot = manifest["snapshot"]
        own_ids = not snapshot.get("pseudonyms", True)
        planned = AsOf.parse(manifest["as_of"]).day
        if form:
            for line in in_a_form(
                root, name, path, form=form, channel=channel, snapshot=str(snapshot["id"]), day=planned,
                own_ids=own_ids,
            ):  # fmt: skip
                typer.echo(line)
            return
        if ledger.is_a_plan(path):
            only_under_rules(root, name, path)
        done = key_map.export(root, name, str(snapshot["id"]), path, own_ids=own_ids)
        if ledger.is_a_plan(path):
            ledger.remember(root, name, path, day=planned)
        where = done.path.relative_to(root)
        typer.echo(f"{done.matched:,} of {done.rows:,} rows have somebody to send to: {where}")
        if done.held_out:
            typer.echo(f"{done.held_out:,} rows are not in it: held back at random, to compare with later.")
        if done.not_chosen:
            typer.echo(f"{done.not_chosen:,} rows are not in it: the list does not say to contact them.")


@app.command("read-back")
def read_back(
    name: StudyName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A provider's result file.")],
    provider: Annotated[
        str,
        typer.Option("--from", metavar="NAME", help="Its mapping, under 'responses' in the scenarios file."),
    ],
) -> None:
    """Read what a provider reports of messages that were handed over; the next run judges by it."""
    from crm_utils import study
    from crm_utils.command.sending import what_came_back

    with _sentences(Log()):
        root = study.find_root()
        for line in what_came_back(root, study.read_study(root, name), file, provider=provider):
            typer.echo(line)


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
    from crm_utils.reports.compare_reports import described, diff, find_report

    with _sentences(Log()):
        root = study.find_root()
        study.read_study(root, name)
        difference = diff(find_report(root, name, before), find_report(root, name, after))
        for line in described(difference, everything=everything):
            typer.echo(line)
        if difference.unexplained:
            raise RunError("Results moved by themselves: something in a notebook is not reproducible.")


@app.command("list")
def list_reports(
    name: Annotated[
        str, typer.Argument(metavar="[STUDY]", help="Its days and lists; all studies if left out.")
    ] = "",
) -> None:
    """Say which studies there are, which days have a report, and which lists the newest one saved."""
    from crm_utils import study
    from crm_utils.command.listing import lists_of, studies

    with _sentences(Log()):
        root = study.find_root()
        for line in lists_of(root, study.read_study(root, name)) if name else studies(root):
            typer.echo(line)


@app.command("open")
def open_report(
    name: StudyName,
    day: Annotated[
        str, typer.Argument(metavar="[DAY]", help="A report's day, 'latest', or a run's id.")
    ] = "latest",
) -> None:
    """Open a report's first page in the browser, and say where it is; into a pipe it only says where."""
    from crm_utils import study
    from crm_utils.reports.compare_reports import find_report

    with _sentences(Log()):
        root = study.find_root()
        study.read_study(root, name)
        page = find_report(root, name, day) / "index.html"
        typer.echo(page)
        if sys.stdout.isatty():
            typer.launch(page.as_uri())


@app.command()
def dictionary() -> None:
    """Print the data dictionary (data/README.md): every table, and what each source decides."""
    from crm_utils import sources
    from crm_utils.command.dictionary import dictionary

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
