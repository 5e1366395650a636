"""Neighbouring formats, in and out. What one of them cannot hold is said, never dropped."""
