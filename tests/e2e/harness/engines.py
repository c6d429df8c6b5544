"""Engines that query rows: DuckDB, and ClickHouse as a library, pinned in tests/peers/engines; the S3 store of
tests/peers/s3. Installed once in build/tools."""
import contextlib
import functools
import json
import os
import socket
import subprocess
import urllib.parse

from .modules import installed
from .paths import ROOT, TOOLS
from .processes import Process, wait_until

QUERIES = ROOT / "packaging" / "queries"
ACCESS_KEY, SECRET_KEY, REGION = "testkey", "test+secret/key", "eu-central-1"


_DUCKDB = """
import duckdb
connection = duckdb.connect()
def run(text):
    return connection.execute(text).fetchall()
"""
_CLICKHOUSE = """
from chdb import session
connection = session.Session()
connection.query("CREATE DATABASE fleet")
connection.query("USE fleet")
def run(text):
    answer = connection.query(text, "JSONCompactEachRow").bytes().decode()
    return [json.loads(line) for line in answer.splitlines()]
"""
_LOOP = """
print(json.dumps([run(text) for text in json.load(sys.stdin)], default=str))
"""


def _query(engine, texts):
    answer = subprocess.run(["/usr/bin/python3", "-c", "import json, sys\n" + engine + _LOOP], input=json.dumps(texts),
                            capture_output=True, text=True, timeout=300,
                            env={"PYTHONPATH": str(installed("engines", "engines", seconds=900)),
                                 "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]})
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return [[tuple(row) for row in rows] for rows in json.loads(answer.stdout)][1:]


def _files(engine, names):
    """Files of packaging/queries: an engine's own, or the one for all."""
    return [next(path for path in (QUERIES / engine / name, QUERIES / name) if path.exists()).read_text()
            for name in names]


def duckdb(place, *names, also=()):
    """Answers of the shipped queries, then of those in `also`; `place`: a folder with the layout."""
    view, *queries = _files("duckdb", ["samples.sql", *names])
    assert view.count("'s3://profiles/") == 1
    return _query(_DUCKDB, [view.replace("'s3://profiles/", f"'{place}/"), *queries, *also])


def clickhouse(place, *names, also=()):
    """The same; `place`: a folder, or the address of a bucket."""
    view, *queries = _files("clickhouse", ["samples.sql", *names])
    assert view.count("s3('https://s3.example/profiles/") == view.count("'ACCESS_KEY', 'SECRET_KEY', ") == 1
    if urllib.parse.urlsplit(str(place)).scheme:
        view = view.replace("https://s3.example/profiles", str(place)).replace("ACCESS_KEY", ACCESS_KEY)
        view = view.replace("SECRET_KEY", SECRET_KEY)
    else:
        view = view.replace("s3('https://s3.example/profiles", f"file('{place}").replace("'ACCESS_KEY', 'SECRET_KEY', ", "")
    return _query(_CLICKHOUSE, [view, *queries, *also])


@functools.cache
def _versitygw():
    program = TOOLS / "bin" / "versitygw"
    answer = subprocess.run([TOOLS / "bin" / "go", "build", "-trimpath", "-o", program,
                             "github.com/versity/versitygw/cmd/versitygw"], cwd=ROOT / "tests/peers/s3",
                            capture_output=True, text=True, timeout=1200, env={**os.environ, "CGO_ENABLED": "0"})
    assert answer.returncode == 0, answer.stderr
    return program


@contextlib.contextmanager
def s3_server(folder, bucket="profiles"):
    """versitygw with a bucket: (its address, the folder that has the objects as files)."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "data" / bucket).mkdir(parents=True)
    (folder / "meta").mkdir()
    environment = {"PATH": os.environ["PATH"], "ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
    with open(folder / "log", "wb") as log:
        server = Process([_versitygw(), "--port", f"127.0.0.1:{port}", "--region", REGION, "posix", "--sidecar",
                          folder / "meta", folder / "data"], stdout=log, stderr=log, env=environment)

    def listens():
        assert server.status is None, (folder / "log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    try:
        wait_until(listens, "the S3 server", 30)
        yield f"http://127.0.0.1:{port}", folder / "data" / bucket
    finally:
        server.kill()
