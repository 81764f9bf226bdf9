"""Sessions: one command each for the report, the tests, the checks, JupyterLab and the pinned versions.

``nox -s report`` and ``nox -s tests`` need nothing but Python and nox; uv is used where it is found.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests", "lint", "types"]
nox.options.reuse_existing_virtualenvs = True

ROOT = Path(__file__).parent
# uv compiles no byte code unless told, and some machines forbid it: every kernel would import three times
# as long.
COMPILED = {"UV_COMPILE_BYTECODE": "1", "PYTHONDONTWRITEBYTECODE": None}
# Models that share a core spin on it, one waiting for the other: tests took twice the CPU. So in kernels.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# A file's tests stay in one process, because they share what is costly to make.
BESIDE = ("--numprocesses", "logical", "--maxprocesses", "4", "--dist", "loadfile")

# What the benchmarks compare with; nothing of ours imports them.
PEERS = (
    "lifetimes==0.11.3",
    "openretailscience==0.48.1",
    "mlxtend==0.25.0",
    "efficient-apriori==2.0.6",
    "tea-tasting==1.14.0",
    "spotify-confidence==4.1.0",
)
# Written in C and built on the spot: without a compiler it is left out, and the results say so.
BUILT_PEERS = ("pyfim==6.28",)
# They need another pandas than the other peers; where they do not install they are left out as well.
BAYESIAN_PEER = "pymc-marketing==0.19.2"
JOURNEY_PEERS = ("retentioneering==5.2.4", "marketing-attribution-models==2.1.1")


GROUPS = ("tests", "browser", "spark", "lint", "types", "korean")
"""Dependency groups that constraints.txt pins."""


def install(session: nox.Session, *groups: str) -> None:
    """Put this package and the named dependency groups into the session, in the pinned versions."""
    session.env.update(COMPILED)
    listed = nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), *groups) if groups else ()
    session.install("-c", "constraints.txt", "-e", ".", *listed, silent=True)


def install_chromium(session: nox.Session) -> None:
    """Debian's Chromium, where no browser is found and the system is one that has apt-get."""
    if not (os.environ.get("CHROMIUM") or shutil.which("chromium")) and shutil.which("apt-get"):
        session.run("apt-get", "update", "--quiet", external=True)
        session.run("apt-get", "install", "--yes", "--quiet", "chromium", external=True)


@nox.session
def report(session: nox.Session) -> None:
    """Load a study's data, execute the notebooks, publish the report; its last line says where it is."""
    install(session)
    session.run("crm", "run", *(session.posargs or ["complete_journey"]))


@nox.session
def tests(session: nox.Session) -> None:
    """Everything needed to trust methods, notebooks and runs; posargs go to pytest."""
    install(session, "tests")
    session.run("pytest", *BESIDE, *session.posargs, env=ONE_THREAD)


@nox.session
def faults(session: nox.Session) -> None:
    """Commit every fault for real, print what came of it; posargs: kills of the runner, a kernel, a load."""
    install(session, "tests")
    runner, kernel, load = session.posargs or ("2", "2", "2")  # before a release: 200 100 200
    kills = {"CRM_RUNNER_KILLS": runner, "CRM_KERNEL_KILLS": kernel, "CRM_LOAD_KILLS": load}
    # One beside the other: a kill meets a busy machine as well.
    session.run("pytest", "tests/faults", "--numprocesses", "2", "--dist", "loadgroup", env=kills)


