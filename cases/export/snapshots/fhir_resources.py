"""The FHIR resources of a snapshot's rows.

What FHIR has an element for stands there; every other column is an extension with the column's name. Classes
are coded by their own codes first, and by SNOMED CT where it has the same thing; for "no tumour" it has none,
since "no abnormality" claims more.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cases.spreadsheets import printable

SYSTEM = "https://secondread.example.org/fhir"
_NAMESPACE = uuid.UUID("8f4b0c0e-9a54-5c0a-8d7e-6c9b3c1d2e40")
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_SNOMED_SYSTEM = "http://snomed.info/sct"
_UCUM = "http://unitsofmeasure.org"
_SNOMED = {
    "glioma": ("393564001", "Glioma"),
    "meningioma": ("302820008", "Intracranial meningioma"),
    "pituitary": ("254956000", "Pituitary adenoma"),
}
_PERCENT = 100.0
# DiagnosticReport.status of each state of a case.
_REPORT_STATUS = {
    "open": "registered",
    "in_review": "partial",
    "disputed": "preliminary",
    "reviewed": "final",
}
# What extensions are made of the columns that have no element.
_OF_RESULT = ("image_position", "image_sha256", "gate_distance", "trained_on", "seconds")
_OF_STATEMENT = (
    *("counts", "other_finding", "seconds", "region", "heat_in_region", "protocol_version"),
    *("model_version", "amends", "reason", "seen_network_at", "seen_truth_at", "seen_peers_at"),
)
_OF_CASE = ("cohort", "cluster", "known_class", "state", "protocol_version", "reading")

Resource = dict[str, Any]


class Release(StrEnum):
    """The releases of FHIR that a Bundle is made for."""

    R4B = "r4b"
    R5 = "r5"


@dataclass(frozen=True)
class Said:
    """What a report needs of one observation of its case."""

    id: str
    reader: str | None
    kind: str
    counts: bool | None
    read_class: str | None
    at: str


def code_system(name: str) -> str:
    """The address of one of our code systems."""
    return f"{SYSTEM}/CodeSystem/{name}"


def key(kind: str, name: str) -> str:
    """The id of what is named so, the same in every snapshot."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{name}"))


def _ref(key: str) -> Resource:
    return {"reference": f"urn:uuid:{key}"}


def _coded(system: str, code: str, display: str = "") -> Resource:
    coding = {"system": system, "code": code}
    return {"coding": [coding | ({"display": display} if display else {})]}


def _class(code: str) -> Resource:
    codings = [{"system": code_system("class"), "code": code}]
    if code in _SNOMED:
        snomed, display = _SNOMED[code]
        codings.append({"system": _SNOMED_SYSTEM, "code": snomed, "display": display})
    return {"coding": codings}


def _meta(*, is_simulated: bool) -> Resource:
    code = "HTEST" if is_simulated else "HRESCH"
    system = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
    return {"security": [{"system": system, "code": code}]}


def _columns(row: dict[str, Any], names: tuple[str, ...]) -> list[Resource]:
    """Extensions of the columns that are not null, each by its type."""
    return [
        {"url": f"{SYSTEM}/StructureDefinition/{name.replace('_', '-')}", **_value(name, row[name])}
        for name in names
        if row[name] is not None
    ]


def _value(name: str, value: Any) -> Resource:
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, int):
        return {"valueInteger": value}
    if isinstance(value, float):
        return {"valueDecimal": value}
    return {"valueDateTime": value} if name.endswith("_at") else {"valueString": printable(value)}


def of_case(row: dict[str, Any], release: Release) -> tuple[Resource, Resource]:
    """The patient, of whom nothing is told but the case's code, and the study."""
    meta = _meta(is_simulated=row["simulated"])
    code = {"system": f"{SYSTEM}/case", "value": row["case"]}
    patient = key("patient", row["case"])
    modality: Resource = {"system": _DCM, "code": "MR", "display": "Magnetic Resonance"}
    # No UIDs of the hospital leave: that of the study, and of its one series, are made of the case's code.
    study = key("study", row["case"])
    series = {
        "uid": f"2.25.{uuid.UUID(key('series', row['case'])).int}",
        "modality": {"coding": [modality]} if release is Release.R5 else modality,
        "numberOfInstances": row["images"],
    }
    return (
        {"resourceType": "Patient", "id": patient, "meta": meta, "identifier": [code]},
        {
            "resourceType": "ImagingStudy",
            "id": study,
            "meta": meta,
            "extension": _columns(row, _OF_CASE),
            "identifier": [
                {"system": "urn:dicom:uid", "value": f"urn:oid:2.25.{uuid.UUID(study).int}"},
                code,
            ],
            "status": "available",
            "subject": _ref(patient),
            "started": row["received_at"],
            "numberOfSeries": 1,
            "numberOfInstances": row["images"],
            "series": [series],
        },
    )


