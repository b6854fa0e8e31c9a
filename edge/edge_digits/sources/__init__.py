"""Where pictures come from: files, folders, globs, lists and standard input."""

from edge_digits.sources.decode import decode, decode_gray
from edge_digits.sources.files import PictureFile, expand

__all__ = ["PictureFile", "decode", "decode_gray", "expand"]
