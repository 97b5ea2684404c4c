"""``ssnbench segment``: one picture, one label map."""

from __future__ import annotations

from pathlib import Path

import click

from ssnbench.cli import options
from ssnbench.contracts import UsageError


@click.command()
@click.argument("image", type=options.PATH)
@click.option("--algo", default="ssn", show_default=True, help="Algorithm, with parameters.")
@click.option(
    "--segments",
    default="500",
    metavar="INTEGER",
    callback=options.count,
    show_default=True,
    help="Superpixels.",
)
@click.option(
    "-o", "--out", type=options.PATH, help="Label map: .png (16 bit), .npy, .csv or .mat."
)
@click.option("--overlay", type=options.PATH, help="Picture with the boundaries drawn.")
@click.option("--second", type=options.PATH, help="The next frame, for methods that look at two.")
@options.settings
@options.plugin
def segment(
    image: Path,
    algo: str,
    segments: int,
    out: Path | None,
    overlay: Path | None,
    second: Path | None,
    settings: tuple[str, ...],
    plugin_files: tuple[Path, ...],
) -> int:
    """Cut one IMAGE into superpixels and write the label map."""
    from ssnbench import api
    from ssnbench.io import images
    from ssnbench.io.label_maps import write_labels
    from ssnbench.plots.overlay import painted, standing_out
    from ssnbench.run.plan import choose_algorithms

    options.add_plugins(plugin_files)
    variant, *others = choose_algorithms(algo, settings)
    if others:
        raise UsageError(
            f"segment takes one algorithm, got {algo!r}; compare several: ssnbench run"
        )
    picture = images.read_image(image)
    following = None if second is None else images.read_image(second)
    labels = api.segment(picture, variant.name, segments, second=following, **dict(variant.params))
    target = out or Path(f"{image.stem}-{variant.name}-{segments}.png")
    write_labels(target, labels)
    click.echo(f"{labels.max() + 1} superpixels by {variant.label} -> {target}")
    if overlay is not None:
        height, width = labels.shape
        drawn = painted(picture, labels, standing_out([picture]), (2 * width, 2 * height))
        images.write_image(overlay, drawn)
        click.echo(f"boundaries drawn -> {overlay}")
    return 0
