"""A plugin that no environment can import."""

from missing_package import something
