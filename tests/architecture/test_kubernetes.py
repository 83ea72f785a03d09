"""docs/kubernetes: the workloads of docker-compose.yml again, valid, without secrets and without root."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from tests.portal.test_env_example import listed

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "kubernetes"
PAGE = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
KUBECTL = shutil.which("kubectl")
BUILT = ("portal", "dicom", "migrate", "example")
# Those that stand in a Secret, as compose takes them from the .env.
SECRET = {
    "APPLICATION_DATABASE_PASSWORD",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "CELERY_BROKER_URL",
    "DATABASE_URL",
    "DICOM_DESTINATION_TOKENS",
    "EMAIL_URL",
    "METRICS_TOKEN",
    "OIDC_CLIENT_SECRET",
    "ORIGINALS_KEYS",
    "PSEUDONYM_KEY",
    "SECRET_KEY",
}
NOT_OURS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def objects(*folders: str) -> Iterator[dict[str, Any]]:
    for folder in folders:
        for path in sorted((FOLDER / folder).glob("*.yaml")):
            if path.name not in ("kustomization.yaml", "name.yaml"):
                yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


WORKLOADS = {
    each["metadata"]["name"]: each
    for each in objects("portal", "dicom", "migrate")
    if each["kind"] in ("Deployment", "Job")
}
SETTINGS = next(each for each in objects("portal") if each["kind"] == "ConfigMap")["data"]


def container(name: str) -> dict[str, Any]:
    (only,) = WORKLOADS[name]["spec"]["template"]["spec"]["containers"]
    return only


def environment(name: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in container(name)["env"]}


def in_compose(name: str, variable: str) -> bool:
    """Whether the service is told the secret, and no word that stands in its place."""
    told = COMPOSE[name].get("environment", {})
    value = told.get(variable, "")
    return variable in told and (value is None or "${" in value)


def test_workloads_are_the_services_of_compose_that_are_ours() -> None:
    ours = {name for name, service in COMPOSE.items() if service["image"].startswith("secondread")}
    assert set(WORKLOADS) == ours


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_workload_runs_what_the_service_runs(name: str) -> None:
    command = COMPOSE[name].get("command", "").replace("${WORKER_CONCURRENCY:-2}", "2")
    run = container(name).get("command", ["sh", "-c", ""])[-1].removeprefix("exec ")
    assert run == re.sub(r'^sh -c "(.*)"$', r"\1", command)


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_workload_is_told_the_secrets_that_the_service_is_told_by_reference_alone(name: str) -> None:
    referred = {each for each, entry in environment(name).items() if "valueFrom" in entry}
    assert referred == {each for each in SECRET if in_compose(name, each)}
    for each in referred:
        reference = environment(name)[each]["valueFrom"]["secretKeyRef"]
        assert reference["key"] == each
        assert re.search(rf"^\| .*{reference['name']}.*\| .*`{each}`", PAGE, re.MULTILINE)


def test_variable_is_a_setting_and_has_the_value_that_the_service_has() -> None:
    known = set(listed()) | NOT_OURS
    assert set(SETTINGS) <= known
    for name in WORKLOADS:
        assert set(environment(name)) <= known
        for variable, entry in environment(name).items():
            fixed = COMPOSE[name].get("environment", {}).get(variable)
            if "value" in entry and fixed is not None and "$" not in str(fixed):
                assert entry["value"] == str(fixed), f"{name}: {variable}"


def test_what_has_to_outlive_the_database_lies_on_the_disk_that_stays() -> None:
    mounted = {each["name"]: each["mountPath"] for each in container("maintenance")["volumeMounts"]}
    for variable in ("AUDIT_ANCHORS", "DELETION_LEDGER"):
        path = Path(environment("maintenance")[variable]["value"])
        assert path.is_relative_to(mounted["anchors"])
        assert str(path) == COMPOSE["maintenance"]["environment"][variable]


@pytest.mark.parametrize("name", sorted(set(WORKLOADS) - {"migrate"}))
def test_pod_is_watched_and_has_an_end_of_memory_and_processors(name: str) -> None:
    assert "livenessProbe" in container(name)
    resources = container(name)["resources"]
    assert set(resources["requests"]) == set(resources["limits"]) == {"cpu", "memory"}


@pytest.mark.parametrize("name", ["beat", "maintenance"])
def test_what_runs_once_never_runs_twice_while_it_is_renewed(name: str) -> None:
    spec = WORKLOADS[name]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_each_queue_has_a_workload() -> None:
    commands = " ".join(container(name).get("command", [""])[-1] for name in WORKLOADS)
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert set(re.findall(r"--queues=(\S+)", commands)) == routed | {settings.CELERY_TASK_DEFAULT_QUEUE}


def test_what_selects_pods_finds_some() -> None:
    names = set(WORKLOADS)
    for each in objects("portal", "dicom"):
        spec = each.get("spec", {})
        wanted = spec.get("selector", spec.get("podSelector")) or {}
        labels = wanted.get("matchLabels", wanted)
        if component := labels.get("app.kubernetes.io/component"):
            assert component in names, each["metadata"]["name"]
        if target := spec.get("scaleTargetRef"):
            assert target["name"] in names


@pytest.mark.parametrize("folder", BUILT)
def test_every_file_of_a_folder_is_used(folder: str) -> None:
    used = (FOLDER / folder / "kustomization.yaml").read_text(encoding="utf-8")
    files = {path.name for path in (FOLDER / folder).glob("*.yaml")} - {"kustomization.yaml"}
    assert [name for name in sorted(files) if name not in used] == []


def test_kinds_of_all_workloads_are_laid_over_by_what_every_pod_has() -> None:
    pod = yaml.safe_load((FOLDER / "pod" / "pod.yaml").read_text(encoding="utf-8"))["spec"]["template"][
        "spec"
    ]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["enableServiceLinks"] is False
    (laid,) = pod["containers"]
    assert laid["securityContext"]["readOnlyRootFilesystem"] is True
    assert {laid["name"]} == {container(name)["name"] for name in WORKLOADS}
    for folder in ("portal", "dicom", "migrate"):
        assert "components: [../pod]" in (FOLDER / folder / "kustomization.yaml").read_text(encoding="utf-8")


def built(folder: str) -> list[dict[str, Any]]:
    assert KUBECTL
    command = [KUBECTL, "kustomize", str(FOLDER / folder)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return list(yaml.safe_load_all(text))


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
@pytest.mark.parametrize("folder", BUILT)
def test_folder_is_built_and_every_pod_is_nobodys_in_particular(folder: str) -> None:
    pods = [
        each["spec"]["template"]["spec"] for each in built(folder) if each["kind"] in ("Deployment", "Job")
    ]
    assert pods
    for pod in pods:
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["automountServiceAccountToken"] is False
        assert pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
def test_name_of_the_portal_is_said_once_for_settings_probes_and_ingress() -> None:
    site = {(each["kind"], each["metadata"]["name"]): each for each in built("example")}
    name = site["ConfigMap", "secondread-settings"]["data"]["ALLOWED_HOSTS"]
    web = site["Deployment", "web"]["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert web[probe]["httpGet"]["httpHeaders"][0] == {"name": "Host", "value": name}
    ingress = site["Ingress", "web"]["spec"]
    assert (ingress["rules"][0]["host"], ingress["tls"][0]["hosts"]) == (name, [name])


@pytest.mark.skipif(
    KUBECTL is None or importlib.util.find_spec("kubernetes_validate") is None,
    reason="kubectl or kubernetes-validate is not installed",
)
@pytest.mark.parametrize("folder", BUILT)
def test_every_object_is_valid_by_the_schemas_of_kubernetes(folder: str) -> None:
    schemas = importlib.import_module("kubernetes_validate")
    for each in built(folder):
        if not each["apiVersion"].startswith("keda.sh/"):
            schemas.validate(each, "1.34", strict=True)
