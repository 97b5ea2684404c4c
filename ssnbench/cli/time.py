"""``time``: run times of algorithms, stage by stage."""

from __future__ import annotations

from pathlib import Path

import click

from ssnbench.cli import options
from ssnbench.contracts import whole_count


@click.command("time")
@click.option("--algos", help="Algorithms [a handful].")
@click.option("--size", default="512x1024", show_default=True, help="HEIGHTxWIDTH.")
@click.option("--segments", default="1000", show_default=True, help="Numbers of superpixels.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@options.wait
@options.even_if_busy
@options.settings
@options.plugin
@click.option("--out", type=options.PATH, help="Folder of results to add the times to.")
def time_(
    algos: str | None,
    size: str,
    segments: str,
    device: str,
    threads: int,
    wait: float | None,
    even_if_busy: bool,
    settings: tuple[str, ...],
    plugin_files: tuple[Path, ...],
    out: Path | None,
) -> int:
    """Time algorithms stage by stage: one process, pinned threads, warm, median of repeats.

    The machine should be idle: it is waited for, and what is timed under load all the same is
    marked, and left out of the reports of --out.
    """
    from ssnbench.cli.progress import WAITING
    from ssnbench.cli.tables import show_times
    from ssnbench.plugins.dataset_ref import dataset_ref
    from ssnbench.run import benchmark, devices, environment, plan, timing

    devices.check_device(device)
    options.add_plugins(plugin_files)
    height, width = options.size(size)
    counts = plan.check_counts(options.numbers(segments, "--segments"))
    whole_count(max(counts), most=height * width, what="--segments")
    pictures = dataset_ref(f"collage(height={height},width={width},n_images=1)")
    (image,) = pictures.open().keys()
    variants = plan.choose_algorithms(algos or plan.DEFAULT_ALGORITHMS, settings)
    tasks = [
        timing.TimingTask(variant, pictures, image, n, threads, device)
        for variant in variants
        for n in counts
    ]
    rules = options.timing_rules(wait, even_if_busy)
    results = list(timing.time_apart(tasks, rules, lambda: click.echo(WAITING, err=True)))
    show_times(results, environment.machine())
    if out is not None:
        benchmark.save_times(results, out)
    return int(any(result.reason for result in results))
