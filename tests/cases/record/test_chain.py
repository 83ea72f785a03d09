"""The record's chain: it names the one row that was changed, taken away or put in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from cases import audit
from cases.models import AccessEvent, Adjudication, AuditEvent, AuditSeal, FirstRead, Review
from cases.reading.adjudications import adjudicate
from cases.reading.read_input import ReadInput
from cases.record.content import FORMS, KINDS, NEWEST_FORM, content_digest, link_digest
from cases.record.sealing import anchor, seal_new
from cases.record.tasks import anchor_record, seal_record
from cases.record.verifying import Anchor, Fault, Found, anchors_in, verify

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def anchors(settings: Any, tmp_path: Path) -> Path:
    settings.AUDIT_ANCHORS = str(tmp_path / "outside" / "anchors.txt")
    return Path(settings.AUDIT_ANCHORS)


@pytest.fixture
def behind_our_back() -> Callable[..., None]:
    """SQL of somebody who owns the database, and so can take the triggers away."""

    def run(table: str, sql: str, *parameters: object) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_append_only")
            else:
                for verb in ("UPDATE", "DELETE"):
                    cursor.execute(f"DROP TRIGGER {table}_no_{verb}")
            cursor.execute(sql, parameters)

    return run


@pytest.fixture
def sealed(
    under_protocol, submit, analyse_as, commit_as, review_as, colleague, second, referee
) -> dict[str, Any]:
    """A case that was read twice, disputed and decided: a row of every kind, and all of it sealed."""
    under_protocol(reading="blinded", readers_required=2, adjudicator=referee)
    case = submit()
    analyse_as(case)
    for reader, said in ((colleague, "pituitary"), (second, "meningioma")):
        commit_as(reader, case, said)
        review_as(reader, case, corrected=said, comment="Ränder, scharf.")
    fresh = type(case).objects.select_related("cohort", "protocol").get(pk=case.pk)
    adjudicate(by=referee, case=fresh, read=ReadInput("glioma", 4))
    look = AccessEvent.objects.create(
        kind="case", method="GET", route="/cases/<code:code>/", status=200, subject=case.code, actor=referee
    )
    assert seal_new() == AuditSeal.objects.count() > 8
    return {
        "access": look,
        "audit": AuditEvent.objects.order_by("at").first(),
        "first_read": FirstRead.objects.first(),
        "review": Review.objects.first(),
        "adjudication": Adjudication.objects.get(),
    }


def key_of(row: Any) -> str:
    """The key as the database stores it."""
    return str(row.pk) if connection.vendor == "postgresql" else row.pk.hex


def test_chain_holds_every_field_of_every_kind() -> None:
    for name, kind in KINDS.items():
        assert set(FORMS[NEWEST_FORM][name]) == {field.attname for field in kind.model._meta.concrete_fields}


def test_what_was_written_is_sealed_once_in_the_order_of_its_time(sealed) -> None:
    seals = list(AuditSeal.objects.order_by("position"))
    assert [seal.position for seal in seals] == list(range(1, len(seals) + 1))
    assert [seal.at for seal in seals] == sorted(seal.at for seal in seals)
    assert {seal.kind for seal in seals} == set(KINDS)
    assert (seals[0].digest, seals[1].digest) == (
        link_digest("", seals[0].content),
        link_digest(seals[0].digest, seals[1].content),
    )
    assert seal_new() == 0
    assert list(verify()) == []


def test_what_comes_later_is_bound_to_what_was_there(sealed, colleague, cohort) -> None:
    before = AuditSeal.objects.order_by("-position").first()
    audit.record(by=colleague, action="test.more", subject=cohort, cohort=cohort)
    seal_record()
    newest = AuditSeal.objects.order_by("-position").first()
    assert (newest.position, newest.kind) == (before.position + 1, "audit")
    assert newest.digest == link_digest(
        before.digest, content_digest("audit", AuditEvent.objects.get(pk=newest.row))
    )


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("audit", "action = 'nothing.happened'"),
        ("first_read", "read_class = 'glioma'"),
        ("review", "comment = comment || '.'"),
        ("review", "confidence = 5"),
        ("adjudication", "final_class = 'meningioma'"),
    ],
)
def test_row_that_was_changed_is_named_alone(kind, change, sealed, behind_our_back) -> None:
    row = sealed[kind]
    table = row._meta.db_table
    behind_our_back(table, f"UPDATE {table} SET {change} WHERE id = %s", key_of(row))
    assert list(verify()) == [Found(Fault.ALTERED, f"{kind} {row.pk}")]


def test_row_that_was_taken_away_is_named(sealed, behind_our_back) -> None:
    row = sealed["adjudication"]
    behind_our_back("cases_adjudication", "DELETE FROM cases_adjudication WHERE id = %s", key_of(row))
    assert list(verify()) == [Found(Fault.MISSING, f"adjudication {row.pk}")]


def test_row_that_was_put_in_among_older_ones_is_named(sealed, cohort, colleague, behind_our_back) -> None:
    put = AuditEvent.objects.create(actor=colleague, action="test.put_in", subject_type="cohort", subject="x")
    assert list(verify()) == []  # just written, and sealed with the next
    then = timezone.now() - timedelta(hours=3)
    behind_our_back(
        "cases_auditevent", "UPDATE cases_auditevent SET at = %s WHERE id = %s", then, key_of(put)
    )
    assert list(verify()) == [Found(Fault.INSERTED, f"audit {put.pk}")]
    # It is not sealed afterwards as though it had been there.
    seal_new()
    assert list(verify()) == [Found(Fault.INSERTED, f"audit {put.pk}")]


def test_row_changed_with_its_link_breaks_the_chain_there(sealed, behind_our_back) -> None:
    row = sealed["review"]
    behind_our_back("cases_review", "UPDATE cases_review SET comment = 'x' WHERE id = %s", key_of(row))
    row.refresh_from_db()
    link = AuditSeal.objects.get(kind="review", row=row.pk)
    forged = content_digest("review", row)
    behind_our_back(
        "cases_auditseal",
        "UPDATE cases_auditseal SET content = %s WHERE position = %s",
        forged,
        link.position,
    )
    assert list(verify()) == [Found(Fault.LINK_ALTERED, f"position {link.position}")]


def test_link_that_was_taken_out_is_named(sealed, behind_our_back) -> None:
    behind_our_back("cases_auditseal", "DELETE FROM cases_auditseal WHERE position = %s", 3)
    assert Found(Fault.LINK_MISSING, "position 3") in list(verify())


def test_chain_that_was_written_anew_is_found_by_what_lies_outside(sealed, anchors, behind_our_back) -> None:
    anchor_record()
    (kept,) = anchors_in(anchors.read_text().splitlines())
    newest = AuditSeal.objects.order_by("-position").first()
    assert kept == Anchor(newest.position, newest.digest)
    row = sealed["review"]
    behind_our_back("cases_review", "UPDATE cases_review SET confidence = 1 WHERE id = %s", key_of(row))
    behind_our_back("cases_auditseal", "DELETE FROM cases_auditseal")
    seal_new()
    assert list(verify()) == []
    assert list(verify([kept])) == [Found(Fault.NOT_ANCHORED, f"position {kept.position}")]


def test_chain_whose_end_was_cut_off_is_found_by_what_lies_outside(sealed) -> None:
    last = AuditSeal.objects.count()
    assert list(verify([Anchor(last + 1, "0" * 64)])) == [Found(Fault.LINK_MISSING, f"position {last + 1}")]


def test_anchor_of_nothing_writes_nothing(db, anchors) -> None:
    assert anchor() == ""
    assert not anchors.exists()


def test_command_says_that_all_is_well_and_leaves_an_anchor(sealed, anchors, capsys) -> None:
    call_command("verify_audit", "--anchor")
    count = AuditSeal.objects.count()
    assert f"as it was written: {count} links, 0 anchors." in capsys.readouterr().out
    call_command("verify_audit", f"--anchors={anchors}")
    assert f"{count} links, 1 anchors." in capsys.readouterr().out


def test_command_names_each_fault_and_ends_with_1(sealed, behind_our_back, capsys) -> None:
    row = sealed["first_read"]
    behind_our_back(
        "cases_firstread", "UPDATE cases_firstread SET read_class = 'glioma' WHERE id = %s", key_of(row)
    )
    with pytest.raises(CommandError, match="1 faults") as refused:
        call_command("verify_audit")
    assert refused.value.returncode == 1
    assert f"first_read {row.pk} is not as it was sealed." in capsys.readouterr().out


@pytest.mark.parametrize("text", ["nonsense", "2026-11-27T03:07:00Z three abc"])
def test_anchors_that_are_none_are_refused_with_their_line(text, db, tmp_path) -> None:
    file = tmp_path / "anchors.txt"
    file.write_text(f"\n{text}\n")
    with pytest.raises(CommandError, match=f"Line 2 is no anchor.*{text}"):
        call_command("verify_audit", f"--anchors={file}")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_audit", f"--anchors={tmp_path / 'none'}")


def test_row_of_a_long_transaction_is_sealed_after_younger_ones(
    sealed, colleague, cohort, behind_our_back
) -> None:
    late = audit.record(by=colleague, action="test.late", subject=cohort, cohort=cohort)
    half_an_hour_ago = timezone.now() - timedelta(minutes=30)
    behind_our_back(
        "cases_auditevent",
        "UPDATE cases_auditevent SET at = %s WHERE id = %s",
        half_an_hour_ago,
        key_of(late),
    )
    assert seal_new() == 1
    assert AuditSeal.objects.get(row=late.pk).position == AuditSeal.objects.count()
    assert list(verify()) == []
