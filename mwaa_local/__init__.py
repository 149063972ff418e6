"""A local Amazon MWAA environment and developer toolkit."""

__version__ = "0.1.0"
