"""What images are made of, as values that do not change, with their digests: no file is opened here."""

from envbuild.image.entries import Entry, header

__all__ = ["Entry", "header"]
