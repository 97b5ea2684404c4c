"""Opening a results file: made, migrated, or read where it cannot be written."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ssnbench.contracts import UsageError
from ssnbench.results import schema
from ssnbench.results.migrations import prepare


def connect(path: Path, read_only: bool) -> sqlite3.Connection:
    """Open a results file, brought to today's format: in the file, or a copy in memory."""
    if read_only:
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    else:
        connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        version = schema.version_of(connection)
        if version > schema.VERSION:
            raise UsageError(
                f"{path} was written by a newer ssnbench (format {version}, this one knows "
                f"{schema.VERSION}): update ssnbench, or choose another --out"
            )
        if read_only and version < schema.VERSION:
            memory = sqlite3.connect(":memory:", isolation_level=None)
            connection.backup(memory)
            connection.close()
            connection = memory
        elif not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")  # safe in WAL if a process dies
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def is_writable(path: Path) -> bool:
    """Whether the file and, for its log, the folder can be written."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
