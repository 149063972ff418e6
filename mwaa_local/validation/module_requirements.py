"""Which requirement brings a module that cannot be imported."""

from collections.abc import Mapping

from mwaa_local.validation.provider_modules import distribution_of

_DISTRIBUTIONS = {
    "Crypto": "pycryptodome",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "confluent_kafka": "confluent-kafka",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "dbt": "dbt-core",
    "fitz": "pymupdf",
    "git": "gitpython",
    "github": "pygithub",
    "googleapiclient": "google-api-python-client",
    "great_expectations": "great-expectations",
    "jwt": "pyjwt",
    "kafka": "kafka-python",
    "kubernetes": "kubernetes",
    "ldap": "python-ldap",
    "magic": "python-magic",
    "mysql": "mysql-connector-python",
    "oauth2client": "oauth2client",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slack": "slackclient",
    "slack_sdk": "slack-sdk",
    "snowflake": "snowflake-connector-python",
    "socks": "pysocks",
    "telegram": "python-telegram-bot",
    "usb": "pyusb",
    "win32com": "pywin32",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}


def requirement_for(module: str, constraints: Mapping[str, str]) -> str | None:
    """Return the line of requirements.txt that would bring a module, with the constraints' version where there is one.

    None for a module of Airflow itself, which no requirement brings.
    """
    name = _distribution(module)
    if name is None:
        return None
    version = constraints.get(name.lower().replace("_", "-"))
    return f"{name}=={version}" if version else name


def _distribution(module: str) -> str | None:
    parts = module.split(".")
    if parts[0] == "airflow":
        if parts[1:2] != ["providers"] or len(parts) < 3:
            return None
        return distribution_of(module, ())
    if parts[:2] == ["google", "cloud"] and len(parts) > 2:
        return f"google-cloud-{parts[2].replace('_', '-')}"
    if parts[:2] == ["google", "auth"]:
        return "google-auth"
    if parts[0] == "azure" and len(parts) > 1:
        return "-".join(parts[:3]).replace("_", "-")
    return _DISTRIBUTIONS.get(parts[0], parts[0].replace("_", "-"))
