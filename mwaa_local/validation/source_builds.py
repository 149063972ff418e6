"""Packages that are compiled where they have no wheel: what that needs, and whether MWAA's image has it."""

from dataclasses import dataclass

from mwaa_local.catalog import MwaaVersion

MINUTES = 9
"""How long MWAA gives an installation."""

_COMPILER = "a C compiler"
_EVERY_IMAGE = frozenset({_COMPILER, "libcurl-devel", "mariadb-devel", "openssl-devel", "postgresql-devel"})
_LOCAL_RUNNERS = _EVERY_IMAGE | {"cyrus-sasl-devel", "unixODBC-devel"}
"""What AWS's local runner installs (bootstrap.sh, systemlibs.sh): all that is known of the images before 2.9.2."""

_PUBLISHED = _EVERY_IMAGE | {
    *("bzip2-devel", "expat-devel", "fontconfig-devel", "freetype-devel", "git", "glib2-devel", "gmp-devel"),
    *("libffi-devel", "libicu-devel", "libpng-devel", "libuuid-devel", "libxml2-devel", "ncurses-devel"),
    *("readline-devel", "sqlite-devel", "xz-devel", "zlib-devel"),
}
"""What the bill of materials of AWS's published images lists (2.9.2 on): no cyrus-sasl-devel, no unixODBC-devel."""


@dataclass(frozen=True, slots=True)
class SourceBuild:
    """What compiling a package takes."""

    needs: tuple[str, ...] = ()
    minutes: float = 1.0
    """On the smallest environment class (one processor), roughly."""


def _needs(*needs: str, minutes: float = 1.0) -> SourceBuild:
    return SourceBuild(needs, minutes)


