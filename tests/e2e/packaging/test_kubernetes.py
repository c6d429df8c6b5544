"""The manifests: least privilege, and that their parts fit each other, the program and Kubernetes' types."""
import copy
import os
import re
import subprocess

import pytest

from harness import kubernetes
from harness.kubernetes import CHART, MANIFESTS
from harness.paths import PPROFD, ROOT

# The oldest release that knows `appArmorProfile`, and the newest that there are schemas of.
RELEASES = ["1.30", "1.37"]
CUSTOM = {"ServiceMonitor"}


def pod(daemon_set):
    return daemon_set["spec"]["template"]["spec"]


def container(daemon_set):
    return pod(daemon_set)["containers"][0]


def unit_capabilities():
    text = (ROOT / "systemd/pprofd.service").read_text()
    return {name.removeprefix("CAP_")
            for name in re.search(r"(?m)^CapabilityBoundingSet=(.*)$", text)[1].split()}


def check_privileges(daemon_set, more=()):
    security = container(daemon_set)["securityContext"]
    assert security["privileged"] is False and security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"]["drop"] == ["ALL"]
    # Those of the unit; and what Kubernetes' root lacks, to give the store to another user.
    assert set(security["capabilities"]["add"]) == unit_capabilities() | {"CHOWN", "KILL"} | set(more)
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert security["appArmorProfile"] == {"type": "Unconfined"}
    spec = pod(daemon_set)
    assert spec["hostPID"] is True
    assert not any(spec.get(name) for name in ("hostNetwork", "hostIPC", "shareProcessNamespace"))


