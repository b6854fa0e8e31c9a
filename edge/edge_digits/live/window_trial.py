"""Opens a window and closes it, as a program: `python -P -m edge_digits.live.window_trial`.

Where that fails, OpenCV aborts the process; `window.why_no_window` therefore has another one try it first.
"""

from __future__ import annotations


def main() -> None:
    """Open a window, let it handle its events once, and close it."""
    import cv2

    cv2.namedWindow("edge-digits")
    cv2.waitKey(1)
    cv2.destroyAllWindows()


if __name__ == "__main__":
    main()
