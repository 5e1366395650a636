"""Software environments from YAML manifests: planned, locked, rebuilt only when their content changed."""

__version__ = "0.1.0"