def check_wiring(found):
    """Selectors meet labels, ports have their names, volumes are mounted, the configuration is right."""
    daemon_set, service = found["DaemonSet"], found["Service"]
    labels = daemon_set["spec"]["template"]["metadata"]["labels"]
    for selector in (daemon_set["spec"]["selector"]["matchLabels"], service["spec"]["selector"]):
        assert selector.items() <= labels.items()
    one = container(daemon_set)
    assert {volume["name"] for volume in pod(daemon_set)["volumes"]} == {mount["name"] for mount in one["volumeMounts"]}
    # Wherever pprofd writes by default there is a volume: the root is read only.
    written = {mount["mountPath"] for mount in one["volumeMounts"] if not mount.get("readOnly")}
    assert written == {"/var/lib/pprofd", "/var/cache/pprofd", "/run/pprofd", "/var/tmp"}
    ports = {port["name"]: port["containerPort"] for port in one["ports"]}
    assert service["spec"]["ports"][0]["targetPort"] in ports and service["spec"]["ports"][0]["port"] in ports.values()
    probes = {name: one[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert probes["liveness"]["path"] == "/-/healthy"
    assert probes["startup"]["path"] == probes["readiness"]["path"] == "/-/ready"
    assert all(probe["port"] in ports for probe in probes.values())
    if monitor := found.get("ServiceMonitor"):
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]


def check_configuration(tmp_path, text, daemon_set):
    """pprofd takes it, it listens where the probes ask, and its own limit is below the container's."""
    path = tmp_path / "pprofd.toml"
    path.write_text(text)
    one = container(daemon_set)
    env = {each["name"]: each.get("value", "").replace("$(NODE_NAME)", "node-1") for each in one["env"]}
    env.pop("NODE_NAME")
    answer = subprocess.run([PPROFD, *one["args"], "--check", "--config", path], capture_output=True, text=True,
                            env={**os.environ, **env}, timeout=20)
    assert answer.returncode == 0, answer.stderr
    assert f"0.0.0.0:{one['ports'][0]['containerPort']}" in re.search(r"(?m)^metrics_listen = (.*)$", text)[1]
    own = int(re.search(r'(?m)^memory = "(\d+)MB"', text)[1]) * 1e6
    assert own < int(one["resources"]["limits"]["memory"].removesuffix("Mi")) * 2**20


def configuration(manifest_text):
    return kubernetes.by_kind(manifest_text)["ConfigMap"]["data"]["pprofd.toml"]


# --- the plain manifests -------------------------------------------------------------------------------

def test_least_privilege():
    check_privileges(kubernetes.base()["DaemonSet"])


def test_the_parts_fit():
    found = kubernetes.base()
    path = MANIFESTS / "components/service-monitor/service-monitor.yaml"
    check_wiring({**found, **kubernetes.by_kind(path.read_text())})
    # Everything that is there is in the list, and the other way around.
    assert set(found["Kustomization"]["resources"]) == {
        path.name for path in (MANIFESTS / "base").glob("*.yaml")} - {"kustomization.yaml"}


def test_the_configuration_is_right(tmp_path):
    check_configuration(tmp_path, (MANIFESTS / "base/pprofd.toml").read_text(), kubernetes.base()["DaemonSet"])


def test_no_token():
    """It asks the API server for nothing, so nothing to ask it with is in the pod."""
    found = kubernetes.base()
    assert found["ServiceAccount"]["automountServiceAccountToken"] is False
    assert pod(found["DaemonSet"])["automountServiceAccountToken"] is False
    assert not {"Role", "ClusterRole"} & set(found)


def test_versions_agree():
    """Chart, image tag and program are of one version."""
    version = subprocess.run([PPROFD, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    chart = kubernetes.documents((CHART / "Chart.yaml").read_text())[0]
    assert chart["version"] == chart["appVersion"] == version
    assert kubernetes.base()["Kustomization"]["images"][0]["newTag"] == version


# --- as helm and kustomize make them of it ---------------------------------------------------------------

long = pytest.mark.long


def check_types(text):
    for release in RELEASES:
        known = [each for each in kubernetes.documents(text) if each["kind"] not in CUSTOM]
        assert known and kubernetes.faults(known, release) == ""


@long
def test_the_schemas_find_faults():
    """What the next tests rely on: a misspelt field is a fault."""
    daemon_set = copy.deepcopy(kubernetes.base()["DaemonSet"])
    container(daemon_set)["securityContext"]["privilged"] = False
    assert "privilged" in kubernetes.faults([daemon_set], RELEASES[0])


@long
def test_kustomize_base(tmp_path):
    text = kubernetes.kustomize(MANIFESTS / "base")
    check_types(text)
    found = kubernetes.by_kind(text)
    check_privileges(found["DaemonSet"])
    check_wiring(found)
    check_configuration(tmp_path, configuration(text), found["DaemonSet"])
    # The pods mount the ConfigMap by the name with its hash.
    mounted = next(v["configMap"]["name"] for v in pod(found["DaemonSet"])["volumes"] if "configMap" in v)
    assert mounted == found["ConfigMap"]["metadata"]["name"] != "pprofd"
    assert all(each["metadata"].get("namespace") == "pprofd" for kind, each in found.items() if kind != "Namespace")


@long
@pytest.mark.parametrize("component", sorted(path.name for path in (MANIFESTS / "components").iterdir()))
def test_kustomize_components(component, tmp_path):
    """Each component goes on the base."""
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    way = os.path.relpath(MANIFESTS, overlay)
    (overlay / "kustomization.yaml").write_text(
        f"resources: [{way}/base]\ncomponents: [{way}/components/{component}]\nnamespace: pprofd\n")
    text = kubernetes.kustomize(overlay)
    check_types(text)
    found = kubernetes.by_kind(text)
    check_privileges(found["DaemonSet"], ["SYS_ADMIN"] if component == "perf-paranoid" else [])
    check_wiring(found)
    assert ("ServiceMonitor" in found) == (component == "service-monitor")


@long
def test_chart_is_the_base(tmp_path):
    """By default the chart installs what the plain manifests do."""
    assert "0 chart(s) failed" in kubernetes.helm("lint", "--strict", CHART)
    text = kubernetes.helm("template", "pprofd", CHART, "--namespace", "pprofd")
    check_types(text)
    found, plain = kubernetes.by_kind(text), kubernetes.base()
    check_privileges(found["DaemonSet"])
    check_wiring(found)
    check_configuration(tmp_path, configuration(text), found["DaemonSet"])
    ours, theirs = pod(plain["DaemonSet"]), pod(found["DaemonSet"])
    ours["containers"][0]["image"] += ":" + kubernetes.base()["Kustomization"]["images"][0]["newTag"]
    assert theirs == ours


ALL = """
image: {repository: registry.example/pprofd, tag: "1.2"}
config: |
  frequency = 23
  exclude = ["comm:nginx*"]
  [store]
  retention = "1d"
labels: {env: test, team: "a b"}
http: {metricsPort: 9999}
secretName: pprofd-secrets
capabilities: {sysAdmin: true}
debugFiles: {enabled: true}
serviceMonitor: {enabled: true, labels: {release: prometheus}}
rbac: {pods: true}
nodeSelector: {pool: workers}
podAnnotations: {a: b}
podLabels: {c: d}
extraEnv: [{name: PPROFD_WINDOW, value: 30s}]
imagePullSecrets: [{name: pull}]
affinity: {nodeAffinity: {}}
"""


@long
def test_chart_with_all_values(tmp_path):
    """Everything that can be set, set: valid types, and a configuration that pprofd takes."""
    values = tmp_path / "values.yaml"
    values.write_text(ALL)
    arguments = [CHART, "--values", values]
    assert "0 chart(s) failed" in kubernetes.helm("lint", "--strict", *arguments)
    text = kubernetes.helm("template", "release", *arguments, "--namespace", "there")
    check_types(text)
    found = kubernetes.by_kind(text)
    check_privileges(found["DaemonSet"], ["SYS_ADMIN"])
    check_wiring(found)
    check_configuration(tmp_path, configuration(text), found["DaemonSet"])
    assert found["ClusterRole"]["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
    assert found["ClusterRoleBinding"]["subjects"] == [
        {"kind": "ServiceAccount", "name": found["ServiceAccount"]["metadata"]["name"], "namespace": "there"}]
    assert container(found["DaemonSet"])["image"] == "registry.example/pprofd:1.2"
    env = {each["name"]: each.get("value") for each in container(found["DaemonSet"])["env"]}
    assert env["PPROFD_LABELS"] == "node=$(NODE_NAME),env=test,team=a b" and env["PPROFD_WINDOW"] == "30s"


@long
@pytest.mark.parametrize("wrong", ["imag.tag=1", "limits.cpu=much", "state.hostPath=relative", "labels.a=b\\,c"])
def test_chart_refuses_what_makes_no_sense(wrong):
    answer = kubernetes.helm("template", "pprofd", CHART, "--set", wrong, check=False)
    assert answer.returncode != 0 and "schema" in answer.stderr
