"""Download a file so that it can be interrupted: it goes on, and is only there once it is right."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pooch
import requests

from ssnbench.contracts import UsageError

Progress = Callable[[int, int | None], None]
"""Told how many bytes are there and, where known, of how many."""

ATTEMPTS = 5
"""Connections in a row that may break without bringing anything."""

PAUSE = 1.0
"""Seconds before the next of them; each time as much longer."""

CHUNK = 1 << 14
"""Bytes taken at a time; what is short of it when a connection breaks comes again."""

_SECONDS = 30.0  # without a byte, until a server is taken for dead
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


def download(url: str, known_hash: str, path: Path, most_bytes: int, progress: Progress) -> Path:
    """Download a file, or go on where an earlier call was interrupted.

    What has come so far lies beside it as ``NAME.part``; ``path`` itself appears only once the hash
    is right.

    Parameters
    ----------
    url : str
        http or https.
    known_hash : str
        ``sha256:...`` or another algorithm that pooch knows.
    path : Path
        Where to; a file that is there already and right is not fetched again.
    most_bytes : int
        A body that is longer is refused.
    progress : callable
        Told of every piece.

    Raises
    ------
    UsageError
        When the server refuses, breaks off again and again or cannot be reached, when the file
        does not have the known hash (it is deleted), or when it is too large.
    """
    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(
            url,
            known_hash,
            fname=path.name,
            path=path.parent,
            downloader=_Resuming(path.with_name(f"{path.name}.part"), most_bytes, progress),
        )
    except requests.RequestException as error:
        raise UsageError(f"cannot fetch {url}: {_said(error)}") from error
    except ValueError as error:  # pooch's word for another hash
        if "hash" not in str(error):
            raise
        raise UsageError(
            f"{url} is not the file that was published: its checksum is not {known_hash}; "
            "what came was deleted"
        ) from error
    return path


@dataclass(frozen=True)
class _Resuming:
    """A downloader for pooch that keeps what came before a connection broke."""

    part: Path
    most_bytes: int
    progress: Progress

    def __call__(self, url: str, output_file: str, _pooch: Any, check_only: bool = False) -> None:
        """Fetch the rest of the file, then move it to where pooch wants it."""
        del check_only
        failures = 0
        while True:
            before = self._size()
            try:
                self._fetch_rest(url)
                break
            except (requests.ConnectionError, requests.Timeout, _ChunkedEncodingError):
                failures = 0 if self._size() > before else failures + 1
                if failures >= ATTEMPTS:
                    raise
                time.sleep(failures * PAUSE)
        self.part.replace(output_file)

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _fetch_rest(self, url: str) -> None:
        start = self._size()
        ask = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with requests.get(url, headers=ask, stream=True, timeout=_SECONDS) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                self._take_as_whole(answer, start)
                return
            answer.raise_for_status()
            total = self._begin(answer, start)
            self._append(answer.iter_content(CHUNK), total)
        if total is not None and self._size() < total:
            raise requests.ConnectionError(f"the connection broke at {self._size()} of {total}")

    def _take_as_whole(self, answer: requests.Response, start: int) -> None:
        """Nothing is left to come, or what is there belongs to another file: then begin anew."""
        if answer.headers.get("Content-Range") != f"bytes */{start}":
            self.part.unlink()
            raise requests.ConnectionError("the server has another file now")

    def _begin(self, answer: requests.Response, start: int) -> int | None:
        """Return the size of the whole; drop what is there when the server sends all of it."""
        told = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if answer.status_code == requests.codes.partial_content and told and int(told[1]) == start:
            total = None if told[2] == "*" else int(told[2])
        else:
            self.part.unlink(missing_ok=True)
            length = answer.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
        if total is not None and total > self.most_bytes:
            raise self._too_large(answer.url)
        return total

    def _append(self, chunks: Iterator[bytes], total: int | None) -> None:
        done = self._size()
        with self.part.open("ab") as file:
            for chunk in chunks:
                done += len(chunk)
                if done > self.most_bytes:
                    raise self._too_large("the server")
                file.write(chunk)
                self.progress(done, total)

    def _too_large(self, where: str) -> UsageError:
        self.part.unlink(missing_ok=True)
        return UsageError(f"{where} sends more than the {self.most_bytes} bytes that are expected")


_ChunkedEncodingError = requests.exceptions.ChunkedEncodingError


def _said(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    return " ".join(str(error).split()) or type(error).__name__
