"""Where the programs lie that run inside an Airflow environment."""

from pathlib import Path

INSIDE = Path(__file__).parents[1] / "inside"
"""What goes on their PYTHONPATH."""
PROGRAMS = INSIDE / "mwaa_inside"
