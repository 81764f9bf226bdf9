"""How is each database read? One transaction, read-only and repeatable, its rows streamed as text.

Three drivers stand behind one small class each. Values stay the text that the server prints: exact numbers
keep their digits, and a date that is none (0000-00-00, infinity) is set aside later instead of ending the
reading here. Whatever a driver says becomes a sentence; messages about values are left out, since they
quote them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Protocol

from crm_utils.errors import DataError, StudyError
from crm_utils.sources.database.address import Address
from crm_utils.tools.signals import seconds_left, stopping

__all__ = ["INSTANT", "TEXT", "UNREADABLE", "YES_NO", "LostError", "Session", "open_session"]

#: What a column is, as far as reading differs.
TEXT, YES_NO, INSTANT, UNREADABLE = "text", "yes_no", "instant", "unreadable"
_CONNECT_SECONDS = 10
#: To ask it to end what was stopped.
_CANCEL_SECONDS = 5
#: The server ends what the load no longer waits for, so many seconds later; without a limit after a day.
_GRACE_SECONDS, _LONGEST_SECONDS = 5, 86_400
#: Steps of SQLite between two looks at whether the load is to end: some milliseconds.
_STEPS = 10_000
_INSTALL = "In the project's folder: pip install -e '.[databases]'"


class LostError(DataError):
    """The connection could not be made or was lost: worth trying again."""


class Session(Protocol):
    """One transaction on one database."""

    @property
    def quote(self) -> str:
        """What stands around a name."""
        ...

    def columns(self, query: str) -> dict[str, str]:
        """The columns of a query, and what each is."""
        ...

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, as they come."""
        ...


@contextmanager
def open_session(address: Address) -> Iterator[Session]:
    """Connect, begin the transaction, and turn what goes wrong inside into sentences.

    Raises
    ------
    LostError
        The server cannot be reached, or went away.
    DataError
        It refuses the user, a table, a query; or the driver is not installed.
    """
    with _SESSIONS[address.kind](address) as session:
        yield session


@contextmanager
def _postgresql(address: Address) -> Iterator[Session]:
    try:
        import psycopg
    except ImportError:
        raise DataError(f"Reading PostgreSQL needs the driver psycopg. {_INSTALL}.") from None
    settings: dict[str, Any] = {"host": address.host, "port": address.port, "dbname": address.name,
            "user": address.user, "password": address.password, **address.options}  # fmt: skip
    settings["options"] = (
        f"-c default_transaction_read_only=on -c statement_timeout={_limit_seconds() * 1000}"
    )
    try:
        with closing(
            psycopg.connect(**{k: v for k, v in settings.items() if v}, connect_timeout=_CONNECT_SECONDS)
        ) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            connection.execute("SET LOCAL TIME ZONE 'UTC'")
            connection.execute("SET LOCAL DateStyle = 'ISO'")
            with _ended_with_us(psycopg.Error, lambda: connection.cancel_safe(timeout=_CANCEL_SECONDS)):
                yield _PostgreSQL(connection)
    except psycopg.Error as error:
        raise _told(address, _postgresql_trouble(error), error.diag.message_primary or "") from None


class _PostgreSQL:
    quote = '"'
    _KINDS: ClassVar[dict[int, str]] = {16: YES_NO, 17: UNREADABLE, 1184: INSTANT}

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def columns(self, query: str) -> dict[str, str]:
        # In binary form the server takes one statement and no more, whatever stands in the query.
        cursor = self._connection.execute(f"SELECT * FROM {query} LIMIT 0", binary=True)
        return {column.name: self._KINDS.get(column.type_code, TEXT) for column in cursor.description}

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        with self._connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
            yield from copy.rows()


def _postgresql_trouble(error: Any) -> str:
    # A connection that is refused brings no code, only the server's words.
    state, said = error.sqlstate or "", str(error)
    if state[:2] == "28" or "password" in said or ("role" in said and "does not exist" in said and not state):
        return "refused"
    if state == "3D000" or ("database" in said and "does not exist" in said):
        return "no database"
    # 08 connection, 53 no room, 57 the server ends or was told to end this.
    if state[:2] in ("", "08", "53", "57"):
        return "lost"
    return "words" if state[:2] in ("42", "25", "3F", "0A") else f"code {state}"


@contextmanager
def _mysql(address: Address) -> Iterator[Session]:
    try:
        import pymysql
        import pymysql.converters
        import pymysql.cursors
    except ImportError:
        raise DataError(f"Reading MySQL or MariaDB needs the driver PyMySQL. {_INSTALL}.") from None
    settings: dict[str, Any] = {"host": address.host, "port": address.port, "database": address.name,
            "user": address.user, "password": address.password, **address.options}  # fmt: skip
    # No decoders: what the server prints is what is read.
    as_text = {kind: conv for kind, conv in pymysql.converters.conversions.items() if isinstance(kind, type)}
    settings = {k: v for k, v in settings.items() if v} | {"charset": "utf8mb4", "conv": as_text}

    def cancel() -> None:
        limits = {"connect_timeout": _CANCEL_SECONDS, "read_timeout": _CANCEL_SECONDS}
        with closing(pymysql.connect(**settings, **limits)) as other, other.cursor() as cursor:
            cursor.execute(f"KILL QUERY {connection.thread_id()}")

    try:
        with closing(
            # To the driver a connection is made before the server has said a word: that is a read already.
            pymysql.connect(**settings, connect_timeout=_CONNECT_SECONDS, read_timeout=_CONNECT_SECONDS)
        ) as connection:
            connection._read_timeout = _limit_seconds()
            with connection.cursor() as cursor:
                _limit_mysql(cursor, pymysql.MySQLError)
                cursor.execute("SET SESSION time_zone = '+00:00'")
                cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            with _ended_with_us(pymysql.MySQLError, cancel):
                yield _MySQL(connection, pymysql.cursors.SSCursor)
    except pymysql.MySQLError as error:
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        said = str(error.args[1]) if len(error.args) > 1 else ""
        raise _told(address, _mysql_trouble(code), said) from None


