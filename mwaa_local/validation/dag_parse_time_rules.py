"""Rules about what a DAG file does whenever Airflow reads it, which is every 30 seconds on each scheduler."""

import ast
import re
from collections.abc import Iterator

from mwaa_local.validation.dag_source import CallSite, DagSource
from mwaa_local.validation.rule import Problem, Surroundings, problem_at

_VARIABLE = re.compile(
    r"airflow\.(models|sdk)(\.variable)?\.Variable\.(get|set|setdefault|update|delete|get_variable\w*)"
)
_CONNECTION = re.compile(
    r".*Hook(\(\))?\.(get_connections?|get_uri)"
    r"|airflow\.(models|sdk)(\.connection)?\.Connection\.(get|get_connection_from_secrets)"
)
_AWS = re.compile(
    r"(boto3|aioboto3|botocore)\.(client|resource|session|Session|setup_default_session)\b.*"
    r"|botocore\.session\..*|(s3fs|awswrangler)\..*"
)
_AWS_HOOK = re.compile(r"airflow\.providers\.amazon\.\S+Hook\(\)\.\w+")
_NETWORK = re.compile(
    r"(requests|httpx)\.(get|post|put|patch|delete|head|options|request|stream|Session\(\)\.\w+|Client\(\)\.\w+)"
    r"|urllib\.request\.(urlopen|urlretrieve)|urllib3\.\w+\(\)\.(request|urlopen)|http\.client\.\w+\(\)\.request"
    r"|socket\.(create_connection|getaddrinfo|gethostby\w+|socket\(\)\.connect)|smtplib\.SMTP(_SSL)?"
    r"|ftplib\.FTP(_TLS)?|paramiko\.\w+\(\)\.connect|pysftp\.Connection|kafka\.Kafka\w+"
    r"|google\.cloud\.\w+\.Client|slack_sdk\.\w+\(\)\.\w+|\S*HttpHook\(\)\.run"
)
_DATABASE = re.compile(
    r"sqlalchemy(\.engine)?\.create_engine(\(\)\.(connect|execute|begin))?"
    r"|(psycopg2|psycopg|pymysql|MySQLdb|mysql\.connector|pyodbc|cx_Oracle|oracledb|snowflake\.connector|redshift_connector"
    r"|pymssql|trino\.dbapi|prestodb\.dbapi|pyhive\.\w+|teradatasql)\.(connect|Connection)"
    r"|pymongo\.MongoClient|redis\.(Redis|StrictRedis|from_url)|pandas\.read_sql\w*"
    r"|airflow\.(settings\.Session|utils\.(session\.create_session|db\.create_session))"
    r"|\S*Hook\(\)\.(get_records|get_first|get_pandas_df|get_df|run|get_conn|get_sqlalchemy_engine|bulk_\w+|insert_rows)"
)
_PROCESS = re.compile(
    r"subprocess\.(run|call|check_call|check_output|Popen|getoutput|getstatusoutput)|os\.(system|popen)|time\.sleep"
)
_HEAVY = frozenset(
    [
        "awswrangler",
        "catboost",
        "dask",
        "datasets",
        "geopandas",
        "great_expectations",
        "h2o",
        "keras",
        "lightgbm",
        "matplotlib",
        "mlflow",
        "nltk",
        "numba",
        "pandas",
        "plotly",
        "polars",
        "prophet",
        "pyarrow",
        "pyspark",
        "ray",
        "sagemaker",
        "scipy",
        "seaborn",
        "shap",
        "skimage",
        "sklearn",
        "spacy",
        "statsmodels",
        "tensorflow",
        "torch",
        "torchvision",
        "transformers",
        "vaex",
        "xgboost",
    ]
)


def top_level_variable(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find Variables that are read while the file is parsed."""
    for call in _matching(source, _VARIABLE):
        yield problem_at(call.node, f"{_said(call)} is called {_when(call)}.")


def top_level_connection(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find Connections that are read while the file is parsed."""
    for call in _matching(source, _CONNECTION):
        yield problem_at(call.node, f"{_said(call)} is called {_when(call)}.")


def top_level_aws(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find AWS calls, and clients made, while the file is parsed."""
    for call in source.parsed_calls:
        is_hook = _AWS_HOOK.fullmatch(call.name) and not _CONNECTION.fullmatch(call.name)
        if _AWS.fullmatch(call.name) or (is_hook and not _DATABASE.fullmatch(call.name)):
            yield problem_at(call.node, f"{_said(call)} is called {_when(call)}.")


def top_level_network(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find network requests made while the file is parsed."""
    for call in _matching(source, _NETWORK):
        yield problem_at(call.node, f"{_said(call)} reaches over the network {_when(call)}.")


def top_level_database(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find database connections made while the file is parsed."""
    for call in _matching(source, _DATABASE):
        yield problem_at(call.node, f"{_said(call)} uses a database {_when(call)}.")


def top_level_process(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find programs started, and time slept, while the file is parsed."""
    for call in _matching(source, _PROCESS):
        yield problem_at(call.node, f"{_said(call)} is called {_when(call)}.")


def heavy_import(source: DagSource, _around: Surroundings) -> Iterator[Problem]:
    """Find large libraries that are imported while the file is parsed."""
    seen = set()
    for site in source.imports:
        library = site.module.partition(".")[0]
        if library in _HEAVY and site.scope.runs_at_parse and (library, site.node.lineno) not in seen:
            seen.add((library, site.node.lineno))
            yield problem_at(site.node, f"{library} is imported whenever Airflow reads this file.")


def _matching(source: DagSource, pattern: re.Pattern[str]) -> Iterator[CallSite]:
    for call in source.parsed_calls:
        if call.name and pattern.fullmatch(call.name):
            yield call


def _said(call: CallSite) -> str:
    return ast.unparse(call.node.func).splitlines()[0][:60] if len(call.name) < 200 else call.last


def _when(call: CallSite) -> str:
    if call.scope.name and not call.scope.name.startswith("<"):
        return f"in {call.scope.name}(), which runs whenever Airflow reads this file"
    return "whenever Airflow reads this file"
