"""Where MLflow keeps runs: which URI is meant, and what is wrong with it before MLflow is imported."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from callsheet.disk import os_errors
from callsheet.errors import did_you_mean
from callsheet.secrets import redact_text

DATABASE = "sqlite:///mlflow.db"
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
SCHEMES = (*DATABASES, "http", "https", "databricks", "databricks-uc", "uc", "file", "")
ORM = ("sqlalchemy", "alembic")  # which mlflow-skinny leaves out
SETTING = "plugins.mlflow.tracking_uri"


def asked(tracking_uri: str | None, environ: Mapping[str, str]) -> str | None:
    """The URI that somebody gave; None leaves it to MLflow."""
    return tracking_uri or environ.get("MLFLOW_TRACKING_URI") or None


def problems(uri: str, cwd: Path, *, in_setting: bool = True) -> Iterable[str]:
    """What would keep MLflow from logging to `uri`, in sentences."""
    source = SETTING if in_setting else "MLFLOW_TRACKING_URI"
    scheme = scheme_of(uri)
    if in_setting and redact_text(uri) != uri:
        yield "MLflow takes a URI with a password from the environment: MLFLOW_TRACKING_URI."
    elif scheme not in SCHEMES and not find_spec(f"mlflow_{scheme}"):
        yield f"{source}={uri!r} begins with {scheme!r}, which MLflow does not know.{did_you_mean(scheme, SCHEMES)}"
    elif scheme in DATABASES and (missing := [name for name in ORM if not find_spec(name)]):
        needed = " and ".join(missing)
        yield f"{source}={redact_text(uri)!r} is a database, which needs {needed}: pip install 'callsheet[mlflow]'."
    elif (path := local(uri, cwd)) is not None:
        yield from _unusable(path, is_database=scheme == "sqlite", source=source)


def without_secret(uri: str) -> str:
    """The URI without a user and a password."""
    place = urlsplit(uri).netloc
    return uri.replace(place, place.rpartition("@")[2], 1)


def scheme_of(uri: str) -> str:
    """`sqlite` of `sqlite:///x.db` and `postgresql` of `postgresql+psycopg2://…`; empty for a path.

    >>> scheme_of("postgresql+psycopg2://host/runs"), scheme_of("./mlruns"), scheme_of("databricks")
    ('postgresql', '', 'databricks')
    """
    if uri.startswith("databricks") and "/" not in uri.partition("://")[0]:
        return uri.partition("://")[0]
    return urlsplit(uri).scheme.partition("+")[0] if "://" in uri or uri.startswith("file:") else ""


def local(uri: str, cwd: Path) -> Path | None:
    """The file of a SQLite database, or the folder of a file store; None for what is elsewhere, or in memory.

    >>> local("sqlite:///runs.db", Path("/home/me")), local("sqlite:////data/runs.db", Path("/home/me"))
    (PosixPath('/home/me/runs.db'), PosixPath('/data/runs.db'))
    """
    scheme = scheme_of(uri)
    if scheme == "sqlite":
        name = uri.partition(":///")[2].partition("?")[0]
        return cwd / name if name else None
    if scheme in ("file", ""):
        return cwd / unquote(urlsplit(uri).path if scheme else uri)
    return None


def _unusable(path: Path, *, is_database: bool, source: str) -> Iterator[str]:
    folder = path.parent if is_database else path
    if refusal := os_errors.unwritable(folder):
        yield os_errors.of_setting(source, str(path), refusal)
    elif is_database and path.exists() and not os.access(path, os.W_OK, effective_ids=True):
        yield f"{source}: this user may not write {path}. Give the path of another file."
    elif is_database and path.exists() and (fault := _fault(path)):
        yield f"{source}: {path} is no database that MLflow can use: {fault}. Give the path of another file."


def _fault(path: Path) -> str:
    """Why a file is no database of MLflow; it is opened read-only."""
    if path.stat().st_size == 0:
        return ""  # MLflow fills it
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error as error:
        return str(error)
    return "" if not tables or tables & {"alembic_version", "runs"} else f"it holds {', '.join(sorted(tables)[:3])}"
