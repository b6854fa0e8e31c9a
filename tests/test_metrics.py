"""What a run counts, over a real port; whether it says that it is well when it is, and not when it is not; its log."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cameras import motion_jpeg, paced, part, scene, write_video
from conftest import COMMAND, Run

pytest.importorskip("prometheus_client", reason="needs the extra metrics: pip install -e '.[dev]'")
from prometheus_client.parser import text_string_to_metric_families

from edge_digits import DigitReader, __version__, open_camera
from edge_digits.errors import OutputError, UsageError
from edge_digits.live.observer import Observer
from edge_digits.live.watch import LiveReader

ROOT = Path(__file__).resolve().parent.parent


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def figures(text: str) -> dict[str, float]:
    """Names with their labels -> values, as Prometheus itself reads them."""
    return {
        sample.name
        + "".join(f"{{{value}}}" for name, value in sample.labels.items() if name in ("stage", "event")): float(
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@contextmanager
def running(*args: str) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [*COMMAND, "camera", *args, "--format", "jsonl"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def until(port: int, path: str, status: int, seconds: float = 30) -> str:
    end, text = time.monotonic() + seconds, ""
    while time.monotonic() < end:
        try:
            found, text = get(port, path)
        except OSError:
            found = 0  # it does not listen yet
        if found == status:
            return text
        time.sleep(0.05)
    raise AssertionError(f"{path} does not answer {status}, but {text}")


@pytest.fixture
def port() -> int:
    from brokers import free_port

    return free_port()


@pytest.mark.slow
def test_a_run_is_counted_and_well_until_its_camera_is_lost(port: int) -> None:
    def working() -> Iterator[bytes]:
        yield from paced([part(scene("427"))] * 100, rate=25)

    def silent() -> Iterator[bytes]:
        time.sleep(60)
        yield b""

    with (
        motion_jpeg(working, silent) as camera,
        running(camera, "--metrics", f"127.0.0.1:{port}", "--stall-seconds", "1", "--log-format", "json") as child,
    ):
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["text"] == "427"
        health = json.loads(until(port, "/healthz", 200))
        assert (health["status"], health["version"], health["camera_lost"]) == ("ok", __version__, False)
        before = figures(get(port, "/metrics")[1])
        time.sleep(0.5)
        text = get(port, "/metrics")[1]
        after = figures(text)
        assert after["edge_digits_frames_total"] > before["edge_digits_frames_total"] > 0
        assert after["edge_digits_frame_age_seconds"] < 1
        assert after["edge_digits_events_total{announced}"] == 1
        assert after["edge_digits_reconnects_total"] == after["edge_digits_camera_lost"] == 0
        for stage in ("find", "normalize", "infer"):
            assert after[f"edge_digits_stage_seconds_count{{{stage}}}"] > 0
            assert after[f"edge_digits_stage_seconds_sum{{{stage}}}"] > 0
        assert re.search(rf'edge_digits_info{{.*model="base.int8".*version="{re.escape(__version__)}".*}} 1', text)
        health = json.loads(until(port, "/healthz", 503))
        assert (health["status"], health["camera_lost"]) == ("failing", True)
        assert health["why"].startswith("no frame for ")
        after = figures(get(port, "/metrics")[1])
        assert after["edge_digits_frame_age_seconds"] > 1
        assert (after["edge_digits_reconnects_total"], after["edge_digits_camera_lost"]) == (1, 1)
        assert after["edge_digits_events_total{withdrawn}"] == 1
        assert get(port, "/")[0] == 404
        child.send_signal(signal.SIGTERM)
        _, err = child.communicate(timeout=20)
    records = [json.loads(line) for line in err.splitlines()]
    assert [record["level"] for record in records] == ["info"] * len(records)
    assert ": lost: " in records[0]["message"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", record["time"]) for record in records)


def test_before_its_first_frame_a_run_is_not_well(reader: DigitReader) -> None:
    observer = Observer("127.0.0.1:0", LiveReader(reader), fresh=1)
    status, text = get(observer.port, "/healthz")
    assert (status, json.loads(text)["why"]) == (503, "the camera gives no frames yet")
    assert "edge_digits_frames" not in figures(get(observer.port, "/metrics")[1])
    with pytest.raises(OutputError, match="Address already in use"):
        Observer(f"127.0.0.1:{observer.port}", LiveReader(reader), fresh=1)
    observer.close()


@pytest.mark.parametrize("address", ["9105", "host", "host:", ":http", ":99999", ":-1"])
def test_what_is_no_address_is_refused(address: str, reader: DigitReader) -> None:
    with pytest.raises(UsageError, match=re.escape(f"--metrics {address}: write HOST:PORT")):
        Observer(address, LiveReader(reader), fresh=1)


def queries(panels: list[dict[str, Any]]) -> Iterator[str]:
    for panel in panels:
        yield from (target["expr"] for target in panel.get("targets", ()))
        yield from queries(panel.get("panels", []))


def answered(port: int, query: str) -> bool:
    """Whether a Prometheus has figures that answer a question of the dashboard."""
    asked = query.replace("$__rate_interval", "5m").replace("$board", ".*").replace("$job", ".*")
    answer = json.loads(get(port, f"/api/v1/query?query={urllib.parse.quote(asked)}")[1])
    assert answer["status"] == "success", (query, answer)
    return bool(answer["data"]["result"])


# the log


def test_errors_and_warnings_are_records_too(run: Run, tmp_path: Path) -> None:
    ended = run("camera", "fake:none.mp4", "--no-window", "--log-format", "json")
    assert ended.code == 3
    (record,) = (json.loads(line) for line in ended.err.splitlines())
    assert record["level"] == "error"
    assert record["message"].startswith("fake:none.mp4: ")
    clip = write_video(tmp_path / "clip.mp4", [scene("427")] * 40)
    ended = run("camera", clip, "--log-format", "json", env={"DISPLAY": "", "WAYLAND_DISPLAY": ""})
    (record,) = (json.loads(line) for line in ended.err.splitlines())
    assert record["message"].startswith("no window: ")
    assert "427" in ended.out


# the dashboard


def test_the_dashboard_asks_for_figures_that_there_are_and_for_all_of_them(reader: DigitReader) -> None:
    dashboard = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text(encoding="utf-8"))
    assert dashboard["schemaVersion"] >= 36
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells), "no panel lies on another"
    assert max(x for x, _ in cells) == 23
    variables = {f"${variable['name']}" for variable in dashboard["templating"]["list"]}
    observer = Observer("127.0.0.1:0", LiveReader(reader), fresh=1, queue=_Queue())
    with open_camera(str(ROOT / "samples" / "number-427.png")) as camera:
        observer.open(camera)
        for result in LiveReader(reader).watch(camera):
            if result is not None:
                observer.take(result)
    known = set(re.findall(r"^(edge_digits_\w+)", get(observer.port, "/metrics")[1], re.M))
    known |= {"edge_digits_temperature_celsius", "edge_digits_throttled"}  # not every machine has them
    observer.close()
    asked = list(queries(panels))
    assert {name for query in asked for name in re.findall(r"edge_digits_\w+", query)} - known == set()
    assert {name for name in known if not name.endswith("_created")} - set(
        re.findall(r"edge_digits_\w+", " ".join(asked))
    ) == set()
    for query in asked:
        assert query.count("(") == query.count(")")
        assert set(re.findall(r"\$(?!__)\w+", query)) <= variables


def test_grafanas_own_model_of_a_dashboard_loads_it() -> None:
    """No Grafana runs here; what it generates from its schema does."""
    pytest.importorskip("grafana_foundation_sdk", reason="needs the extra dev: pip install -e '.[dev]'")
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard, Panel
    from grafana_foundation_sdk.models.prometheus import Dataquery

    register_default_plugins()
    content = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text(encoding="utf-8"))
    loaded = Dashboard.from_json(content)
    panels = [panel for panel in loaded.panels or [] if isinstance(panel, Panel)]
    assert [panel.title for panel in panels] == [panel["title"] for panel in content["panels"]]
    targets = [target for panel in panels for target in panel.targets or []]
    assert all(isinstance(target, Dataquery) for target in targets)
    assert [target.expr for target in targets if isinstance(target, Dataquery)] == list(queries(content["panels"]))


class _Queue:
    """A broker's queue, as the metrics of one that is away show it."""

    connected, waiting, dropped = False, 3, 1


