"""Structured Reports (PS3.16, TID 1500) of what the network says of a case, and of what a reader says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import override
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    DeviceObserverIdentifyingAttributes,
    EnhancedSR,
    FindingSite,
    ImageRegion,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import EnhancedSRStorage

from cases.export.dicom.captures import MANUFACTURER
from cases.export.dicom.drawings import SIMULATED
from cases.export.dicom.facts import Finding, as_meaning, finding_of, finding_of_class, made_at
from cases.export.dicom.identifiers import uid_of
from cases.export.dicom.regions import graphics_of
from cases.export.dicom.stamps import stamp
from cases.export.dicom.study import (
    evidence_of,
    frames_of,
    in_file,
    name_patient,
    own_uid,
    series_number,
    study_uid,
)
from cases.models import Review
from cases.models.statement import Confidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases.export.dicom.facts import CaseFacts, Read, Said

SCHEME = "99SECONDREAD"
NETWORK_SERIES, FIRST_READER_SERIES = 100, 101
REFUSED = Finding("refused", "No class: unlike the images that the network knows")
_PERCENT = CodedConcept("%", "UCUM", "percent")
_CERTAINTY = CodedConcept("111012", "DCM", "Certainty of Finding")
_PROCEDURE = CodedConcept("24590-2", "LN", "MR Brain")


def report_of_network(facts: CaseFacts, pictures: Sequence[Dataset], drawing: Dataset | None) -> EnhancedSR:
    """What the network says: preliminary and verified by nobody, for ever.

    pictures: the captures of the pictures that are told of, by `facts.images`; in the original study the
    report refers to the originals instead. Of a picture that the network
    refused neither class nor probabilities are told, as on the page.
    """
    result = facts.result
    version = result.model_version
    observer = DeviceObserverIdentifyingAttributes(
        uid=uid_of("device", version.pk),
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=version.name,
    )
    algorithm = AlgorithmIdentification(
        name=MANUFACTURER,
        version=version.name,
        parameters=[f"weights sha256 {version.weights_sha256}"],
        family=codes.cid7162.ArtificialIntelligence,
        manufacturer=MANUFACTURER,
    )
    shown = finding_of_class(version, result.predicted_class)
    originals = evidence_of(facts, pictures)
    source = _picture_at(facts, originals, result.image.position)
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid_of("network finding", result.pk), "Network result"),
        finding_type=_code(REFUSED if result.is_refused else shown),
        algorithm_id=algorithm,
        finding_sites=[_site()],
        measurements=None if result.is_refused else _probabilities(facts),
        source_images=[
            _source(source, frames_of(facts, result.image)),
            *([_source(drawing)] if drawing is not None else []),
        ],
    )
    report = _report(
        facts,
        [source, *([drawing] if drawing is not None else [])],
        ObserverContext(codes.DCM.Device, observer),
        [group],
        key=("network report", result.pk),
        series=NETWORK_SERIES,
        words="Network, suspected",
    )
    stamp(report, made_at(result))
    return report


def report_of_read(facts: CaseFacts, pictures: Sequence[Dataset], number: int) -> EnhancedSR:
    """What a reader says in the end, and before the reveal, where the case was read so.

    number: which of `facts.reads`. Verified is what stands for the case, by its own author.
    """
    read = facts.reads[number]
    name = f"Reader^{read.reader}"
    originals = evidence_of(facts, pictures)
    groups = _groups(facts, originals, read)
    kind = "Adjudication" if read.is_adjudication else "Read"
    report = _report(
        facts,
        originals,
        ObserverContext(codes.DCM.Person, PersonObserverIdentifyingAttributes(name=name)),
        groups,
        key=("read report", read.said.pk, read.is_verified),
        series=FIRST_READER_SERIES + number,
        words=f"{kind}, suspected",
        is_final=True,
        verifier=name if read.is_verified else None,
        previous=("read report", read.previous.review, read.previous.is_verified) if read.previous else None,
    )
    stamp(report, made_at(read.said))
    return report


def _report(
    facts: CaseFacts,
    evidence: Sequence[Dataset],
    observer: ObserverContext,
    groups: Sequence[Any],
    *,
    key: tuple[object, ...],
    series: int,
    words: str,
    is_final: bool = False,
    verifier: str | None = None,
    previous: tuple[object, ...] | None = None,
) -> EnhancedSR:
    """key: what the report is of; previous: that of the report in whose place it stands."""
    series_uid, instance_uid = _uids(facts, key)
    content = MeasurementReport(
        observation_context=ObservationContext(observer),
        procedure_reported=_PROCEDURE,
        imaging_measurements=groups,
    )
    report = EnhancedSR(
        evidence=_each_once(evidence),
        content=content,
        series_instance_uid=series_uid,
        series_number=series_number(facts, series),
        sop_instance_uid=instance_uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
        is_final=is_final,
        is_verified=verifier is not None,
        verifying_observer_name=verifier,
        verifying_organization=MANUFACTURER if verifier else None,
        previous_versions=[_predecessor(facts, previous)] if previous else None,
    )
    simulated = f", {SIMULATED}" if facts.case.is_simulated else ""
    name_patient(facts, report)
    report.SeriesDescription = f"{words}, research use only{simulated}"
    return report


def _uids(facts: CaseFacts, key: tuple[object, ...]) -> tuple[str, str]:
    """The UIDs of a report's series and of itself."""
    kind, *of = key
    return own_uid(facts, f"{kind} series", *of), own_uid(facts, str(kind), *of)


