"""Requests -> Pins, with the solver of each kind of package."""
