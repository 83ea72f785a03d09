"""A snapshot as a FHIR Bundle: valid in R4B and R5, and every row of every table can be read back."""

from __future__ import annotations

import json
import subprocess
from copy import deepcopy
from typing import Any

import pytest
from django.utils import timezone
from fhir.resources.bundle import Bundle as R5Bundle
from fhir.resources.R4B.bundle import Bundle as R4BBundle

from cases.export.snapshots import building, fhir
from cases.export.snapshots.fhir_resources import SYSTEM, Release
from cases.export.snapshots.reading import frozen_rows
from cases.export.snapshots.tables import TABLES
from cases.lifecycle import Verdict
from cases.models import AuditEvent, Case, Disclosure, Snapshot
from cases.reading.adjudications import adjudicate
from cases.reading.read_input import ReadInput
from cases.reading.reviews import amend_review
from cases.spreadsheets import unescaped
from tests.cases.api.support import API, problem_of
from tests.support.chromium import NODE, ROOT

pytestmark = pytest.mark.both_databases

HOSTILE = "=1\x0b\x1c \\u000b\\ “größer” 🧠\u2028\n."
CHECKED = {Release.R4B: R4BBundle, Release.R5: R5Bundle}
VALIDATOR = ROOT / "tests" / "support" / "fhir_validator.cjs"
needs_validator = pytest.mark.skipif(
    not (ROOT / "node_modules" / "fhir").exists(), reason="node_modules lacks fhir: `npm ci` installs it"
)


@pytest.fixture
def cases(
    under_protocol, submit, analyse_as, commit_as, review_as, colleague, second, referee
) -> dict[str, Case]:
    """One that was disputed and decided, one that a reader amended, one unread, one simulated."""
    under_protocol(reading="blinded", readers_required=2, adjudicator=referee)
    disputed, amended, unread = submit(seed=1, ground_truth="glioma"), submit(seed=2), submit(seed=3)
    simulated = submit(seed=4)
    Case.objects.filter(pk=simulated.pk).update(is_simulated=True, patient="0f" * 16)
    analyse_as(disputed, gate_verdict="accepted", gate_distance=0.25, in_training=False)
    for case in (amended, simulated):
        analyse_as(case)
    for reader, said in ((colleague, "glioma"), (second, "meningioma")):
        commit_as(reader, disputed, said, comment=HOSTILE, active_seconds=12.5)
        review_as(reader, disputed, corrected="" if said == "glioma" else said, comment=HOSTILE)
    disputed.refresh_from_db()
    adjudicate(by=referee, case=disputed, read=ReadInput("pituitary", 5, "Sellar."))
    commit_as(colleague, amended)
    review = review_as(colleague, amended, corrected="meningioma", confidence=2)
    read = ReadInput("other", 3, other_finding="Cyst.", verdict=Verdict.DISAGREE)
    amend_review(by=colleague, review=review, read=read, reason="Second look.")
    return {"disputed": disputed, "amended": amended, "unread": unread, "simulated": simulated}


@pytest.fixture
def ready(cases, administrator, cohort) -> Snapshot:
    snapshot = building.ask_for_snapshot(by=administrator, cohort=cohort)
    # Figures of a running blinded study are closed: here they are opened, so that there are some.
    AuditEvent.objects.create(
        actor=administrator, action="figures.opened", subject_type="cohort", subject="-", cohort=cohort
    )
    assert building.build_waiting() == 1
    snapshot.refresh_from_db()
    return snapshot


def bundle(snapshot: Snapshot, release: Release) -> dict[str, Any]:
    return json.loads(b"".join(fhir.stream(snapshot, release, lambda table: frozen_rows(snapshot, table))))


