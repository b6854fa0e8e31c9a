"""Timing, figures, comparison, and what they are told of the machine."""

from __future__ import annotations

import sys
import time
from array import array
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_digits.bench import Plan, Ratio, Settings, bench, measure, ratio
from edge_digits.bench.compare import Verdict, pairs
from edge_digits.bench.conditions import throttled, warnings
from edge_digits.bench.memory import peak_bytes, reset_peak
from edge_digits.bench.others import Others
from edge_digits.bench.report import Report
from edge_digits.bench.summary import blocks, histogram, nearest_rank, summarise
from edge_digits.bench.timing import Measurement, time_calls, time_paced
from edge_digits.board import Board, State
from edge_digits.errors import UsageError


def measured(samples: list[int]) -> Measurement:
    return Measurement(np.array(samples, np.int64), seconds=1e-9 * sum(samples), batches=[(0, 0.0, None)])


# --- timing ---


def test_the_loop_keeps_no_memory() -> None:
    samples = array("q", bytes(8 * 10_000))
    time_calls(int, samples, 100)
    before = sys.getallocatedblocks()
    time_calls(int, samples, 10_000)
    assert sys.getallocatedblocks() - before < 20


def test_the_harness_adds_less_than_a_microsecond() -> None:
    """The quickest of many calls of nothing: a busy machine makes others slower."""
    samples = measure(lambda: None, Plan(runs=20_000, min_seconds=0)).samples_ns
    assert np.percentile(samples, 5) < 1000


def test_each_sample_is_the_time_of_its_call() -> None:
    pauses = iter([0.0, 0.0, 0.02, 0.0, 0.03])
    samples = array("q", bytes(8 * 5))
    time_calls(lambda: time.sleep(next(pauses)), samples, 5)
    assert samples[2] >= 20_000_000
    assert samples[4] >= 30_000_000


def test_what_a_call_returns_is_kept_outside_of_its_time() -> None:
    kept: list[tuple[int, str]] = []
    samples = array("q", bytes(8 * 3))

    def keep(number: int, result: str) -> None:
        kept.append((number, result))
        time.sleep(0.01)

    time_calls(lambda: "a", samples, 3, keep)
    assert kept == [(0, "a"), (1, "a"), (2, "a")]
    assert min(samples) < 10_000_000


def test_paced_calls_never_begin_early() -> None:
    begun: list[float] = []
    samples = array("q", bytes(8 * 5))
    start = time.perf_counter()
    time_paced(lambda: begun.append(time.perf_counter()), samples, 5, 50.0)
    assert all(when - start >= 0.0199 * (number + 1) for number, when in enumerate(begun))


def test_pauses_of_paced_runs_are_in_no_sample_but_in_the_seconds() -> None:
    found = measure(lambda: None, Plan(runs=6, min_seconds=0, warmup=1, rate=20.0))
    assert len(found.samples_ns) == 6
    assert found.seconds > 0.29
    assert np.min(found.samples_ns) < 25_000_000


def test_runs_and_seconds_are_both_least_amounts() -> None:
    assert len(measure(lambda: None, Plan(runs=7, min_seconds=0, warmup=1)).samples_ns) == 7
    long = measure(lambda: time.sleep(0.001), Plan(runs=1, min_seconds=0.3, warmup=1))
    assert long.seconds > 0.25
    assert len(long.samples_ns) > 1


def test_what_was_measured_before_ctrl_c_is_kept() -> None:
    calls = iter(range(40))

    def call() -> None:
        if next(calls) == 30:
            raise KeyboardInterrupt

    found = measure(call, Plan(runs=1000, min_seconds=5, warmup=5))
    assert found.interrupted
    assert 0 < len(found.samples_ns) < 30
    assert (found.samples_ns > 0).all()


def test_the_processor_time_is_that_of_the_calls() -> None:
    idle = measure(lambda: time.sleep(0.01), Plan(runs=20, min_seconds=0, warmup=1))
    busy = measure(lambda: sum(range(300_000)), Plan(runs=20, min_seconds=0, warmup=1))
    assert idle.cpu_seconds < 0.5 * idle.seconds
    assert busy.cpu_seconds > 0.02


def test_the_peak_of_memory_is_that_since_the_last_reset() -> None:
    block = bytearray(200 << 20)
    before = peak_bytes()
    assert before is not None
    assert before > 200 << 20
    del block
    reset_peak()
    after = peak_bytes()
    assert after is not None
    assert after < before - (100 << 20)


# --- figures ---


