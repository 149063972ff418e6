"""What was measured, as values: figures with their rounds, the bars they are held against, and the table of them."""

import statistics
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured, once a round."""

    title: str
    unit: str
    values: tuple[float, ...]
    bar: float | None = None
    """At most this much is wanted; None where there is no bar."""

    @property
    def median(self) -> float:
        """Return the median of the rounds."""
        return statistics.median(self.values)

    @property
    def is_met(self) -> bool | None:
        """Tell whether the median keeps within the bar; None without one."""
        return None if self.bar is None else self.median <= self.bar

    def as_document(self) -> dict[str, Any]:
        """Return the form that `--json` prints."""
        return {
            "title": self.title,
            "unit": self.unit,
            "median": round(self.median, 4),
            "values": [round(value, 4) for value in self.values],
            "bar": self.bar,
            "met": self.is_met,
        }


def ratio(title: str, ours: Figure, theirs: Figure, bar: float) -> Figure:
    """Return what share of `theirs` `ours` takes, round by round."""
    pairs = zip(ours.values, theirs.values, strict=True)
    return Figure(title, "", tuple(mine / other for mine, other in pairs), bar)


def render_table(figures: tuple[Figure, ...]) -> str:
    """Return a Markdown table, as the README has it."""
    lines = ["| what | median | least to most | bar |", "|---|---|---|---|"]
    for figure in figures:
        middle, least, most = (
            number(value, figure.unit) for value in (figure.median, min(figure.values), max(figure.values))
        )
        verdict = "" if figure.is_met is None else " (met)" if figure.is_met else " (not met)"
        bar = "" if figure.bar is None else f"{number(figure.bar, figure.unit)}{verdict}"
        spread = f"{least} to {most}" if len(figure.values) > 1 else "one round"
        lines.append(f"| {figure.title} | {middle} | {spread} | {bar} |")
    return "\n".join(lines)


def number(value: float, unit: str) -> str:
    """Return a number with its unit and no more digits than it deserves."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}".strip()
