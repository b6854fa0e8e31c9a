"""What reading in the browser alone costs: the samples, read by the page of `edge-digits page` and by the library.

PYTHONPATH=tests python benchmarks/page.py PACKAGE [--rounds 5]

PACKAGE is npm's onnxruntime-web, installed. The page runs in the distribution's Chromium, beside this process. Labels
that differ are named.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import machine
from browser import browser
from files_served import file_server, read
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from edge_digits import DigitReader
from edge_digits.inference.session import Finder, Model
from edge_digits.sources.labels import LABELS, read_labels
from edge_digits.web.folder import write_page

_SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    print(f"{machine.describe()}; load {os.getloadavg()[0]:.1f}\n", flush=True)
    cv2.setNumThreads(1)
    reader = DigitReader.load()
    with tempfile.TemporaryDirectory() as folder, browser() as window:
        write_page(Path(folder), onnxruntime_web=args.package, model=Model.load(), finder=Finder.load(), force=True)
        with file_server(Path(folder)) as served:
            window.set_script_timeout(120)
            begun = time.perf_counter()
            window.get(f"http://127.0.0.1:{served.port}/")
            about = window.find_element(By.ID, "about")
            WebDriverWait(window, 60).until(lambda _: "model" in about.text)
            print(f"From opening the page to all being loaded: {time.perf_counter() - begun:.1f} s.\n")
            print("| picture | text | browser, p50 | library, p50 |\n|---|---|---|---|")
            differ = []
            for row in read_labels(_SAMPLES / LABELS):
                content = (_SAMPLES / row.file).read_bytes()
                theirs, ours = [], []
                for _ in range(args.rounds):
                    begun = time.perf_counter()
                    wanted = reader.examine_bytes(content, row.file).reading
                    ours.append(time.perf_counter() - begun)
                    record = read(window, content, name=row.file)
                    theirs.append(sum(record["speed_ms"].values()))
                if record["text"] != wanted.text:
                    differ.append(row.file)
                shown = record["text"].replace("\n", " / ") or "-"
                times = f"{statistics.median(theirs):.0f} ms | {1e3 * statistics.median(ours):.0f} ms"
                print(f"| {row.file} | {shown} | {times} |", flush=True)
    print(f"\nLabels that differ: {', '.join(differ) or 'none'}.")


if __name__ == "__main__":
    main()
