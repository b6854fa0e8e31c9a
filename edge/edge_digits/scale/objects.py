"""Pictures in object stores, through fsspec: what a bucket holds, and the bytes of an object."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

from edge_digits.choices import MAX_PIXELS
from edge_digits.errors import EdgeDigitsError, PictureError, SourceError, pip_install
from edge_digits.sources.files import is_picture, natural_key
from edge_digits.sources.header import file_limit
from edge_digits.sources.picture_file import PictureFile

#: The stores whose objects appear whole or not at all, and the package by which fsspec speaks to each.
STORES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs"}
#: Objects of one process that are on their way at once.
_AT_ONCE = 32
#: What the stores say of bytes behind the end (HTTP status 416).
_NO_SUCH_RANGE = re.compile("range.*not satisfiable|InvalidRange", re.I)
#: Seconds to wait before an object is asked for again, where the store could not be reached.
_WAITS = (1, 4, 16)


def is_address(name: str) -> bool:
    """Whether a name is an address, and no path."""
    return "://" in name


def store_of(address: str) -> tuple[Any, str]:
    """The fsspec file system of an address, and the path in it.

    Raises:
        SourceError: it is of no object store, or the package for it is not installed.
    """
    protocol = address.partition("://")[0]
    if protocol not in STORES:
        known = ", ".join(f"{name}://" for name in STORES)
        raise SourceError(f"{address}: is an address that batch does not read. It reads paths, and {known}")
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise _missing(address, "fsspec") from None
    try:
        # A cache of what a bucket holds would take a kilobyte an object, and never hear of new ones.
        return url_to_fs(address, use_listings_cache=False)  # type: ignore[no-any-return]
    except ImportError:
        raise _missing(address, STORES[protocol]) from None
    except Exception as error:  # each store has errors of its own
        raise SourceError(f"{address}: {message_of(error)}") from None


def objects_in(address: str, *, recursive: bool) -> Iterator[str]:
    """The addresses of the pictures that an address stands for: an object, a prefix, a pattern with * or ?.

    Args:
        address: of an object store.
        recursive: all below the prefix, not only what is directly in it.

    Raises:
        SourceError: it cannot be reached, or has no pictures.
    """
    store, path = store_of(address)
    empty = True
    try:
        for found in _paths(store, path, recursive):
            empty = False
            yield store.unstrip_protocol(found)
    except EdgeDigitsError:
        raise
    except FileNotFoundError:
        raise SourceError(f"{address}: there is no such object or prefix. Check the name") from None
    except Exception as error:
        raise SourceError(
            f"{address}: cannot be listed ({message_of(error)}). Check its name, your credentials and the network"
        ) from None
    if empty:
        hint = "" if recursive else ". To look below it too: --recursive"
        raise SourceError(f"{address}: no pictures there{hint}")


def _paths(store: Any, path: str, recursive: bool) -> Iterator[str]:
    if any(sign in path for sign in "*?["):
        yield from sorted(store.glob(path), key=natural_key)
    elif store.isfile(path):
        yield path
    else:
        for folder, _, files in store.walk(path, maxdepth=None if recursive else 1, on_error="raise"):
            yield from (f"{folder}/{name}" for name in sorted(filter(is_picture, files), key=natural_key))


class ObjectFile(PictureFile):
    """A picture in an object store; `name` is its address."""

    def ahead(self) -> PictureFile:
        return _Fetched(self.name, None, self.frame, _pool().submit(_bytes_of, self.name, MAX_PIXELS))

    def read(self, max_pixels: int = MAX_PIXELS) -> bytes:
        return PictureFile(self.name, _bytes_of(self.name, max_pixels)).read(max_pixels)


class _Fetched(ObjectFile):
    """One that is on its way."""

    _coming: Future[bytes]

    def __init__(self, name: str, content: bytes | None, frame: int, coming: Future[bytes]) -> None:
        super().__init__(name, content, frame)
        object.__setattr__(self, "_coming", coming)

    def read(self, max_pixels: int = MAX_PIXELS) -> bytes:
        if max_pixels != MAX_PIXELS:
            return super().read(max_pixels)
        return PictureFile(self.name, self._coming.result()).read(max_pixels)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, "fetch")


def _bytes_of(address: str, max_pixels: int) -> bytes:
    """An object's bytes, one more than a picture may have at most.

    Raises:
        PictureError: it cannot be had.
    """
    for wait in (*_WAITS, None):
        try:
            store, path = store_of(address)
            return bytes(store.cat_file(path, start=0, end=file_limit(max_pixels) + 1))
        except SourceError as error:
            raise PictureError(str(error).removeprefix(f"{address}: ")) from None
        except FileNotFoundError:
            raise PictureError("does not exist. Check the name") from None
        except PermissionError:
            raise PictureError("may not be read with these credentials. Check what they allow") from None
        except Exception as error:  # each store has errors of its own
            if _NO_SUCH_RANGE.search(str(error)):
                return b""  # an empty object has no first byte
            if wait is None:
                raise PictureError(
                    f"cannot be fetched ({message_of(error)}). Check the network, and read it again"
                ) from None
            time.sleep(wait)
    raise AssertionError("the last try ends it")


def _missing(address: str, package: str) -> SourceError:
    return SourceError(f"{address}: needs {package}, which is not installed. Install it: {pip_install(package)}")


def message_of(error: Exception) -> str:
    """What an error says, in one line; its name where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
