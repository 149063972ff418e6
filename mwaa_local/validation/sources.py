"""Says which public document a rule's source stands for.

Rules cite the collection of facts that this project goes by (`MWAA-FACTS 6.4`), and the descriptions of the teams that
it was written for (`SEEDS S1`). Those who look a rule up want to know where those facts come from.
"""

import re

_GUIDE = "MWAA user guide"
_IMAGES = "aws/amazon-mwaa-docker-images"
_RUNNER = "aws/aws-mwaa-local-runner"

DOCUMENTS = {
    "1.1": f"{_GUIDE}, Apache Airflow versions",
    "1.2": f"{_GUIDE}, Apache Airflow versions",
    "1.3": f"{_GUIDE}, Apache Airflow versions",
    "1.4": "tried with the provider versions in question",
    "2.1": "the service model of MWAA in botocore; Amazon S3 user guide, bucket naming rules",
    "2.3": f"{_GUIDE}, Adding or updating DAGs",
    "2.4": f"{_GUIDE}, Quotas and Installing custom plugins",
    "2.5": "Airflow's own source, airflow/utils/file.py",
    "3": f"{_GUIDE}, Installing Python dependencies",
    "3.1": f"{_IMAGES}, user_requirements.py",
    "3.3": f"{_GUIDE}, Managing Python dependencies in requirements.txt",
    "3.4": f"{_GUIDE}, Managing Python dependencies in requirements.txt; issues of {_RUNNER}",
    "4": f"{_GUIDE}, Installing custom plugins",
    "5": f"{_GUIDE}, Using a startup script; {_IMAGES}, setup_environment.py",
    "6.2": f"{_IMAGES}, config/airflow.py",
    "6.3": f"{_RUNNER}, airflow.cfg of 2.2.2",
    "6.4": f"{_GUIDE}, Performance tuning for Apache Airflow",
    "6.5": f"{_GUIDE}, Using Apache Airflow configuration options",
    "6.6": f"{_GUIDE}, Configuring the environment class",
    "7": f"{_GUIDE}, Troubleshooting: DAGs, operators, connections; {_IMAGES}, config/celery.py",
    "9.5": f"{_GUIDE}, Using the Apache Airflow REST API",
    "10": f"{_GUIDE}, Connections and variables in Secrets Manager",
    "11.2": f"{_GUIDE}, Networking",
    "11.3": f"{_GUIDE}, Troubleshooting",
}
"""Section of MWAA-FACTS -> the document that says so."""

_FACTS = re.compile(r"MWAA-FACTS (?P<sections>[\d.#,() and]+)")
_SECTION = re.compile(r"(?<![#(\d.])\d+(?:\.\d+)?(?![\d)])")


def explain_source(source: str) -> str:
    """Return a rule's source with the documents that it stands for: `MWAA user guide, ... (MWAA-FACTS 6.4)`."""
    named = _FACTS.search(source)
    if named is None:
        return source
    sections = _SECTION.findall(named["sections"])
    # The checklist repeats what other sections found out: it is named where nothing else is.
    telling = [each for each in sections if each != "11.3"] or sections
    documents = dict.fromkeys(DOCUMENTS[each] for each in telling if each in DOCUMENTS)
    return f"{'; '.join(documents)} ({source})" if documents else source
