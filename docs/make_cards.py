"""Write the cards of the weights that ship: ``python docs/make_cards.py``.

What a card says of architecture and training comes from the weights' own header; commands, time,
machine and test scores are told here, since no file knows them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout that is not installed

from ssnbench.ssn import weights

TOLD = Path(__file__).with_name("cards.json")


def main() -> None:
    """Write a card beside each file of weights."""
    told = json.loads(TOLD.read_text())
    for name in weights.names():
        path = weights.find(name)
        path.with_suffix(".md").write_text(card(name, path, told[name]))
        print(path.with_suffix(".md"))


def card(name: str, path: Path, told: dict[str, Any]) -> str:
    """Markdown of one card."""
    network, training = weights.load_network(path)
    made, recipe = network.architecture, training["recipe"]
    annotators = f", {recipe['annotators']} annotator(s) of each"
    n_weights = sum(parameter.numel() for parameter in network.parameters())
    rows = {
        "network": f"{made.variant}, k = {made.k}, {made.frames} frame(s), {n_weights} weights",
        "data": told["data"],
        "licence": told["licence"],
        "steps": f"{training['step']} kept of {recipe['steps']}, Adam, seed {recipe['seed']}",
        "batch": f"{recipe['batch']} patches of {recipe['patch']} x {recipe['patch']} pixels"
        + (annotators if recipe["learns"] == "segments" else ""),
        "clustering": f"{recipe['n_segments']} superpixels, v = {recipe['n_iter']}",
        "rate": f"{recipe['schedule']}, {recipe['rate']:g}",
        "machine": f"{told['machine']}, torch {training['torch']}",
        "validation": f"{training['score']:.4f}: {told['validation']}",
    }
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items())
    commands, scores = "\n".join(told["commands"]), "\n".join(told["scores"])
    return f"""# {name}

{told["what"]}

| | |
| --- | --- |
{table}

```sh
{commands}
```

{scores}
"""


if __name__ == "__main__":
    main()
