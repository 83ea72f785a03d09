"""The fixed cast: who takes part in the tests, and the cases they have in hand.

owner          technologist of the cohort, uploaded the cases
colleague      radiologist of the cohort
second         another radiologist of the cohort
referee        a third radiologist, who adjudicates where a test says so
stranger       radiologist of another cohort
administrator  study administrator of the cohort
exporter       fetches the cohort's reviews over REST
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import logging
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from PIL import Image as PillowImage

from inference.heatmaps import MapSet, pack

if TYPE_CHECKING:
    from django.test import Client
    from rest_framework.test import APIClient

    from cases.models import Case, Cohort, FirstRead, ModelVersion, Review
    from cases.roles import Role
    from portal.accounts.models import User

CLASSES = ("glioma", "meningioma", "notumor", "pituitary")
LAYERS = {"conv_1": (16, 32), "conv_2": (32, 16), "conv_3": (64, 8)}  # name: (channels, grid)
PASSWORD = "a-long-pass-phrase"
# Of nothing. A value of its own for each process would make each collect other tests.
UNKNOWN_ID = "4c0f5d3e-0d3b-4b7a-9a53-3f7b0c1d2e4f"

MANIFEST: dict[str, Any] = {
    "id": "test-cnn-1",
    "title": "A small network for tests",
    "weights_sha256": "0" * 64,
    "classes": [
        {"code": "glioma", "label": "Glioma"},
        {"code": "meningioma", "label": "Meningioma"},
        {"code": "notumor", "label": "No tumour"},
        {"code": "pituitary", "label": "Pituitary tumour"},
    ],
    "negative_class": "notumor",
    "layers": [
        {"name": name, "label": f"Layer {number}", "grid": [grid, grid], "channels": channels}
        for number, (name, (channels, grid)) in enumerate(LAYERS.items(), start=1)
    ],
}


def make_png_bytes(width: int = 64, height: int = 64, seed: int = 0, mode: str = "L") -> bytes:
    """A PNG of noise on a bright disc; another seed gives another file."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    disc = ((rows - height / 2) ** 2 + (columns - width / 2) ** 2) < (min(width, height) / 3) ** 2
    grey = np.clip(disc * 140 + rng.integers(0, 60, (height, width)), 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    PillowImage.fromarray(grey).convert(mode).save(stream, "PNG")
    return stream.getvalue()


def make_maps(seed: int = 0) -> MapSet:
    """Maps for CLASSES and LAYERS; the last class has no positive evidence in any layer."""
    rng = np.random.default_rng(seed)
    values = {
        name: rng.integers(0, 256, (4, grid, grid)).astype(np.uint8) for name, (_, grid) in LAYERS.items()
    }
    for stack in values.values():
        stack[-1] = 0
    scales = {name: np.array([1.0, 0.5, 0.25, 0.0], np.float32) for name in LAYERS}
    return MapSet(layers=tuple(LAYERS), class_codes=CLASSES, values=values, scales=scales)


@pytest.fixture(autouse=True)
def enqueued(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[uuid.UUID]:
    """The jobs that were sent to the broker; only `real_broker` tests really reach one."""
    sent: list[uuid.UUID] = []
    if not request.node.get_closest_marker("real_broker"):
        from cases.analysis import jobs

        def enqueue(job_id: uuid.UUID) -> bool:
            sent.append(job_id)
            return True

        monkeypatch.setattr(jobs, "enqueue", enqueue)
    return sent


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> dict[str, bool]:
    """Which queues' workers answer; only `real_broker` tests really ask one."""
    answers = {"analysis": True, "maintenance": True}
    if not request.node.get_closest_marker("real_broker"):
        monkeypatch.setattr("portal.monitoring.state.answering_workers", lambda: answers)
    return answers


@pytest.fixture
def walking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For who asks thousands of questions: without the contexts that Django's client keeps of each page, and
    without a line in the log for each that is refused. Faults are logged.
    """
    from django.template import Template

    monkeypatch.setattr(Template, "_render", lambda self, context: self.nodelist.render(context))
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def make_png() -> Callable[..., bytes]:
    return make_png_bytes


@pytest.fixture
def model_version(db: None) -> ModelVersion:
    from cases.models import ModelVersion

    return ModelVersion.objects.create(
        name=MANIFEST["id"], weights_sha256=MANIFEST["weights_sha256"], manifest=MANIFEST, is_active=True
    )


@pytest.fixture
def newer_version(model_version: ModelVersion) -> ModelVersion:
    """A second version, with the same classes; active from now on."""
    from cases.models import ModelVersion

    ModelVersion.objects.update(is_active=False)
    return ModelVersion.objects.create(
        name="test-cnn-2",
        weights_sha256="2" * 64,
        manifest=MANIFEST | {"id": "test-cnn-2"},
        is_active=True,
    )


@pytest.fixture
def cohort(db: None) -> Cohort:
    from cases.models import Cohort

    return Cohort.objects.create(name="North")


@pytest.fixture
def other_cohort(db: None) -> Cohort:
    from cases.models import Cohort

    return Cohort.objects.create(name="South")


@pytest.fixture
def make_person(db: None) -> Callable[..., User]:
    """Make a user by first name, in one cohort and role."""
    from cases.models import Membership
    from cases.roles import Role
    from portal.accounts.models import User

    def make(name: str, cohort: Cohort | None = None, role: Role | None = None) -> User:
        user = User.objects.create_user(f"{name}@example.org", PASSWORD, full_name=name.capitalize())
        if cohort is not None and role is not None:
            Membership.objects.create(user=user, cohort=cohort, role=Role(role))
        return user

    return make


@pytest.fixture
def owner(make_person: Callable[..., User], cohort: Cohort) -> User:
    return make_person("owner", cohort, "technologist")


@pytest.fixture
def colleague(make_person: Callable[..., User], cohort: Cohort) -> User:
    return make_person("colleague", cohort, "radiologist")


@pytest.fixture
def second(make_person: Callable[..., User], cohort: Cohort) -> User:
    return make_person("second", cohort, "radiologist")


@pytest.fixture
def referee(make_person: Callable[..., User], cohort: Cohort) -> User:
    return make_person("referee", cohort, "radiologist")


@pytest.fixture
def stranger(make_person: Callable[..., User], other_cohort: Cohort) -> User:
    return make_person("stranger", other_cohort, "radiologist")


@pytest.fixture
def administrator(make_person: Callable[..., User], cohort: Cohort) -> User:
    return make_person("administrator", cohort, "administrator")


@pytest.fixture
def exporter(make_person: Callable[..., User], cohort: Cohort) -> User:
    return make_person("exporter", cohort, "exporter")


@pytest.fixture
def under_protocol(administrator: User, cohort: Cohort) -> Callable[..., Cohort]:
    """Give the cohort other terms, as its administrator does on the protocol's page."""
    from cases.reading.protocols import change_protocol, terms_of

    def change(reason: str = "", **terms: Any) -> Cohort:
        cohort.refresh_from_db()
        changed = dataclasses.replace(terms_of(cohort), **terms)
        change_protocol(by=administrator, cohort=cohort, terms=changed, reason=reason)
        cohort.refresh_from_db()
        return cohort

    return change


@pytest.fixture
def blinded(under_protocol: Callable[..., Cohort]) -> Cohort:
    """The cohort, read as commit, then reveal."""
    return under_protocol(reading="blinded")


@pytest.fixture
def commit_as() -> Callable[..., FirstRead]:
    """Commit a first read of a blinded case."""
    from cases.models import Case
    from cases.permissions import require_reader
    from cases.reading.first_reads import commit_first_read
    from cases.reading.read_input import ReadInput

    def commit(reader: User, case: Case, read_class: str = "glioma", **said: Any) -> FirstRead:
        fresh = Case.objects.select_related("cohort", "protocol").get(pk=case.pk)
        read = ReadInput(read_class, said.pop("confidence", 4), **said)
        return commit_first_read(reader=require_reader(reader, fresh), read=read)

    return commit


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """A browser in which the user is signed in; those of one person share a session, as tabs do."""
    from django.conf import settings
    from django.test import Client

    sessions: dict[uuid.UUID, str] = {}

    def sign_in(user: User) -> Client:
        client = Client()
        if user.pk not in sessions:
            client.force_login(user)
            sessions[user.pk] = client.cookies[settings.SESSION_COOKIE_NAME].value
        client.cookies[settings.SESSION_COOKIE_NAME] = sessions[user.pk]
        return client

    return sign_in


def token_of(user: User, **terms: Any) -> str:
    """The text of a new token of the user: of every scope, cohort and time, where nothing else is said.

    Used a moment ago, so that its first use here costs no query more than the next.
    """
    from django.utils.timezone import now

    from cases.models import ApiToken
    from cases.scopes import Scope

    text: str
    _, text = ApiToken.objects.create(
        user, **{"name": "script", "scopes": list(Scope), "last_used_at": now()} | terms
    )
    return text


@pytest.fixture
def api_of(db: None) -> Callable[..., APIClient]:
    """A script that sends a token of the user, for everything or for what is named."""
    from rest_framework.test import APIClient

    def with_token(user: User, **terms: Any) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {token_of(user, **terms)}")
        return client

    return with_token


@pytest.fixture
def submit(owner: User, cohort: Cohort, model_version: ModelVersion) -> Callable[..., Case]:
    """Take one picture in as the owner; returns its case, with the job queued."""
    from cases.intake.uploads import submit_file

    def take_in(seed: int = 0, **options: Any) -> Case:
        receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(make_png_bytes(seed=seed)), **options)
        assert receipt.case is not None, receipt
        return receipt.case

    return take_in


@pytest.fixture
def submit_many(owner: User, cohort: Cohort, model_version: ModelVersion) -> Callable[..., Case]:
    """Take several pictures in as the images of one case, each with its job queued."""
    from cases.intake.uploads import submit_series

    def take_in(count: int = 3, first_seed: int = 100, **options: Any) -> Case:
        files = [ContentFile(make_png_bytes(seed=first_seed + place)) for place in range(count)]
        receipts = submit_series(by=owner, cohort=options.pop("into", cohort), files=files, **options)
        case = receipts[0].case
        assert case is not None, receipts
        return case

    return take_in


@pytest.fixture
def analyse_as() -> Callable[..., None]:
    """Finish the queued job of one image the way a worker does, with a given class and probability.

    `found` is what the gate and the comparison with the training images say.
    """
    from cases.analysis import jobs

    def finish(
        case: Case, predicted: str = "glioma", probability: float = 0.7, position: int = 0, **found: Any
    ) -> None:
        job = case.images.get(position=position).jobs.get(status="queued")
        claim = jobs.lease(job.pk)
        assert claim is not None
        rest = (1 - probability) / 3
        jobs.complete(
            claim,
            jobs.Result(
                predicted_class=predicted,
                probabilities={code: probability if code == predicted else rest for code in CLASSES},
                packed_maps=pack(make_maps()),
                seconds=0.05,
                **found,
            ),
        )

    return finish


@pytest.fixture
def fail_as() -> Callable[..., None]:
    """Let the queued job of one image fail for good the way a worker does."""
    from cases.analysis import jobs

    def fail(case: Case, position: int = 0) -> None:
        claim = jobs.lease(case.images.get(position=position).jobs.get(status="queued").pk)
        assert claim is not None
        assert jobs.fail(claim, jobs.Failure("broken", "The stored picture is damaged.", retryable=False))

    return fail


@pytest.fixture
def submitted_case(submit: Callable[..., Case]) -> Case:
    return submit()


@pytest.fixture
def ready_case(submitted_case: Case, analyse_as: Callable[..., None]) -> Case:
    analyse_as(submitted_case)
    return submitted_case


@pytest.fixture
def reviewed_case(ready_case: Case, colleague: User, review_as: Callable[..., Review]) -> Case:
    """The network said glioma; the colleague saw a meningioma."""
    review_as(colleague, ready_case, corrected="meningioma")
    ready_case.refresh_from_db()
    return ready_case


@pytest.fixture
def review_as() -> Callable[..., Review]:
    """Submit a review; with `corrected` the reader disagrees."""
    from cases.analysis.results import current_result
    from cases.lifecycle import Verdict
    from cases.models import Case
    from cases.permissions import require_reader
    from cases.reading.read_input import ReadInput
    from cases.reading.reviews import submit_review

    def review(
        reader: User, case: Case, corrected: str = "", confidence: int = 4, comment: str = "", **said: Any
    ) -> Review:
        case = Case.objects.select_related("cohort", "protocol").get(pk=case.pk)
        prediction = current_result(reader, case)
        assert prediction is not None
        verdict = Verdict.DISAGREE if corrected else Verdict.AGREE
        read = ReadInput(corrected, confidence, comment, **said, verdict=verdict)
        return submit_review(reader=require_reader(reader, case), prediction=prediction, read=read)

    return review


def sha256_of(data: bytes) -> str:
    """The digest by which an upload is recognised."""
    return hashlib.sha256(data).hexdigest()
