"""A real MariaDB of the test's own: zero dates, zones, one moment, and a server killed in the middle."""

from __future__ import annotations

import contextlib
import gc
import shutil
import signal
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pymysql
import pytest
from hanging import SLACK, ends
from people_data import CUSTOMERS, ORDERS
from test_database import SCHEMA, load, write_study

from crm_utils.errors import DataError
from crm_utils.people.pseudonyms import KEY_NAME
from crm_utils.sources.database import sessions, staging

SECRET = "hunter2-and-more"


@dataclass
class Server:
    """A MariaDB on a socket: started, asked as its owner, killed."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> str:
        return str(self.folder / "s.sock")

    def start(self) -> None:
        command = ["mariadbd", "--no-defaults", f"--datadir={self.folder / 'data'}", "--skip-networking",
                   f"--socket={self.socket}", f"--pid-file={self.folder / 'pid'}", "--user=root",
                   f"--log-error={self.folder / 'log'}", "--innodb-buffer-pool-size=16M"]  # fmt: skip
        self.process = subprocess.Popen(command)
        for _ in range(600):
            with contextlib.suppress(pymysql.MySQLError):
                self.ask("SELECT 1")
                return
            time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text())

    def ask(self, *statements: str, rows: list[tuple[Any, ...]] | None = None) -> tuple[Any, ...]:
        with pymysql.connect(unix_socket=self.socket, user="root", charset="utf8mb4", autocommit=True) as db:
            cursor = db.cursor()
            cursor.execute("CREATE DATABASE IF NOT EXISTS shop CHARACTER SET utf8mb4")
            cursor.execute("USE shop")
            for statement in statements:
                cursor.executemany(statement, rows) if rows else cursor.execute(statement)
            return cursor.fetchall()

    def end(self, *, kill: bool = False) -> None:
        if self.process is not None:
            self.process.kill() if kill else self.process.terminate()
            self.process.wait(60)


def sweep() -> None:
    """PyMySQL leaves a socket on which nobody answers to the garbage collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(autouse=True)