def _predecessor(facts: CaseFacts, key: tuple[object, ...]) -> Dataset:
    """What is asked of a report to name it as the previous version: it is in the same study."""
    found = Dataset()
    found.SOPClassUID, found.StudyInstanceUID = EnhancedSRStorage, study_uid(facts)
    found.SeriesInstanceUID, found.SOPInstanceUID = _uids(facts, key)
    return found


def _each_once(evidence: Sequence[Dataset]) -> list[Dataset]:
    """Several frames may be of one instance."""
    return list({str(each.SOPInstanceUID): each for each in evidence}.values())


def _groups(facts: CaseFacts, pictures: Sequence[Dataset], read: Read) -> list[Any]:
    said = [(read.first, "Blinded first read")] if read.first else []
    last: tuple[Said, str] = (read.said, "Adjudication" if read.is_adjudication else "Final read")
    groups: list[Any] = []
    for each, name in (*said, last):
        groups.append(_statement(facts, pictures, each, name))
        groups.extend(_marked(facts, pictures, each, name))
    return groups


def _statement(facts: CaseFacts, pictures: Sequence[Dataset], said: Said, name: str) -> Any:
    """The class, how sure the reader is, and what the reader says of the network's class."""
    image = said.prediction.image if isinstance(said, Review) else facts.result.image
    with override("en"):
        evaluations = [_evaluation("confidence", "Confidence", said.confidence, _confidence(said))]
        if isinstance(said, Review):
            verdict = str(said.get_verdict_display())
            evaluations.append(
                _evaluation("verdict", "Verdict on the network's class", said.verdict, verdict)
            )
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid_of("finding", said.pk), name),
        finding_type=_code(finding_of(said)),
        finding_sites=[_site()],
        qualitative_evaluations=evaluations,
        source_images=[_source(_picture_at(facts, pictures, image.position), frames_of(facts, image))],
    )


def _marked(facts: CaseFacts, pictures: Sequence[Dataset], said: Said, name: str) -> list[Any]:
    """What the reader marked, each closed part by itself, as one thing under one UID."""
    if not said.region:
        return []
    image = next(image for image in facts.images if image.position == said.region.get("image", 0))
    picture = _picture_at(facts, pictures, image.position)
    source = SourceImageForRegion(picture.SOPClassUID, picture.SOPInstanceUID, frames_of(facts, image))
    return [
        PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=TrackingIdentifier(
                uid_of("region", said.pk), f"{name}, marked region{part.name}"
            ),
            referenced_region=ImageRegion(part.kind, part.points, source),
            finding_type=_code(finding_of(said)),
            finding_sites=[_site()],
        )
        for graphic in graphics_of(said.region, image.width, image.height)
        for part in [in_file(facts, image, graphic)]
    ]


def _probabilities(facts: CaseFacts) -> list[Measurement]:
    """How certain the network is of its class, and the probability of each class, in percent."""
    result = facts.result
    by_class = [
        Measurement(
            CodedConcept(f"p-{code}", SCHEME, as_meaning(f"Probability: {_label(facts, code)}")),
            _percent(probability),
            _PERCENT,
        )
        for code, probability in result.probability_by_class.items()
    ]
    return [Measurement(_CERTAINTY, _percent(result.confidence), _PERCENT), *by_class]


def _label(facts: CaseFacts, code: str) -> str:
    with override("en"):
        return facts.result.model_version.class_labels[code]


def _percent(share: float) -> float:
    return round(share * 100, 4)


def _confidence(said: Said) -> str:
    return str(Confidence(said.confidence).label)


def _evaluation(code: str, words: str, value: object, meaning: str) -> QualitativeEvaluation:
    name = CodedConcept(code, SCHEME, words)
    return QualitativeEvaluation(name, CodedConcept(f"{code}-{value}", SCHEME, meaning))


def _code(finding: Finding) -> CodedConcept:
    return CodedConcept(finding.code, SCHEME, finding.words)


def _site() -> FindingSite:
    return FindingSite(codes.SCT.Brain)


def _source(picture: Dataset, frames: list[int] | None = None) -> SourceImageForMeasurementGroup:
    return SourceImageForMeasurementGroup(picture.SOPClassUID, picture.SOPInstanceUID, frames)


def _picture_at(facts: CaseFacts, pictures: Sequence[Dataset], position: int) -> Dataset:
    return next(
        picture for image, picture in zip(facts.images, pictures, strict=True) if image.position == position
    )
