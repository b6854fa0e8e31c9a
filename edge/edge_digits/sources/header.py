"""What a picture file says of itself before it is decoded: its kind, its size, and what decoding it would cost."""

from __future__ import annotations

from dataclasses import dataclass

from edge_digits.choices import MAX_PIXELS
from edge_digits.errors import PictureError

#: What one picture may cost: its file, its pixels and its decoder, at the largest size that is taken by default.
MEMORY_BYTES = 512 << 20
#: Longest side of a picture, pixels; JPEG has no longer one.
MAX_SIDE = 65_535
#: Chunks, segments or directories that a file may consist of: each costs time, whatever is in it.
MAX_PARTS = 100_000
#: The warning of an animated picture.
ANIMATED = "animated: only the first frame was read. To read them all, make a video of it: ffmpeg -i FILE video.mp4"


@dataclass(frozen=True, slots=True)
class Header:
    """One picture of a file.

    Attributes:
        kind: the name of its format.
        width, height: as stored, pixels.
        channels, depth: of the decoded array: samples per pixel, and bytes per sample.
        decoder_bytes: what the decoder needs besides the decoded array, bytes.
        orientation: as in EXIF, 1 to 8.
        by_exif: whether EXIF says so, and may be wrong; else it is how the picture is stored.
        content: the file as its decoder shall see it: this picture, without what is not needed for it.
        end: where this picture ends in the file, where its format tells.
        open_ended: the marker of its end is missing; whether pixels are, only decoding it tells.
        apart: no bound for the time and memory of its decoder is known; another process tries, and is watched.
        warnings: what of the file is not read.
        patches: what its decoder shall see at which places instead.
    """

    kind: str
    width: int
    height: int
    content: bytes
    channels: int = 4
    depth: int = 1
    decoder_bytes: int = 0
    orientation: int = 1
    by_exif: bool = True
    end: int | None = None
    open_ended: bool = False
    apart: bool = False
    warnings: tuple[str, ...] = ()
    patches: tuple[tuple[int, bytes], ...] = ()

    @property
    def array_bytes(self) -> int:
        """Of the decoded picture."""
        return self.width * self.height * self.channels * self.depth

    def patched(self) -> bytes | bytearray:
        """The file as its decoder shall see it."""
        if not self.patches:
            return self.content
        content = bytearray(self.content)
        for at, piece in self.patches:
            content[at : at + len(piece)] = piece
        return content

    def check(self, max_pixels: int, others_bytes: int = 0) -> None:
        """Refuse a picture that would cost too much.

        Args:
            max_pixels: that are decoded.
            others_bytes: what is in memory for it besides, such as its file.

        Raises:
            PictureError: says what it would cost, and what to do.
        """
        size = f"{self.width} x {self.height} pixels"
        if self.width <= 0 or self.height <= 0:
            raise PictureError(f"is a broken {self.kind}: it has {size}. Save it again as PNG or JPEG")
        if self.width * self.height > max_pixels:
            raise PictureError(
                f"is too large: {size}, of {max_pixels} at most. Scale it down, or raise the limit: --max-pixels"
            )
        if max(self.width, self.height) > MAX_SIDE:
            raise PictureError(f"is too large: {size}, and no side may have more than {MAX_SIDE}. Cut it into parts")
        # OpenCV copies what it has decoded into the array that Python gets.
        cost = others_bytes + self.array_bytes + max(self.array_bytes, self.decoder_bytes)
        limit = memory_limit(max_pixels)
        if cost > limit:
            advice = "Save it with 8 bits, scale" if self.depth > 1 else "Scale"
            raise PictureError(
                f"is too large: {size} as {self.kind} of {8 * self.depth} bits take {cost >> 20} MB of memory, of "
                f"{limit >> 20} at most. {advice} it down, or raise the limit: --max-pixels"
            )


def memory_limit(max_pixels: int) -> int:
    """What a picture may cost, bytes; it grows with the limit of pixels, where that was raised."""
    return MEMORY_BYTES * max(max_pixels, MAX_PIXELS) // MAX_PIXELS


def file_limit(max_pixels: int) -> int:
    """What the file of a picture may have, bytes: half of what the picture may cost."""
    return memory_limit(max_pixels) // 2


def no_memory() -> PictureError:
    """The error of a picture within the limits for which this machine has not the memory."""
    return PictureError("needs more memory than there is: scale it down, or close other programs")


def too_many_parts(kind: str) -> PictureError:
    """The error of a file that consists of more pieces than any picture needs."""
    return PictureError(f"is a {kind} of more than {MAX_PARTS} parts, which no picture needs. Save it again")


def cut_short() -> PictureError:
    """The error of a file whose end is missing."""
    return PictureError("is cut short: its end is missing. Copy it again")