def _swept() -> Iterator[None]:
    yield
    sweep()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Path("/tmp") / f"mdb-{tmp_path_factory.mktemp('m').parent.name}"  # a socket's path is short
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={folder / 'data'}", "--user=root",
               "--auth-root-authentication-method=normal", "--skip-test-db"]  # fmt: skip
    subprocess.run(install, check=True, capture_output=True)
    server = Server(folder)
    server.start()
    sweep()
    marks = ", ".join(["%s"] * 7)
    customers, orders = (
        SCHEMA.replace(" ordered text", " ordered timestamp NULL").strip().rstrip(";").split(";")
    )
    server.ask("SET sql_mode = ''", customers, orders.replace("total text", "total decimal(18, 2)"))
    server.ask("INSERT INTO customers VALUES (%s, %s, %s, %s, %s, %s)", rows=list(CUSTOMERS))
    good = [row for row in ORDERS if row[4] != "not a time"]
    server.ask(f"INSERT INTO orders VALUES ({marks})", rows=good)
    server.ask(f"CREATE USER reader IDENTIFIED BY '{SECRET}'", "GRANT SELECT ON shop.* TO reader")
    yield server
    server.end()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def root(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(KEY_NAME, "k" * 32)
    monkeypatch.setenv("CRM_DATABASE_USER", "reader")
    monkeypatch.setenv("CRM_DATABASE_PASSWORD", SECRET)
    monkeypatch.setattr(staging, "WAITS", (0.0, 0.0))
    write_study(tmp_path, f"mariadb:///shop?unix_socket={server.socket}")
    return tmp_path


def test_the_same_shop_as_in_sqlite(root: Path) -> None:
    snapshot, _ = load(root)
    counts = {t: (m["read"], m["loaded"]) for t, m in snapshot.manifest["tables"].items()}
    assert counts == {"customers": (4, 2), "order_lines": (6, 6)}
    assert not load(root)[1]


def test_zero_dates_are_set_aside_and_moments_stand_on_the_shops_clock(root: Path, server: Server) -> None:
    server.ask(
        "SET sql_mode = ''", "SET time_zone = '+00:00'",
        "CREATE OR REPLACE TABLE odd (order_no int, account text, guest_email text, sku text,"
        " ordered timestamp NULL, wall datetime, qty bigint unsigned, total decimal(30, 10))",
        "INSERT INTO odd VALUES (1, '1', '', '한글', '2024-05-01 00:00:00', '2024-05-01 00:00:00', 1, 0.1),"
        " (2, '1', NULL, 'x', '0000-00-00 00:00:00', '2024-05-01 00:00:00', 1, 1),"
        " (3, '1', NULL, 'x', NULL, '2024-05-01 00:00:00', 1, 1),"
        " (4, '1', NULL, 'x', '2024-05-01 00:00:00', '0000-00-00 00:00:00', 18446744073709551615, 1)",
    )  # fmt: skip
    write_study(root, f"mysql:///shop?unix_socket={server.socket}", "table: shop.odd")
    snapshot, _ = load(root)
    lines = pd.read_parquet(snapshot.path("order_lines"))
    assert lines[["order_id", "product_id"]].to_numpy().tolist() == [["1", "한글"]]
    assert str(lines["ordered_at"][0]) == "2024-05-01 09:00:00"
    assert str(lines["amount"][0]) == "0.10"
    aside = pd.read_parquet(snapshot.folder / "quarantine" / "order_lines.parquet")
    assert aside["reason"].tolist() == [
        "ordered cannot be read as a time", "ordered_at is empty", "quantity cannot be read as a number",
    ]  # fmt: skip
    query = "SELECT order_no, account, guest_email, sku, wall AS ordered, 1 AS qty, total FROM odd"
    write_study(root, f"mysql:///shop?unix_socket={server.socket}", f"query: {query}")
    snapshot, _ = load(root)
    assert str(pd.read_parquet(snapshot.path("order_lines"))["ordered_at"][0]) == "2024-05-01 00:00:00"
    aside = pd.read_parquet(snapshot.folder / "quarantine" / "order_lines.parquet")
    assert "0000-00-00 00:00:00" in aside["raw"][0]


def test_all_tables_are_of_one_moment(root: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    true_one = staging._one

    def meanwhile(session: sessions.Session, query: staging.Query, path: Path, most: int | None) -> Path:
        done = true_one(session, query, path, most)
        if path.stem == "customers":
            server.ask("INSERT INTO orders VALUES ('new', '1', NULL, 'x', '2024-05-06', '1', 1)")
        return done

    monkeypatch.setattr(staging, "_one", meanwhile)
    try:
        assert load(root)[0].manifest["tables"]["order_lines"]["read"] == 6
    finally:
        server.ask("DELETE FROM orders WHERE order_no = 'new'")


def test_what_the_server_refuses_is_said_without_secrets_or_values(
    root: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"mysql:///shop?unix_socket={server.socket}"
    cases = {
        "table: order": "answers: Table 'shop.order' doesn't exist.",
        "query: SELECT price FROM orders": "answers: Unknown column 'price' in",
        "table: mysql.user": "refuses user 'reader'|answers: SELECT command denied",
        "query: SELECT *, 1 AS sku FROM orders": "answers: Duplicate column name 'sku'.",
        "query: \"SELECT order_no, account, guest_email, unhex('ff') AS sku, ordered, qty, total FROM odd\"":
            "holds bytes in its column 'sku', which cannot be read",
    }  # fmt: skip
    for orders, said in cases.items():
        write_study(root, url, orders)
        with pytest.raises(DataError, match=said):
            load(root)
    monkeypatch.setenv("CRM_DATABASE_PASSWORD", "wrong-password")
    with pytest.raises(DataError, match="refuses user 'reader'. Set CRM_DATABASE_USER") as error:
        load(root)
    assert "wrong-password" not in str(error.value)
    monkeypatch.setenv("CRM_DATABASE_PASSWORD", SECRET)
    write_study(root, f"mysql:///none?unix_socket={server.socket}")
    with pytest.raises(DataError, match="refuses user 'reader'|There is no database 'none'"):
        load(root)


def test_a_server_killed_in_the_middle_leaves_what_was_there(root: Path, server: Server) -> None:
    first, _ = load(root)
    slow = "SELECT o.* FROM orders o, seq_1_to_400 WHERE sleep(0.02) = 0"
    write_study(root, f"mysql:///shop?unix_socket={server.socket}", f"query: {slow}")
    killed = threading.Event()

    def kill() -> None:
        for _ in range(300):
            with contextlib.suppress(pymysql.MySQLError):
                running = server.ask("SELECT info FROM information_schema.processlist WHERE user = 'reader'")
                if any("sleep(0.02)" in str(info) for (info,) in running):
                    server.end(kill=True)
                    killed.set()
                    return
            time.sleep(0.05)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(DataError, match="connection was lost. It was tried 3 times. Nothing was loaded"):
            load(root)
    finally:
        killer.join()
        server.start()
    assert killed.is_set()
    home = root / "data" / "snapshots" / "shop"
    assert (home / "CURRENT").read_text().strip() == first.id
    assert sorted(p.name for p in home.iterdir()) == sorted(["CURRENT", first.id])
    write_study(root, f"mariadb:///shop?unix_socket={server.socket}")
    assert load(root) == (first, False)


NEVER = {
    "sleeps": "SELECT o.* FROM orders o WHERE sleep(3000) = 0",
    "counts": "SELECT o.* FROM orders o, seq_1_to_1000000000000 AS n WHERE n.seq < 0 OR rand() < 0",
    "gives rows without end": "SELECT o.* FROM orders o, seq_1_to_1000000000000",
}


def is_at_work(server: Server) -> bool:
    """Whether a query of the load's own user is running."""
    # Of no database: a locked table locks that too.
    with pymysql.connect(unix_socket=server.socket, user="root") as db, db.cursor() as cursor:
        cursor.execute("SELECT command, info FROM information_schema.processlist WHERE user = 'reader'")
        return any(command in ("Query", "Execute") and info for command, info in cursor.fetchall())


@pytest.mark.parametrize("query", NEVER)
def test_a_query_that_never_ends_is_ended(root: Path, server: Server, query: str) -> None:
    write_study(root, f"mysql:///shop?unix_socket={server.socket}", f"query: {NEVER[query]}")
    at_work = lambda: is_at_work(server)  # noqa: E731
    ended = ends(root, "load-data", "shop", "--run-timeout", "6", at_work=at_work)
    assert (ended.code, ended.seconds < 6 + SLACK) == (5, True), ended
    assert "Error: Loading took longer than 6 seconds and was stopped; --run-timeout gives it" in ended.said


def test_a_run_and_a_signal_end_it_too(root: Path, server: Server) -> None:
    write_study(
        root, f"mysql:///shop?unix_socket={server.socket}", f"query: {NEVER['gives rows without end']}"
    )
    (root / "notebooks").mkdir()
    at_work = lambda: is_at_work(server)  # noqa: E731
    assert ends(root, "run", "shop", "--run-timeout", "6", at_work=at_work).code == 5
    stopped = ends(root, "load-data", "shop", at_work=at_work, number=signal.SIGTERM)
    assert (stopped.code, "Error: Stopped by SIGTERM." in stopped.said) == (143, True), stopped


def test_a_locked_table_does_not_hold_the_night(root: Path, server: Server) -> None:
    with pymysql.connect(unix_socket=server.socket, user="root", database="shop") as db:
        db.cursor().execute("LOCK TABLES orders WRITE")
        at_work = lambda: is_at_work(server)  # noqa: E731
        ended = ends(root, "load-data", "shop", "--run-timeout", "6", at_work=at_work)
        db.cursor().execute("UNLOCK TABLES")
    assert ended.code == 5, ended
