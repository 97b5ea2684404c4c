"""Parts of the page: who wins, what is cited, what scripts are handed, pictures and truths."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from ssnbench import plugins
from ssnbench.analysis import paired
from ssnbench.analysis.winners import Winner, winners
from ssnbench.contracts import JobKey, Labels, Record
from ssnbench.io.packing import unpack
from ssnbench.metrics import PROTOCOLS
from ssnbench.plugins.dataset_ref import dataset_ref
from ssnbench.report import citations, image_browser
from ssnbench.report.page_data import SCRIPTS, STYLES, WEB, JsonBlocks, ScriptFiles, encoded
from ssnbench.results.store import Store

NOT_COMPARED = pd.DataFrame(columns=paired.COLUMNS)


def level(metric: str, means: dict[str, float]) -> pd.DataFrame:
    """Methods x metrics, as `SectionAnalysis.scores_at_count` returns them."""
    return pd.Series(means, name=metric).to_frame()


@pytest.mark.parametrize(
    ("metric", "best", "value", "then"),
    [
        ("asa", "b", "0.9500", "a 0.9000"),
        ("ue", "c", "0.1000", "a 0.9000"),
        ("epe", "c", "0.1000", "a 0.9000"),
    ],
)
def test_the_winner_is_at_the_better_end(metric: str, best: str, value: str, then: str) -> None:
    (winner,) = winners(level(metric, {"a": 0.9, "b": 0.95, "c": 0.1}), {metric: NOT_COMPARED})
    assert isinstance(winner, Winner)
    assert (winner.metric, winner.rivals, winner.standing) == (metric, 3, "")
    assert (winner.labels, winner.value, winner.then) == ((best,), value, then)


def test_winners_that_are_printed_alike_share_the_place() -> None:
    (winner,) = winners(level("br", {"a": 0.50001, "b": 0.50002, "c": 0.4}), {"br": NOT_COMPARED})
    assert set(winner.labels) == {"a", "b"}
    assert winner.then == "c 0.4000"
    (winner,) = winners(level("br", {"a": 0.5, "b": 0.5}), {"br": NOT_COMPARED})
    assert winner.then == ""


def of_images(means: dict[str, float], n_images: int, metric: str) -> tuple[Winner, pd.DataFrame]:
    """A card, and the comparison behind it; scores swing by 0.02 from image to image."""
    swing = np.random.default_rng(0).normal(0, 0.01, (n_images, len(means)))
    table = pd.DataFrame(swing + np.array([*means.values()]), columns=list(means))
    table.loc[:] += np.array([*means.values()]) - table.mean().to_numpy()
    table.index = pd.Index(range(n_images), name="image")
    scores = table.rename_axis(columns="label").stack().rename(metric).to_frame()
    scores = scores.swaplevel().sort_index()
    compared = paired.compare(scores, metric, 300, "mine" if "mine" in means else "")
    (winner,) = winners(level(metric, means), {metric: compared})
    return winner, compared


def test_a_card_says_by_how_much_and_on_how_many_images() -> None:
    winner, _ = of_images({"a": 0.9, "b": 0.6, "c": 0.5}, 20, "asa")
    assert (winner.heading, winner.standing) == ("a", "0.3000 ahead of b, 20 images")
    winner, _ = of_images({"a": 0.9, "b": 0.6, "c": 0.5}, 20, "ue")
    assert (winner.heading, winner.standing) == ("c", "0.1000 ahead of b, 20 images")


def test_a_card_says_who_is_level_and_what_is_too_few_to_tell() -> None:
    winner, compared = of_images({"a": 0.6001, "b": 0.6, "c": 0.1}, 20, "asa")
    assert (winner.heading, paired.level(compared)) == ("a, b", {"b"})
    assert winner.standing == "level: 0.0001 ahead of b, 20 images"
    winner, _ = of_images({"a": 0.6001, "b": 0.6, "c": 0.1}, 3, "asa")
    assert winner.heading == "a"
    assert winner.standing == "0.0001 ahead of b, 3 images: too few to tell"
    many = {"a": 0.6001, "b": 0.6, "c": 0.6, "d": 0.6, "e": 0.6}
    assert of_images(many, 20, "asa")[0].heading == "a, b, c and 2 more"


def test_a_card_tells_how_the_users_method_stands() -> None:
    winner, _ = of_images({"a": 0.9, "mine": 0.6, "c": 0.5}, 20, "asa")
    assert (winner.heading, winner.standing) == ("a", "mine 0.3000 behind a, 20 images")
    winner, _ = of_images({"a": 0.6001, "mine": 0.6, "c": 0.5}, 20, "asa")
    assert (winner.heading, winner.standing) == ("a", "level: mine 0.0001 behind a, 20 images")


def test_one_method_wins_nothing() -> None:
    assert winners(level("br", {"a": 0.5, "b": float("nan")}), {}) == []
    assert winners(level("cd", {"a": 0.5, "b": 0.6}), {}) == []  # no headline


def test_every_method_with_a_paper_all_data_and_protocols_have_references() -> None:
    kinds = {
        "algorithms": [n for n in plugins.names("algorithms") if n != "grid"],
        "datasets": [n for n in plugins.names("datasets") if n != "folder"],
        "protocols": list(PROTOCOLS),
    }
    known = citations._references()
    missing = [f"{k}/{n}" for k, names in kinds.items() for n in names if f"{k}/{n}" not in known]
    assert missing == []
    names = {f"{k}/{n}" for k, names in kinds.items() for n in names}
    assert set(known) <= names
    entries = [entry for found in known.values() for entry in found]
    for entry in entries:
        assert entry.count("{") == entry.count("}")
        assert {"author", "title", "year"} <= {
            line.split("=")[0].strip() for line in entry.splitlines()
        }


def test_a_plugin_from_elsewhere_brings_its_reference(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        '"""Mine, of our lab."""\n'
        "from dataclasses import dataclass\nfrom typing import ClassVar\n\n"
        "@dataclass(frozen=True)\nclass Mine:\n"
        '    BIBTEX: ClassVar[str] = """\n@misc{mine,\n  year = {2025}\n}\n"""\n\n'
        "    def __call__(self, image, n_segments):\n        return image[..., 0]\n\n"
        "PLUGIN = Mine\n"
    )
    plugins.add_file(tmp_path / "mine.py")
    rows = {"algorithm": ["mine", "theirs"], "dataset": "bsds500", "protocol": "seal(r=2)"}
    uses = citations.used(pd.DataFrame(rows))
    assert [use.name for use in uses] == ["mine", "theirs", "bsds500", "seal"]
    assert (uses[0].about, uses[0].keys) == ("Mine, of our lab.", ["mine"])
    assert (uses[1].about, uses[1].keys) == ("", [])
    assert "non-commercial" in uses[2].licence
    assert citations.bibtex(uses).startswith("@misc{mine,")


def test_values_are_json_that_may_stand_in_a_script() -> None:
    value = {
        "</script>": [float("nan"), float("inf"), np.float32(0.5), np.int64(3), "\u2028<!--"],
        "array": np.array([[1.0, np.nan]]),
    }
    text = encoded(value)
    assert "<" not in text
    assert text.isascii()
    assert json.loads(text) == {
        "</script>": [None, None, 0.5, 3, "\u2028<!--"],
        "array": [[1.0, None]],
    }


def test_styles_and_scripts_can_stand_inside_a_page() -> None:
    for name in (*STYLES, "theme.js", *SCRIPTS):
        text = (WEB / name).read_text("utf-8")
        assert "</script" not in text
        assert "</style" not in text
    there = {path.name for path in WEB.iterdir() if path.is_file()}
    assert there == {name for name in (*STYLES, "theme.js", *SCRIPTS) if "/" not in name}


def kept(folder: Path, dataset: str, labels: Labels) -> Store:
    """A store that kept the same label map of two images, and no picture."""
    store = Store(folder)
    run = store.begin_run({})
    for image in ("collage-0000", "collage-0001"):
        key = JobKey(
            algorithm="grid",
            params="{}",
            dataset=dataset,
            split="test",
            image=image,
            n_asked=12,
            protocol="seal",
            protocol_version=1,
            code_version="1",
        )
        store.add(run, [Record(key, 0, "grid", "ok", "", 12, 12, 12, {"asa": 0.5})], labels)
    return store


def test_pictures_and_truths_come_from_the_dataset(tmp_path: Path) -> None:
    data = "collage(height=30,n_images=2,width=40)"
    labels = np.zeros((30, 40), np.int32)
    with kept(tmp_path, data, labels) as store:
        (images,) = image_browser.gather(store, store.records())
        values = JsonBlocks()
        index = image_browser.add(images, store, values, None)
    assert index["notes"] == []
    sample = dataset_ref(data).open()["collage-0001"]
    shown = json.loads(values.blocks[index["images"][1]["picture"]])
    assert len(shown["truths"]) == len(sample.truths)
    for packed, truth in zip(shown["truths"], sample.truths, strict=True):
        np.testing.assert_array_equal(unpack(b64decode(packed)), truth)
    jpeg = np.frombuffer(b64decode(shown["jpeg"].partition(",")[2]), np.uint8)
    picture = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    assert picture is not None
    assert np.abs(picture[..., ::-1].astype(int) - sample.image).mean() < 12


def test_a_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    data = "collage(height=30,n_images=2,width=40)"
    with kept(tmp_path, data, np.zeros((10, 10), np.int32)) as store:
        (images,) = image_browser.gather(store, store.records())
        index = image_browser.add(images, store, JsonBlocks(), None)
    assert [image["picture"] for image in index["images"]] == [None, None]
    assert "another size than the label maps" in index["notes"][0]


def test_what_an_earlier_page_added_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = "collage(height=30,n_images=2,width=40)"
    with kept(tmp_path, data, np.zeros((30, 40), np.int32)) as store:
        (images,) = image_browser.gather(store, store.records())
        first = image_browser.add(images, store, ScriptFiles(tmp_path / "files"), None)
        monkeypatch.setattr(Store, "packed_map", None)
        monkeypatch.setattr(image_browser, "dataset_ref", None)
        again = image_browser.add(images, store, ScriptFiles(tmp_path / "files"), None)
    assert again == first
    assert all(image["picture"] for image in again["images"])
