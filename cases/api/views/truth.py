"""What is known of the classes of a cohort's cases."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from django.http import HttpResponseBase
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cases import disclosures
from cases.api import schema
from cases.api.inputs import StrictInput
from cases.api.once import once
from cases.api.pagination import as_it_is, linked_page
from cases.api.parameters import PageParameters
from cases.api.problems import problem
from cases.api.serializers import Shape
from cases.api.views.base import ApiView, cohort_or_404, user_of
from cases.lifecycle import Shown
from cases.models import Case
from cases.models.statement import MAX_REASON
from cases.permissions import Action
from cases.setup import truth
from cases.worklist import keyset

if TYPE_CHECKING:
    from uuid import UUID


MOST_ENTRIES = 5000


class TruthEntryInput(StrictInput):
    """What is known of one case."""

    case = serializers.CharField(max_length=9)
    known_class = serializers.CharField(default="", allow_blank=True, max_length=40)
    patient = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=200,
        help_text=_("A pseudonym, never a name; kept as a digest alone."),
    )
    sentinel = serializers.BooleanField(
        default=None,
        allow_null=True,
        help_text=_("Whether it is a sentinel from now on; null leaves it what it is."),
    )


class TruthInput(StrictInput):
    """What is known of cases, and where that is from."""

    entries = serializers.ListField(child=TruthEntryInput(), allow_empty=False, max_length=MOST_ENTRIES)
    reason = serializers.CharField(max_length=MAX_REASON, help_text=_("Where the known classes are from."))
    replace = serializers.BooleanField(default=False, help_text=_("Also replace what is known otherwise."))
    dry_run = serializers.BooleanField(default=False, help_text=_("Only say what it would do."))


class ContradictionSerializer(Shape):
    """An entry that contradicts what is known."""

    case = serializers.CharField()
    message = serializers.CharField()


class TruthAnswerSerializer(Shape):
    """What the entries did, or would do."""

    written = serializers.IntegerField(help_text=_("Cases that were changed; 0 of a dry run."))
    new = serializers.IntegerField(help_text=_("Entries that say something new."))
    same = serializers.IntegerField(help_text=_("Entries of what is known already."))
    contradicting = ContradictionSerializer(many=True)
    unknown_left = serializers.IntegerField(help_text=_("Cases of which no class is known then."))
    marked = serializers.IntegerField(help_text=_("Cases that become sentinels."))
    unmarked = serializers.IntegerField(help_text=_("Sentinels that become ordinary cases again."))


class ContradictingSerializer(schema.ProblemSerializer):
    """Nothing was written: some entries contradict what is known."""

    contradicting = ContradictionSerializer(many=True, required=False)


class TruthSerializer(Shape):
    """The known class of one case."""

    case = serializers.CharField(source="code")
    known_class = serializers.SerializerMethodField(help_text=_("Null where none is known."))
    has_patient_key = serializers.SerializerMethodField()
    sentinel = serializers.BooleanField(source="is_sentinel")

    def get_known_class(self, case: Case) -> str | None:
        """Null for none."""
        return case.ground_truth or None

    def get_has_patient_key(self, case: Case) -> bool:
        """The key itself is told nobody."""
        return bool(case.patient)


class TruthPageSerializer(schema.PageSerializer):
    """Some known classes."""

    results = TruthSerializer(many=True)


class TruthView(ApiView):
    """What is known of the classes."""

    @extend_schema(
        operation_id="truth",
        tags=["cohorts"],
        summary="The known classes of a cohort, oldest case first",
        parameters=[schema.COHORT_ID, PageParameters],
        responses={200: TruthPageSerializer} | schema.problems(400, 401, 403, 404),
    )
    def get(self, request: Request, cohort_id: UUID) -> Response:
        """One page; that known classes were shown is written down."""
        cohort = cohort_or_404(request, cohort_id, Action.MANAGE)
        parameters = PageParameters.of(request)
        oldest_first = functools.partial(
            keyset.page_of, cohort.cases.all(), keyset.BY_AGE, descending=False, dressed=as_it_is
        )
        page = linked_page(oldest_first, request, **parameters.paging)
        known = [case.pk for case in page.rows if case.ground_truth]
        disclosures.record(to=user_of(request), cases=known, kinds=[Shown.TRUTH])
        rows: Any = TruthSerializer(page.rows, many=True)
        return Response(page.body(rows.data))

    @extend_schema(
        operation_id="set_truth",
        tags=["cohorts"],
        summary="Say the known classes of cases",
        description=(
            "All or nothing: where an entry cannot be taken, or contradicts what is known without `replace`, "
            "nothing is written. `dry_run` says what would be done."
        ),
        parameters=[schema.COHORT_ID, schema.KEY_ONCE],
        request=TruthInput,
        responses={200: TruthAnswerSerializer}
        | schema.problems(400, 401, 403, 404, 409, 413, 415, 422, conflict=ContradictingSerializer),
        examples=[
            OpenApiExample(
                "One case",
                {"entries": [{"case": "K7QF-2M9D", "known_class": "glioma"}], "reason": "Histology."},
                request_only=True,
            )
        ],
    )
    @once()
    def post(self, request: Request, cohort_id: UUID) -> HttpResponseBase:
        """Each with who and why in the audit."""
        cohort = cohort_or_404(request, cohort_id, Action.MANAGE)
        given = TruthInput(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        entries, wrong = truth.entries_of(cohort, _as_lines(asked["entries"]))
        trial = truth.try_entries(cohort, entries, wrong, to=user_of(request))
        if trial.wrong:
            said = [f"{line - 2}: {message}" for line, message in trial.wrong]
            raise serializers.ValidationError({"entries": said})
        against = [{"case": entry.case, "message": message} for entry, message in trial.contradicting]
        written = 0
        if not asked["dry_run"]:
            if against and not asked["replace"]:
                words = _t("Some entries contradict what is known; without “replace” nothing is written.")
                return problem("contradiction", words, contradicting=against)
            written = truth.set_truth(
                by=user_of(request),
                cohort=cohort,
                entries=entries,
                reason=asked["reason"],
                replace=asked["replace"],
            )
        told = {
            "written": written,
            "new": len(trial.new),
            "same": trial.same,
            "contradicting": against,
            "unknown_left": trial.unknown_left,
            "marked": trial.marked,
            "unmarked": trial.unmarked,
        }
        return Response(TruthAnswerSerializer(told).data)


def _as_lines(entries: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The entries as lines of a file of known classes, where a word says what is a sentinel."""
    word_of = {meaning: word for word, meaning in truth.SENTINEL.items()}
    return [entry | {"sentinel": word_of[entry["sentinel"]]} for entry in entries]
