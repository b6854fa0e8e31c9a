"""Libraries, loaded so that they keep to their share of the machine, off standard error and off the network.

A package with native code may be half removed, lack a library of the system, be built for another numpy or another
processor, or be interrupted where it knows of no exceptions: it is named then. The command line has `NativePackages`
watch over their imports, wherever in a command these are.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from edge_digits.errors import INTERRUPTED, InstallationError

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec


#: Packages with native code, by the name that they are imported by: what each is called, and what a sound one holds.
_PACKAGES = {
    "numpy": ("NumPy", "ndarray"),
    "cv2": ("OpenCV", "imdecode"),
    "onnxruntime": ("onnxruntime", "InferenceSession"),
    "keras": ("Keras", "Model"),
    "tensorflow": ("TensorFlow", "function"),
}
#: What installs the libraries of the system that OpenCV needs.
LIBRARIES = "sudo apt install libgl1 libglib2.0-0"
#: Those that only training needs.
_OPTIONAL = {"keras", "tensorflow"}
#: What native code dies of.
_DEATHS = (signal.SIGILL, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV)


@contextmanager
def native_stderr_off() -> Iterator[None]:
    """Send what C and C++ code writes on standard error to nowhere; Python's own `sys.stderr` is held back as well.

    For imports that greet the user with a page of log lines, and only there: errors vanish with them, but exceptions
    do not.
    """
    with _stderr_kept():
        yield


@contextmanager
def training_libraries() -> Iterator[None]:
    """For the first import of Keras or TensorFlow in a process: without log lines, and without a socket."""
    # TensorFlow reports its CPU features and missing GPUs, some of it before it reads this.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Files are written under a lock of our own, which HDF5 would take for another program's.
    os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")
    with no_socket(), native_stderr_off():
        yield


@contextmanager
def no_socket() -> Iterator[None]:
    """For imports that may bring urllib3, as TensorFlow's does.

    It binds a socket to ::1 to learn whether this machine has IPv6, unless Python has none. Nothing here speaks through
    urllib3: Keras downloads MNIST with Python's own urllib.
    """
    import socket  # --help does without

    has_ipv6 = socket.has_ipv6
    socket.has_ipv6 = False
    try:
        yield
    finally:
        socket.has_ipv6 = has_ipv6


def load_opencv(threads: int, stall_seconds: float = 5.0) -> None:
    """Load OpenCV for the command line; the first import of cv2 in a process should be this one.

    Args:
        threads: that it may use, so that it leaves the other cores of a small board alone.
        stall_seconds: how long it waits for a frame of a USB camera.
    """
    # OpenCV waits ten seconds for a USB camera by default; it reads this when it is loaded.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(max(1, round(stall_seconds))))
    import cv2

    cv2.setNumThreads(threads)
    # Its decoders would write on standard error. OpenCV 4 has this at the top, OpenCV 5 in its own module.
    set_log_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel
    set_log_level(0)


class NativePackages:
    """Finds packages with native code, and watches over their import; for programs, as it may end the process.

    What they write on standard error is dropped. Whatever they raise becomes an `InstallationError`. A signal that they
    die of is told as one. Ctrl-C ends the process at once: raised in the middle of native code, it would come out as
    some other error, or as a crash.
    """

    @classmethod
    def watch(cls) -> None:
        """Watch over all imports from now on."""
        if not any(isinstance(finder, cls) for finder in sys.meta_path):
            sys.meta_path.insert(0, cls())

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As the other finders find it, with a loader that watches."""
        if fullname not in _PACKAGES:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is None or spec.origin is None:
                    raise _broken(fullname, "only parts of it are left")
                spec.loader = _WatchedLoader(spec.loader)  # type: ignore[assignment]  # importlib.abc costs milliseconds
                return spec
        return None


class _WatchedLoader:
    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        with _watched(spec.name):
            module: ModuleType | None = self._loader.create_module(spec)
            return module

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        if name == "cv2":
            # It would tell on standard output, and in its own words, that numpy cannot be loaded.
            import_module("numpy")
        with _watched(name):
            self._loader.exec_module(module)
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        _, holds = _PACKAGES[name]
        if not hasattr(module, holds):
            raise _broken(name, f"it lacks {holds}")