@nox.session
def airflow(session: nox.Session) -> None:
    """Load the sample DAGs with Airflow's own DagBag, in an environment of its own."""
    session.install("apache-airflow>=3.1,<4", "apache-airflow-providers-papermill", silent=True)
    # Airflow takes no relative path.
    home = {
        "AIRFLOW_HOME": str(Path(session.create_tmp()).resolve()),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    session.run(
        "python", "tests/airflow/load_dags.py", "schedules/airflow", env=home | {"CRM_PROJECT": str(ROOT)}
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Style of code and notebooks, the rules of who imports whom, notebooks without outputs."""
    session.env.update(COMPILED)
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    notebooks = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "notebooks").glob("*.ipynb"))
    extra = "metadata.language_info metadata.papermill cell.metadata.papermill cell.metadata.execution"
    session.run("nbstripout", "--verify", "--keep-id", "--extra-keys", extra, *notebooks)


@nox.session
def types(session: nox.Session) -> None:
    """Strict types for crm_utils."""
    install(session, "types")
    session.run("mypy")


@nox.session
def messages(session: nox.Session) -> None:
    """Write messages.pot: every template that a translator has to turn, of modules, pages and notebooks."""
    install(session, "tests")
    session.run(
        "pybabel", "extract", "-F", "babel.cfg", "-k", "N_", "-k", "NP_:1,2", "-o", "messages.pot", "."
    )


@nox.session
def browser(session: nox.Session) -> None:
    """Open every page of a real run in headless Chromium: requests, console, width, accessibility."""
    install(session, "browser")
    install_chromium(session)
    session.run("crm", "run", "complete_journey")
    session.run("pytest", "tests/browser", "--reports", "reports", *session.posargs)


@nox.session
def pictures(session: nox.Session) -> None:
    """Take the pictures of README from the published report."""
    install(session, "browser")
    install_chromium(session)
    session.run("python", "tests/browser/take_pictures.py", "reports", "docs/images")


@nox.session
def lab(session: nox.Session) -> None:
    """JupyterLab in the notebooks' folder, with the kernel of this environment."""
    install(session)
    opens = "--ServerApp.contents_manager_class=crm_utils.tools.lab.Notebooks"
    session.run("jupyter", "lab", opens, "--notebook-dir", str(ROOT), *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Write constraints.txt: the newest versions that fit together, for every system and Python."""
    session.install("uv")
    groups = [part for group in GROUPS for part in ("--group", group)]
    session.run(
        *("uv", "pip", "compile", "--universal", "--python-version", "3.11", "--upgrade", "--quiet"),
        *("--no-header", "--no-annotate", "--no-emit-index-url", "pyproject.toml", *groups),
        *("--output-file", "constraints.txt"),
    )


@nox.session(venv_backend="none")
def clean(session: nox.Session) -> None:
    """Remove what can be rebuilt: snapshots, reports, caches. Asks nothing; studies and notebooks stay."""
    for folder in [*(ROOT / "data").glob("*/"), *(ROOT / "reports").glob("*/")]:
        shutil.rmtree(folder)
    for name in (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache"):
        shutil.rmtree(ROOT / name, ignore_errors=True)


@nox.session
def spark(session: nox.Session) -> None:
    """Every reduction, and a whole run of all notebooks, gives on Spark what it gives on DuckDB.

    The run is that of a small demo shop; ``-- complete_journey`` runs the real data as well, too long for
    every change. Other posargs go to pytest. Needs Java 17 or later.
    """
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        missing = "There is no Java on this machine; Spark needs version 17 or later."
        session.error(missing) if os.environ.get("CI") else session.skip(missing)
    install(session, "tests", "spark")
    given = [each for each in session.posargs if each != "complete_journey"]
    studies = "demo_shop,complete_journey" if "complete_journey" in session.posargs else "demo_shop"
    # A Spark each: hundreds of small queries keep one core busy, not two. The whole runs stay with one.
    beside = ("--numprocesses", "2", "--dist", "loadgroup")
    session.run("pytest", "tests/spark", *beside, *given, env=ONE_THREAD | {"CRM_SPARK_STUDIES": studies})


@nox.session
def calibrate(session: nox.Session) -> None:
    """Simulate experiments by the thousand, to see whether tests, intervals and bounds keep their promises.

    Writes benchmarks/CALIBRATION.md; takes some fifteen minutes. Posargs go to calibrate.py (--replicates N,
    or --decisions N for the rows of its second table alone).
    """
    install(session)
    session.run("python", "benchmarks/calibrate.py", *session.posargs)


@nox.session
def sources(session: nox.Session) -> None:
    """Data of one's own and the people in them, real databases, and the simulated shop whose truth is known.

    Also a new environment from environment.yml, and rates that take hundreds of simulated shops.

    MariaDB is installed where apt-get is found.
    """
    if not shutil.which("mariadbd"):
        if not shutil.which("apt-get"):
            missing = "There is no mariadbd on this machine, and no apt-get to install it."
            session.error(missing) if os.environ.get("CI") else session.skip(missing)
        session.run("apt-get", "update", "--quiet", external=True)
        session.run("apt-get", "install", "--yes", "--quiet", "mariadb-server", external=True)
    install(session, "tests", "korean")
    also = ("tests/test_environment.py", "-m", "not many")  # a new environment from environment.yml
    session.run("pytest", "tests/sources", *also, *BESIDE, *session.posargs, env=ONE_THREAD)
    if not session.posargs:
        # Words of texts with kiwipiepy, which the session of tests does without.
        texts = [f"tests/methods/test_feedback_{name}.py" for name in ("themes", "names")]
        session.run("pytest", *texts, *BESIDE, env=ONE_THREAD)
        # Rates take hundreds of simulated shops: too long for the tests of every change on a desk.
        session.run("pytest", "tests/methods", "-m", "simulated and not many", *BESIDE, env=ONE_THREAD)


@nox.session
def shops(session: nox.Session) -> None:
    """Run all notebooks on 300 small random shops of every kind: none may fail. Posargs: another number.

    Takes half an hour of an idle machine.
    """
    install(session, "tests")
    number = session.posargs[0] if session.posargs else "300"
    session.run("pytest", "tests/methods", *BESIDE, "-m", "many", env=ONE_THREAD)
    # Shops are dealt to all workers: one file holds them.
    spread = ("--numprocesses", "logical", "--maxprocesses", "4")
    session.run("pytest", "tests/sources/test_every_shop.py", *spread, env=ONE_THREAD | {"CRM_SHOPS": number})


@nox.session
def bench(session: nox.Session) -> None:
    """Ours and peers side by side; writes benchmarks/RESULTS.md and the table in docs/growing.md.

    Takes two hours or so of an idle machine, 8 GB of memory and 20 GB of disk; ``-- --only NAME`` measures
    one part anew. Posargs go to bench.py.
    """
    install(session)
    # Peers need an older pandas, so they live in an environment of their own.
    peers = Path(session.create_tmp()).resolve() / "peers"
    session.run("python", "-m", "venv", str(peers))
    session.run(str(peers / "bin" / "pip"), "install", "--quiet", *PEERS, external=True)
    pip = (str(peers / "bin" / "pip"), "install", "--quiet", *BUILT_PEERS)
    session.run(*pip, external=True, success_codes=[0, 1])
    others: list[str] = []
    apart = {"pymc": ("pymc_marketing", (BAYESIAN_PEER, "pyarrow")), "journeys": ("mam", JOURNEY_PEERS)}
    for option, (module, packages) in apart.items():
        folder = Path(session.create_tmp()).resolve() / option
        session.run("python", "-m", "venv", str(folder))
        pip = (str(folder / "bin" / "pip"), "install", "--quiet", *packages)
        session.run(*pip, external=True, success_codes=[0, 1])
        if any((folder / "lib").glob(f"python*/site-packages/{module}")):
            others += [f"--{option}", str(folder / "bin" / "python")]
    peers_python = ("--peers", str(peers / "bin" / "python"))
    session.run("python", "benchmarks/bench.py", *peers_python, *others, *session.posargs)
