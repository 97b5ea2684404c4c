"""Where the command line prints; apart, since a listing needs no bars."""

from __future__ import annotations

from rich.console import Console

console = Console()
