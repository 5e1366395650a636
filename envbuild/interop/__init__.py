"""Doors to neighbouring formats: what other tools write becomes manifests."""