def device(name: str, release: Release) -> Resource:
    """A network."""
    made: Resource = {"resourceType": "Device", "id": key("device", name), "meta": _meta(is_simulated=False)}
    software = _coded(_SNOMED_SYSTEM, "706687001", "Software")
    if release is Release.R5:
        return made | {"name": [{"value": name, "type": "registered-name"}], "type": [software]}
    return made | {"deviceName": [{"name": name, "type": "model-name"}], "type": software}


def practitioner(reader: str) -> Resource:
    """A reader, by the opaque id."""
    identifier = {"system": f"{SYSTEM}/reader", "value": reader}
    meta = _meta(is_simulated=False)
    return {"resourceType": "Practitioner", "id": reader, "meta": meta, "identifier": [identifier]}


def _observation(row: dict[str, Any], key_: str, status: str, said: str, *, is_simulated: bool) -> Resource:
    return {
        "resourceType": "Observation",
        "id": key_,
        "meta": _meta(is_simulated=is_simulated),
        "status": status,
        "category": [
            _coded("http://terminology.hl7.org/CodeSystem/observation-category", "imaging", "Imaging")
        ],
        "code": _coded(_DCM, "121071", "Finding"),
        "subject": _ref(key("patient", row["case"])),
        "effectiveDateTime": row["at"],
        "valueCodeableConcept": _class(said),
    }


def result(row: dict[str, Any], *, is_simulated: bool) -> Resource:
    """What a network said: always preliminary."""
    certainty = {
        "code": _coded(_DCM, "111012", "Certainty of Finding"),
        "valueQuantity": {
            "value": row["probability"] * _PERCENT,
            "unit": "%",
            "system": _UCUM,
            "code": "%",
        },
    }
    shares = [
        {
            "code": _class(code),
            "valueQuantity": {"value": share, "unit": "1", "system": _UCUM, "code": "1"},
        }
        for code, share in row["probabilities"].items()
    ]
    gate = [
        {
            "code": _coded(code_system("gate"), "gate-verdict"),
            "valueCodeableConcept": _coded(code_system("gate-verdict"), row["gate_verdict"]),
        }
    ]
    name = key("result", f"{row['case']}:{row['model_version']}")
    made = _observation(row, name, "preliminary", row["predicted_class"], is_simulated=is_simulated)
    return made | {
        "extension": _columns(row, _OF_RESULT),
        "device": _ref(key("device", row["model_version"])),
        "derivedFrom": [_ref(key("study", row["case"]))],
        "component": [certainty, *shares, *(gate if row["gate_verdict"] else [])],
    }


def statement(row: dict[str, Any], first: str | None, *, is_simulated: bool) -> Resource:
    """What a reader said. first: the id of what the same reader had said blind."""
    status = "amended" if row["kind"] == "amendment" else "final"
    seen = [first] if first else []
    if row["model_version"]:
        seen.append(key("result", f"{row['case']}:{row['model_version']}"))
    component = [{"code": _coded(code_system("scale"), "confidence"), "valueInteger": row["confidence"]}]
    if row["verdict"]:
        said = _coded(code_system("verdict"), row["verdict"])
        component.append({"code": _coded(code_system("verdict"), "verdict"), "valueCodeableConcept": said})
    made = _observation(row, row["statement"], status, row["class"], is_simulated=is_simulated)
    return made | {
        "extension": _columns(row, _OF_STATEMENT),
        "performer": [_ref(row["reader"])],
        "derivedFrom": [_ref(each) for each in (*seen, key("study", row["case"]))],
        "method": _coded(code_system("kind"), row["kind"]),
        "component": component,
        **({"note": [{"text": printable(row["comment"])}]} if row["comment"] else {}),
    }


