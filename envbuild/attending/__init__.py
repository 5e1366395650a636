"""A command that is attended from its start to its end: its streams, its signals, its log, and all that is kept of it.

Loaded before anything else is, where an environment is known to stand; so this room needs nothing but Python's own.
"""
