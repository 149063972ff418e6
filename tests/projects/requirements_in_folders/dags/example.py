"""A DAG file."""
