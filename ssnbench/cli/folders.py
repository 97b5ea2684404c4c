"""Names of folders that commands make up: no shell asks for quotes around them."""

from __future__ import annotations

import hashlib
import re

_LONGEST = 80


def folder_name(text: str) -> str:
    """``text`` as the name of a folder, in letters that mean nothing to any shell or system.

    A text that has others, or is too long, is told apart from its likes by six digits of its hash:
    ``collage(n_images=100)-val`` becomes ``collage-n_images-100-val-039012``.
    """
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-.")[:_LONGEST]
    if plain == text:
        return plain
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:6]}".lstrip("-")