def test_percentiles_are_values_that_were_measured() -> None:
    figures = summarise(np.arange(1, 1001, dtype=np.int64)[::-1] * 1_000_000)
    assert [figures[name] for name in ("min", "p50", "p90", "p95", "p99", "p99.9", "max")] == [
        1.0,
        500.0,
        900.0,
        950.0,
        990.0,
        999.0,
        1000.0,
    ]
    assert figures["mean"] == 500.5


def test_no_percentile_is_said_of_too_few_calls() -> None:
    figures = summarise(np.arange(1, 100, dtype=np.int64))
    assert figures["p95"] is not None
    assert figures["p99"] is None
    assert summarise(np.array([5], np.int64))["std"] is None


def test_no_outlier_is_left_out() -> None:
    samples = np.full(10_000, 1_000_000, np.int64)
    samples[77] = 5_000_000_000
    figures = summarise(samples)
    assert figures["max"] == 5000.0
    assert figures["mean"] == pytest.approx(1.4999)
    assert sum(histogram(samples)["count"]) == 10_000


@given(st.lists(st.integers(1, 10**10), min_size=2, max_size=300))
def test_percentiles_do_not_fall(samples: list[int]) -> None:
    ordered = np.sort(np.array(samples, np.int64))
    found = [value for percent in (10.0, 50.0, 90.0, 95.0) if (value := nearest_rank(ordered, percent)) is not None]
    assert found == sorted(found)
    assert set(found) <= set(samples)


@given(st.lists(st.integers(20, 10**10), min_size=1, max_size=300))
def test_the_histogram_holds_each_call_in_its_step(samples: list[int]) -> None:
    drawn = histogram(np.array(samples, np.int64))
    assert sum(drawn["count"]) == len(samples)
    assert 1e-6 * min(samples) >= 0.999 * drawn["ms"][0]
    assert 1e-6 * max(samples) <= 1.025 * drawn["ms"][-1]


def test_blocks_hold_whole_cycles_of_pictures() -> None:
    """A picture that takes long would else make one block slower than the next."""
    found = blocks(measured([1_000_000, 1_000_000, 9_000_000] * 400), cycle=3)
    assert set(found["p50"]) == {1.0}
    assert set(found["max"]) == {9.0}
    assert len({len(column) for column in found.values()}) == 1


def test_few_calls_make_few_blocks() -> None:
    assert len(blocks(measured([1000] * 12))["p50"]) == 2
    assert len(blocks(measured([1000] * 3))["p50"]) == 1
    assert len(blocks(measured([1000] * 100_000))["p50"]) == 500


# --- comparison ---


def run_of(rng: np.random.Generator, typical: float, disturbed: float = 0.3) -> list[float]:
    """Blocks as a busy machine makes them: bursts of other work nearly double the time."""
    noise = rng.gamma(2.0, 0.01, 500)
    state = np.repeat(rng.random(25) < disturbed, 20)
    return list(typical * (1.0 + noise + 0.9 * state) * rng.normal(1.0, 0.005))


@pytest.mark.parametrize(("slower", "verdict"), [(1.0, "no difference"), (1.1, "slower"), (1 / 1.1, "faster")], ids=str)
def test_verdicts_hold_in_nineteen_of_twenty_comparisons(slower: float, verdict: Verdict) -> None:
    rng = np.random.default_rng(0)
    found = [ratio(run_of(rng, 0.1), run_of(rng, 0.1 * slower)).verdict for _ in range(20)]
    assert found.count(verdict) >= 19


def test_a_run_is_no_different_from_itself() -> None:
    blocks = run_of(np.random.default_rng(1), 0.1)
    found = ratio(blocks, blocks)
    assert found.ratio == 1.0
    assert found.low < 1.0 < found.high
    assert ratio(blocks, blocks) == found, "the same seed, the same interval"


def test_a_ci_fails_on_what_is_slower_and_by_so_much_only() -> None:
    assert Ratio(1.08, 1.06, 1.10).slower_by(0.05)
    assert not Ratio(1.08, 1.06, 1.10).slower_by(0.10)
    assert not Ratio(1.08, 1.01, 1.15).slower_by(0.05), "it may be chance"


def test_runs_of_one_model_are_compared_before_others_take_their_partners() -> None:
    def timed(precision: str) -> Any:
        model = {"name": "base", "precision": precision}
        return SimpleNamespace(mode="model", subject="digit", threads=1, plan={"rate": None}, model=model)

    fp32, int8, later = timed("fp32"), timed("int8"), timed("int8")
    before, after = (cast(Report, SimpleNamespace(runs=runs)) for runs in ([fp32, int8], [later]))
    assert pairs(before, after) == [(int8, later)]
    assert pairs(after, before) == [(later, int8)]


