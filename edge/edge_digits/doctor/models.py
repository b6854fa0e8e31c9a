"""The shipped models: whether they are what was released, and read what is drawn for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge_digits.doctor.check import REINSTALL, Check, Status
from edge_digits.doctor.child import ask
from edge_digits.doctor.packages import reinstall, requirement
from edge_digits.errors import ModelError
from edge_digits.inference import shipped


def models(broken: list[str]) -> Iterator[Check]:
    """The shipped models are what was released, and read what is drawn for them."""
    try:
        wrong, names = shipped.damaged(shipped.folder()), shipped.names()
    except ModelError as error:
        yield Check("models", "failure", str(error), REINSTALL)
        return
    for file, what in sorted(wrong.items()):
        if file.removesuffix(".onnx") not in names:
            yield Check(f"model {file}", "failure", what, REINSTALL)
    answers, reason = ({}, "") if broken else ask("read_drawings", *names)
    for name in names:
        what = wrong.get(f"{name}.onnx", "")
        said, mend = ([what], [REINSTALL]) if what else (["as released"], [])
        status: Status = "failure" if what else "ok"
        if broken:
            said.append(f"not tried, for want of {', '.join(broken)}")
        else:
            right, outcome = _verdict(answers[name]) if answers else (False, f"cannot be used: {reason}")
            said.append(outcome)
            if not right:
                status = "failure"
                mend = mend or [f"{reinstall(requirement('onnxruntime'))}; or read with another model: -m base.fp32"]
        yield Check(f"model {name}", status, "; ".join(said), "; ".join(mend))


def _verdict(answer: dict[str, Any]) -> tuple[bool, str]:
    """Whether a model's answer is the known one, and what it was."""
    if "error" in answer:
        return False, f"cannot be used: {answer['error']}"
    expected, read = (" / ".join(answer[key].split("\n")) for key in ("expected", "read"))
    if expected != read:
        return False, f"reads {read or 'nothing'} where {expected} is drawn"
    return True, f"reads {read}, {100 * answer['confidence']:.1f} % sure"
