"""Templates of pages: HTML is escaped, a name that is not given is an error."""

from __future__ import annotations

from pathlib import Path

import jinja2
from markupsafe import Markup

_HERE = Path(__file__).parent


def template(name: str) -> jinja2.Template:
    """Template of this name in the folder ``templates``."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Our own styles, scripts and JSON: `page_data.encoded` made safe what they hold of others.
    environment.filters["web"] = lambda file: Markup((_HERE / "web" / file).read_text("utf-8"))
    environment.filters["json"] = Markup
    environment.filters["drawing"] = Markup  # our own SVG, escaped by matplotlib
    return environment.get_template(name)
