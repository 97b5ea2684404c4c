"""Join the results of several machines into one folder.

A job that two folders hold with the same rows is written once. Where they disagree (other scores,
another status, another version of the method), nothing is written unless it is said whom to
believe. Times are not comparable between machines: they come from one of them.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from ssnbench.contracts import UsageError
from ssnbench.results import schema
from ssnbench.results.inter_annotator import join
from ssnbench.results.schema import KEY, TABLES, listed, quoted
from ssnbench.results.store import FILE, Store

Prefer = Literal["first", "last"]

MOST_TOLD = 5
"""Conflicts that an error spells out; the rest are counted."""

_CLOSE = 1e-9
"""Scores that differ by less are the same: sums in another order, not another result."""

_APART = ("records", "runs", "timings")
"""Tables that are not copied as they are: jobs may disagree, runs are numbered, times compete."""


@dataclass(frozen=True)
class Merged:
    """What a merge did.

    Attributes
    ----------
    folder : Path
        Where the results lie.
    rows : int
        Rows of the joined store.
    twice : int
        Jobs that more than one folder held.
    conflicts : tuple of str
        Those that disagreed and were settled by preference, one line each.
    """

    folder: Path
    rows: int
    twice: int
    conflicts: tuple[str, ...]


def merge(
    folders: Sequence[Path],
    out: Path,
    prefer: Prefer | None = None,
    times_of: Path | None = None,
) -> Merged:
    """Join run folders; of each, the rows that count are taken: of the versions last asked for.

    Parameters
    ----------
    folders : sequence of Path
        Two or more run folders, in the order of ``prefer``.
    out : Path
        A folder without results.
    prefer : {"first", "last"}, optional
        Whose rows count where folders disagree; by default that is an error.
    times_of : Path, optional
        The folder whose times are taken, where folders of several machines hold some.

    Raises
    ------
    UsageError
        When there are fewer than two folders, one holds no results, ``out`` holds some already,
        folders disagree without a preference (the first conflicts are named), or several machines
        were timed and ``times_of`` names none of the folders.
    """
    paths = [folder.resolve() for folder in folders]
    if len(set(paths)) < 2:
        raise UsageError("a merge takes two or more different run folders")
    if (out / FILE).exists():
        raise UsageError(f"{out} holds results already; choose another --out")
    timed = _timed_folder(folders, times_of)
    for folder in folders:
        Store(folder, create=False).close()  # refuses what is no store before anything is written
    try:
        with _folder(out), TemporaryDirectory(dir=out, prefix=".merge-") as draft:
            Store(Path(draft)).close()
            merged = _joined(Path(draft), folders, prefer, timed)
            shutil.move(Path(draft) / FILE, out / FILE)
        join(folders, out)
    except OSError as error:
        raise UsageError(f"cannot write to {out}: {error}; choose another --out") from None
    return Merged(out, *merged)


@contextmanager
def _folder(out: Path) -> Iterator[None]:
    """Make a folder with its parents; where the work in it fails, those that are empty go again."""
    new = [folder for folder in (out, *out.parents) if not folder.exists()]
    out.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for folder in new:
                folder.rmdir()
        raise


def _joined(
    draft: Path, folders: Sequence[Path], prefer: Prefer | None, timed: Sequence[Path]
) -> tuple[int, int, tuple[str, ...]]:
    """Fill the draft; what is preferred is written last, over the rest."""
    connection = sqlite3.connect(draft / FILE, isolation_level=None)
    conflicts: list[str] = []
    twice = 0
    try:
        for folder in reversed(folders) if prefer == "first" else folders:
            copy = draft / "source.sqlite"
            with Store(folder, create=False) as store:
                store.copy_to(copy)  # in today's format, whatever the folder's is
            connection.execute("ATTACH ? AS source", [str(copy)])
            connection.execute("BEGIN")
            _stage(connection)
            conflicts += _conflicts(connection, folder)
            twice += _replace_jobs(connection)
            _take_rest(connection, times=folder in timed)
            connection.execute("COMMIT")
            connection.execute("DROP TABLE temp.incoming")
            connection.execute("DETACH source")
            copy.unlink()
        if conflicts and prefer is None:
            raise UsageError(_refusal(conflicts))
        (rows,) = connection.execute("SELECT count(*) FROM records").fetchone()
    finally:
        connection.close()
    return rows, twice, tuple(conflicts)


def _stage(connection: sqlite3.Connection) -> None:
    """Copy the rows that count into a temporary table; make room for their columns."""
    present = schema.columns_of(connection)
    for name in schema.columns_of(connection, schema="source"):
        if name not in present:
            connection.execute(f"ALTER TABLE main.records ADD COLUMN {quoted(name)} REAL")
    connection.execute(
        "CREATE TEMP TABLE incoming AS SELECT * FROM source.records "
        f"WHERE {schema.asked_code(schema='source')} AND {schema.asked_data('source')} "
        "ORDER BY rowid"
    )


def _conflicts(connection: sqlite3.Connection, folder: Path) -> list[str]:
    """One line for each method or image of another version, and each job that has other rows."""
    place = "dataset, split"
    versions = connection.execute(
        "SELECT DISTINCT new.label, new.code_version, old.code_version FROM temp.incoming new "
        f"JOIN main.asked_methods old USING (algorithm, label, {place}) "
        "WHERE (new.params, new.code_version) != (old.params, old.code_version) ORDER BY new.label"
    )
    lines = [
        f"{label}: version {new} in {folder}, {old} in another folder: the method was edited"
        for label, new, old in versions
    ]
    images = connection.execute(
        f"SELECT {place}, count(*), min(image) FROM main.asked_images old "
        f"JOIN source.asked_images new USING ({place}, image) "
        f"WHERE new.data_version != old.data_version GROUP BY {place}"
    )
    lines += [
        f"{n} images of {dataset} {split}, such as {image}: other images or truths in {folder}"
        for dataset, split, n, image in images
    ]
    jobs = connection.execute(
        "SELECT DISTINCT label, dataset, split, image, perturbation, n_asked, protocol "
        f"FROM ({_differing(connection)}) ORDER BY label, dataset, split, n_asked, image, protocol"
    )
    lines += [
        f"{label} asked for {n_asked} on {image} of {dataset} {split}"
        f"{f', {perturbation},' if perturbation else ''} by {protocol}: other rows in {folder}"
        for label, dataset, split, image, perturbation, n_asked, protocol in jobs
    ]
    return lines


def _differing(connection: sqlite3.Connection) -> str:
    """Query for the rows, on either side, of jobs that both hold, but not alike."""
    beside = (*KEY, "truth", "run", "label")
    names = [name for name in schema.columns_of(connection) if name not in beside]
    incoming = set(schema.columns_of(connection, schema="source"))
    tests = []
    for name in names:
        old = f"old.{quoted(name)}"
        if name not in incoming:
            tests.append(f"{old} IS NOT NULL")
            continue
        new = f"new.{quoted(name)}"
        tests.append(
            f"({old} IS NOT {new} AND NOT (typeof({old}) IN ('real', 'integer') AND "
            f"typeof({new}) IN ('real', 'integer') AND abs({old} - {new}) <= "
            f"{_CLOSE} * max(1, abs({new}))))"
        )
    keys = ", ".join(KEY)
    on_job = f"JOIN (SELECT DISTINCT {keys} FROM {{}}) USING ({keys})"
    same = f"USING ({keys}, truth)"
    both = ", ".join((*KEY, "truth"))
    return (
        f"SELECT new.label, {both} FROM temp.incoming new JOIN main.records old {same} "
        f"WHERE {' OR '.join(tests)} UNION ALL "
        f"SELECT label, {both} FROM temp.incoming {on_job.format('main.records')} "
        f"WHERE ({both}) NOT IN (SELECT {both} FROM main.records) UNION ALL "
        f"SELECT label, {both} FROM main.records {on_job.format('temp.incoming')} "
        f"WHERE ({both}) NOT IN (SELECT {both} FROM temp.incoming)"
    )


def _replace_jobs(connection: sqlite3.Connection) -> int:
    """Write the staged jobs, each as a whole in place of its namesake; return how many had one."""
    keys = ", ".join(KEY)
    (twice,) = connection.execute(
        f"SELECT count(*) FROM (SELECT {keys} FROM temp.incoming INTERSECT "
        f"SELECT {keys} FROM main.records)"
    ).fetchone()
    connection.execute(
        f"DELETE FROM main.records WHERE ({keys}) IN (SELECT {keys} FROM temp.incoming)"
    )
    runs = _take_runs(connection)
    columns = schema.columns_of(connection, schema="source")
    names = listed([name for name in columns if name != "run"])
    written_by = connection.execute("SELECT DISTINCT run FROM temp.incoming").fetchall()
    connection.executemany(
        f"INSERT INTO main.records ({names}, run) SELECT {names}, ? FROM temp.incoming "
        "WHERE run IS ? ORDER BY rowid",
        [(runs.get(old), old) for (old,) in written_by],  # rows of a run that is lost are kept
    )
    return int(twice)


def _take_runs(connection: sqlite3.Connection) -> Mapping[int, int]:
    """Copy the environments of the runs, once each; return their new numbers by the old."""
    known = {text: number for number, text in connection.execute("SELECT * FROM main.runs")}
    numbers: dict[int, int] = {}
    for old, text in connection.execute("SELECT * FROM source.runs ORDER BY id").fetchall():
        if text not in known:
            cursor = connection.execute("INSERT INTO main.runs (environment) VALUES (?)", [text])
            known[text] = int(cursor.lastrowid or 0)
        numbers[old] = known[text]
    return numbers


def _take_rest(connection: sqlite3.Connection, times: bool) -> None:
    """Copy all other tables and, where wanted, the times."""
    for table in TABLES.values():
        if table.name not in _APART or (times and table is schema.TIMINGS):
            names = listed(table.columns)
            connection.execute(
                f"INSERT OR REPLACE INTO main.{table.name} ({names}) "
                f"SELECT {names} FROM source.{table.name} ORDER BY rowid"
            )


def _timed_folder(folders: Sequence[Path], times_of: Path | None) -> list[Path]:
    """Folders whose times are taken: all of one machine, or the one that was named."""
    if times_of is not None:
        chosen = [folder for folder in folders if folder.resolve() == times_of.resolve()]
        if not chosen:
            raise UsageError(f"--times-of {times_of} is none of the folders to merge")
        return chosen
    machines: dict[Any, list[Path]] = {}
    for folder in folders:
        with Store(folder, create=False) as store:
            if len(store.timings()):
                environments = [run for run in store.runs() if run.get("cpu")] or [{}]
                machine = {name: environments[-1].get(name) for name in ("cpu", "cores", "gpu")}
                machines.setdefault(json.dumps(machine), []).append(folder)
    if len(machines) > 1:
        named = "; ".join(f"{group[0]}: {machine}" for machine, group in machines.items())
        raise UsageError(
            f"times of several machines do not go together ({named}); say whose to take: "
            "--times-of FOLDER"
        )
    return [folder for group in machines.values() for folder in group]


def _refusal(conflicts: Sequence[str]) -> str:
    named = "; ".join(conflicts[:MOST_TOLD])
    more = len(conflicts) - MOST_TOLD
    rest = f"; and {more} more" if more > 0 else ""
    return f"the folders disagree: {named}{rest}. Say whom to believe: --prefer first or last"
