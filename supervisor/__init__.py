"""The supervisor: one process that owns signals, the singleton lock and the queue."""

__version__ = "0.1.0"