class Reader:
    """Reads the rows of the tables back out of a Bundle, without the code that wrote it."""

    def __init__(self, bundle: dict[str, Any]) -> None:
        self.resources = [entry["resource"] for entry in bundle["entry"]]
        self.by_url = {entry["fullUrl"]: entry["resource"] for entry in bundle["entry"]}

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.resources if each["resourceType"] == kind]

    def rows(self, table: str) -> list[dict[str, Any]]:
        found = {
            "cases": lambda: [self.case(each) for each in self.of("ImagingStudy")],
            "results": lambda: [self.result(each) for each in self.of("Observation") if "device" in each],
            "statements": lambda: [
                self.statement(each) for each in self.of("Observation") if "performer" in each
            ],
            "figures": lambda: [
                self.figure(each) for each in self.of("Observation") if "subject" not in each
            ],
        }[table]()
        return [{column.name: row.get(column.name) for column in TABLES[table]} for row in found]

    def columns(self, resource: dict[str, Any]) -> dict[str, Any]:
        told = {}
        for extension in resource.get("extension", ()):
            name = extension["url"].rpartition("/")[2].replace("-", "_")
            (value,) = (value for key, value in extension.items() if key.startswith("value"))
            told[name] = unescaped(value) if "valueString" in extension else value
        return told

    def code_of(self, patient_url: str) -> str:
        (identifier,) = self.by_url[patient_url]["identifier"]
        return identifier["value"]

    def study_of(self, code: str) -> dict[str, Any]:
        (study,) = (
            each for each in self.of("ImagingStudy") if self.code_of(each["subject"]["reference"]) == code
        )
        return study

    def case(self, study: dict[str, Any]) -> dict[str, Any]:
        return self.columns(study) | {
            "case": self.code_of(study["subject"]["reference"]),
            "simulated": study["meta"]["security"][0]["code"] == "HTEST",
            "images": study["numberOfInstances"],
            "received_at": study["started"],
        }

    def observed(self, observation: dict[str, Any]) -> dict[str, Any]:
        code = self.code_of(observation["subject"]["reference"])
        cluster = self.columns(self.study_of(code))["cluster"]
        at = observation["effectiveDateTime"]
        return self.columns(observation) | {"case": code, "cluster": cluster, "at": at}

    def components(self, observation: dict[str, Any]) -> dict[tuple[str, str], Any]:
        told = {}
        for component in observation["component"]:
            coding = component["code"]["coding"][0]
            (value,) = (value for key, value in component.items() if key.startswith("value"))
            told[coding["system"].rpartition("/")[2], coding["code"]] = value
        return told

    def result(self, observation: dict[str, Any]) -> dict[str, Any]:
        components = self.components(observation)
        shares = {code: value["value"] for (system, code), value in components.items() if system == "class"}
        predicted = observation["valueCodeableConcept"]["coding"][0]["code"]
        gate = components.get(("gate", "gate-verdict"))
        device = self.by_url[observation["device"]["reference"]]
        name = device["name"][0]["value"] if "name" in device else device["deviceName"][0]["name"]
        return self.observed(observation) | {
            "model_version": name,
            "predicted_class": predicted,
            "probability": shares[predicted],
            "probabilities": shares,
            "gate_verdict": gate["coding"][0]["code"] if gate else None,
        }

    def statement(self, observation: dict[str, Any]) -> dict[str, Any]:
        components = self.components(observation)
        verdict = components.get(("verdict", "verdict"))
        (reader,) = observation["performer"]
        return self.observed(observation) | {
            "statement": observation["id"],
            "reader": self.by_url[reader["reference"]]["identifier"][0]["value"],
            "kind": observation["method"]["coding"][0]["code"],
            "class": observation["valueCodeableConcept"]["coding"][0]["code"],
            "confidence": components["scale", "confidence"],
            "verdict": verdict["coding"][0]["code"] if verdict else None,
            "comment": unescaped(observation["note"][0]["text"]) if "note" in observation else None,
        }

    def figure(self, observation: dict[str, Any]) -> dict[str, Any]:
        parts = {}
        for component in observation.get("component", ()):
            value = component.get("valueInteger", component.get("valueQuantity", {}).get("value"))
            parts[component["code"]["coding"][0]["code"]] = value
        return parts | {
            "name": observation["code"]["coding"][0]["code"],
            "value": observation.get("valueQuantity", {}).get("value"),
            "method": observation["method"]["text"],
        }


def test_bundle_holds_the_rows_of_every_table_in_both_releases(ready) -> None:
    assert ready.counts["statements"] == 8
    assert ready.counts["figures"] > 5
    for release in Release:
        reader = Reader(bundle(ready, release))
        for table in TABLES:
            assert reader.rows(table) == list(frozen_rows(ready, table)), (release, table)


def test_bundle_is_valid_by_a_library_that_knows_the_release(ready) -> None:
    for release, model in CHECKED.items():
        checked = model.model_validate(bundle(ready, release))
        assert checked.get_resource_type() == "Bundle"
        assert len(checked.entry) > 30


def test_references_lead_to_resources_of_the_bundle_each_of_which_has_one_id(ready) -> None:
    for release in Release:
        made = bundle(ready, release)
        urls = [entry["fullUrl"] for entry in made["entry"]]
        assert len(urls) == len(set(urls))
        named = {found for found in json.dumps(made).split('"') if found.startswith("urn:uuid:")}
        assert named == set(urls)


