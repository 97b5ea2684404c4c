"""A short round over all readers; `python -m tests.fuzz --inputs 10000` is a long one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fuzz.__main__ import fuzz
from tests.fuzz.readers import READERS
from tests.fuzz.trial import spoilt

INPUTS = 400


@pytest.mark.parametrize("reader", READERS)
def test_valid_files_are_read(reader: str, tmp_path: Path) -> None:
    for name, data in READERS[reader].files().items():
        (tmp_path / name).write_bytes(data)
        READERS[reader].read(tmp_path / name)


def test_an_input_is_the_same_every_time() -> None:
    for reader in READERS:
        assert [spoilt(reader, n, 1) for n in range(5)] == [spoilt(reader, n, 1) for n in range(5)]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="processes that die are told by signals")
def test_spoilt_files_are_read_or_refused_in_one_line() -> None:
    findings = fuzz(list(READERS), INPUTS)
    assert {name: each.faults() for name, each in findings.items() if each.faults()} == {}
    assert all(sum(each.outcomes.values()) == INPUTS for each in findings.values())
    assert max(each.most_bytes for each in findings.values())[0] < 1 << 30
