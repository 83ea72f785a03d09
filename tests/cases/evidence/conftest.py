"""Studies whose figures are known by counting."""

import pytest
from django.utils import translation

from cases.models import Case, FirstRead, Image, Prediction, Review
from cases.models.protocol import Protocol


@pytest.fixture(autouse=True)
def in_english():
    """A page of another language leaves it behind."""
    with translation.override("en"):
        yield


@pytest.fixture
def study(blinded, colleague, second, owner, administrator, model_version, newer_version):
    """Add finished blind reads: (truth, network, reads by reader as (before, after))."""
    protocol = Protocol.objects.create(cohort=blinded, version=1, reading="blinded")

    def add(truth, network, *reads, **case):
        made = Case.objects.create(
            cohort=blinded, state="reviewed", ground_truth=truth, created_by=owner, protocol=protocol, **case
        )
        image = Image.objects.create(
            case=made,
            cohort=blinded,
            source_sha256=str(made.pk).replace("-", "")[:32] * 2,
            source_format="PNG",
            source_bytes=1,
            file="images/none.png",
            width=1,
            height=1,
            bit_depth=8,
            colour="grey",
        )
        result = Prediction.objects.create(
            image=image,
            model_version=newer_version,
            predicted_class=network,
            confidence=0.7,
            probabilities={"glioma": 0.7, "meningioma": 0.1, "notumor": 0.1, "pituitary": 0.1},
            maps_file="maps/none.npz",
            seconds=0.1,
        )
        for reader, (before, after) in zip((colleague, second), reads, strict=False):
            told = {"case": made, "reader": reader, "protocol": protocol}
            FirstRead.objects.create(read_class=before, confidence=3, **told)
            verdict = "agree" if after == network else "disagree"
            Review.objects.create(prediction=result, verdict=verdict, final_class=after, confidence=4, **told)
        return made

    add.cohort = blinded
    return add


@pytest.fixture
def small(study):
    """Five reads by two readers: to right, to wrong, wrong to wrong, kept right, of no known class."""
    study("glioma", "glioma", ("meningioma", "glioma"), ("glioma", "glioma"))
    study("meningioma", "glioma", ("meningioma", "glioma"))
    study("pituitary", "glioma", ("meningioma", "glioma"))
    study("", "glioma", ("notumor", "glioma"))
    return study.cohort
