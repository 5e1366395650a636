"""Scoring services, on this machine, as images and deployed, and the models that they answer with."""
