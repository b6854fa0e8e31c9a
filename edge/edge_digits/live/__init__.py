"""Frames -> what is announced, in a window, a terminal or a recording."""