def test_report_says_how_far_a_case_is_and_what_stands_for_it(ready, cases) -> None:
    for release in Release:
        reports = {
            each["identifier"][0]["value"]: each
            for each in Reader(bundle(ready, release)).of("DiagnosticReport")
        }
        told = {
            name: (
                reports[case.code]["status"],
                reports[case.code].get("conclusionCode", [{"coding": [{"code": None}]}])[0]["coding"][0][
                    "code"
                ],
                len(reports[case.code].get("result", ())),
            )
            for name, case in cases.items()
        }
        assert told == {
            "disputed": ("final", "pituitary", 6),
            "amended": ("partial", "other", 4),
            "unread": ("registered", None, 0),
            "simulated": ("registered", None, 1),
        }


def test_network_is_preliminary_and_names_nobody_and_states_are_coded(ready, cases, colleague) -> None:
    for release in Release:
        made = bundle(ready, release)
        reader = Reader(made)
        networks = [each for each in reader.of("Observation") if "device" in each]
        assert {each["status"] for each in networks} == {"preliminary"}
        amended = [each for each in reader.of("Observation") if each["status"] == "amended"]
        assert [each["method"]["coding"][0]["code"] for each in amended] == ["amendment"]
        roles = [each["agent"][0]["type"]["coding"][0]["code"] for each in reader.of("Provenance")]
        assert {role: roles.count(role) for role in roles} == {"assembler": 3, "author": 3, "verifier": 5}
        security = {each["meta"]["security"][0]["code"] for each in reader.of("Patient")}
        assert security == {"HRESCH", "HTEST"}
        assert made["identifier"] == {"system": f"{SYSTEM}/snapshot", "value": str(ready.pk)}
        assert colleague.full_name not in json.dumps(made)
        assert colleague.email not in json.dumps(made)


def test_bundle_is_fetched_from_the_page_and_over_rest_and_written_down(
    ready, administrator, stranger, client_of, api_of
) -> None:
    page = client_of(administrator).get(f"/dashboard/snapshots/{ready.pk}/fhir/r5.json")
    rest = api_of(administrator).get(f"{API}snapshots/{ready.pk}/fhir/r5/")
    assert page["Content-Type"] == rest["Content-Type"] == "application/fhir+json"
    assert page["X-Snapshot-Digest"] == ready.digest
    assert b"".join(page.streaming_content) == b"".join(rest.streaming_content)
    fetched = AuditEvent.objects.filter(action="snapshot.fetched").order_by("at")
    assert [event.details for event in fetched] == [{"table": "all", "format": "r5"}] * 2
    assert set(Disclosure.objects.filter(user=administrator).values_list("kind", flat=True)) == {
        "network",
        "peers",
        "truth",
    }
    problem_of(api_of(administrator).get(f"{API}snapshots/{ready.pk}/fhir/dstu2/"), "not_found")
    problem_of(api_of(stranger).get(f"{API}snapshots/{ready.pk}/fhir/r5/"), "not_found")
    assert client_of(administrator).get(f"/dashboard/snapshots/{ready.pk}/fhir/r6.json").status_code == 404
    Snapshot.objects.update(state="failed")
    problem_of(api_of(administrator).get(f"{API}snapshots/{ready.pk}/fhir/r5/"), "wrong_state")


def test_bundle_of_an_empty_cohort_is_a_bundle(administrator, cohort) -> None:
    snapshot = Snapshot.objects.create(
        cohort=cohort, created_by=administrator, state="ready", as_of=timezone.now(), digest="0" * 64
    )
    for release, model in CHECKED.items():
        made = json.loads(b"".join(fhir.stream(snapshot, release, lambda _table: [])))
        assert made["entry"] == []
        made.pop("entry")
        model.model_validate(made)


def errors_of(*bundles: dict[str, Any]) -> list[list[str]]:
    """What the npm package finds in each, by the definitions of R4."""
    told = json.dumps(bundles)
    said = subprocess.run([NODE, VALIDATOR], input=told, capture_output=True, text=True, check=True)
    return list(json.loads(said.stdout))


@needs_validator
def test_bundle_of_r4b_holds_only_codes_and_elements_that_its_value_sets_know(ready) -> None:
    """Which fhir.resources does not look at. Of R5 the package knows nothing."""
    whole = bundle(ready, Release.R4B)
    broken = deepcopy(whole)
    report = next(
        each["resource"] for each in broken["entry"] if each["resource"]["resourceType"] == "DiagnosticReport"
    )
    report |= {"status": "bogus", "studied": []}
    assert errors_of(whole, broken) == [
        [],
        [
            'DiagnosticReport.status: Code "bogus" not found in value set',
            "DiagnosticReport.studied: Unexpected property",
        ],
    ]
