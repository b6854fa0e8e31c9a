"""Where pictures come from: files, folders, globs, lists and standard input."""

from edge_digits.sources.files import PictureFile, expand

__all__ = ["PictureFile", "expand"]
