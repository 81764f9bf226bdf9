"""Which database does a study mean? A URL without credentials; these come from the environment alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from crm_utils.errors import StudyError, known_names

__all__ = ["Address", "read_address"]

#: Scheme: the kind of database, and what may stand behind the question mark.
_SCHEMES = {
    "postgresql": ("postgresql", {"host", "sslmode", "sslrootcert"}),
    "postgres": ("postgresql", {"host", "sslmode", "sslrootcert"}),
    "mysql": ("mysql", {"unix_socket", "ssl_ca"}),
    "mariadb": ("mysql", {"unix_socket", "ssl_ca"}),
    "sqlite": ("sqlite", set()),
}
_EXAMPLES = "postgresql://db.example.com/shop, mysql://db.example.com:3306/shop or sqlite:///raw/shop.db"


@dataclass(frozen=True)
class Address:
    """Where a database is and who asks; printing it does not show the password.

    Attributes
    ----------
    kind
        ``postgresql``, ``mysql`` (also MariaDB) or ``sqlite``.
    name
        The database; for SQLite its file.
    variables
        The environment's variables that hold user and password: what an error tells people to set.
    """

    kind: str
    name: str
    host: str = ""
    port: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    password: str = field(default="", repr=False)
    variables: tuple[str, str] = ("", "")

    @property
    def shown(self) -> str:
        """The database for people: without user and password."""
        if self.kind == "sqlite":
            return f"SQLite file {Path(self.name).name}"
        where = self.host or self.options.get("host") or self.options.get("unix_socket") or "this machine"
        port = f":{self.port}" if self.port else ""
        return f"database '{self.name}' at {where}{port}"


def read_address(
    url: str, *, prefix: str, root: Path, environment: Mapping[str, str] = os.environ
) -> Address:
    """What a study's URL means.

    Parameters
    ----------
    url
        ``postgresql://host[:port]/database``, ``mysql://…``, ``mariadb://…`` or ``sqlite:///file``.
    prefix
        ``<prefix>_USER`` and ``<prefix>_PASSWORD`` are the environment's variables.
    root
        The project's folder, from which a SQLite file's path counts.
    environment
        Variables by name; the process's own by default.

    Raises
    ------
    StudyError
        It is no such URL, or it holds a user or a password. The text shows neither.

    Examples
    --------
    >>> read_address("mysql://db.example.com/shop", prefix="SHOP", root=Path(), environment={}).shown
    "database 'shop' at db.example.com"
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise StudyError(f"source.url is not a database's address. Write one such as {_EXAMPLES}.") from None
    names = (f"{prefix}_USER", f"{prefix}_PASSWORD")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "@" in parts.netloc or options.keys() & {"user", "password"}:
        raise StudyError(
            "source.url holds a user or a password, and a study is no place for them. Take them out, set "
            f"{names[0]} and {names[1]} in the environment, and change a password that was written here."
        )
    if parts.scheme not in _SCHEMES:
        known = known_names(parts.scheme, _SCHEMES, label="It may begin with")
        raise StudyError(f"source.url begins with '{parts.scheme}'. {known} Such as {_EXAMPLES}.")
    kind, allowed = _SCHEMES[parts.scheme]
    for option in options:
        if option not in allowed:
            raise StudyError(f"source.url has no option '{option}'. {known_names(option, allowed)}")
    name = unquote(parts.path.removeprefix("/"))
    if not name or (kind == "sqlite" and parts.netloc):
        raise StudyError(f"source.url names no database. Write one such as {_EXAMPLES}.")
    if kind == "sqlite":
        return Address(kind, str(root / name))
    user, password = (environment.get(variable, "") for variable in names)
    return Address(kind, name, parts.hostname or "", port, options, user, password, names)
