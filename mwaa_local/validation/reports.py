"""Findings as documents for programs: our own JSON, SARIF 2.1.0 for code scanning, JUnit for CI servers."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote
from xml.etree import ElementTree

from mwaa_local import __version__
from mwaa_local.validation.finding import Finding, Location, Severity

SCHEMA = 1
"""Version of our JSON document; raised when a field is removed or changes its meaning, not when one is added."""

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def findings_document(findings: Iterable[Finding]) -> dict[str, object]:
    """Return findings as a JSON document; commands may add keys of their own beside these."""
    return {"schema": SCHEMA, "findings": [_as_object(finding) for finding in findings]}


def render_json(document: dict[str, object]) -> str:
    """Return a document as indented JSON text."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def render_sarif(findings: Iterable[Finding]) -> str:
    """Return findings as a SARIF 2.1.0 log; file names are relative to the root of the repository."""
    every = tuple(findings)
    rules = {finding.rule_id: finding for finding in every}
    index = {rule_id: number for number, rule_id in enumerate(rules)}
    driver = {
        "name": "mwaa-local",
        "version": __version__,
        "rules": [
            {
                "id": rule_id,
                "shortDescription": {"text": rule_id.replace("-", " ")},
                "help": {"text": f"{finding.hint or finding.message} ({finding.source})"},
                "defaultConfiguration": {"level": _LEVELS[finding.severity]},
            }
            for rule_id, finding in rules.items()
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(finding, index[finding.rule_id]) for finding in every],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def render_junit(suite: str, findings: Iterable[Finding]) -> str:
    """Return findings as a JUnit report: each is a test case, and only an error fails it."""
    every = tuple(findings)
    cases = [_junit_case(suite, finding) for finding in every] or [
        ElementTree.Element("testcase", classname=suite, name="no findings")
    ]
    failures = sum(finding.severity is Severity.ERROR for finding in every)
    element = ElementTree.Element(
        "testsuite", name=suite, tests=str(len(cases)), failures=str(failures), errors="0", skipped="0"
    )
    element.extend(cases)
    root = ElementTree.Element("testsuites")
    root.append(element)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _as_object(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule_id,
        "severity": finding.severity.value,
        "message": finding.message,
        "hint": finding.hint,
        "location": _location_object(finding.location),
        "source": finding.source,
    }


def _location_object(location: Location | None) -> dict[str, object] | None:
    if location is None:
        return None
    return {"file": location.file, "line": location.line, "column": location.column}


def _sarif_result(finding: Finding, rule_index: int) -> dict[str, object]:
    text = f"{finding.message} {finding.hint}".rstrip()
    result: dict[str, object] = {
        "ruleId": finding.rule_id,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
    }
    if finding.location is not None:
        at = finding.location
        region = {"startLine": at.line} | ({"startColumn": at.column} if at.column else {})
        artifact = {"uri": _address(at.file)}
        result["locations"] = [{"physicalLocation": {"artifactLocation": artifact, "region": region}}]
    return result


def _address(file: str) -> str:
    """Return a file's name as a URI: relative as it is, absolute with its scheme (a name may have a colon, too)."""
    if re.match(r"https?://", file):
        return quote(file, safe="/:%?&=#+,;@")
    path = quote(file.replace("\\", "/"), safe="/")
    return f"file://{path}" if path.startswith("/") else path


def _junit_case(suite: str, finding: Finding) -> ElementTree.Element:
    where = str(finding.location) if finding.location else suite
    case = ElementTree.Element("testcase", classname=_text(where), name=_text(finding.rule_id))
    text = _text(f"{finding.message}\n{finding.hint}".rstrip())
    if finding.severity is Severity.ERROR:
        ElementTree.SubElement(case, "failure", message=_text(finding.message)).text = text
    else:
        ElementTree.SubElement(case, "system-out").text = f"{finding.severity.value}: {text}"
    return case


def _text(value: str) -> str:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", value)
