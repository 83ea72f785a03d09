"""The Django admin: everything is registered, nothing append-only can be changed, no secret is shown."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.utils import timezone

from cases.analysis import model_versions
from cases.models import (
    ApiToken,
    AuditEvent,
    ComputedFigures,
    Invitation,
    Job,
    ModelVersion,
    OriginalReference,
    Prediction,
    Review,
)
from cases.people import invitations
from portal.accounts.models import (
    FailedAttempts,
    OidcAccount,
    RecoveryCode,
    SecondFactor,
    SecurityKey,
    Session,
    User,
)
from tests.cast import token_of
from tests.models import write_files

pytestmark = pytest.mark.ignore_template_errors

# Digests that tell nobody anything, secrets, and names at a provider.
NOT_SHOWN = {
    FailedAttempts,
    OidcAccount,
    OriginalReference,
    RecoveryCode,
    SecondFactor,
    SecurityKey,
    Session,
}
OURS = [
    model
    for label in ("accounts", "cases")
    for model in apps.get_app_config(label).get_models()
    if model not in NOT_SHOWN
]


NO_INLINES = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


def address(model, page="changelist", *args):
    from django.urls import reverse

    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def superuser(db):
    return User.objects.create_superuser("super@example.org", "x", full_name="Super")


@pytest.fixture
def office(client_of, superuser):
    return client_of(superuser)


def test_every_model_is_registered_and_its_list_opens(office, reviewed_case, administrator, cohort):
    invitations.invite(by=administrator, cohort=cohort, email="new@example.org", role="radiologist")
    token_of(administrator)
    secrets = Invitation.objects.get().secret_digest, ApiToken.objects.get().digest, administrator.password
    for model in OURS:
        assert model in admin.site._registry
        assert office.get(address(model), {"q": "x"}).status_code == 200, model
        response = office.get(address(model))
        assert response.status_code == 200, model
        page = response.content.decode()
        assert "For research and study use only" in page, model
        assert [secret for secret in secrets if secret in page] == [], model


def test_computed_figures_are_listed_without_the_figures_that_may_be_closed_by_now(office, cohort):
    now = timezone.now()
    row = ComputedFigures.objects.create(
        cohort=cohort,
        key="k",
        language="en",
        asked_at=now,
        as_of=now,
        answer={"headline": "Right in 9 of 9."},
    )
    page = office.get(address(ComputedFigures, "change", row.pk)).content.decode()
    assert "Right in 9 of 9." not in page + office.get(address(ComputedFigures)).content.decode()
    assert cohort.name in page


@pytest.mark.parametrize("model", [Review, AuditEvent, Prediction, Job, ModelVersion, Invitation])
def test_read_only_row_opens_and_cannot_be_changed_or_deleted(
    office, reviewed_case, administrator, cohort, model
):
    invitations.invite(by=administrator, cohort=cohort, email="new@example.org", role="radiologist")
    row = model.objects.first()
    assert office.get(address(model, "change", row.pk)).status_code == 200
    assert office.post(address(model, "change", row.pk), {}).status_code == 403
    assert office.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert office.get(address(model, "add")).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def act(office, model, action, *rows):
    return office.post(
        address(model), {"action": action, "_selected_action": [str(row.pk) for row in rows]}, follow=True
    )


def test_job_actions_go_through_the_services(office, submitted_case, superuser):
    job = Job.objects.get()
    act(office, Job, "cancel_queued", job)
    job.refresh_from_db()
    assert job.status == "cancelled"
    assert AuditEvent.objects.get(action="job.cancelled").actor == superuser
    act(office, Job, "queue_again", job)
    job.refresh_from_db()
    assert job.status == "queued"
    page = act(office, Job, "queue_again", job).content.decode()
    assert "0 done; 1 left as they were" in page


@pytest.fixture
def two_versions(db, tmp_path, settings):
    """The versions a, active first, and b, which is active now; both with files."""
    settings.MODEL_DIR = str(tmp_path)
    for name in "ab":
        version = model_versions.register_file(by=None, path=write_files(tmp_path, name))
        model_versions.activate(by=None, version=version)
    return ModelVersion.objects.get(name="a"), ModelVersion.objects.get(name="b")


def act_confirmed(office, action, version):
    answer = {"action": action, "_selected_action": [str(version.pk)], "confirmed": "yes"}
    return office.post(address(ModelVersion), answer, follow=True).content.decode()


def active_names():
    return [version.name for version in ModelVersion.objects.filter(is_active=True)]


@pytest.mark.parametrize(
    ("action", "index", "question", "sentence", "event"),
    [
        ("activate", 0, "is analysed by “a”", "“a” is active.", "model.activated"),
        ("roll_back", 1, "“a”, which was active before it", "“a” is active again.", "model.rolled_back"),
    ],
)
def test_version_is_changed_only_once_the_question_is_answered(
    action, index, question, sentence, event, office, two_versions, superuser
):
    chosen = two_versions[index]
    asked = act(office, ModelVersion, action, chosen).content.decode()
    assert question in asked
    assert 'name="confirmed"' in asked
    assert "Figures of “a”:" in asked
    assert active_names() == ["b"]
    assert sentence in act_confirmed(office, action, chosen)
    assert active_names() == ["a"]
    assert AuditEvent.objects.filter(action=event, actor=superuser).count() == 1


def test_activation_asks_for_exactly_one_version(office, two_versions):
    assert "Choose exactly one" in act(office, ModelVersion, "activate", *two_versions).content.decode()
    assert active_names() == ["b"]


def test_activation_without_weights_says_why_and_changes_nothing(office, two_versions, tmp_path):
    (tmp_path / "a.npz").unlink()
    assert "weights of this model are missing" in act_confirmed(office, "activate", two_versions[0])
    assert active_names() == ["b"]


def test_roll_back_without_a_way_back_says_so(office, two_versions):
    assert "is not the active version" in act_confirmed(office, "roll_back", two_versions[0])
    act_confirmed(office, "roll_back", two_versions[1])
    assert "No other version was active before" in act_confirmed(office, "roll_back", two_versions[0])
    assert active_names() == ["a"]


def test_version_page_words_the_figures_of_the_manifest(office, two_versions):
    page = office.get(address(ModelVersion, "change", two_versions[0].pk)).content.decode()
    assert "validation: macro F1 0.900 (95 % interval 0.850 to 0.950), accuracy 0.910, 100 images" in page
    assert "Glioma, Meningioma, No tumour, Pituitary tumour" in page


def test_staff_without_superuser_changes_no_version(client_of, make_person, two_versions):
    person = make_person("staff")
    person.is_staff = True
    person.save()
    answer = {"action": "activate", "_selected_action": [str(two_versions[0].pk)], "confirmed": "yes"}
    assert client_of(person).post(address(ModelVersion), answer).status_code == 403
    assert active_names() == ["b"]


def test_withdraw_closes_only_open_invitations(office, administrator, cohort):
    first = invitations.invite(
        by=administrator, cohort=cohort, email="a@example.org", role="radiologist"
    ).invitation
    second = invitations.invite(
        by=administrator, cohort=cohort, email="b@example.org", role="radiologist"
    ).invitation
    invitations.withdraw(by=administrator, invitation=second)
    assert "1 withdrawn" in act(office, Invitation, "withdraw", first, second).content.decode()
    assert not any(invitation.is_open for invitation in Invitation.objects.all())


def test_token_is_revoked_with_its_user_and_has_no_page_of_its_own(office, administrator):
    token_of(administrator)
    token = ApiToken.objects.get()
    assert office.get(address(ApiToken, "change", token.pk)).status_code == 403
    act(office, User, "revoke_tokens", administrator)
    assert not ApiToken.objects.exists()
    assert AuditEvent.objects.filter(action="token.revoked").count() == 1


def test_new_user_is_made_with_an_address_in_lower_case(office):
    answer = {
        "email": "Fresh@Example.org",
        "full_name": "Fresh",
        "usable_password": "true",
        "password1": "a-long-pass-phrase",
        "password2": "a-long-pass-phrase",
        **NO_INLINES,
    }
    assert office.post(address(User, "add"), answer).status_code == 302
    assert User.objects.get(email="fresh@example.org").full_name == "Fresh"
