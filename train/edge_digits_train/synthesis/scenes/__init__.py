"""Scenes composed of digits, signs and letters on paper, with a box and a class for each digit and sign.

Numbers, sums, dates, words, tables and forms are written in one hand and one pen, with digits of a data set, of pen
trajectories, or of our own drawing; on paper with ruling, security patterns, print that shows through, printed type
around them, and something else beyond the edge of the sheet; photographed by the camera of `camera`. Everything is
seeded: the same generator state gives the same scene. Some milliseconds a scene.
"""

from edge_digits_train.synthesis.scenes.composer import Composer, Scene, strings
from edge_digits_train.synthesis.scenes.sheets import IGNORED, LABELS, UNWANTED

__all__ = ["IGNORED", "LABELS", "UNWANTED", "Composer", "Scene", "strings"]
