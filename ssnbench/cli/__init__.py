"""The command line: parse, call, print. All that knows click and rich stands in this room."""

from ssnbench.cli.main import main

__all__ = ["main"]