@contextmanager
def _watched(name: str) -> Iterator[None]:
    with _stderr_kept() as stderr, _deaths_told(name, stderr), _ctrl_c_leaves(stderr):
        try:
            yield
        except (InstallationError, KeyboardInterrupt, MemoryError):
            raise
        except ModuleNotFoundError as error:
            if name in _OPTIONAL:
                raise
            raise _broken(name, cause(error)) from error
        except BaseException as error:  # SystemExit as well: a broken package may raise anything
            raise _broken(name, cause(error)) from error


#: Where standard error went before it was sent nowhere; the first is the real one.
_kept: list[int] = []


@contextmanager
def _stderr_kept() -> Iterator[int]:
    """Standard error goes nowhere; a descriptor of where it went at first."""
    _flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        _kept.append(os.dup(2))
    except OSError:  # it is closed, and nothing can be said
        yield nowhere
        os.close(nowhere)
        return
    try:
        os.dup2(nowhere, 2)
        yield _kept[0]
    finally:
        _flush()
        kept = _kept.pop()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _flush() -> None:
    if sys.stderr is not None:  # it is closed
        sys.stderr.flush()


@contextmanager
def _ctrl_c_leaves(stderr: int) -> Iterator[None]:
    """Ctrl-C ends the process; where it is ignored, or has another meaning, that stays."""
    import threading  # numpy needs it as well

    of_main = threading.current_thread() is threading.main_thread()
    if not of_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def leave(number: int, frame: object) -> None:
        os.write(stderr, b"\ninterrupted\n")  # after the terminal's ^C, as click has it
        os._exit(INTERRUPTED)

    signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def _deaths_told(name: str, stderr: int) -> Iterator[None]:
    """A signal that native code dies of is told before the process ends.

    A handler of Python's own would not do: it runs when native code has returned, and that begins the instruction that
    it died of again and again.
    """
    try:
        import ctypes  # numpy needs it as well

        kind = ctypes.CFUNCTYPE(None, ctypes.c_int)
        set_handler = ctypes.CDLL(None).signal
    except (ImportError, OSError, AttributeError, MemoryError):  # a system that forbids code made at run time
        yield
        return
    set_handler.restype, set_handler.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p]

    def tell(number: int) -> None:
        died = signal.Signals(number).name
        why = ": it may be built for a newer processor" if number == signal.SIGILL else ""
        error = _broken(name, f"the process died of {died}{why}")
        os.write(stderr, f"edge-digits: {error}\n".encode())
        os._exit(error.exit_code)

    handler = kind(tell)
    before = [(number, set_handler(number, ctypes.cast(handler, ctypes.c_void_p))) for number in _DEATHS]
    try:
        yield
    finally:
        for number, previous in before:
            set_handler(number, previous)


def broken_installation(error: BaseException) -> InstallationError | None:
    """The broken package that an error comes of; None where it comes of none.

    What is missing from a package that was loaded (part of it is another version's) is an AttributeError of the module.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, InstallationError):
            return seen
        if isinstance(seen, ModuleNotFoundError) and seen.name in _PACKAGES.keys() - _OPTIONAL:
            return _broken(seen.name, "it is not installed")
        if isinstance(seen, AttributeError) and isinstance(seen.obj, ModuleType) and seen.obj.__name__ in _PACKAGES:
            return _broken(seen.obj.__name__, f"it lacks {seen.name}")
        seen = seen.__cause__ or seen.__context__
    return None


def cause(error: BaseException) -> str:
    """The type of an error of a package, and of its message, which may be pages long, the line that names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if "riginal error was" in line or ".so" in line]
    return ": ".join([type(error).__name__, *(causes + lines)[:1]])


def _broken(name: str, reason: str) -> InstallationError:
    library = name == "cv2" and lacks_library(reason)
    remedy = f"Where a library is missing: {LIBRARIES}. " if library else ""
    return InstallationError(f"{_PACKAGES[name][0]} cannot be loaded ({reason}). {remedy}Run: edge-digits doctor")


def lacks_library(reason: str) -> bool:
    """Whether a package could not be loaded for want of a library of the system."""
    return "lib" in reason and ".so" in reason
