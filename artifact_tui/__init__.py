"""Browse and delete machine-learning artifacts in a terminal."""

__version__ = "0.1.0"
