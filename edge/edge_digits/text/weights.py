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
        beyond: against a character is how much of its strokes lies outside of its box.
    """

    finder: float
    classifier: float
    constant: float
    finder_class: float
    classifier_class: float
    beyond: float = 0.0


@dataclass(frozen=True)
class LineWeights:
    """What counts for and against a digit in its line.

    Attributes:
        own: its own log odds to be a digit, by itself.
        company: the digits beside it (`neighbours.company`).
        covered: against it is how much of its box, beyond a half, a surer digit has too (`neighbours.covered`).
        constant: of all.
    """

    own: float
    company: float
    covered: float
    constant: float


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
        scene=Weights(finder=2.057, classifier=0.396, constant=0.082, finder_class=1.046, classifier_class=0.425),
        crop=Weights(
            finder=0.635, classifier=0.561, constant=1.339, finder_class=0.527, classifier_class=0.444, beyond=2.563
        ),
        given=Weights(finder=0.01, classifier=0.969, constant=2.228, finder_class=0.391, classifier_class=0.937),
        clear=Weights(finder=0.0, classifier=1.321, constant=2.752, finder_class=0.0, classifier_class=1.167),
    ),
    "small": _by_kind(
        scene=Weights(finder=2.305, classifier=0.31, constant=0.102, finder_class=1.607, classifier_class=0.167),
        crop=Weights(
            finder=0.756, classifier=0.545, constant=1.134, finder_class=0.729, classifier_class=0.376, beyond=2.072
        ),
        given=Weights(finder=0.141, classifier=1.075, constant=1.971, finder_class=0.861, classifier_class=0.687),
        clear=Weights(finder=0.0, classifier=1.409, constant=2.033, finder_class=0.0, classifier_class=1.066),
    ),
    "nano": _by_kind(
        scene=Weights(finder=2.461, classifier=0.248, constant=0.175, finder_class=1.849, classifier_class=0.044),
        crop=Weights(
            finder=0.836, classifier=0.52, constant=1.045, finder_class=0.876, classifier_class=0.326, beyond=2.155
        ),
        given=Weights(finder=0.683, classifier=1.023, constant=2.044, finder_class=1.075, classifier_class=0.695),
        clear=Weights(finder=0.0, classifier=1.467, constant=2.145, finder_class=0.0, classifier_class=1.201),
    ),
}
#: Of any reader: what the fit of `base` says.
LINE = LineWeights(own=0.873, company=2.538, covered=1.921, constant=-1.26)


def weights_of(training: Mapping[str, Any]) -> Mapping[Kind, Weights]:
    """The weights of a reader, by how it was trained, as its card says."""
    settings = training.get("settings")
    architecture = settings.get("arch") if isinstance(settings, dict) else None
    return WEIGHTS.get(architecture if isinstance(architecture, str) else BASE, WEIGHTS[BASE])
