"""The page in a real browser: what a reader does with it, by pointer and by keyboard, from a disk.

Needs Chromium; elsewhere the tests are skipped. The reports are drawn once for all of them.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ssnbench import plugins
from ssnbench.analysis import sections
from ssnbench.plots import figure
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.report import page
from ssnbench.results.store import Store
from ssnbench.run import benchmark, plan, precomputed

if TYPE_CHECKING:
    from playwright.sync_api import Browser

driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium: apt-get install chromium")

IMAGES = ("collage-0000", "collage-0001", "collage-0002")
NASTY = "</script><script>alert(1)</script>"
PLUGIN = '''
"""Columns: stripes from top to bottom."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Columns:
    note: str = ""

    def __call__(self, image, n_segments):
        if n_segments == 40:
            raise ValueError("</script><script>alert(1)</script>")
        _, column = np.indices(image.shape[:2])
        return (column * n_segments // image.shape[1]).astype(np.int32)


PLUGIN = Columns
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three methods under two protocols; one fails at one count and has a nasty name."""
    folder = tmp_path_factory.mktemp("browser")
    plugin = folder / "columns.py"
    plugin.write_text(PLUGIN)
    run(folder, f"grid,slic,columns(note={NASTY})", 3, (12, 24, 40), plugin)
    with Store(folder) as store:
        jobs = precomputed.of_run(folder, "stutz")
        benchmark.compute(jobs, store, 1, "loky", benchmark.Listener(*3 * [lambda *_: None]))
        keep_metrics(store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure, "save", lambda *_: {})  # other tests look at the files for print
        page.write(folder)
        page.write(folder, single=True)
    return folder


def run(
    folder: Path, algos: str, n_images: int, counts: Sequence[int], plugin: Path | None = None
) -> None:
    plugins.add_file(plugin) if plugin else None
    source = dataset_ref(f"collage(height=60,n_images={n_images},width=80)")
    variants = plan.choose_algorithms(algos)
    todo = plan.make(variants, source, counts, keep_labels=True)
    with Store(folder) as store:
        benchmark.compute(todo.jobs, store, 1, "loky", benchmark.Listener(*3 * [lambda *_: None]))
        keep_metrics(store)


def keep_metrics(store: Store) -> None:
    """Forget all but two metrics: every further one costs a figure."""
    names = set(sections.score_columns(store.records())) - {"asa", "br"}
    store._connection.execute(f"UPDATE records SET {', '.join(f'{name} = NULL' for name in names)}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # A container's root may not use Chromium's sandbox, and the pages are our own.
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with driver.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM, args=["--disable-gpu", *sandbox]
        )
        yield browser
        browser.close()


class Visit:
    """A page that is open; in the end it must have asked nobody, and complained of nothing."""

    def __init__(self, browser: Browser, page: Path, **how: Any) -> None:
        self.context = browser.new_context(**how)
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.troubles: list[str] = []
        self.page.on(
            "console", lambda said: self._note(said.type in ("error", "warning"), said.text)
        )
        self.page.on("pageerror", lambda error: self._note(True, str(error)))
        self.page.on("dialog", lambda dialog: self._note(True, dialog.message))
        self.page.on(
            "request", lambda r: self._note(not r.url.startswith(("file:", "data:")), r.url)
        )
        self.page.goto(page.as_uri())
        self.page.wait_for_selector("#methods button")

    def _note(self, is_trouble: bool, text: str) -> None:
        if is_trouble:
            self.troubles.append(text)

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).first.text_content())

    def open_images(self) -> None:
        self.page.locator("#images").scroll_into_view_if_needed()
        self.wait_image()

    def wait_image(self, name: str = "") -> None:
        self.page.wait_for_selector(
            f"#canvas[data-image{f'={chr(34)}{name}{chr(34)}' if name else ''}]"
        )

    def until(self, condition: str) -> None:
        """Wait for a condition; the driver's own way of waiting is against the page's policy."""
        deadline = time.monotonic() + 20
        while not self.page.evaluate(condition):
            assert time.monotonic() < deadline, condition
            time.sleep(0.02)

    def pixels(self) -> str:
        """What the canvas shows, once it is painted."""
        return str(self.page.evaluate(
            """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
                () => done(document.getElementById("canvas").toDataURL()))))"""
        ))  # fmt: skip

    def close(self) -> None:
        self.context.close()
        assert self.troubles == []


@pytest.fixture
def visit(chromium: Browser, folder: Path) -> Iterator[Visit]:
    visit = Visit(chromium, folder / "index.html", viewport={"width": 1300, "height": 900})
    yield visit
    visit.close()


def test_metric_and_protocol_are_switched(visit: Visit) -> None:
    assert "Achievable segmentation accuracy" in visit.text("#reading")
    before = visit.text("#methods")
    visit.page.select_option("#metric", "br")
    assert "Boundary recall" in visit.text("#reading")
    assert visit.text("#methods") != before
    seal = visit.text("#methods")
    visit.page.select_option("#protocol", label="stutz")
    assert visit.page.input_value("#metric") == "br"  # kept
    assert visit.text("#methods") != seal
    shown = visit.page.locator("#scores .of-section:visible table").first
    assert "stutz" in str(shown.locator("xpath=ancestor::figure").text_content())


def test_methods_are_taken_out_and_in(visit: Visit) -> None:
    buttons = visit.page.locator("#methods button")
    assert [visit.text(f"#methods li:nth-child({n}) .label") for n in (1, 2, 3)] == [
        f"columns(note='{NASTY}')", "grid", "slic",
    ]  # fmt: skip
    assert visit.page.locator("#methods .best").count() == 1
    slic = buttons.nth(2)
    slic.click()
    assert slic.get_attribute("aria-pressed") == "false"
    visit.page.click("#no-methods")
    assert visit.page.locator("#methods [aria-pressed=true]").count() == 0
    visit.page.click("#all-methods")
    assert visit.page.locator("#methods [aria-pressed=true]").count() == 3


def test_pointer_and_keys_read_the_curves(visit: Visit) -> None:
    visit.page.locator("#chart").scroll_into_view_if_needed()
    box = visit.page.locator("#chart .u-over").bounding_box()
    assert box
    visit.page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2)
    far = visit.text("#reading")
    visit.page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    assert visit.text("#reading") != far
    visit.page.focus("#chart")
    visit.page.keyboard.press("Home")
    first = visit.page.get_attribute("#chart", "aria-valuetext")
    visit.page.keyboard.press("ArrowRight")
    second = visit.page.get_attribute("#chart", "aria-valuetext")
    assert first
    assert second
    assert first != second
    assert "slic 0." in first + second
    visit.until("document.getElementById('spoken').textContent.includes('grid')")


def test_tables_are_sorted_by_press_and_key(visit: Visit) -> None:
    table = visit.page.locator("#scores .of-section:visible table").first
    head = table.locator("th", has_text="BR")

    def values() -> list[float]:
        cells = table.locator(f"tbody tr:visible td:nth-child({1 + index})")
        return [float(text.split()[0]) for text in cells.all_text_contents() if text[0].isdigit()]

    index = table.locator("thead th").all_text_contents().index("BR ↑")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert values() == sorted(values(), reverse=True)
    assert len(values()) > 1
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert values() == sorted(values())
    rows = table.locator("tbody tr:visible")
    some = rows.count()
    visit.page.locator("#scores .of-section:visible .choices").first.get_by_text("all").click()
    assert rows.count() > some


def test_the_best_method_and_the_next_stand_side_by_side_at_first(visit: Visit) -> None:
    visit.open_images()
    assert visit.page.input_value("#left") == "slic"
    assert visit.page.input_value("#right") == "grid"  # the third failed at this count


def test_worst_images_are_opened_and_compared(visit: Visit) -> None:
    visit.open_images()
    visit.page.select_option("#worst-method", "slic")
    links = visit.page.locator("#worst a")
    assert links.count() == len(IMAGES)
    worst = links.last.locator("span").first.text_content()
    links.last.click()
    visit.wait_image(str(worst))
    assert visit.page.input_value("#image") == worst
    assert visit.page.input_value("#left") == "slic"
    visit.page.select_option("#right", "grid")
    visit.until("document.getElementById('caption-right').textContent.startsWith('grid')")
    middle = visit.pixels()
    visit.page.focus("#divider")
    visit.page.keyboard.press("Home")
    right = visit.pixels()
    visit.page.keyboard.press("End")
    left = visit.pixels()
    assert len({left, middle, right}) == 3


def test_leakage_is_what_accuracy_leaves(visit: Visit) -> None:
    visit.open_images()
    plain = visit.pixels()
    visit.page.click("#leak")
    leaking = visit.pixels()
    assert leaking != plain
    visit.page.focus("#canvas")
    visit.page.keyboard.press("t")
    assert visit.page.get_attribute("#truth", "aria-pressed") == "true"
    assert visit.pixels() not in (plain, leaking)
    shares = []
    for annotator in visit.page.locator("#annotator option").all_text_contents():
        visit.page.select_option("#annotator", label=annotator)
        visit.page.wait_for_timeout(200)
        shares.append(float(visit.text("#caption-left").rpartition(" · ")[2].partition(" %")[0]))
    caption = visit.text("#caption-left")
    accuracy = float(caption.partition("ASA ")[2].partition(" ")[0])
    assert sum(shares) / len(shares) == pytest.approx(100 * (1 - accuracy), abs=0.06)


def test_zoom_by_button_key_and_wheel(visit: Visit) -> None:
    visit.open_images()
    whole = visit.pixels()
    visit.page.click("#zoom-in")
    assert visit.text("#zoom") == "150 %"
    visit.page.focus("#canvas")
    visit.page.keyboard.press("+")
    assert visit.text("#zoom") == "225 %"
    near = visit.pixels()
    visit.page.keyboard.press("ArrowRight")
    assert visit.pixels() != near
    visit.page.hover("#canvas")
    visit.page.mouse.wheel(0, -400)
    visit.until("parseInt(document.getElementById('zoom').textContent) > 300")
    visit.page.keyboard.press("0")
    assert visit.text("#zoom") == "100 %"
    assert visit.pixels() == whole


def test_what_is_missing_is_said(visit: Visit) -> None:
    visit.open_images()
    visit.page.select_option("#asked", "40")
    visit.page.select_option("#left", index=0)  # the method that failed at this count
    visit.page.wait_for_selector("#absent:visible")
    assert "no label map of this image at 40" in visit.text("#absent")
    assert "nothing here" in visit.text("#caption-left")


def test_figures_unfold(visit: Visit) -> None:
    fold = visit.page.locator("#curves .of-section:visible details")
    assert fold.locator("svg").count() == 0
    fold.locator("summary").click()
    fold.locator("svg").first.wait_for()
    visit.page.locator("#images details summary").click()
    visit.until("document.querySelector('.print img').naturalWidth > 100")


def test_theme_is_switched_and_kept(visit: Visit) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    visit.page.click("#theme")  # light
    light = visit.page.evaluate(ground)
    visit.page.click("#theme")  # dark
    assert visit.page.evaluate(ground) != light
    visit.page.reload()
    assert visit.text("#theme") == "theme: dark"


def test_one_file_does_the_same(chromium: Browser, folder: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(folder / "report.html", tmp_path))
    visit = Visit(chromium, alone, viewport={"width": 1300, "height": 900})
    visit.page.select_option("#metric", "br")
    assert "Boundary recall" in visit.text("#reading")
    visit.open_images()
    plain = visit.pixels()
    visit.page.click("#leak")
    assert visit.pixels() != plain
    visit.page.locator("#curves .of-section:visible details summary").click()
    visit.page.wait_for_selector("#curves svg")
    visit.page.locator("#images details summary").click()
    visit.until("document.querySelector('.print img').naturalWidth > 100")
    visit.close()


def test_a_phone_has_room(chromium: Browser, folder: Path) -> None:
    visit = Visit(
        chromium, folder / "index.html", viewport={"width": 390, "height": 844}, has_touch=True
    )
    visit.open_images()
    for fold in visit.page.locator("details summary:visible").all():
        fold.click()
    visit.page.wait_for_selector(".drawing svg")
    wide = visit.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    visit.close()


def test_a_link_opens_what_it_names(chromium: Browser, folder: Path) -> None:
    visit = Visit(chromium, folder / "index.html")
    visit.open_images()
    link = visit.page.locator("#worst a").last.get_attribute("href")
    name = str(visit.page.locator("#worst a span").nth(-2).text_content())
    visit.close()
    shared = Visit(chromium, folder / "index.html")
    shared.page.goto(f"{(folder / 'index.html').as_uri()}{link}&left=grid&right=slic")
    shared.wait_image(name)
    assert [shared.page.input_value(side) for side in ("#left", "#right")] == ["grid", "slic"]
    shared.close()


def test_one_method_one_count_one_image(chromium: Browser, tmp_path: Path) -> None:
    run(tmp_path, "grid", 1, [12])
    page.write(tmp_path)
    visit = Visit(chromium, tmp_path / "index.html")
    visit.open_images()
    assert visit.page.locator("#methods button").count() == 1
    visit.page.click("#no-methods")
    visit.close()