@contextmanager
def _ended_with_us(of_driver: type[Exception], cancel: Callable[[], object]) -> Iterator[None]:
    """End a query on its server too when the load is stopped: there a closed connection is not noticed."""
    try:
        yield
    except of_driver:
        raise  # the server knows
    except BaseException:
        with suppress(Exception):
            cancel()
        raise


def _limit_mysql(cursor: Any, error: type[Exception]) -> None:
    """Let the server end a query that takes too long: MariaDB counts seconds, MySQL milliseconds."""
    seconds = _limit_seconds()
    for setting in (f"max_statement_time = {seconds}", f"max_execution_time = {seconds * 1000}"):
        with suppress(error):  # the one that it does not know
            cursor.execute(f"SET SESSION {setting}")


def _limit_seconds() -> int:
    left = seconds_left()
    return _LONGEST_SECONDS if left is None else int(left) + _GRACE_SECONDS


class _MySQL:
    quote = "`"
    _KINDS: ClassVar[dict[int, str]] = {7: INSTANT, 16: UNREADABLE, 255: UNREADABLE}

    def __init__(self, connection: Any, streaming: Any) -> None:
        self._connection, self._streaming = connection, streaming

    def columns(self, query: str) -> dict[str, str]:
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {query} LIMIT 0")
            return {column[0]: self._KINDS.get(column[1], TEXT) for column in cursor.description}

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        cursor = self._connection.cursor(self._streaming)
        cursor.execute(query)
        try:
            yield from cursor.fetchall_unbuffered()
        except BaseException:
            # The driver would read what is left before it lets go: rows without end.
            cursor._result.unbuffered_active = False
            raise
        cursor.close()


def _mysql_trouble(code: int) -> str:
    if code in (1044, 1045, 1698):
        return "refused"
    if code == 1049:
        return "no database"
    # 0 and 2xxx are the client's own: no connection, or none any more; the others say that the server ends.
    if (
        code == 0
        or 2000 <= code < 3000
        or code in (1040, 1053, 1077, 1080, 1129, 1152, 1158, 1159, 1160, 1161, 1927)
    ):
        return "lost"
    return "words" if code in (1046, 1054, 1060, 1064, 1142, 1143, 1146, 1792) else f"code {code}"


@contextmanager
def _sqlite(address: Address) -> Iterator[Session]:
    if not Path(address.name).is_file():
        raise DataError(f"There is no {address.shown}. Its path counts from the project's folder.")
    try:
        uri = f"{Path(address.name).resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            connection.text_factory = _utf8
            connection.set_progress_handler(stopping, _STEPS)
            connection.execute("BEGIN")
            yield _SQLite(connection)
    except sqlite3.Error as error:
        said = str(error)
        is_busy = getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
        raise _told(address, "lost" if is_busy else "words", said) from None


class _SQLite:
    quote = '"'

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def columns(self, query: str) -> dict[str, str]:
        return dict.fromkeys(
            (column[0] for column in self._connection.execute(f"SELECT * FROM {query} LIMIT 0").description),
            TEXT,
        )

    def rows(self, query: str) -> Iterator[tuple[Any, ...]]:
        # yield from would close the cursor once more, after its connection
        yield from (row for row in self._connection.execute(query))


def _utf8(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise DataError(
            "The SQLite file holds text that is not UTF-8. Convert it, or leave the column out."
        ) from None


_SESSIONS: dict[str, Callable[[Address], Any]] = {
    "postgresql": _postgresql, "mysql": _mysql, "sqlite": _sqlite,
}  # fmt: skip


def _told(address: Address, trouble: str, said: str) -> DataError | StudyError:
    """The sentence for what went wrong; ``said`` is only shown where it speaks of tables and columns."""
    if trouble == "lost":
        return LostError(f"The {address.shown} cannot be reached, or the connection was lost.")
    if trouble == "refused":
        who = f"user '{address.user}'" if address.user else "whoever has no user's name"
        return DataError(
            f"The {address.shown} refuses {who}. Set {' and '.join(address.variables)} in the environment to "
            "a user that may read it, and the user's password."
        )
    if trouble == "no database":
        return DataError(f"There is no {address.shown}. Change source.url.")
    words = said.rstrip(".") if trouble == "words" else f"a value cannot be read ({trouble}); see its log"
    return DataError(f"The {address.shown} answers: {words}.")
