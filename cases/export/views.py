"""The page of a cohort's snapshots, for its study administrators, and the files of each."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from cases import audit
from cases.access import PageRequest, signed_in
from cases.cohorts import chosen_cohort, known_cohorts
from cases.disclaimer import DISCLAIMER
from cases.downloads import named
from cases.export.snapshots import fhir, formats, parquet
from cases.export.snapshots.building import ask_for_snapshot
from cases.export.snapshots.fhir_resources import Release
from cases.export.snapshots.reading import rows_for, with_deletions
from cases.export.snapshots.tables import TABLES, codebook
from cases.interim import figures_are_closed
from cases.lifecycle import SnapshotState
from cases.models import Membership, Snapshot
from cases.permissions import Action, require, roles_with
from cases.spreadsheets import safe_cell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cases.models import Cohort
    from portal.accounts.models import User

SHOWN = 20


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def snapshots(request: PageRequest) -> HttpResponse:
    """The newest snapshots with their files, and the button that asks for another."""
    given = request.POST if request.method == "POST" else request.GET
    managed, cohort = chosen_cohort(request.user, given.get("cohort", ""))
    if request.method == "POST":
        ask_for_snapshot(by=request.user, cohort=cohort)
        messages.success(request, _t("The snapshot is being written. This page says how far it is."))
        return redirect(f"{reverse('export:snapshots')}?cohort={cohort.pk}")
    shown = list(with_deletions(cohort.snapshots.select_related("created_by"))[:SHOWN])
    context: dict[str, Any] = {
        "cohorts": managed,
        "cohort": cohort,
        "snapshots": shown,
        "is_working": any(each.state in (SnapshotState.QUEUED, SnapshotState.BUILDING) for each in shown),
        "tables": list(TABLES),
        "formats": [each for each in formats.MEDIA_TYPES if each != "parquet" or parquet.is_installed()],
        "releases": list(Release),
        "is_closed": figures_are_closed(cohort),
    }
    return render(request, "export/snapshots.html", context)


@never_cache
@require_safe
@signed_in
def download(request: PageRequest, snapshot_id: str, table: str, extension: str) -> HttpResponseBase:
    """One table of a snapshot in one format."""
    snapshot = _to_export(request.user, snapshot_id)
    if table not in TABLES or extension not in formats.MEDIA_TYPES:
        raise Http404
    try:
        rows = rows_for(snapshot, table, to=request.user)
        pieces = formats.stream(extension, snapshot, table, rows)
    except parquet.NotInstalled:
        raise Http404(_t("Parquet needs pyarrow, which is not installed here.")) from None
    audit.record(
        by=request.user,
        action="snapshot.fetched",
        subject=snapshot,
        cohort=snapshot.cohort,
        table=table,
        format=extension,
    )
    return file_of(snapshot, table, extension, pieces)


@never_cache
@require_safe
@signed_in
def fhir_bundle(request: PageRequest, snapshot_id: str, release: str) -> HttpResponseBase:
    """A snapshot as one FHIR Bundle."""
    snapshot = _to_export(request.user, snapshot_id)
    if release not in list(Release):
        raise Http404
    return bundle_of(snapshot, Release(release), by=request.user)


def _to_export(user: User, snapshot_id: str) -> Snapshot:
    """A ready snapshot. Raises Http404 where the user knows of none, PermissionDenied where only the right to
    export is missing.
    """
    snapshots = Snapshot.objects.select_related("cohort")
    snapshot = get_object_or_404(snapshots, pk=snapshot_id, cohort__in=known_cohorts(user))
    require(user, Action.EXPORT, snapshot.cohort)
    if snapshot.state != SnapshotState.READY:
        raise Http404
    return snapshot


def bundle_of(snapshot: Snapshot, release: Release, *, by: User) -> StreamingHttpResponse:
    """The answer that carries the Bundle; that it was fetched, and what it shows, is written down."""
    pieces = fhir.stream(snapshot, release, lambda table: rows_for(snapshot, table, to=by))
    audit.record(
        by=by,
        action="snapshot.fetched",
        subject=snapshot,
        cohort=snapshot.cohort,
        table="all",
        format=release,
    )
    headers = _headers(snapshot, f"secondread-{snapshot.pk}-fhir-{release}.json")
    return StreamingHttpResponse(pieces, content_type=fhir.MEDIA_TYPE, headers=headers)


def file_of(snapshot: Snapshot, table: str, extension: str, pieces: Iterable[bytes]) -> StreamingHttpResponse:
    """The answer that carries a table; its headers name the snapshot and its digest."""
    headers = _headers(snapshot, f"secondread-{snapshot.pk}-{table}.{extension}")
    return StreamingHttpResponse(pieces, content_type=formats.MEDIA_TYPES[extension], headers=headers)


def _headers(snapshot: Snapshot, name: str) -> dict[str, str]:
    return named(name) | {
        "X-Research-Use": DISCLAIMER,
        "X-Snapshot": str(snapshot.pk),
        "X-Snapshot-Digest": snapshot.digest,
    }


def _csv_file(name: str, rows: Iterable[Iterable[Any]]) -> HttpResponse:
    headers = named(f"secondread-{name}.csv")
    response = HttpResponse(content_type="text/csv; charset=utf-8", headers=headers)
    csv.writer(response).writerows([safe_cell(value) for value in row] for row in rows)
    return response


@require_safe
@signed_in
def codebook_csv(request: PageRequest) -> HttpResponse:
    """What every column means."""
    chosen_cohort(request.user, "")
    names = ("table", "column", "type", "meaning")
    return _csv_file("codebook", [names, *([line[name] for name in names] for line in codebook())])


@never_cache
@require_safe
@signed_in
def readers_csv(request: PageRequest) -> HttpResponse:
    """Who is behind a reader's id: for administrators of the cohort alone, and written down."""
    _, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    people = readers_named(by=request.user, cohort=cohort)
    return _csv_file("readers", [("reader", "name", "email"), *people])


def readers_named(*, by: User, cohort: Cohort) -> list[tuple[str, str, str]]:
    """Id, name and address of each who reads there; that it was told is written down."""
    require(by, Action.MANAGE, cohort)
    held = Membership.objects.filter(cohort=cohort, role__in=roles_with(Action.REVIEW))
    people = [
        (str(each.user_id), each.user.full_name, each.user.email)
        for each in held.select_related("user").order_by("user__full_name", "user__email")
    ]
    audit.record(by=by, action="readers.named", subject=cohort, cohort=cohort, n=len(people))
    return people
