"""Packages that install well and then miss a library or a program of the operating system when they are used."""

from dataclasses import dataclass

from mwaa_local.catalog import MwaaVersion

_PLUGINS = "put its libraries into plugins.zip, as MWAA's guide shows"
_STARTUP = "install it in the startup script (sudo dnf install on Amazon Linux 2023, sudo yum install before)"
_ELSEWHERE = "run it in a container of its own (ECS, EKS, Batch)"


@dataclass(frozen=True, slots=True)
class SystemNeed:
    """What a package wants of the operating system, and how it may come there."""

    thing: str
    way: str
    present_since: tuple[int, ...] | None = None
    """The first MWAA version whose image has it; None: no image has it."""

    def is_missing(self, version: MwaaVersion) -> bool:
        """Return whether the image of a version lacks it."""
        return self.present_since is None or version.number < self.present_since


_BROWSER = SystemNeed("a web browser", _ELSEWHERE)
_FFMPEG = SystemNeed("ffmpeg", _ELSEWHERE)
_ORACLE = SystemNeed("Oracle's Instant Client and libaio", f"{_PLUGINS}; python-oracledb needs neither")
_PANGO = SystemNeed("Pango", _STARTUP)

_NEEDS: dict[str, SystemNeed] = {
    "cairosvg": SystemNeed("cairo", _STARTUP, (2, 9)),
    "camelot-py": SystemNeed("Ghostscript", _STARTUP),
    "cx-oracle": _ORACLE,
    "ffmpeg-python": _FFMPEG,
    "ghostscript": SystemNeed("Ghostscript", _STARTUP),
    "graphviz": SystemNeed("Graphviz's dot", _STARTUP),
    "moviepy": _FFMPEG,
    "ocrmypdf": SystemNeed("Tesseract and Ghostscript", _ELSEWHERE),
    "opencv-python": SystemNeed("libGL", "take opencv-python-headless instead", (2, 9)),
    "opencv-contrib-python": SystemNeed("libGL", "take opencv-contrib-python-headless instead", (2, 9)),
    "pdf2image": SystemNeed("Poppler's programs", _STARTUP),
    "pdfkit": SystemNeed("wkhtmltopdf", _ELSEWHERE),
    "playwright": _BROWSER,
    "pyaudio": SystemNeed("PortAudio", _ELSEWHERE),
    "pydub": _FFMPEG,
    "pymqi": SystemNeed("IBM's MQ client", _PLUGINS),
    "pyodbc": SystemNeed("an ODBC driver for your database", f"{_STARTUP}, or {_PLUGINS}"),
    "pypandoc": SystemNeed("pandoc", _STARTUP),
    "pyppeteer": _BROWSER,
    "pytesseract": SystemNeed("Tesseract", _ELSEWHERE),
    "python-pcapng": SystemNeed("libpcap", _STARTUP),
    "pyzbar": SystemNeed("zbar", _STARTUP),
    "rpy2": SystemNeed("R", _ELSEWHERE),
    "saspy": SystemNeed("a connection to SAS, with its Java archives", _PLUGINS),
    "selenium": _BROWSER,
    "textract": SystemNeed("antiword, Poppler, Tesseract and others", _ELSEWHERE),
    "turbodbc": SystemNeed("an ODBC driver for your database", _STARTUP),
    "weasyprint": _PANGO,
    "xhtml2pdf": SystemNeed("cairo", _STARTUP, (2, 9)),
}


def missing_system_need(name: str, version: MwaaVersion) -> SystemNeed | None:
    """Return what a package wants and the image of a version has not."""
    need = _NEEDS.get(name)
    return need if need is not None and need.is_missing(version) else None
