"""Manifests and what reads them: Kubernetes' own schemas, helm and kustomize, pinned in tests/peers/kubernetes
and installed once in build/tools."""
import functools
import json
import subprocess

import yaml

from .modules import installed
from .paths import ROOT, TOOLS

MANIFESTS = ROOT / "packaging" / "kubernetes"
CHART = MANIFESTS / "chart" / "pprofd"
PEERS = ROOT / "tests" / "peers" / "kubernetes"


def documents(text):
    return [each for each in yaml.safe_load_all(text) if each]


def base():
    """{kind: document} of the plain manifests, as they stand in their files."""
    found = {}
    for path in sorted((MANIFESTS / "base").glob("*.yaml")):
        for document in documents(path.read_text()):
            found[document["kind"]] = document
    return found


def by_kind(text):
    found = {}
    for document in documents(text):
        assert document["kind"] not in found, f"two of {document['kind']}"
        found[document["kind"]] = document
    return found


def _go(*arguments):
    answer = subprocess.run([TOOLS / "bin" / "go", *arguments], cwd=PEERS, capture_output=True, text=True, timeout=1200)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@functools.cache
def _program(package, flags=""):
    name = next(part for part in reversed(package.split("/")) if not part.startswith("v"))
    program = TOOLS / "bin" / name
    _go("build", "-trimpath", "-ldflags", flags, "-o", program, package)
    return program


@functools.cache
def _helm():
    """helm, with the Kubernetes version that its releases take a cluster to have: that of its client library."""
    minor = _go("list", "-m", "-f", "{{.Version}}", "k8s.io/client-go").split(".")[1]
    flags = " ".join(f"-X helm.sh/helm/v3/pkg/{package}.k8sVersionM{part}"
                     for package in ("chartutil", "lint/rules") for part in ("ajor=1", f"inor={minor}"))
    return _program("helm.sh/helm/v3/cmd/helm", flags)


def _run(program, *arguments, check=True):
    answer = subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=60)
    assert not check or answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout if check else answer


def helm(*arguments, check=True):
    return _run(_helm(), *arguments, check=check)


def kustomize(folder):
    return _run(_program("sigs.k8s.io/kustomize/kustomize/v5"), "build", folder)


_VALIDATE = """
import json, sys
import kubernetes_validate
for document in json.load(sys.stdin):
    try:
        kubernetes_validate.validate(document, sys.argv[1], strict=True)
    except kubernetes_validate.ValidationError as error:
        print(document["kind"], document["metadata"]["name"], error.message)
"""


def faults(documents, version):
    """What the schemas of a release of Kubernetes have against the documents; unknown fields are faults."""
    answer = subprocess.run(["/usr/bin/python3", "-c", _VALIDATE, version], input=json.dumps(documents),
                            capture_output=True, text=True, timeout=120,
                            env={"PYTHONPATH": str(installed("kubernetes-validate", "kubernetes", seconds=300))})
    assert answer.returncode == 0, answer.stderr
    return answer.stdout
