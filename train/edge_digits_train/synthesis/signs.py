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
        # A stem with a short flag, and what begins at the right and turns back at its middle, as of a kappa: apart,
        # with the stem's foot bent, in one go.
        "0,.2 .2,.02 .2,.02 .17,1;~.8,.05 .5,.25 .3,.52 .42,.75 .63,.98 .98,.9",
        "~0,.25 .12,.03 .25,.05 .23,.5 .18,.98;~.75,0 .46,.3 .25,.55 .5,.95 .7,1 1,.85",
        "~0,.2 .17,.02 .25,.15 .25,.75 .18,1 .08,.95;~.85,.08 .62,.05 .38,.4 .33,.75 .55,1 .9,.9",
        "~0,.2 .19,.03 .24,.2 .19,.9 .24,.6 .52,.2 .8,.08 .5,.35 .34,.55 .5,.9 .72,1 .98,.92",
        # With a stem that leans as far as a seven's: with a hook, bent, in one go, and with no flag.
        ".08,.22 .36,.02 .36,.02 .03,1;~.98,0 .58,.36 .37,.5 .56,.8 .73,.98 1,.84",
        "~0,.25 .17,.04 .37,.06 .3,.4 .06,.98;~.95,.02 .6,.28 .35,.52 .55,.85 .76,1 1,.86",
        "~.06,.2 .22,.03 .43,.06 .34,.42 .2,.8 0,1;~1,.04 .76,.08 .5,.42 .5,.7 .68,1 .96,.9",
        "~0,.22 .2,.03 .38,.08 .2,.6 .04,1 .2,.66 .5,.36 .86,.03 .95,.08 .5,.45 .44,.6 .6,.9 .78,1 1,.86",
        ".36,0 .04,1;~.98,.02 .58,.34 .3,.52 .52,.82 .72,1 1,.88",
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


def draw(sign: str, rng: np.random.Generator) -> tuple[Stroke, ...]:
    """The strokes of a sign in a hand of its own: float32 [N, 2] each, in the unit square about 0.

    Args:
        sign: one of `results.SIGNS`, or an asterisk, which is none of them.
        rng: decides all.
    """
    ways = _WAYS[sign]
    strokes = []
    for text in ways[int(rng.integers(len(ways)))].split(";"):
        points = parse_points(text.lstrip("~")) - 0.5
        points += rng.normal(0.0, _JITTER, points.shape) * (np.ptp(points, axis=0) > 0.1)
        strokes.append((catmull_rom(points, _SAMPLES) if text.startswith("~") else points).astype(np.float32))
    return tuple(strokes)
