"""The measurements of speed and memory: `python -m bench`. Never part of the tests."""
