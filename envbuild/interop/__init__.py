"""Neighbouring formats, in and out. What cannot be carried over is said, never dropped."""
