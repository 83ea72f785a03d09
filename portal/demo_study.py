"""A finished reader study for the demonstration, made by simulation: reads and results are drawn at random.

Seven readers read each case blind and then with the network's class in sight, so that every card of the
evidence page has something to show. Its pictures are those of the demo cohort, received over twelve weeks, of
which the first five are the baseline of the drift page. Nothing of it is evidence, and each page that shows
it says that its cases are simulated.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from django.db import transaction
from django.utils import timezone

from cases.analysis.model_versions import active_version
from cases.governance.drift import freeze
from cases.lifecycle import CaseState, GateVerdict, JobStatus, Reading, Verdict
from cases.models import (
    Case,
    Cohort,
    FirstRead,
    Image,
    Job,
    Membership,
    ModelVersion,
    Prediction,
    Protocol,
    Review,
)
from cases.roles import Role
from portal.accounts.models import User

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import DateTimeField, Model

STUDY_COHORT = "Demo, finished study (simulated)"
STUDY_DESCRIPTION = "Reads and results drawn at random, of seven readers who never were. Evidence of nothing."
STUDY_CASES = 160
WEEKS = 12
BASELINE_WEEKS = 5
BASELINE_REASON = "Simulated: the first weeks of the demonstration."
SEED = 20261
# How often each reader is right alone, and how often each follows the network where it says something else.
READERS = {"A": (0.90, 0.35), "B": (0.86, 0.5), "C": (0.84, 0.45), "D": (0.8, 0.6)}
READERS |= {"E": (0.78, 0.55), "F": (0.74, 0.7), "G": (0.7, 0.65)}
# How often each network is right, the older one first.
ACCURACY = (0.82, 0.9)


@dataclass(frozen=True)
class Drawn:
    """One simulated case: its row, its class, and what the newer network says of it."""

    case: Case
    truth: str
    result: Prediction
    received: datetime


def simulate_study(source: Cohort, versions: Sequence[ModelVersion]) -> Cohort | None:
    """Make the study, unless it is there already. source: whose pictures it takes; None where it has none of
    known class with a result. versions: the networks, the newest last.
    """
    if Cohort.objects.filter(name=STUDY_COHORT).exists():
        return None
    with_maps = Prediction.objects.filter(image__cohort=source).exclude(image__case__ground_truth="")
    templates = list(with_maps.select_related("image__case").order_by("image__source_sha256"))
    if not templates:
        return None
    dice = random.Random(SEED)  # noqa: S311 - a simulation that is the same each time
    with transaction.atomic():
        cohort = Cohort.objects.create(
            name=STUDY_COHORT,
            description=STUDY_DESCRIPTION,
            reading=Reading.BLINDED,
            readers_required=len(READERS),
        )
        protocol = Protocol.objects.create(
            cohort=cohort, version=1, reading=Reading.BLINDED, readers_required=len(READERS)
        )
        drawn = _cases(cohort, protocol, templates, versions, dice)
        _read(cohort, protocol, drawn, dice)
    return cohort


def freeze_first_weeks(study: Cohort, by: User) -> None:
    """Keep the first weeks as what later ones are held against. by: administers the study."""
    since = timezone.localdate(timezone.now() - timedelta(weeks=WEEKS))
    freeze(
        by=by,
        cohort=study,
        version=active_version(),
        since=since,
        until=since + timedelta(weeks=BASELINE_WEEKS, days=-1),
        reason=BASELINE_REASON,
    )


def _cases(
    cohort: Cohort,
    protocol: Protocol,
    templates: list[Prediction],
    versions: Sequence[ModelVersion],
    dice: random.Random,
) -> list[Drawn]:
    """The cases, three of each patient at the most, with one image each and a result of each network."""
    classes = list(versions[-1].class_labels)
    begun = timezone.now() - timedelta(weeks=WEEKS)
    drawn, images, results = [], [], []
    for number in range(STUDY_CASES):
        template = templates[number % len(templates)]
        truth = template.image.case.ground_truth
        case = Case(
            cohort=cohort,
            state=CaseState.REVIEWED,
            ground_truth=truth,
            is_simulated=True,
            protocol=protocol,
            patient=hashlib.sha256(f"{SEED}:{number * 2 // 5}".encode()).hexdigest()[:32],
            created_by=template.image.case.created_by,
        )
        image = _image(template.image, case, number, dice)
        of_case = [
            _result(image, version, truth, classes, right, template.maps_file, dice)
            for version, right in zip(versions, ACCURACY[-len(versions) :], strict=True)
        ]
        newest = of_case[-1]
        newest.gate_verdict, newest.gate_distance = GateVerdict.ACCEPTED, dice.gammavariate(4, 5)
        case.key_class, case.key_probability = newest.predicted_class, newest.confidence
        images.append(image)
        results += of_case
        received = begun + timedelta(days=WEEKS * 7 * number // STUDY_CASES, minutes=dice.randrange(60))
        case.created_at = image.created_at = received
        for result in of_case:
            result.created_at = received
        drawn.append(Drawn(case, truth, newest, received))
    with _dated_back(Case, Image, Prediction):
        Case.objects.bulk_create([each.case for each in drawn])
        Image.objects.bulk_create(images)
        Prediction.objects.bulk_create(results)
    Job.objects.bulk_create(_job(result) for result in results)
    return drawn


def _job(result: Prediction) -> Job:
    """The analysis that a result comes from, since no result is without one."""
    at = result.created_at
    return Job(
        image=result.image,
        model_version=result.model_version,
        status=JobStatus.SUCCEEDED,
        attempts=1,
        queued_at=at,
        started_at=at,
        finished_at=at + timedelta(seconds=result.seconds),
    )


def _image(template: Image, case: Case, number: int, dice: random.Random) -> Image:
    return Image(
        case=case,
        cohort=case.cohort,
        source_sha256=hashlib.sha256(f"{template.source_sha256}:{number}".encode()).hexdigest(),
        source_format=template.source_format,
        source_bytes=template.source_bytes,
        file=template.file,
        width=template.width,
        height=template.height,
        bit_depth=template.bit_depth,
        colour=template.colour,
        brightness=min(1.0, (template.brightness or 0.0) * dice.uniform(0.9, 1.1)),
    )


def _result(
    image: Image,
    version: ModelVersion,
    truth: str,
    classes: list[str],
    accuracy: float,
    maps_file: str,
    dice: random.Random,
) -> Prediction:
    said = truth if dice.random() < accuracy else dice.choice([code for code in classes if code != truth])
    # Surer where it is right, and a little too sure altogether.
    top = dice.betavariate(9, 1.2) if said == truth else dice.betavariate(5, 2)
    top = max(0.3, min(0.999, top))
    rest = [dice.random() for _ in classes[1:]]
    others = iter([(1 - top) * share / sum(rest) for share in rest])
    return Prediction(
        image=image,
        model_version=version,
        predicted_class=said,
        confidence=top,
        probabilities={code: top if code == said else next(others) for code in classes},
        maps_file=maps_file,
        seconds=0.05,
    )


def _read(cohort: Cohort, protocol: Protocol, drawn: list[Drawn], dice: random.Random) -> None:
    firsts, reviews = [], []
    for letter, (skill, trust) in READERS.items():
        reader = User(
            email=f"simulated-{letter.lower()}@demo.example",
            full_name=f"Simulated reader {letter}",
            is_active=False,
        )
        reader.set_unusable_password()
        reader.save()
        Membership.objects.create(user=reader, cohort=cohort, role=Role.RADIOLOGIST)
        for each in drawn:
            first, review = _reads(each, reader, protocol, skill, trust, dice)
            first.created_at = each.received + timedelta(hours=1 + dice.random())
            review.created_at = first.created_at + timedelta(minutes=1)
            firsts.append(first)
            reviews.append(review)
    with _dated_back(FirstRead, Review):
        FirstRead.objects.bulk_create(firsts)
        Review.objects.bulk_create(reviews)


@contextmanager
def _dated_back(*models: type[Model]) -> Iterator[None]:
    """Rows keep the moments that the simulation gives them."""
    fields = [cast("DateTimeField[Any, Any]", model._meta.get_field("created_at")) for model in models]
    for field in fields:
        field.auto_now_add = False
    try:
        yield
    finally:
        for field in fields:
            field.auto_now_add = True


def _reads(
    drawn: Drawn, reader: User, protocol: Protocol, skill: float, trust: float, dice: random.Random
) -> tuple[FirstRead, Review]:
    """What one reader says of one case before and after."""
    classes = list(drawn.result.probabilities)
    wrong = [code for code in classes if code != drawn.truth]
    before = drawn.truth if dice.random() < skill else dice.choice(wrong)
    sure = dice.choice((3, 4, 4, 5, 5)) if before == drawn.truth else dice.choice((1, 2, 2, 3, 4))
    network = drawn.result.predicted_class
    after = before
    # The sure ones follow less.
    if network != before and dice.random() < trust * (1.2 - sure / 6):
        after = network
    agrees = after == network
    told = {"case": drawn.case, "reader": reader, "protocol": protocol}
    first = FirstRead(read_class=before, confidence=sure, active_seconds=dice.uniform(8, 60), **told)
    review = Review(
        prediction=drawn.result,
        verdict=Verdict.AGREE if agrees else Verdict.DISAGREE,
        final_class=after,
        confidence=min(5, sure + 1) if agrees else max(1, sure - 1),
        **told,
    )
    return first, review
