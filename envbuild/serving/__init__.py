"""A scoring server that stands alone: of this package it knows only itself, and what it serves is said by a folder.

Two kinds of processes. One, the front, speaks HTTP (`server`, `app`); it is run by any Python that has uvicorn. The
others, the workers, are run by the Python of an environment, each with the entry script in it (`worker`). Nothing is
shared but a socket to each worker, so that neither side's packages can be in the other's way, and whatever becomes of
a worker, the front answers.

The folder (`place`) holds `service.json`, the script in `app/`, and its models in `models/NAME/VERSION/`.
"""
