"""Where pictures come from: files, folders, globs, lists and standard input."""

from edge_digits.sources.files import expand
from edge_digits.sources.picture_file import PictureFile

__all__ = ["PictureFile", "expand"]