def _provenance(row: dict[str, Any], observation: Resource, role: str, who: str) -> Resource:
    kinds = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
    return {
        "resourceType": "Provenance",
        "id": key("provenance", observation["id"]),
        "meta": observation["meta"],
        "target": [_ref(observation["id"])],
        "occurredDateTime": row["at"],
        "recorded": row["at"],
        "agent": [{"type": _coded(kinds, role), "who": _ref(who)}],
    }


def assembled(row: dict[str, Any], observation: Resource) -> Resource:
    """Which network made a result, of what."""
    made = _provenance(row, observation, "assembler", key("device", row["model_version"]))
    return made | {"entity": [{"role": "source", "what": _ref(key("study", row["case"]))}]}


def stated(row: dict[str, Any], observation: Resource) -> Resource:
    """Who made a statement, under which version of the protocol, in the place of which."""
    made = _provenance(row, observation, "author" if row["kind"] == "first" else "verifier", row["reader"])
    if row["protocol_version"] is not None:
        made["policy"] = [f"{SYSTEM}/protocol/{row['protocol_version']}"]
    if row["amends"]:
        made["entity"] = [{"role": "revision", "what": _ref(row["amends"])}]
    return made


def report(row: dict[str, Any], said: list[Said], release: Release) -> Resource:
    """The case as a whole: how far it is, what stands for it, and of what that is made."""
    counting = [each for each in said if each.counts and each.kind != "first"]
    readers = list(dict.fromkeys(each.reader for each in counting if each.reader))
    concluded = _conclusion(counting)
    made: Resource = {
        "resourceType": "DiagnosticReport",
        "id": key("report", row["case"]),
        "meta": _meta(is_simulated=row["simulated"]),
        "identifier": [{"system": f"{SYSTEM}/case", "value": row["case"]}],
        "status": _status(row["state"], counting),
        "category": [_coded("http://terminology.hl7.org/CodeSystem/v2-0074", "RAD", "Radiology")],
        "code": _coded("http://loinc.org", "24590-2", "MR Brain"),
        "subject": _ref(key("patient", row["case"])),
        "effectiveDateTime": row["received_at"],
        "study" if release is Release.R5 else "imagingStudy": [_ref(key("study", row["case"]))],
    }
    if said:
        made |= {"issued": max(each.at for each in said), "result": [_ref(each.id) for each in said]}
    if readers:
        made["resultsInterpreter"] = [_ref(reader) for reader in readers]
    if concluded:
        made["conclusionCode"] = [_class(concluded)]
        made["conclusion"] = f"{concluded}. Research use only, not a diagnosis."
    return made


def _conclusion(counting: list[Said]) -> str | None:
    """The adjudicator's class, or that of all readers where they agree."""
    decided = [each.read_class for each in counting if each.kind == "adjudication"]
    classes = decided or [each.read_class for each in counting]
    return classes[0] if len(set(classes)) == 1 else None


def _status(state: str, counting: list[Said]) -> str:
    if state == "closed":
        return "final" if counting else "cancelled"
    if state == "reviewed" and any(each.kind == "amendment" for each in counting):
        return "amended"
    return _REPORT_STATUS[state]


def figure(row: dict[str, Any]) -> Resource:
    """A figure of the study, which is about no one case."""
    parts = [
        {
            "code": _coded(code_system("figure-part"), name),
            **_number(row[name]),
        }
        for name in ("low", "high", "n", "clusters")
        if row[name] is not None
    ]
    made: Resource = {
        "resourceType": "Observation",
        "id": key("figure", json.dumps(row, sort_keys=True)),
        "meta": _meta(is_simulated=False),
        "status": "final",
        "code": _coded(code_system("figure"), row["name"]),
        "method": {"text": row["method"]},
    }
    if parts:
        made["component"] = parts
    if row["value"] is None:
        absent = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
        return made | {"dataAbsentReason": _coded(absent, "not-applicable")}
    return made | {"valueQuantity": {"value": row["value"]}}


def _number(value: float) -> Resource:
    return {"valueInteger": value} if isinstance(value, int) else {"valueQuantity": {"value": value}}
