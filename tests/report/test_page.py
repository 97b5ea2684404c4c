"""The page: drawn from any store, says what is missing, escapes what it prints, loads nothing."""

from __future__ import annotations

import json
import re
import shutil
from base64 import b64decode
from collections.abc import Iterable, Mapping
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import cv2
import numpy as np
import pandas as pd
import pytest

from ssnbench.contracts import JobKey, Labels, Record, Status, Timing, UsageError
from ssnbench.io.packing import unpack
from ssnbench.metrics import METRICS
from ssnbench.report import draw
from ssnbench.report.run_tables import machine_line, timed_by
from ssnbench.results.store import Store

NASTY = "a<script>alert(1)</script>&_%|$x$"
ENVIRONMENT = {
    "command": "ssnbench run --algos <b>slic</b>", "date": "2025-01-02", "commit": "abc123",
    "cpu": "Toaster 3000", "cores": 2, "packages": {"numpy": "2.3", "torch": ""},
}  # fmt: skip


def key(label: str, image: str, n_asked: int, **more: str) -> JobKey:
    place = {"dataset": "toy", "split": "test", "protocol": "seal", "code_version": "1"} | more
    return JobKey(
        algorithm=label, params="{}", image=image, n_asked=n_asked, protocol_version=1, **place
    )


def timing(label: str, seconds: float, **more: object) -> Timing:
    """Time of a method on image ``a`` of the toy data."""
    values = {
        "params": "{}",
        "code_version": "1",
        "dataset": "toy",
        "split": "test",
        "image": "a",
        "height": 30,
        "width": 40,
        "n_asked": 8,
        "device": "cpu",
        "threads": 1,
        "stage": "total",
        "fastest": seconds,
        "slowest": seconds,
        "repeats": 3,
    }
    known = {"algorithm": label, "label": label, "seconds": seconds}
    return Timing(**(values | known | more))  # type: ignore[arg-type]


def stripes(n: int) -> Labels:
    labels = np.arange(40, dtype=np.int32) * n // 40
    return np.ascontiguousarray(np.broadcast_to(labels, (30, 40)))


def picture() -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    return bytes(cv2.imencode(".png", noise)[1])


def fill(
    folder: Path,
    *,
    labels: Iterable[str] = ("grid", "slic"),
    images: Iterable[str] = ("a", "b"),
    counts: Iterable[int] = (4, 8),
    truths: Iterable[int] = (0, 1),
    names: Iterable[str] = ("asa", "br", "bp", "ev"),
    shown: bool = True,
    protocol: str = "seal",
) -> Path:
    """Write a store whose every job went well; scores grow with the count."""
    with Store(folder) as store:
        run = store.begin_run(ENVIRONMENT)
        for place, label in enumerate(labels):
            for image in images:
                for n in counts:
                    job = key(label, image, n, protocol=protocol)
                    scores = dict.fromkeys(names, 1 - (2.0 + place) / (n + 4))
                    made = [
                        Record(job, truth, label, "ok", "", n, n, n, scores) for truth in truths
                    ]
                    store.add(
                        run, made, stripes(n) if shown else None, picture() if shown else None
                    )
    return folder


def add(folder: Path, job: JobKey, label: str, status: Status, **more: object) -> None:
    with Store(folder) as store:
        store.add(store.begin_run({}), [Record(job, -1, label, status, **more)])  # type: ignore[arg-type]


def drawn(folder: Path) -> str:
    page = draw(folder)
    assert page == folder / "index.html"
    text = page.read_text(encoding="utf-8")
    Balanced().feed(text)
    return text