def test_short_runs_are_not_compared() -> None:
    with pytest.raises(UsageError, match="measure longer"):
        ratio([1.0] * 100, [1.0] * 5)


# --- conditions, from recorded machines ---

PI = {
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n\nprocessor\t: 1\nCPU part\t: 0xd08\n",
    "proc/loadavg": "0.10 0.05 0.01 1/100 999\n",
    "proc/stat": "cpu 100 0 50 900 0 0 0 0 0 0\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "48312\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1800000\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
}


def machine(root: Path, **changed: str) -> State:
    """The state of a recorded Raspberry Pi 4, with some of its files changed: keys end what they replace."""
    for name, text in PI.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(next((new for end, new in changed.items() if name.endswith(end)), text))
    return State.read(root)


def test_a_cool_board_with_a_steady_clock_gives_no_warning(tmp_path: Path) -> None:
    state = machine(tmp_path)
    assert throttled(state, state) == ()
    assert warnings(Board.read(tmp_path), state, state, threads=1, others=1.0) == ()


@pytest.mark.parametrize(
    ("first", "last", "reasons"),
    [
        ("0", "0", ()),
        ("0", "4", ("throttled",)),
        ("1", "0", ("under-voltage",)),
        ("0", "80000", ("soft temperature limit",)),
        ("50000", "50000", ()),
        ("50000", "50005", ("under-voltage", "throttled")),
        ("10000", "30000", ("clock capped",)),
    ],
)
def test_a_run_is_invalid_where_the_firmware_held_the_board_back(
    tmp_path: Path, first: str, last: str, reasons: tuple[str, ...]
) -> None:
    """Also where it did between the two looks: the bits since boot tell; those of before the run do not count."""
    before = machine(tmp_path, get_throttled=first)
    after = machine(tmp_path, get_throttled=last)
    assert throttled(before, after) == reasons


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"scaling_governor": "ondemand\n"}, "governor ondemand"),
        ({"scaling_cur_freq": "600000\n"}, "clocks: 1800 MHz before and 600 after"),
        ({"temp": "79000\n"}, "hot: 79"),
        ({"get_throttled": "1\n"}, "under-voltage: "),
    ],
    ids=str,
)
def test_what_spoils_a_timing_is_said(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    before, after = machine(tmp_path), machine(tmp_path, **changed)
    (warning,) = warnings(Board.read(tmp_path), before, after, threads=1, others=None)
    assert warning.startswith(said)


def test_battery_other_programs_and_too_many_threads_are_said(tmp_path: Path) -> None:
    state = replace(machine(tmp_path), on_battery=True)
    found = warnings(Board.read(tmp_path), state, state, threads=4, others=85.0)
    assert [line.partition(":")[0] for line in found] == ["battery", "busy", "threads"]
    assert "85 % of a core" in found[1]


def test_what_others_take_is_what_this_process_did_not(tmp_path: Path) -> None:
    machine(tmp_path)
    others = Others(tmp_path)
    time.sleep(0.2)
    (tmp_path / "proc/stat").write_text("cpu 110 0 60 900 0 0 0 0 0 0\n")
    percent = others.percent()
    assert percent is not None
    assert 1.0 < percent <= 100.0, "0.2 seconds of processor time in 0.2 seconds and a little"
    assert Others(tmp_path / "nowhere").percent() is None


# --- whole runs ---


def test_a_run_records_the_machine_that_it_is_told_of(tmp_path: Path) -> None:
    machine(tmp_path, get_throttled="4\n")
    run = bench(Settings(plan=Plan(runs=50, min_seconds=0, warmup=2)), root=tmp_path)
    assert run.before["governors"] == ["performance"]
    assert run.after["temperature_c"] == 48.3
    assert not run.valid
    assert run.blocks["celsius"] == [48.3] * 10
    assert run.calls == 50


def test_modes_that_lack_what_they_need_are_refused() -> None:
    with pytest.raises(UsageError, match="--pictures"):
        bench(Settings(mode="pipeline"))
    with pytest.raises(UsageError, match="a rate goes with the mode paced"):
        bench(Settings(plan=Plan(rate=5.0)))
    with pytest.raises(UsageError, match="no mode 'fast'; there are: model, pipeline, paced"):
        bench(Settings(mode="fast"))
