"""Scenes composed of digits: numbers, tables, notes and forms on paper, with a box and a class for each digit.

Digits of a data set are written in one hand and one pen on paper with ruling, grids, security patterns, print that
shows through, among letters, signs, scribbles and printed type that are no digits, and are photographed by the camera
of `augment`. Everything is seeded: the same generator state gives the same scene. Some milliseconds a scene.
"""

from edge_digits_train.synthesis.scenes.composer import Composer, Scene, strings
from edge_digits_train.synthesis.scenes.sheets import IGNORED, UNWANTED

__all__ = ["IGNORED", "UNWANTED", "Composer", "Scene", "strings"]