class Balanced(HTMLParser):
    """Fails when a tag is closed that was not open."""

    VOID = frozenset({"meta", "input", "br", "hr", "img", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with a method of a nasty name, a failed job and times."""
    folder = fill(tmp_path_factory.mktemp("report"), labels=("grid", NASTY))
    add(folder, key("grid", "c", 8), "grid", "failed", reason=f"ValueError: {NASTY}")
    with Store(folder) as store:
        store.add_timings([timing("grid", 0.0123, repeats=7)])
    draw(folder)
    return folder


def text_of(report: Path) -> str:
    return (report / "index.html").read_text(encoding="utf-8")


def test_page_is_well_formed_and_escapes_names(report: Path) -> None:
    text = text_of(report)
    Balanced().feed(text)
    assert "<script>alert" not in text
    assert "a&lt;script&gt;alert(1)&lt;/script&gt;&amp;_%|$x$" in text
    assert "<b>slic" not in text


def test_page_loads_nothing_but_its_own_files(report: Path) -> None:
    text = text_of(report)
    assert not re.search(r"(https?:)?//\w", text)
    assert not re.search(r"<(iframe|object|embed)\b|@import|url\((?!#)", text)
    sources = re.findall(r'\bsrc="([^"]+)"', text)
    assert len(sources) > 10
    for source in sources:
        assert (report / unquote(source)).is_file()
    for style in (report / "index_files" / "assets").rglob("*.css"):
        assert not re.search(r"@import|url\(", style.read_text("utf-8"))


def test_links_lead_to_files_and_places_that_exist(report: Path) -> None:
    text = text_of(report)
    places = re.findall(r'\bid="([^"]+)"', text)
    assert len(places) == len(set(places))
    links = {unescape(link) for link in re.findall(r'\bhref="([^"]+)"', text)}
    assert len(links) > 10
    for link in links:
        if "=" in link:
            wanted = parse_qs(link[1:])
            assert wanted["section"] == ["toy-test-seal"]
            assert wanted["metric"][0] in METRICS
        else:
            assert link[1:] in places if link.startswith("#") else (report / link).is_file()


def values_of(folder: Path) -> dict[str, Any]:
    """What the scripts of a page hand over; fails on what JSON does not know."""
    found = {}
    data = folder / "index_files" / "data"
    for path in data.rglob("*.js"):
        text = path.read_text(encoding="ascii")
        assert "<" not in text
        matched = re.fullmatch(r"ssnbench\.give\((.*)\)\n", text)
        assert matched
        name, value = json.loads(f"[{matched[1]}]", parse_constant=refused)
        assert path == data / f"{name}.js"
        found[name] = value
    return found


def refused(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def test_scripts_get_curves_and_scores(report: Path) -> None:
    values = values_of(report)
    (section,) = values["report"]["sections"]
    assert [method["label"] for method in section["methods"]] == sorted(("grid", NASTY))
    points = section["curves"]["asa"]["grid"]
    assert [point[0] for point in points] == [4, 8]
    assert [point[1] for point in points] == [0.75, 0.83333]
    scores = values[section["scores"]]
    assert scores["images"] == ["a", "b", "c"]
    row = scores["metrics"]["asa"][scores["labels"].index("grid")]
    assert row == [[0.75, 0.75, None], [0.83333, 0.83333, None]]


def test_scripts_get_label_maps_and_are_told_what_is_missing(report: Path) -> None:
    values = values_of(report)
    (images,) = values["browser"]
    assert [image["key"] for image in images["images"]] == ["a", "b"]
    image = images["images"][0]
    made = values[image["maps"]["8"]][NASTY]
    assert made["made"] == 8
    np.testing.assert_array_equal(unpack(b64decode(made["map"])), stripes(8))
    shown = values[image["picture"]]
    assert shown["truths"] == []
    assert shown["jpeg"].startswith("data:image/jpeg;base64,")
    notes = " ".join(images["notes"])
    assert "Label maps were kept of 2 of 3 images" in notes
    assert "No truths: no dataset is called 'toy'" in notes


def test_one_file_holds_all(report: Path, tmp_path: Path) -> None:
    shutil.copy(report / "results.sqlite", tmp_path)
    page = draw(tmp_path, single=True)
    assert page == tmp_path / "report.html"
    text = page.read_text(encoding="utf-8")
    Balanced().feed(text)
    assert not re.search(r"<link|\bsrc=|href=\"(?!#)", text)
    assert "<script>alert" not in text
    blocks = dict(re.findall(r'data-name="([^"]+)">(.*?)</script>', text))
    values = {
        unescape(name): json.loads(block, parse_constant=refused) for name, block in blocks.items()
    }
    beside = {"report", "browser", "scores/toy-test-seal", "figures/prints"}
    assert beside <= values.keys()
    assert values["report"] == values_of(report)["report"]
    (images,) = values["browser"]
    assert values[images["images"][0]["maps"]["8"]].keys() == {"grid", NASTY}
    assert not (tmp_path / "index_files").exists()


def test_one_file_takes_the_worst_images(tmp_path: Path) -> None:
    images = [f"{n:02d}" for n in range(15)]
    fill(tmp_path, labels=["slic"], images=images, counts=[4], names=["br"])
    with Store(tmp_path) as store:
        for image in images:  # the later, the worse
            score = {"br": 1 - int(image) / 100}
            store.add(1, [Record(key("slic", image, 4), 0, "slic", "ok", "", 4, 4, 4, score)])
            store.add(1, [Record(key("slic", image, 4), 1, "slic", "ok", "", 4, 4, 4, score)])
    text = draw(tmp_path, single=True).read_text(encoding="utf-8")
    found = re.search(r'data-name="browser">(.*?)</script>', text)
    assert found
    (browser,) = json.loads(found[1])
    assert [image["key"] for image in browser["images"]] == images[3:]
    assert "12 of 15 images" in text


def test_what_a_page_no_longer_needs_is_removed(tmp_path: Path) -> None:
    fill(tmp_path, labels=["slic"], counts=[4], names=["asa"])
    draw(tmp_path)
    stale = tmp_path / "index_files" / "data" / "maps" / "0-9-9.js"
    stale.write_text("")
    draw(tmp_path)
    assert not stale.exists()


def test_references_are_those_of_what_is_used(report: Path, tmp_path: Path) -> None:
    assert "none known" in text_of(report)
    assert re.findall(r"@\w+\{(\w+),", text_of(report)) == ["tu2018seal"]  # grid has no paper
    fill(tmp_path, labels=["slic-opencv"], counts=[4], names=["asa"], shown=False)
    text = drawn(tmp_path)
    cited = re.findall(r"@\w+\{(\w+),", text)
    assert cited == ["achanta2012slic", "bradski2000opencv", "tu2018seal"]
    assert "serves" not in text.partition('id="bibtex"')[2]


def test_figures_are_pdf_and_png_with_their_data(report: Path) -> None:
    figures = report / "figures"
    for name in ("asa", "br", "bp", "ev", "bp-over-br"):
        base = figures / f"toy-test-seal-{name}"
        assert base.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
        assert base.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
        assert len(pd.read_csv(base.with_suffix(".csv"))) == 4
    assert (figures / "toy-test-overlay.pdf").is_file()
    assert (figures / "toy-test-overlay.png").is_file()


def test_tables_hold_the_means(report: Path) -> None:
    scores = pd.read_csv(report / "tables" / "toy-test-seal-scores.csv")
    row = scores.query("label == 'grid' and n_asked == 8 and metric == 'asa'").iloc[0]
    assert row["pair_mean"] == pytest.approx(1 - 2 / 12)
    assert (row["n_images"], row["n_pairs"], row["n_made"]) == (2, 4, 8)
    level = pd.read_csv(report / "tables" / "toy-test-seal-equal-counts.csv")
    row = level.query("label == 'grid' and n_made == 6 and metric == 'asa'").iloc[0]
    assert row["image_mean"] == pytest.approx(0.75 + (1 - 2 / 12 - 0.75) * np.log2(6 / 4))


def test_page_tells_failures_times_and_what_it_is_made_of(report: Path) -> None:
    text = text_of(report)
    failures = pd.read_csv(report / "tables" / "failures.csv")
    assert set(failures["status"]) == {"failed", "missing"}
    assert "ValueError: a&lt;script" in text
    assert "12.3" in text
    assert "Machine: Toaster 3000, 2 cores." in text
    for fact in ("abc123", "2025-01-02", "numpy 2.3", "17 rows"):
        assert fact in text


def test_results_are_beside_the_page(report: Path) -> None:
    assert len(pd.read_csv(report / "results.csv")) == 17


def test_drawing_again_changes_nothing(report: Path) -> None:
    def files() -> Mapping[Path, bytes]:
        kinds = {".html", ".js", ".csv", ".pdf", ".png", ".tex", ".md"}
        return {p: p.read_bytes() for p in report.rglob("*") if p.suffix in kinds}

    before = files()
    draw(report)
    assert files() == before


def test_one_method_one_count_one_image(tmp_path: Path) -> None:
    text = drawn(fill(tmp_path, labels=["slic"], images=["a"], counts=[4], truths=[0]))
    assert "at least two counts" in text
    assert "One image only" in text
    assert not list((tmp_path / "tables").glob("*equal*"))


def test_a_small_try_and_then_more_images_at_another_count(tmp_path: Path) -> None:
    fill(tmp_path, images=["a", "b", "c"], counts=[100], names=["asa", "br"], shown=False)
    fill(tmp_path, images="abcdefghij", counts=[400], names=["asa", "br"], shown=False)
    text = drawn(tmp_path)
    assert "No winners" in text  # three images of ten reach a count that both share
    assert "Some means rest on fewer than the 10 images" in text
    fill(tmp_path, images="abcdefghij", counts=[100], names=["asa", "br"], shown=False)
    assert "No winners" not in drawn(tmp_path)


def test_no_truths_no_pictures_no_times(tmp_path: Path) -> None:
    text = drawn(fill(tmp_path, truths=[-1], names=["ev", "co"], shown=False))
    assert "No segmentation truths" in text
    assert "nothing to show" in text
    assert "No times were measured" in text
    assert "Every job ended well" in text
    assert (tmp_path / "figures" / "toy-test-seal-co.png").is_file()


def test_nothing_but_failures(tmp_path: Path) -> None:
    add(tmp_path, key("slic", "a", 4), "slic", "failed", reason="no luck")
    add(tmp_path, key("slic", "b", 4), "slic", "skipped", reason="too small")
    text = drawn(tmp_path)
    assert "No scores" in text
    assert "no luck" in text
    assert "too small" in text


def test_warnings_are_told_beside_the_numbers(tmp_path: Path) -> None:
    fill(tmp_path, labels=["slic"], counts=[4], names=["asa"], shown=False)
    job = key("ssn", "a", 4)
    add(tmp_path, job, "ssn", "ok", n_made=4, scores={"asa": 0.5}, reason="no weights")
    text = drawn(tmp_path)
    assert "<p>ssn: no weights.</p>" in text


def test_scores_that_are_nan(tmp_path: Path) -> None:
    fill(tmp_path, names=["asa"], shown=False)
    job = key("odd", "a", 4)
    add(tmp_path, job, "odd", "ok", n_made=4, scores={"asa": float("nan")})
    text = drawn(tmp_path)
    assert "odd (0)" in text
    assert "—" in text


def test_several_protocols_and_datasets_stand_apart(tmp_path: Path) -> None:
    fill(tmp_path, counts=[4], names=["asa"])
    fill(tmp_path, counts=[4], names=["asa"], protocol="stutz")
    other = key("slic", "a", 4, dataset="../else where")
    add(tmp_path, other, "slic", "ok", n_made=4, scores={"asa": 0.5})
    text = drawn(tmp_path)
    for slug in ("toy-test-seal", "toy-test-stutz", "else-where-test-seal"):
        assert f'data-section="{slug}" id="{slug}"' in text
        assert (tmp_path / "figures" / f"{slug}-asa.pdf").is_file()


def test_perturbed_images_have_no_section_of_their_own(tmp_path: Path) -> None:
    fill(tmp_path, names=["asa"])
    for strength, score in (("0.05", 0.6), ("0.1", 0.4)):
        for label in ("grid", "slic"):
            for image in ("a", "b"):
                for n in (4, 8):
                    job = key(label, image, n, perturbation=f"noise({strength})")
                    add(tmp_path, job, label, "ok", n_made=n, scores={"asa": score})
    text = drawn(tmp_path)
    assert re.findall(r'class="of-section" data-section="([^"]+)" id=', text) == ["toy-test-seal"]
    assert "What is left when the image is perturbed" in text
    assert [image["key"] for image in values_of(tmp_path)["browser"][0]["images"]] == ["a", "b"]


def test_label_maps_made_elsewhere_were_asked_for_nothing(tmp_path: Path) -> None:
    text = drawn(fill(tmp_path, labels=["theirs"], counts=[0], names=["asa", "of_theirs"]))
    assert "of_theirs" in text
    assert "0 superpixels asked" not in text


def test_times_alone(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.begin_run(ENVIRONMENT)
        store.add_timings([timing("slic", 0.5)])
    text = drawn(tmp_path)
    assert "500.0" in text
    assert "Machine: Toaster 3000, 2 cores." in text


def test_times_of_an_edited_plugin_are_left_out(tmp_path: Path) -> None:
    fill(tmp_path, labels=["grid", "slic"], shown=False)
    with Store(tmp_path) as store:
        for version, seconds in (("1", 0.1), ("older", 0.7)):
            store.add_timings([timing("slic", seconds, code_version=version)])
        store.add_timings([timing("grid", 0.01, code_version="older")])
    drawn(tmp_path)
    assert pd.read_csv(tmp_path / "tables" / "runtimes.csv")["total"].tolist() == [0.1]
    (front,) = (tmp_path / "figures").glob("*-asa-over-time-*.csv")
    assert pd.read_csv(front)[["label", "seconds"]].values.tolist() == [["slic", 0.1]]


def test_the_machine_is_that_of_the_timer() -> None:
    runs = [
        {"command": "ssnbench time --algos slic", "cpu": "timer"},
        {"command": "ssnbench run", "cpu": "runner"},
        {},
    ]
    assert timed_by(runs)["cpu"] == "timer"
    assert timed_by(runs[1:])["cpu"] == "runner"
    assert machine_line(timed_by([])) == "The machine was not recorded."


def test_an_empty_store_and_no_store_are_wrong_use(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with pytest.raises(UsageError, match="no rows") as error:
        draw(tmp_path)
    assert "\n" not in str(error.value)
    with pytest.raises(UsageError, match="no results"):
        draw(tmp_path / "nowhere")


def test_a_file_in_the_way_is_wrong_use(tmp_path: Path) -> None:
    fill(tmp_path, counts=[4], shown=False)
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(UsageError, match="figures"):
        draw(tmp_path)