_BUILDS: dict[str, SourceBuild] = {
    "aerospike": _needs(_COMPILER, "openssl-devel", minutes=4),
    "bcrypt": _needs("Rust"),
    "blis": _needs(_COMPILER, minutes=6),
    "blosc": _needs(_COMPILER, minutes=3),
    "cassandra-driver": _needs(_COMPILER, minutes=8),
    "cffi": _needs(_COMPILER, "libffi-devel"),
    "confluent-kafka": _needs(_COMPILER, "librdkafka-devel"),
    "coincurve": _needs(_COMPILER, "libffi-devel"),
    "cryptography": _needs("Rust", "openssl-devel", minutes=3),
    "cx-oracle": _needs(_COMPILER),
    "cython": _needs(_COMPILER, minutes=4),
    "dbus-python": _needs("dbus-devel", "glib2-devel"),
    "duckdb": _needs(_COMPILER, minutes=60),
    "fastavro": _needs(_COMPILER, minutes=2),
    "fastparquet": _needs(_COMPILER, minutes=3),
    "fiona": _needs("GDAL"),
    "gdal": _needs("GDAL"),
    "geopandas": _needs(),
    "gevent": _needs(_COMPILER, "libffi-devel", minutes=4),
    "google-re2": _needs(_COMPILER, "re2-devel", "abseil-cpp-devel"),
    "greenlet": _needs(_COMPILER),
    "grpcio": _needs(_COMPILER, minutes=20),
    "grpcio-tools": _needs(_COMPILER, minutes=20),
    "gssapi": _needs(_COMPILER, "krb5-devel"),
    "h5py": _needs(_COMPILER, "HDF5"),
    "hdbcli": _needs("SAP's client"),
    "hiredis": _needs(_COMPILER),
    "ibm-db": _needs(_COMPILER, minutes=2),
    "jaydebeapi": _needs(),
    "jpype1": _needs(_COMPILER, minutes=3),
    "kerberos": _needs(_COMPILER, "krb5-devel"),
    "krb5": _needs(_COMPILER, "krb5-devel"),
    "leveldb": _needs(_COMPILER, minutes=2),
    "libsass": _needs(_COMPILER, minutes=4),
    "lightgbm": _needs(_COMPILER, "CMake", minutes=10),
    "llvmlite": _needs("LLVM", minutes=10),
    "lxml": _needs(_COMPILER, "libxml2-devel", "libxslt-devel", minutes=3),
    "lz4": _needs(_COMPILER),
    "m2crypto": _needs(_COMPILER, "swig", "openssl-devel"),
    "matplotlib": _needs(_COMPILER, minutes=9),
    "mmh3": _needs(_COMPILER),
    "mysqlclient": _needs(_COMPILER, "mariadb-devel"),
    "netifaces": _needs(_COMPILER),
    "numba": _needs("LLVM", minutes=9),
    "numpy": _needs(_COMPILER, minutes=9),
    "opencv-python": _needs(_COMPILER, "CMake", minutes=60),
    "opencv-python-headless": _needs(_COMPILER, "CMake", minutes=60),
    "orjson": _needs("Rust", minutes=3),
    "pandas": _needs(_COMPILER, minutes=20),
    "pillow": _needs(_COMPILER, "libjpeg-devel", "zlib-devel"),
    "polars": _needs("Rust", minutes=60),
    "psutil": _needs(_COMPILER),
    "psycopg": _needs(),
    "psycopg-c": _needs(_COMPILER, "postgresql-devel"),
    "psycopg2": _needs(_COMPILER, "postgresql-devel"),
    "psycopg2-binary": _needs(_COMPILER, "postgresql-devel"),
    "pyarrow": _needs("Arrow C++", minutes=30),
    "pycairo": _needs("cairo-devel"),
    "pycocotools": _needs(_COMPILER),
    "pycrypto": _needs(_COMPILER),
    "pycryptodome": _needs(_COMPILER, minutes=2),
    "pycurl": _needs(_COMPILER, "libcurl-devel", "openssl-devel"),
    "pydantic-core": _needs("Rust", minutes=5),
    "pyfarmhash": _needs(_COMPILER),
    "pygit2": _needs(_COMPILER, "libgit2-devel"),
    "pygraphviz": _needs(_COMPILER, "graphviz-devel"),
    "pyhive": _needs(),
    "pykerberos": _needs(_COMPILER, "krb5-devel"),
    "pymssql": _needs(_COMPILER, "freetds-devel"),
    "pynacl": _needs(_COMPILER, "libffi-devel", minutes=3),
    "pyodbc": _needs(_COMPILER, "unixODBC-devel"),
    "pyproj": _needs(_COMPILER, "PROJ"),
    "python-ldap": _needs(_COMPILER, "openldap-devel", "cyrus-sasl-devel"),
    "python-snappy": _needs(_COMPILER, "snappy-devel"),
    "pyyaml": _needs(_COMPILER),
    "pyzmq": _needs(_COMPILER, minutes=3),
    "rasterio": _needs("GDAL"),
    "regex": _needs(_COMPILER),
    "rpds-py": _needs("Rust", minutes=2),
    "rtree": _needs("libspatialindex"),
    "ruamel-yaml-clib": _needs(_COMPILER),
    "sasl": _needs(_COMPILER, "cyrus-sasl-devel"),
    "sasl3": _needs(_COMPILER, "cyrus-sasl-devel"),
    "scikit-learn": _needs(_COMPILER, minutes=20),
    "scipy": _needs("Fortran", "BLAS", minutes=30),
    "sentencepiece": _needs(_COMPILER, "CMake", minutes=5),
    "setproctitle": _needs(_COMPILER),
    "shapely": _needs(_COMPILER, "GEOS"),
    "snowflake-connector-python": _needs(_COMPILER, minutes=4),
    "spacy": _needs(_COMPILER, minutes=20),
    "statsmodels": _needs(_COMPILER, minutes=15),
    "teradatasql": _needs(),
    "tiktoken": _needs("Rust", minutes=3),
    "tokenizers": _needs("Rust", minutes=10),
    "uamqp": _needs(_COMPILER, "CMake", "openssl-devel", minutes=5),
    "ujson": _needs(_COMPILER),
    "uvloop": _needs(_COMPILER, minutes=5),
    "xgboost": _needs(_COMPILER, "CMake", minutes=30),
    "xmlsec": _needs(_COMPILER, "xmlsec1-devel", "libxml2-devel"),
    "yarl": _needs(_COMPILER),
    "zstandard": _needs(_COMPILER, minutes=2),
}


@dataclass(frozen=True, slots=True)
class BuildVerdict:
    """What is known of compiling a package on MWAA."""

    needs: tuple[str, ...]
    missing: tuple[str, ...]
    minutes: float

    @property
    def slow(self) -> bool:
        """Return whether it alone takes the time that MWAA gives the whole installation."""
        return self.minutes >= MINUTES

    @property
    def fails(self) -> bool:
        """Return whether the installation fails because of it."""
        return bool(self.missing) or self.slow


def judge_build(name: str, version: MwaaVersion) -> BuildVerdict:
    """Return what compiling a package takes; nothing for a package that is not known to need anything."""
    build = _BUILDS.get(name, SourceBuild(minutes=0.3))
    preinstalled = {each.name for each in version.compiled}
    present = image_has(version)
    missing = tuple(need for need in build.needs if need not in present) if name not in preinstalled else ()
    return BuildVerdict(build.needs, missing, build.minutes)


def image_has(version: MwaaVersion) -> frozenset[str]:
    """Return those of the headers and tools above that MWAA's image of a version has, as far as that is public."""
    return _PUBLISHED if version.number >= (2, 9) else _LOCAL_RUNNERS


def has_git(version: MwaaVersion) -> bool:
    """Return whether the image has git: those on Amazon Linux 2023 do, what is known of older ones does not."""
    return version.base_os != "Amazon Linux 2"
