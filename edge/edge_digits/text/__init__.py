"""Scored candidates -> the most probable text that is allowed."""