@pytest.mark.slow
def test_a_real_prometheus_takes_the_figures_and_answers_every_question_of_the_dashboard(
    reader: DigitReader, tmp_path: Path, port: int
) -> None:
    if shutil.which("prometheus") is None:
        pytest.skip("Prometheus is not installed: sudo apt install prometheus")
    live = LiveReader(reader)
    observer = Observer("127.0.0.1:0", live, fresh=60, queue=_Queue())
    scrape = {"job_name": "edge-digits", "static_configs": [{"targets": [f"127.0.0.1:{observer.port}"]}]}
    settings = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [scrape]}
    (tmp_path / "prometheus.yml").write_text(json.dumps(settings))  # JSON is YAML
    options = (f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}")
    with (tmp_path / "log").open("wb") as log:
        program = subprocess.Popen(["prometheus", *options, f"--web.listen-address=127.0.0.1:{port}"], stderr=log)
    try:
        until(port, "/-/ready", 200)
        with open_camera(str(ROOT / "samples")) as camera:
            observer.open(camera)
            for result in live.watch(camera):
                if result is not None:
                    observer.take(result)
                    time.sleep(0.2)
        dashboard = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text(encoding="utf-8"))
        # Not every machine has a sensor of its temperature.
        waiting = [query for query in queries(dashboard["panels"]) if not re.search("temperature|throttled", query)]
        assert len(waiting) > 8
        end = time.monotonic() + 60
        while waiting and time.monotonic() < end:  # Prometheus asks when it comes to it
            time.sleep(0.2)
            waiting = [query for query in waiting if not answered(port, query)]
        assert waiting == []
    finally:
        program.terminate()
        program.wait()
        observer.close()
