"""`python -m bench [SECTION ...] [--rounds N] [--json]`: measures and prints a table; says on stderr what it is at.

Without a section everything is measured, in one run on one machine. A new section is a module with a function that
takes a `Session` and yields `Figure` values, and a line in SECTIONS.
"""

import argparse
import compileall
import json
import os
import tempfile
from pathlib import Path

import mwaa_local
from bench.checks import measure_checks
from bench.control_plane import measure_control_plane
from bench.deploy import measure_deploy
from bench.doors import measure_doors
from bench.figures import Figure, render_table
from bench.first_start import measure_first_start
from bench.images import measure_images
from bench.packaging import measure_packaging
from bench.requirements import measure_requirements
from bench.running import measure_running
from bench.session import VERSION, Section, Session
from bench.start import measure_start

SECTIONS: dict[str, Section] = {
    "start": measure_start,
    "running": measure_running,
    "first": measure_first_start,
    "packaging": measure_packaging,
    "checks": measure_checks,
    "requirements": measure_requirements,
    "deploy": measure_deploy,
    "doors": measure_doors,
    "api": measure_control_plane,
    "images": measure_images,
}
"""Name on the command line -> what measures it, in the order of the table."""


def main() -> None:
    """Measure and print."""
    options = parse_options()
    load = os.getloadavg()[0]
    # As users have it, ours and that of others: the byte code of what is installed lies beside it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(str(Path(mwaa_local.__path__[0])), quiet=2)
    with tempfile.TemporaryDirectory(prefix="mwaa-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may run as another user
        cache = Path(os.environ.get("MWAA_LOCAL_CACHE", folder / "cache"))
        chosen = [section for section in SECTIONS if section in options.sections or not options.sections]
        figures = tuple(
            figure for section in chosen for figure in measure(section, folder, cache, options.rounds)
        )
    if options.json:
        document = {
            "version": VERSION,
            "sections": chosen,
            "rounds": options.rounds,
            "cores": os.cpu_count(),
            "load_before": round(load, 2),
            "figures": [figure.as_document() for figure in figures],
        }
        print(json.dumps(document, indent=2))
    else:
        print(render_table(figures))


def measure(section: str, folder: Path, cache: Path, rounds: int) -> tuple[Figure, ...]:
    """Measure one section in a folder of its own."""
    own = folder / section
    own.mkdir()
    return tuple(SECTIONS[section](Session(own, cache, rounds)))


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"some of: {', '.join(SECTIONS)}")
    parser.add_argument("--rounds", type=int, default=5, help="how often each thing is measured")
    parser.add_argument("--json", action="store_true", help="print JSON with every single value")
    options = parser.parse_args()
    unknown = [section for section in options.sections if section not in SECTIONS]
    if unknown:
        parser.error(f"no section {', '.join(unknown)}; there are: {', '.join(SECTIONS)}")
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    return options


if __name__ == "__main__":
    main()
