"""What the opinions of the finder and of a reader of windows count, for each size of reader.

The weights are those of a logistic regression on composed scenes and on crops (`scripts/fit_fusion.py` prints them): a
small reader knows less, and counts less beside the finder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from edge_digits.find.glyph import Kind


@dataclass(frozen=True)
class Weights:
    """What each opinion counts.

    Attributes:
        finder, classifier, constant: of the log odds that there is a character at all.
        finder_class, classifier_class: of the log probabilities of the characters, if there is one.
        slash: what is added to that of a slash. Composed scenes have more ones that lean than hands write; not fitted.
        beyond: against a character is how much of its strokes lies outside of its box.
    """

    finder: float
    classifier: float
    constant: float
    finder_class: float
    classifier_class: float
    slash: float = 0.0
    beyond: float = 0.0


def _by_kind(scene: Weights, crop: Weights, given: Weights, clear: Weights) -> dict[Kind, Weights]:
    # What goes on beyond a find counts in what is given as in any crop: on scans there are no lines to touch.
    given = replace(given, beyond=crop.beyond)
    return {"scene": scene, "crop": crop, "tiny": crop, "given": given, "clear": clear}


#: The architecture of the reader whose weights any other has that is not named here.
BASE = "stem5"
#: By the reader's architecture, and by what a candidate may be the digit of. Of a tiny picture nobody said that it is a
#: digit: it may be a sign. Those of what is given were fitted on digits as they are scanned, with one in a hundred of
#: what is given none: crops of scenes are harder, and weights that were fitted on them doubt what is clear.
WEIGHTS: dict[str, dict[Kind, Weights]] = {
    BASE: _by_kind(
        scene=Weights(
            finder=1.826, classifier=0.344, constant=0.45, finder_class=1.057, classifier_class=0.377, slash=1.5
        ),
        crop=Weights(
            finder=0.564, classifier=0.589, constant=1.374, finder_class=0.449, classifier_class=0.425, beyond=2.156
        ),
        given=Weights(finder=0.0, classifier=1.086, constant=1.996, finder_class=0.533, classifier_class=0.843),
        clear=Weights(finder=0.0, classifier=1.605, constant=2.167, finder_class=0.0, classifier_class=1.156),
    ),
    "small": _by_kind(
        scene=Weights(
            finder=2.144, classifier=0.21, constant=0.539, finder_class=1.469, classifier_class=0.197, slash=1.5
        ),
        crop=Weights(
            finder=0.743, classifier=0.546, constant=1.222, finder_class=0.653, classifier_class=0.347, beyond=2.148
        ),
        given=Weights(finder=0.171, classifier=1.116, constant=2.005, finder_class=1.071, classifier_class=0.605),
        clear=Weights(finder=0.0, classifier=1.409, constant=2.033, finder_class=0.0, classifier_class=1.066),
    ),
    "nano": _by_kind(
        scene=Weights(
            finder=2.286, classifier=0.156, constant=0.612, finder_class=1.742, classifier_class=0.056, slash=1.5
        ),
        crop=Weights(
            finder=0.795, classifier=0.58, constant=1.113, finder_class=0.779, classifier_class=0.311, beyond=2.058
        ),
        given=Weights(finder=0.787, classifier=1.01, constant=2.136, finder_class=1.302, classifier_class=0.571),
        clear=Weights(finder=0.0, classifier=1.467, constant=2.145, finder_class=0.0, classifier_class=1.201),
    ),
}
#: Of a find's own odds to be a digit, and of its company in the line; and a constant.
LINE = (0.866, 3.043, -1.343)


def weights_of(training: Mapping[str, Any]) -> Mapping[Kind, Weights]:
    """The weights of a reader, by how it was trained, as its card says."""
    settings = training.get("settings")
    architecture = settings.get("arch") if isinstance(settings, dict) else None
    return WEIGHTS.get(architecture if isinstance(architecture, str) else BASE, WEIGHTS[BASE])
