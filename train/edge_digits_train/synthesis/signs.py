"""The signs that stand beside digits, drawn by our own code: for where no pen trajectories show them, or seldom."""

from __future__ import annotations

import numpy as np

from edge_digits_train.datasets.data import Stroke
from edge_digits_train.synthesis.curves import catmull_rom, parse_points

#: Points on each segment of a curve.
_SAMPLES = 7
#: Ways to write each sign: strokes through points of the unit square, "x,y x,y; ...", y downwards; "~" for a curve
#: through them.
_WAYS = {
    "*": ("0,.25 1,.75;1,.25 0,.75;.5,0 .5,1", "0,0 1,1;1,0 0,1;0,.5 1,.5", "0,.1 1,.9;.9,0 .1,1;-.1,.5 1.1,.45"),
    ".": (".5,.5 .5,.52",),
    ",": (".6,0 .4,1", "~.5,0 .6,.4 .3,1"),
    "-": ("0,.5 1,.5", "~0,.5 .5,.47 1,.52"),
    "+": ("0,.5 1,.5;.5,0 .5,1",),
    "x": (
        "0,0 1,1;1,0 0,1",
        "~0,.1 .2,0 .8,1 1,.9;1,0 0,1",
        # As an unknown is often written: two curves back to back, apart or joined, one of them in one go.
        "~0,.05 .3,.02 .45,.3 .42,.7 .2,1 0,.9;~1,.05 .7,.05 .52,.35 .55,.7 .75,1 1,.9",
        "~0,.1 .25,0 .42,.2 .55,.75 .75,1 1,.88;~.98,.05 .8,.05 .55,.4 .3,.9 .05,.98",
        "~0,.15 .2,0 .42,.3 .4,.8 .15,1 .05,.85 .45,.55 .85,.05 .98,.1 .6,.45 .6,.85 .8,1 1,.85",
    ),
    "/": ("1,0 0,1", ".7,0 .3,1"),
    "(": ("~.4,0 .1,.3 .1,.7 .4,1",),
    ")": ("~.1,0 .4,.3 .4,.7 .1,1",),
    "=": ("0,.35 1,.35;0,.65 1,.65",),
    ":": (".5,.1 .5,.12;.5,.9 .5,.92",),
    "%": (
        "1,0 0,1;~.2,0 0,.2 .2,.35 .35,.15 .2,0;~.8,.65 .65,.85 .8,1 1,.8 .8,.65",
        "1,0 0,1;.15,.15 .15,.18;.85,.82 .85,.85",
    ),
    "#": (".35,0 .2,1;.8,0 .65,1;0,.3 1,.3;0,.7 1,.7",),
}
#: Standard deviation of a point's place.
_JITTER = 0.04
#: The share of the signs `x` that are a kappa, and of these, of what is drawn in one go.
_KAPPAS, _IN_ONE_GO = 0.6, 0.25
#: The mean of the logarithm of the width of an `x`, of its height, and its standard deviation.
_WIDTHS = (0.15, 0.2)


def draw(sign: str, rng: np.random.Generator) -> tuple[Stroke, ...]:
    """The strokes of a sign in a hand of its own: float32 [N, 2] each, in the unit square about 0.

    Args:
        sign: one of `results.SIGNS`, or an asterisk, which is none of them.
        rng: decides all.
    """
    ways, unknown = _WAYS[sign], sign == "x"
    way = _kappa(rng) if unknown and rng.random() < _KAPPAS else ways[int(rng.integers(len(ways)))]
    if not unknown:
        return _strokes(way, rng)
    width = float(np.exp(rng.normal(*_WIDTHS)))
    sides = np.array([width, 1.0], np.float32) / max(width, 1.0)
    return tuple(stroke * sides for stroke in _strokes(way, rng))


def _kappa(rng: np.random.Generator) -> str:
    """A way to write an unknown `x`: a stem with a flag, and what comes from the right and turns back at its middle.

    The flag may be short or reach far out, the stem stand or lean as far as a seven's, and end in a hook.
    """
    flag, lean, joint = rng.uniform((0.0, -0.08, 0.35), (0.45, 0.35, 0.62)).tolist()
    foot = max(flag + 0.08 - lean, 0.0)
    stem = f"0,{rng.uniform(0.05, 0.35)} {0.55 * flag},{rng.uniform(0.0, 0.08)} {flag + 0.04},.06 "
    stem += f"{(2 * flag + foot) / 3 + rng.uniform(0.05, 0.15)},.4 {foot},1"
    at = (flag + foot) / 2 + rng.uniform(0.02, 0.14)
    arm = f"1,{rng.uniform(0.0, 0.2)} {rng.uniform(0.7, 0.85)},{rng.uniform(0.02, 0.15)} {at},{joint} "
    leg = f"{rng.uniform(min(at + 0.05, 0.65), 0.7)},.85 {rng.uniform(0.7, 0.85)},1 1,{rng.uniform(0.75, 0.95)}"
    if rng.random() < _IN_ONE_GO:
        return f"~{stem} {at + 0.03},{joint + 0.06} {(1 + at) / 2 + 0.03},{joint / 2 + 0.1} {arm}{leg}"
    hook = f" {foot - 0.12},.95" if rng.random() < 0.3 else ""
    return f"~{stem}{hook};~{arm}{leg}"


def _strokes(way: str, rng: np.random.Generator) -> tuple[Stroke, ...]:
    """The strokes of a way, about 0, moved a little."""
    strokes = []
    for text in way.split(";"):
        points = parse_points(text.lstrip("~")) - 0.5
        points += rng.normal(0.0, _JITTER, points.shape) * (np.ptp(points, axis=0) > 0.1)
        strokes.append((catmull_rom(points, _SAMPLES) if text.startswith("~") else points).astype(np.float32))
    return tuple(strokes)
