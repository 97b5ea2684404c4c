from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ssnbench.contracts import UsageError
from ssnbench.learning.weights import write_whole


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    saved = tmp_path / "net.safetensors"
    write_whole(saved, b"old")
    monkeypatch.setattr(*{"fsync": (os, "fsync"), "rename": (Path, "replace")}[call], full)
    with pytest.raises(UsageError, match=r"cannot write .*: No space left on device; what was"):
        write_whole(saved, b"new")
    assert saved.read_bytes() == b"old"
    assert list(saved.parent.iterdir()) == [saved]


def test_killed_while_writing_it_is_the_old_or_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    code = (
        "import sys; from pathlib import Path; from ssnbench.learning.weights import write_whole\n"
        "for n in range(10**6): write_whole(Path(sys.argv[1]), bytes([n % 251]) * 3_000_000)"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)])
    while not path.exists():
        assert writer.poll() is None
        time.sleep(0.01)
    for _ in range(20):
        content = path.read_bytes()
        assert len(content) == 3_000_000
        assert content == content[:1] * len(content)
    writer.kill()
    writer.wait()
    content = path.read_bytes()
    assert len(content) == 3_000_000
    assert content == content[:1] * len(content)
