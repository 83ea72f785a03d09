"""Every page in a made-up language that has no letters: what still has some, nobody can translate.

Each string of the catalogue is "translated" to signs. A walk asks every route as every role, about cases in
every state, with forms filled in wrongly too; the words that are left in the answers must be data.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import django
import numpy as np
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.contrib.messages import get_messages
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from PIL import Image as PillowImage

from cases import translation
from cases.analysis import jobs, worker
from cases.analysis.reanalysis import reanalyse
from cases.analysis.results import current_result
from cases.intake.forms import Grouping
from cases.intake.uploads import submit_file
from cases.lifecycle import Verdict
from cases.models import (
    Assignment,
    Case,
    Cohort,
    Image,
    Job,
    Membership,
    ModelVersion,
    Prediction,
    SavedView,
)
from cases.people.invitations import invite
from cases.permissions import require_reader
from cases.reading.adjudications import adjudicate
from cases.reading.claims import claim_case
from cases.reading.drafts import submit_preliminary
from cases.reading.read_input import ReadInput
from cases.reading.reviews import amend_review
from cases.roles import Role
from cases.teaching.answers import answer
from cases.worklist.bulk_pages import OFFERS
from cases.worklist.saved_views import save_view
from inference.heatmaps import pack
from tests.cases.test_nothing_leaks import filled, routes
from tests.cast import MANIFEST, make_maps, make_png_bytes
from tests.support import catalogues

# The admin speaks as Django translates it; a script reads the API, and a probe the health; a guide has a file
# for each language (tests/portal/test_guides.py).
ELSEWHERE = ("admin/", "api/", "health/", "help/", "static/")
ROUTES = sorted(
    route
    for route, _ in dict(routes(get_resolver().url_patterns)).items()
    if not route.startswith(ELSEWHERE) and "^" not in route and not route.endswith((".png", ">", "sign-out/"))
)
NONSENSE = {
    "email": "colleague@example.org",
    "username": "colleague@example.org",
    "password": "x",
    "verdict": "x",
    "read_class": "x",
    "confidence": "9",
    "cohort": "x",
    "role": "radiologist",
    "new_password1": "colleague",
    "new_password2": "x",
    "reason": "…" * 2000,
    "region": "x",
    "name": "…",
}
# What a translation keeps: the places of values, markup, entities.
KEPT = re.compile(r"%(?:\(\w+\))?[sd%]|\{\w*\}|<[^>]*>|&\w+;")
WORD = re.compile(r"[^\W\d_]{2,}")
# Also of the cases that an upload of the walk makes, and that are gone with its transaction.
CODE = r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b"
SPOKEN = ("title", "aria-label", "placeholder", "alt", "aria-description")
SILENT = {"script", "style", "code"}
# What a script reads and shows to nobody.
CODES = {"data-classes", "data-drafts", "data-hides"}
# Names, units and signs that are the same in every language.
NAMES = (
    *("SecondRead", "English", "Deutsch", "REST"),
    *("PNG", "JPEG", "TIFF", "BMP", "WebP", "DICOM", "NIfTI", "RGB", "MB", "KB", "Esc", "UTC"),
    *("CSV", "SVG"),
)


def without_letters(words: str) -> str:
    """The words as signs; what they keep stays."""
    pieces = zip(KEPT.split(words), [*KEPT.findall(words), ""], strict=True)
    return "".join(re.sub(r"\w", "□", said) + kept for said, kept in pieces)


@cache
def in_signs_compiled() -> bytes:
    """The catalogue as Django reads it; looked for in every source, so made once."""
    return catalogues.compiled(signs())


def signs() -> Catalog:
    """A catalogue of signs for every string of ours, and of the parts of Django that our pages show."""
    found = Catalog(locale="de", fuzzy=False)
    root = Path(django.__file__).parent
    theirs = [root / "conf", root / "contrib" / "auth", root / "contrib" / "humanize"]
    sources = [catalogues.extracted()]
    for part in theirs:
        with (part / "locale" / "de" / "LC_MESSAGES" / "django.po").open("rb") as file:
            sources.append(read_po(file))
    for source in sources:
        for message in source:
            if message.id:
                forms = (message.id,) if isinstance(message.id, str) else message.id
                said = tuple(without_letters(form) for form in forms)
                found.add(message.id, said if len(said) > 1 else said[0], context=message.context)
    return found


@pytest.fixture
def in_signs(tmp_path, settings) -> None:
    """German is the language of signs."""
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.mo").write_bytes(in_signs_compiled())
    settings.LOCALE_PATHS = [tmp_path]


@pytest.fixture
def folder_to_import(tmp_path, settings) -> None:
    """One that the operator has named as the cohort is."""
    folder = tmp_path / "import"
    folder.mkdir()
    (folder / "1").touch()
    settings.IMPORT_FOLDERS = {"North": folder}


class Spoken(HTMLParser):
    """What a page says: its text, and the attributes that are read out or shown."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in SILENT
        given = {name: value or "" for name, value in attrs if name not in CODES}
        self.said += [given[name] for name in SPOKEN if name in given]
        # Sentences that a script puts on the page stand in data attributes of the template.
        self.said += [value for name, value in given.items() if name.startswith("data-") and " " in value]
        if tag == "input" and given.get("type") in ("submit", "button"):
            self.said.append(given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in SILENT

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.said.append(data)


def known_words(data: set[str]) -> re.Pattern[str]:
    """What matches the data, and the codes of cases."""
    return re.compile("|".join([CODE, *(re.escape(each) for each in sorted(data, key=len, reverse=True))]))


def words_in(body: str, known: re.Pattern[str]) -> Iterator[str]:
    """The sentences with words that are not known."""
    page = Spoken()
    page.feed(body)
    for said in page.said:
        # Most of a page is signs, and looked through for names in vain.
        if WORD.search(said) and WORD.search(known.sub("", said)):
            yield " ".join(said.split())


def data_of_the_portal() -> set[str]:
    """What people and machines have entered: it is shown as it is."""
    from portal.accounts.models import User

    found = {*NAMES, "new@example.org", "{done}", "{total}", "{refused}", "{share}", "{area}", "{number}"}
    for named in (
        Cohort.objects.values_list("name", "description"),
        User.objects.values_list("email", "full_name"),
    ):
        found |= {value for row in named for value in row}
    found |= set(Image.objects.values_list("source_sha256", flat=True))
    # The tests' network has labels of its own, which no catalogue knows.
    found |= {layer["label"] for layer in MANIFEST["layers"]}
    found |= set(ModelVersion.objects.values_list("name", flat=True))
    return found - {""}


def png_in_colour() -> bytes:
    rng = np.random.default_rng(5)
    stream = io.BytesIO()
    PillowImage.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def analyse_with(version: ModelVersion, case: Case) -> None:
    """Finish the analysis of another version."""
    claim = jobs.lease(case.images.get().jobs.get(model_version=version).pk)
    assert claim is not None
    shares = {"glioma": 0.1, "meningioma": 0.7, "notumor": 0.1, "pituitary": 0.1}
    jobs.complete(claim, jobs.Result("meningioma", shares, pack(make_maps()), 0.05, "accepted", 0.5))


@pytest.fixture
def ai_first(owner, colleague, administrator, cohort, submit, analyse_as, review_as, request) -> None:
    """Cases in every state of the analysis, and of a review that begins with the result."""
    queued, ready, uncertain, refused, failed, read, submitted = (submit(seed=seed) for seed in range(7))
    for case, found in (
        (ready, {"in_training": True}),
        (uncertain, {"gate_verdict": "uncertain", "gate_distance": 2.0}),
        (refused, {"gate_verdict": "refused", "gate_distance": 9.0}),
        (read, {"gate_verdict": "accepted", "gate_distance": 0.5}),
        (submitted, {}),
    ):
        analyse_as(case, **found)
    Job.objects.filter(image__case=failed).update(status="failed", error_message=worker.UNEXPECTED.message)
    Image.objects.filter(case=ready).update(notices=list(translation.NOTICES))
    Case.objects.filter(pk__in=[ready.pk, read.pk]).update(ground_truth="glioma")
    review = review_as(colleague, read, corrected="meningioma")
    amend_review(by=colleague, review=review, read=ReadInput("", 3, verdict=Verdict.AGREE), reason="…")
    result = current_result(colleague, submitted)
    assert result is not None
    submit_preliminary(
        reader=require_reader(colleague, submitted),
        prediction=result,
        read=ReadInput("", 3, verdict=Verdict.AGREE),
    )
    coloured = submit_file(by=owner, cohort=cohort, file=ContentFile(png_in_colour()), is_simulated=True)
    assert coloured.case is not None
    analyse_as(coloured.case)
    newer = request.getfixturevalue("newer_version")
    reanalyse(by=administrator, cohort=cohort)
    for case in (ready, read):
        analyse_with(newer, case)
    assert queued.images.get().jobs.filter(status="queued").exists()


@pytest.fixture
def blinded_reading(
    submit, analyse_as, under_protocol, colleague, second, referee, commit_as, review_as
) -> None:
    """Cases before the commit, after it, disputed, and decided."""
    under_protocol(reading="blinded", readers_required=2, adjudicator=referee)
    _, committed, disputed, decided = (submit(seed=seed, ground_truth="glioma") for seed in range(4))
    for case in Case.objects.all():
        analyse_as(case)
    commit_as(colleague, committed)
    for case in (disputed, decided):
        for reader, seen in ((colleague, "pituitary"), (second, "other")):
            commit_as(reader, case, seen, other_finding="…" if seen == "other" else "")
        review_as(colleague, case)
        review_as(second, case, corrected="meningioma")
    fresh = Case.objects.select_related("cohort", "protocol").get(pk=decided.pk)
    adjudicate(by=referee, case=fresh, read=ReadInput("glioma", 4))
    under_protocol(readers_required=3, reason="…")


@pytest.fixture
def many_images(
    submit_many, analyse_as, fail_as, review_as, colleague, second, administrator, other_cohort
) -> None:
    """Cases of several images, wholly and partly analysed: given, read just now, and seen with a mark."""
    Membership.objects.create(user=administrator, cohort=other_cohort, role=Role.ADMINISTRATOR)
    read, partly, queued = (submit_many(2, first_seed=seed) for seed in (200, 210, 220))
    for case in (read, partly):
        analyse_as(case, position=0)
    analyse_as(read, "notumor", position=1)
    fail_as(partly, position=1)
    Job.objects.filter(status="failed").update(error_message=worker.UNEXPECTED.message)
    review_as(
        colleague, read, region={"image": 0, "kind": "rectangle", "x0": 8, "y0": 16, "x1": 40, "y1": 48}
    )
    for case, reader in ((partly, second), (queued, colleague), (queued, second)):
        Assignment.objects.create(case=case, reader=reader, assigned_by=administrator)
    claim_case(reader=require_reader(second, partly))
    for person in (colleague, administrator):
        save_view(by=person, name="…", query="state=open")


def acts_on_many(cohort: Cohort) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every act on many cases: asked for, said with all cases and with none, and done."""
    reader = cohort.memberships.filter(role=Role.RADIOLOGIST).first()
    elsewhere = Cohort.objects.exclude(pk=cohort.pk).first()
    assert reader is not None
    targets = {
        "reader": str(reader.user_id),
        "holder": str(reader.user_id),
        "priority": "1",
        "cohort": str(elsewhere.pk if elsewhere else cohort.pk),
    }
    codes = " ".join(Case.objects.values_list("code", flat=True))
    for offer in OFFERS.values():
        asked = {"act": offer.name}
        said = asked | {"target": targets.get(offer.target, "")}
        yield "get", {"query_params": asked | {"all": "1"}}
        yield "get", {"query_params": said | {"all": "1"}}
        yield "get", {"query_params": said}
        yield "post", {"data": said | {"codes": codes}}


def files_as_one_case(cohort: Cohort) -> dict[str, Any]:
    """Two slices and something else, sent as one case."""
    slices = [make_png_bytes(seed=seed) for seed in (300, 301)]
    files = [ContentFile(data, name=f"{number}.□") for number, data in enumerate([*slices, b"x"])]
    return {"cohort": str(cohort.pk), "grouping": Grouping.ONE_CASE.value, "files": files}


@pytest.fixture
def teaching(submit, analyse_as, under_protocol, colleague) -> None:
    """A case that was answered, and one that was not."""
    under_protocol(reading="teaching")
    answered, other = (submit(seed=seed, ground_truth="pituitary") for seed in range(2))
    analyse_as(answered, in_training=True)
    analyse_as(other)
    fresh = Case.objects.select_related("cohort", "protocol").get(pk=answered.pk)
    answer(by=colleague, case=fresh, read_class="glioma", confidence=2)


def addresses(cohort: Cohort, case: Case, names: dict[str, str]) -> Iterator[str]:
    """Every route that is no picture, about this case."""
    prediction = Prediction.objects.filter(image__case=case).first() or Prediction.objects.first()
    member = cohort.memberships.order_by("pk").last()
    view = SavedView.objects.order_by("pk").first()
    assert prediction is not None
    assert member is not None
    names = names | {
        "membership_id": str(member.pk),
        "user_id": str(member.user_id),
        "view_id": str(view.pk if view else 0),
    }
    for route in ROUTES:
        known = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: names.get(found[1], found[0]), route)
        yield filled(known, case, prediction)


class Writes:
    """Notices what a request writes, as verbs and tables; stands around the cursor."""

    def __init__(self) -> None:
        self.made: set[str] = set()

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")):
            self.made.add(" ".join(sql.split(maxsplit=3)[:3]))
        return execute(sql, params, many, context)


def answers(
    client: Client, address: str, cohort: Cohort, sends: bool, shown: set[tuple[str, ...]]
) -> Iterator[tuple[str, Any]]:
    """What is answered: asked plainly, for a part, and, if `sends`, with forms that do not hold.

    Where a form leads to is looked at, unless the same was said there before, after the same was written.
    shown: what was said and written, by address; it grows.
    """
    asked: list[tuple[str, dict[str, Any]]] = [
        ("get", {"query_params": {"cohort": str(cohort.pk), "numbers": "shown"}})
    ]
    if address.endswith(("/states/", "/status/")):
        asked.append(("get", {"headers": {"HX-Request": "true"}}))
    if sends:
        asked += [("post", {}), ("post", {"data": NONSENSE})]
    if address == reverse("cases:bulk"):
        asked += acts_on_many(cohort)
    if address == reverse("cases:upload"):
        asked.append(("post", {"data": files_as_one_case(cohort)}))
    for method, how in asked:
        with transaction.atomic():
            writes = Writes()
            with connection.execute_wrapper(writes):
                response = getattr(client, method)(address, **how)
            yield method, response
            # A file, which is there after `make run`, says nothing.
            while response.status_code in (302, 303) and not response.url.startswith(settings.STATIC_URL):
                said = (response.url, *map(str, get_messages(response.wsgi_request)), *sorted(writes.made))
                if said in shown:
                    client.cookies.pop("messages", None)
                    break
                shown.add(said)
                response = client.get(response.url)
                yield method, response
            transaction.set_rollback(True)


# Who sees something of their own there; "" is nobody. What is not about cases is asked in the first one only.
SCENES = {
    "ai_first": ("colleague", "owner", "administrator", ""),
    "blinded_reading": ("colleague", "second", "referee"),
    "many_images": ("colleague", "owner", "administrator"),
    "teaching": ("colleague",),
}
# Forms say the same about any case: two of them are enough, one without a result and one with.
SENT_TO = (0, 1)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>□□□ <b>Worklist</b></p>", ["Worklist"]),
        ('<input placeholder="Search cases"><p>□□</p>', ["Search cases"]),
        ('<p data-sent="Sent to the server">□</p>', ["Sent to the server"]),
        ('<form data-classes="glioma other">□</form>', []),
        ("<p>□□ North, 70 % <script>let words = 1</script> A</p>", []),
    ],
)
def test_words_that_are_no_data_are_found(body, expected) -> None:
    assert list(words_in(body, known_words({"North"}))) == expected


@pytest.mark.long
@pytest.mark.usefixtures("walking", "folder_to_import")
@pytest.mark.parametrize(("scene", "who"), [(scene, who) for scene, whos in SCENES.items() for who in whos])
def test_no_page_says_anything_that_cannot_be_translated(
    scene, who, in_signs, cohort, colleague, administrator, request
) -> None:
    request.getfixturevalue(scene)
    names = {
        "secret": invite(by=administrator, cohort=cohort, email="new@example.org", role=Role.EXPORTER).secret,
        "uidb64": urlsafe_base64_encode(force_bytes(colleague.pk)),
        "token": default_token_generator.make_token(colleague),
    }
    known = known_words(data_of_the_portal())
    found: dict[str, str] = {}
    pages = 0
    person = request.getfixturevalue(who) if who else None
    client = Client()
    if person:
        client.force_login(person)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    asked: dict[str, bool] = {}
    for number, case in enumerate(Case.objects.order_by("created_at")):
        for address in addresses(cohort, case, names):
            asked.setdefault(address, number in SENT_TO)
    # Nothing said and nothing written: the page is asked for anyway.
    shown: set[tuple[str, ...]] = {(address,) for address, sends in asked.items() if not sends}
    for address, sends in asked.items():
        if scene != "ai_first" and not address.startswith(("/cases/", "/dashboard/")):
            continue
        for method, response in answers(client, address, cohort, sends, shown):
            if response.get("Content-Type", "").startswith("text/html"):
                pages += 1
                for sentence in words_in(response.content.decode(), known):
                    found.setdefault(sentence, f"{method} {address} as {person}")
    assert found == {}
    assert pages > 100
