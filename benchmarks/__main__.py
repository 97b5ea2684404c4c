"""Run benchmarks: ``python -m benchmarks NAME [OPTIONS]``, or ``all`` of them as they come."""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run one benchmark as a script with the rest of the arguments, or every one without any."""
    found = {path.stem: path for path in sorted(HERE.glob("*.py")) if path.stem[0] != "_"}
    name, *options = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(usage(found))
    elif name == "all":
        for each in found:
            print(f"\n== {each}\n", flush=True)
            run(each, [])
    elif name in found:
        run(name, options)
    else:
        sys.exit(f"no benchmark called {name}; there are {', '.join(found)}")


def usage(found: dict[str, Path]) -> str:
    """Say what there is: the first sentence of each benchmark."""
    told = {name: (ast.get_docstring(ast.parse(p.read_text())) or "") for name, p in found.items()}
    lines = [f"  {name:<12}{text.partition(chr(10))[0]}" for name, text in told.items()]
    return "\n".join((__doc__ or "", "", *lines, "", "Each has its own --help."))


def run(name: str, options: list[str]) -> None:
    """Run a benchmark as the program that it is."""
    sys.argv = [name, *options]
    runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
