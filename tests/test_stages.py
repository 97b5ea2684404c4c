from __future__ import annotations

import time

from ssnbench.stages import collect, stage


def test_stages_add_up_and_wait_for_the_device() -> None:
    waits = []
    with collect(lambda: waits.append(1)) as seconds:
        for _ in range(2):
            with stage("network"):
                time.sleep(0.01)
        with stage("colour"):
            pass
    assert list(seconds) == ["network", "colour"]
    assert seconds["network"] >= 0.02
    assert len(waits) == 6


def test_nobody_measures() -> None:
    with stage("network"):
        pass
    with collect() as seconds:
        pass
    with stage("network"):
        pass
    assert seconds == {}
