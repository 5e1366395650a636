"""The newest that there is of a package, whether or not it fits."""

import msgspec


class Newest(msgspec.Struct, frozen=True):
    """`build` and `needs`, as specs, are known of conda packages alone."""

    version: str
    build: str = ""
    needs: tuple[str, ...] = ()
