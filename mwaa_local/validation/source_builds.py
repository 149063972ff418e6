"""Packages that are compiled where they have no wheel: what that needs, and whether MWAA's image has it."""

from dataclasses import dataclass

from mwaa_local.catalog import MwaaVersion

IMAGE_HAS = frozenset(
    {
        "a C compiler",
        "libcurl-devel",
        "cyrus-sasl-devel",
        "mariadb-devel",
        "openssl-devel",
        "postgresql-devel",
        "unixODBC-devel",
    }
)
"""Of the packages below, those that AWS's image for Airflow 2.2.2 installs (its bootstrap.sh)."""


@dataclass(frozen=True, slots=True)
class SourceBuild:
    """What compiling a package takes."""

    needs: tuple[str, ...]
    slow: bool = False
    """Takes longer than the time that MWAA gives an installation, on the smallest environment class."""


_BUILDS: dict[str, SourceBuild] = {
    "confluent-kafka": SourceBuild(("librdkafka-devel",)),
    "cx-oracle": SourceBuild(("a C compiler",)),
    "cryptography": SourceBuild(("Rust", "openssl-devel")),
    "dbus-python": SourceBuild(("dbus-devel",)),
    "fiona": SourceBuild(("GDAL",)),
    "gdal": SourceBuild(("GDAL",)),
    "grpcio": SourceBuild(("a C compiler",), slow=True),
    "h5py": SourceBuild(("HDF5",)),
    "hdbcli": SourceBuild(("SAP's client",)),
    "jaydebeapi": SourceBuild(("a C compiler",)),
    "kerberos": SourceBuild(("krb5-devel",)),
    "gssapi": SourceBuild(("krb5-devel",)),
    "krb5": SourceBuild(("krb5-devel",)),
    "llvmlite": SourceBuild(("LLVM",), slow=True),
    "lxml": SourceBuild(("libxml2-devel", "libxslt-devel")),
    "m2crypto": SourceBuild(("swig", "openssl-devel")),
    "matplotlib": SourceBuild(("a C compiler",), slow=True),
    "mysqlclient": SourceBuild(("a C compiler", "mariadb-devel")),
    "numba": SourceBuild(("LLVM",), slow=True),
    "numpy": SourceBuild(("a C compiler",), slow=True),
    "orjson": SourceBuild(("Rust",)),
    "pandas": SourceBuild(("a C compiler",), slow=True),
    "pillow": SourceBuild(("libjpeg-devel",)),
    "psycopg2": SourceBuild(("a C compiler", "postgresql-devel")),
    "pyarrow": SourceBuild(("the Arrow C++ library",), slow=True),
    "pycairo": SourceBuild(("cairo-devel",)),
    "pycurl": SourceBuild(("a C compiler", "libcurl-devel", "openssl-devel")),
    "pydantic-core": SourceBuild(("Rust",)),
    "pygraphviz": SourceBuild(("graphviz-devel",)),
    "pykerberos": SourceBuild(("krb5-devel",)),
    "pymssql": SourceBuild(("freetds-devel",)),
    "pyodbc": SourceBuild(("a C compiler", "unixODBC-devel")),
    "python-ldap": SourceBuild(("openldap-devel", "cyrus-sasl-devel")),
    "rpds-py": SourceBuild(("Rust",)),
    "sasl": SourceBuild(("a C compiler", "cyrus-sasl-devel")),
    "scikit-learn": SourceBuild(("a C compiler",), slow=True),
    "scipy": SourceBuild(("Fortran", "BLAS"), slow=True),
    "xmlsec": SourceBuild(("xmlsec1-devel",)),
}


@dataclass(frozen=True, slots=True)
class BuildVerdict:
    """What is known of compiling a package on MWAA."""

    needs: tuple[str, ...]
    missing: tuple[str, ...]
    slow: bool

    @property
    def fails(self) -> bool:
        """Return whether the installation fails because of it."""
        return bool(self.missing) or self.slow


def judge_build(name: str, version: MwaaVersion) -> BuildVerdict:
    """Return what compiling a package takes; nothing for a package that is not known to need anything."""
    build = _BUILDS.get(name, SourceBuild(()))
    preinstalled = {each.name for each in version.compiled}
    missing = tuple(need for need in build.needs if need not in IMAGE_HAS) if name not in preinstalled else ()
    return BuildVerdict(build.needs, missing, build.slow)
