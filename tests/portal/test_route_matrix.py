"""Who gets what at every address: a row for each route of the URLconf, a column for each kind of person.

A new route fails until it has its row. A cell is the answer to GET and to POST with an empty form: a status,
or `door`, which leads to the sign-in. That what is refused changes nothing is shown beside each subject.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from cases.exchange.webhooks.hooks import create_webhook
from cases.export.snapshots.building import ask_for_snapshot
from cases.governance.measured import Measured
from cases.intake.incoming.receiving import begin
from cases.intake.incoming.said import Said
from cases.models import (
    AcceptanceBounds,
    ApiToken,
    Case,
    Cohort,
    DeletionRequest,
    DriftAlert,
    DriftBaseline,
    Membership,
    ModelVersion,
    Prediction,
    SavedView,
    Snapshot,
    TeachingRead,
)
from cases.people.invitations import invite
from cases.roles import Role
from portal.accounts.models import User
from portal.monitoring import health
from tests.cases.test_nothing_leaks import filled, routes
from tests.cast import token_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("walking")]

PEOPLE = (
    "anonymous",
    "technologist",
    "radiologist",
    "adjudicator",
    "administrator",
    "exporter",
    "stranger",
    "nobody",
)
PAGES = """
visitor   technol.  radiol.   adjudic.  administ. exporter  stranger  nobody    route
302/302   302/302   302/302   302/302   302/302   302/302   302/302   302/302   (home)
410/410   410/410   410/410   410/410   410/410   410/410   410/410   410/410   accounts/invitation/<str:secret>/
door/door 200/200   200/200   200/200   200/200   200/200   200/200   200/200   accounts/confirm/
door/door 200/200   200/200   200/200   200/200   200/200   200/200   200/200   accounts/password/
200/200   200/200   200/200   200/200   200/200   200/200   200/200   200/200   accounts/password/reset/
200/200   200/200   200/200   200/200   200/200   200/200   200/200   200/200   accounts/password/reset/<uidb64>/<token>/
200/405   200/405   200/405   200/405   200/405   200/405   200/405   200/405   accounts/password/reset/sent/
200/200   302/302   302/302   302/302   302/302   302/302   302/302   302/302   accounts/sign-in/
door/door 200/200   200/200   200/200   200/200   200/200   200/200   200/200   accounts/second-factor/
door/door 200/200   200/200   200/200   200/200   200/200   200/200   200/200   accounts/second-factor/app/
405/door  405/302   405/302   405/302   405/302   405/302   405/302   405/302   accounts/second-factor/app/end/
door/door 200/200   200/200   200/200   200/200   200/200   200/200   200/200   accounts/second-factor/keys/add/
405/door  405/404   405/404   405/404   405/404   405/404   405/404   405/404   accounts/second-factor/keys/<uuid:key_id>/remove/
405/door  405/404   405/404   405/404   405/404   405/404   405/404   405/404   accounts/second-factor/keys/<uuid:key_id>/rename/
405/door  405/302   405/302   405/302   405/302   405/302   405/302   405/302   accounts/second-factor/codes/
405/door  405/302   405/302   405/302   405/302   405/302   405/302   405/302   accounts/second-factor/end/
door/door door/door door/door door/door door/door door/door door/door door/door accounts/sign-in/code/
door/405  200/405   200/405   200/405   200/405   200/405   200/405   200/405   accounts/sessions/
405/door  405/302   405/302   405/302   405/302   405/302   405/302   405/302   accounts/sessions/end/
404/405   404/405   404/405   404/405   404/405   404/405   404/405   404/405   accounts/oidc/
404/405   404/405   404/405   404/405   404/405   404/405   404/405   404/405   accounts/oidc/back/
405/door  405/door  405/door  405/door  405/door  405/door  405/door  405/door  accounts/sign-out/
door/door 200/200   200/200   200/200   200/200   200/200   200/200   403/403   accounts/tokens/
405/door  405/302   405/302   405/302   405/302   405/302   405/302   405/403   accounts/tokens/revoke/
door/405  200/405   200/405   200/405   200/405   200/405   200/405   200/405   cases/
door/door 200/403   200/422   200/403   200/422   404/404   404/404   404/404   cases/<code:code>/
door/door 403/403   403/403   302/302   403/403   404/404   404/404   404/404   cases/<code:code>/adjudicate/
door/405  200/405   200/405   200/405   200/405   404/405   404/405   404/405   cases/<code:code>/ahead/
door/door 403/403   302/302   302/302   302/302   404/404   404/404   404/404   cases/<code:code>/amend/
door/405  200/405   200/405   200/405   200/405   404/405   404/405   404/405   cases/<code:code>/base.nii.gz
door/405  200/405   200/405   200/405   200/405   404/405   404/405   404/405   cases/<code:code>/base.png
door/405  403/405   403/405   403/405   404/405   404/405   404/405   404/405   cases/<code:code>/dicom.zip
405/door  405/403   405/200   405/403   405/200   405/404   405/404   405/404   cases/<code:code>/draft/
405/door  405/302   405/302   405/302   405/302   405/404   405/404   405/404   cases/<code:code>/finish/
405/door  405/302   405/302   405/302   405/302   405/404   405/404   405/404   cases/<code:code>/give-back/
405/door  405/403   405/409   405/403   405/409   405/404   405/404   405/404   cases/<code:code>/hold/
405/door  405/302   405/302   405/302   405/302   405/404   405/404   405/404   cases/<code:code>/leave/
door/405  403/405   200/405   200/405   200/405   404/405   404/405   404/405   cases/<code:code>/maps/<uuid:prediction_id>/<str:layer>/<str:shown_class>.nii.gz
door/405  403/405   200/405   200/405   200/405   404/405   404/405   404/405   cases/<code:code>/maps/<uuid:prediction_id>/<str:layer>/<str:shown_class>.png
door/405  403/405   200/405   200/405   200/405   404/405   404/405   404/405   cases/<code:code>/overlay/<uuid:prediction_id>/<str:layer>/<str:shown_class>.png
door/door 403/403   403/403   403/403   302/302   404/404   404/404   404/404   cases/<code:code>/blackout/
405/door  405/403   405/403   405/403   405/302   405/404   405/404   405/404   cases/<code:code>/release/
405/door  405/302   405/302   405/302   405/302   405/404   405/404   405/404   cases/<code:code>/retry/
door/405  200/405   200/405   200/405   200/405   404/405   404/405   404/405   cases/<code:code>/status/
405/door  405/403   405/302   405/403   405/302   405/404   405/404   405/404   cases/<code:code>/take-over/
door/405  200/405   200/405   200/405   200/405   404/405   404/405   404/405   cases/<code:code>/thumbnail.png
405/door  405/302   405/302   405/302   405/302   405/404   405/404   405/404   cases/<code:code>/undo/
door/door 403/403   403/403   403/403   302/302   403/403   403/403   403/403   cases/bulk/
door/405  200/405   200/405   200/405   200/405   200/405   200/405   200/405   cases/classes.css
405/door  405/302   405/302   405/302   405/302   405/302   405/302   405/302   cases/columns/
door/405  200/405   200/405   200/405   200/405   200/405   200/405   200/405   cases/live/
door/door 302/302   302/302   302/302   302/302   302/302   302/302   302/302   cases/next-disputed/
door/door 302/302   302/302   302/302   302/302   302/302   302/302   302/302   cases/next/
door/405  200/405   200/405   200/405   200/405   200/405   200/405   200/405   cases/states/
door/405  200/405   200/405   200/405   200/405   200/405   200/405   200/405   cases/teaching/
door/door 404/404   200/422   200/422   200/422   404/404   404/404   404/404   cases/teaching/<code:code>/
door/405  404/405   302/405   302/405   302/405   404/405   404/405   404/405   cases/teaching/draw/<uuid:cohort_id>/
405/door  405/404   405/302   405/302   405/302   405/404   405/404   405/404   cases/teaching/restart/<uuid:cohort_id>/
door/door 200/422   200/422   200/422   200/422   403/403   200/422   403/403   cases/upload/
door/405  302/405   404/405   404/405   404/405   404/405   404/405   404/405   cases/upload/<uuid:upload_id>/
405/door  405/302   405/404   405/404   405/404   405/404   405/404   405/404   cases/upload/<uuid:upload_id>/create/
405/door  405/302   405/404   405/404   405/404   405/404   405/404   405/404   cases/upload/<uuid:upload_id>/discard/
door/405  200/405   200/405   200/405   200/405   200/405   200/405   200/405   cases/views/
405/door  405/404   405/302   405/404   405/404   405/404   405/404   405/404   cases/views/<int:view_id>/delete/
405/door  405/404   405/302   405/404   405/404   405/404   405/404   405/404   cases/views/<int:view_id>/rename/
405/door  405/302   405/302   405/302   405/302   405/302   405/302   405/302   cases/views/save/
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/compare/
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/deletions/
door/door 403/403   403/403   403/403   200/422   404/404   404/404   404/404   dashboard/deletions/case/<str:code>/
door/door 403/403   403/403   403/403   200/422   403/403   403/403   403/403   dashboard/deletions/cohort/<uuid:cohort_id>/
door/door 403/403   403/403   403/403   200/302   403/403   403/403   403/403   dashboard/deletions/requests/<uuid:request_id>/
405/door  405/403   405/403   405/403   405/302   405/403   405/403   405/403   dashboard/deletions/retention/
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/drift/
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/drift/<slug:name>.csv
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/drift/<slug:name>.svg
405/door  405/403   405/403   405/403   405/302   405/403   405/404   405/404   dashboard/drift/alerts/<uuid:alert_id>/
405/door  405/403   405/403   405/403   405/422   405/403   405/403   405/403   dashboard/drift/freeze/
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/evidence/
door/405  403/405   403/405   403/405   404/405   403/405   403/405   403/405   dashboard/evidence/<slug:name>.csv
door/405  403/405   403/405   403/405   404/405   403/405   403/405   403/405   dashboard/evidence/<slug:name>.svg
405/door  405/403   405/403   405/403   405/422   405/403   405/403   405/403   dashboard/evidence/open/
405/door  405/403   405/403   405/403   405/302   405/403   405/404   405/404   dashboard/jobs/<uuid:job_id>/retry/
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/networks/
405/door  405/403   405/403   405/403   405/404   405/403   405/403   405/403   dashboard/networks/back/
405/door  405/403   405/403   405/403   405/422   405/403   405/403   405/403   dashboard/networks/bounds/
door/405  403/405   403/405   403/405   200/405   403/405   404/405   404/405   dashboard/networks/bounds/<uuid:bounds_id>/
405/door  405/403   405/403   405/403   405/404   405/403   405/404   405/404   dashboard/networks/bounds/<uuid:bounds_id>/decide/
405/door  405/403   405/403   405/403   405/302   405/403   405/404   405/404   dashboard/networks/bounds/<uuid:bounds_id>/open/
door/405  403/405   403/405   403/405   404/405   403/405   404/405   404/405   dashboard/networks/bounds/<uuid:bounds_id>.csv
door/405  403/405   403/405   403/405   404/405   403/405   404/405   404/405   dashboard/networks/bounds/<uuid:bounds_id>.svg
405/door  405/403   405/403   405/403   405/404   405/403   405/403   405/403   dashboard/networks/shadow/
door/door 403/403   403/403   403/403   200/422   403/403   403/403   403/403   dashboard/protocol/
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/record/
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/record/lines.ndjson
door/door 403/404   403/404   403/404   200/404   403/404   403/404   403/404   dashboard/reanalyse/
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/sendings/
405/door  405/404   405/404   405/404   405/404   405/404   405/404   405/404   dashboard/sendings/<uuid:sending_id>/again/
405/door  405/404   405/404   405/404   405/404   405/404   405/404   405/404   dashboard/sendings/case/
405/door  405/403   405/403   405/403   405/302   405/403   405/403   405/403   dashboard/sendings/originals/
405/door  405/403   405/403   405/403   405/302   405/403   405/403   405/403   dashboard/sendings/rules/
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/sentinels/
door/405  403/405   403/405   403/405   404/405   403/405   403/405   403/405   dashboard/sentinels/<slug:name>.csv
door/405  403/405   403/405   403/405   404/405   403/405   403/405   403/405   dashboard/sentinels/<slug:name>.svg
405/door  405/403   405/403   405/403   405/422   405/403   405/403   405/403   dashboard/sentinels/mark/
door/door 403/403   403/403   403/403   200/302   403/403   403/403   403/403   dashboard/snapshots/
door/405  403/405   403/405   403/405   404/405   404/405   404/405   404/405   dashboard/snapshots/<uuid:snapshot_id>/<slug:table>.<slug:extension>
door/405  403/405   403/405   403/405   404/405   404/405   404/405   404/405   dashboard/snapshots/<uuid:snapshot_id>/fhir/<slug:release>.json
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/snapshots/codebook.csv
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/snapshots/readers.csv
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/study/
door/door 403/403   403/403   403/403   200/422   403/403   403/403   403/403   dashboard/study/new/
door/door 403/403   403/403   403/403   404/404   403/403   403/403   403/403   dashboard/study/import/
405/door  405/403   405/403   405/403   405/302   405/403   405/403   405/403   dashboard/study/plan/
405/door  405/403   405/403   405/403   405/404   405/403   405/403   405/403   dashboard/study/remind/
405/door  405/403   405/403   405/403   405/422   405/403   405/403   405/403   dashboard/study/truth/
405/door  405/403   405/403   405/403   405/422   405/403   405/403   405/403   dashboard/study/truth/try/
405/door  405/403   405/403   405/403   405/302   405/403   405/403   405/403   dashboard/study/truth/write/
door/405  403/405   403/405   403/405   200/405   403/405   403/405   403/405   dashboard/study/truth/template.csv
door/405  403/405   200/405   200/405   200/405   403/405   404/405   404/405   dashboard/teaching/
door/405  403/405   200/405   404/405   200/405   403/405   404/405   404/405   dashboard/teaching/<slug:name>.csv
door/405  403/405   200/405   404/405   200/405   403/405   404/405   404/405   dashboard/teaching/<slug:name>.svg
door/door 403/403   403/403   403/403   200/422   403/403   403/403   403/403   dashboard/webhooks/
door/door 403/403   403/403   403/403   200/422   403/403   404/404   404/404   dashboard/webhooks/<uuid:webhook_id>/
405/door  405/403   405/403   405/403   405/302   405/403   405/404   405/404   dashboard/webhooks/<uuid:webhook_id>/<slug:act>/
405/door  405/403   405/403   405/403   405/404   405/403   405/404   405/404   dashboard/webhooks/<uuid:webhook_id>/again/
405/door  405/403   405/403   405/403   405/200   405/403   405/404   405/404   dashboard/webhooks/<uuid:webhook_id>/secret/
302/405   302/405   302/405   302/405   302/405   302/405   302/405   302/405   favicon.ico
200/405   200/405   200/405   200/405   200/405   200/405   200/405   200/405   health/live/
200/405   200/405   200/405   200/405   200/405   200/405   200/405   200/405   health/metrics/
200/405   200/405   200/405   200/405   200/405   200/405   200/405   200/405   health/ready/
door/405  302/405   302/405   302/405   302/405   302/405   302/405   302/405   help/
door/405  200/405   200/405   200/405   200/405   200/405   200/405   200/405   help/<slug:name>/
405/400   405/400   405/400   405/400   405/400   405/400   405/400   405/400   language/
door/door 403/403   403/403   403/403   200/200   403/403   403/403   403/403   people/
door/door 404/404   404/404   404/404   200/200   404/404   404/404   404/404   people/<uuid:user_id>/tokens/
405/door  405/404   405/404   405/404   405/302   405/404   405/404   405/404   people/<uuid:user_id>/tokens/revoke/
405/door  405/403   405/403   405/403   405/302   405/403   405/404   405/404   people/invitations/<uuid:invitation_id>/withdraw/
405/door  405/403   405/403   405/403   405/302   405/403   405/404   405/404   people/members/<int:membership_id>/remove/
405/door  405/403   405/403   405/403   405/302   405/403   405/404   405/404   people/members/<int:membership_id>/role/
405/400   405/400   405/400   405/400   405/400   405/400   405/400   405/400   theme/
"""
REST = """
visitor   technol.  radiol.   adjudic.  administ. exporter  stranger  nobody    route
404/404   404/404   404/404   404/404   404/404   404/404   404/404   404/404   ^api/
200/405   200/405   200/405   200/405   200/405   200/405   200/405   200/405   api/v1/
401/401   200/405   200/405   200/405   200/405   403/405   200/405   403/405   api/v1/cases/
401/401   200/405   200/405   200/405   200/405   404/405   404/405   404/405   api/v1/cases/<slug:code>/
401/401   403/403   200/403   200/409   200/403   404/404   404/404   404/404   api/v1/cases/<slug:code>/adjudication/
401/401   403/405   403/405   403/405   409/405   409/405   404/405   404/405   api/v1/cases/<slug:code>/dicom/
401/401   405/403   405/400   405/403   405/400   405/404   405/404   405/404   api/v1/cases/<slug:code>/first-read/
401/401   403/405   200/405   200/405   200/405   404/405   404/405   404/405   api/v1/cases/<slug:code>/first-reads/
401/401   200/405   200/405   200/405   200/405   404/405   404/405   404/405   api/v1/cases/<slug:code>/images/<int:position>/
401/401   403/405   200/405   200/405   200/405   404/405   404/405   404/405   api/v1/cases/<slug:code>/predictions/
401/401   403/405   200/405   200/405   200/405   404/405   404/405   404/405   api/v1/cases/<slug:code>/predictions/<uuid:prediction_id>/maps/<str:layer>/<str:shown_class>/
401/401   405/409   405/409   405/409   405/409   405/404   405/404   405/404   api/v1/cases/<slug:code>/retry/
401/401   403/403   200/400   200/403   200/400   404/404   404/404   404/404   api/v1/cases/<slug:code>/reviews/
401/401   200/405   200/405   200/405   200/405   200/405   200/405   200/405   api/v1/codebook/
401/401   200/403   200/403   200/403   200/400   200/403   200/403   200/403   api/v1/cohorts/
401/401   200/405   200/405   200/405   200/405   200/405   404/405   404/405   api/v1/cohorts/<uuid:cohort_id>/
401/401   403/405   403/405   403/405   200/405   403/405   404/405   404/405   api/v1/cohorts/<uuid:cohort_id>/audit/
401/401   403/405   403/405   403/405   200/405   403/405   404/405   404/405   api/v1/cohorts/<uuid:cohort_id>/plan/
401/401   403/405   403/405   403/405   200/405   403/405   404/405   404/405   api/v1/cohorts/<uuid:cohort_id>/protocol/
401/401   403/405   403/405   403/405   200/405   403/405   404/405   404/405   api/v1/cohorts/<uuid:cohort_id>/acceptances/
401/401   403/405   403/405   403/405   200/405   403/405   404/405   404/405   api/v1/cohorts/<uuid:cohort_id>/drift/
401/401   403/405   403/405   403/405   200/405   403/405   404/405   404/405   api/v1/cohorts/<uuid:cohort_id>/protocols/
401/401   403/405   403/405   403/405   200/405   403/405   404/405   404/405   api/v1/cohorts/<uuid:cohort_id>/readers/
401/401   403/403   403/403   403/403   200/400   403/403   404/404   404/404   api/v1/cohorts/<uuid:cohort_id>/truth/
401/401   403/403   403/403   403/403   200/400   403/403   404/404   404/404   api/v1/cohorts/<uuid:cohort_id>/webhooks/
401/401   200/400   200/400   200/400   200/400   403/403   404/404   404/404   api/v1/dicomweb/<uuid:cohort_id>/studies
401/401   404/405   404/405   404/405   404/405   403/405   404/405   404/405   api/v1/dicomweb/<uuid:cohort_id>/studies/<str:study>
401/401   404/405   404/405   404/405   404/405   403/405   404/405   404/405   api/v1/dicomweb/<uuid:cohort_id>/studies/<str:study>/metadata
401/401   200/405   200/405   200/405   200/405   403/405   404/405   404/405   api/v1/dicomweb/<uuid:cohort_id>/studies/<str:study>/series
401/401   404/405   404/405   404/405   404/405   403/405   404/405   404/405   api/v1/dicomweb/<uuid:cohort_id>/studies/<str:study>/series/<str:series>
401/401   200/405   200/405   200/405   200/405   403/405   404/405   404/405   api/v1/dicomweb/<uuid:cohort_id>/studies/<str:study>/series/<str:series>/instances
200/405   200/405   200/405   200/405   200/405   200/405   200/405   200/405   api/v1/docs/
401/401   404/405   404/405   404/405   404/405   403/405   404/405   404/405   api/v1/dicomweb/<uuid:cohort_id>/studies/<str:study>/series/<str:series>/instances/<str:instance>
401/401   404/405   404/405   404/405   404/405   403/405   404/405   404/405   api/v1/dicomweb/<uuid:cohort_id>/studies/<str:study>/series/<str:series>/instances/<str:instance>/frames/<str:frames>
401/401   404/405   404/405   404/405   404/405   403/405   404/405   404/405   api/v1/dicomweb/<uuid:cohort_id>/studies/<str:study>/series/<str:series>/instances/<str:instance>/metadata
401/401   404/405   404/405   404/405   404/405   403/405   404/405   404/405   api/v1/dicomweb/<uuid:cohort_id>/studies/<str:study>/series/<str:series>/instances/<str:instance>/rendered
401/401   404/405   404/405   404/405   404/405   403/405   404/405   404/405   api/v1/dicomweb/<uuid:cohort_id>/studies/<str:study>/series/<str:series>/metadata
401/401   403/405   403/405   403/405   400/405   400/405   403/405   403/405   api/v1/figures/
401/401   403/405   403/405   403/405   200/405   403/405   403/405   403/405   api/v1/model-versions/
200/405   200/405   200/405   200/405   200/405   200/405   200/405   200/405   api/v1/problems/
401/401   403/405   403/405   403/405   200/405   200/405   403/405   403/405   api/v1/reviewed-cases/
401/401   405/404   405/400   405/400   405/400   405/404   405/404   405/404   api/v1/reviews/<uuid:review_id>/amend/
200/405   200/405   200/405   200/405   200/405   200/405   200/405   200/405   api/v1/schema/
401/401   403/403   403/403   403/403   200/400   200/400   403/403   403/403   api/v1/snapshots/
401/401   404/405   404/405   404/405   200/405   200/405   404/405   404/405   api/v1/snapshots/<uuid:snapshot_id>/
401/401   404/405   404/405   404/405   409/405   409/405   404/405   404/405   api/v1/snapshots/<uuid:snapshot_id>/<slug:table>/
401/401   404/405   404/405   404/405   409/405   409/405   404/405   404/405   api/v1/snapshots/<uuid:snapshot_id>/fhir/<slug:release>/
401/401   405/400   405/400   405/400   405/400   405/400   405/400   405/400   api/v1/uploads/
401/401   405/412   405/412   405/412   405/412   405/412   405/412   405/412   api/v1/resumable-uploads/
401/401   200/405   404/405   404/405   404/405   404/405   404/405   404/405   api/v1/resumable-uploads/<uuid:upload_id>/
401/401   405/409   405/404   405/404   405/404   405/404   405/404   405/404   api/v1/resumable-uploads/<uuid:upload_id>/create/
401/401   403/405   403/405   403/405   200/405   403/405   404/405   404/405   api/v1/webhooks/<uuid:webhook_id>/
401/401   403/405   403/405   403/405   200/405   403/405   404/405   404/405   api/v1/webhooks/<uuid:webhook_id>/deliveries/
401/401   405/403   405/403   405/403   405/404   405/403   405/404   405/404   api/v1/webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/replay/
401/401   405/403   405/403   405/403   405/200   405/403   405/404   405/404   api/v1/webhooks/<uuid:webhook_id>/pause/
401/401   405/403   405/403   405/403   405/200   405/403   405/404   405/404   api/v1/webhooks/<uuid:webhook_id>/resume/
401/401   405/403   405/403   405/403   405/200   405/403   405/404   405/404   api/v1/webhooks/<uuid:webhook_id>/secret/
401/401   405/403   405/403   405/403   405/202   405/403   405/404   405/404   api/v1/webhooks/<uuid:webhook_id>/test/
"""
# Of those that also overwrite: the answer to PUT and to DELETE, with nothing in them.
OVERWRITTEN = """
visitor   technol.  radiol.   adjudic.  administ. exporter  stranger  nobody    route
401/401   403/405   403/405   403/405   428/405   403/405   404/405   404/405   api/v1/cohorts/<uuid:cohort_id>/plan/
401/401   403/405   403/405   403/405   428/405   403/405   404/405   404/405   api/v1/cohorts/<uuid:cohort_id>/protocol/
401/401   403/403   403/403   403/403   428/428   403/403   404/404   404/404   api/v1/webhooks/<uuid:webhook_id>/
401/401   405/412   405/404   405/404   405/404   405/404   405/404   405/404   api/v1/resumable-uploads/<uuid:upload_id>/
"""
# Of the admin's own addresses.
ADMIN = """
visitor   administ. staff     superuser route
door/door door/door 200/200   200/200   admin/
door/door door/door 404/404   404/404   admin/(?P<url>.*)$
door/door door/door 404/404   200/200   admin/^(?P<app_label>cases|accounts)/$
door/door door/door 403/403   200/200   admin/accounts/user/<id>/password/
door/door door/door 403/405   403/405   admin/autocomplete/
door/door door/door 200/405   200/405   admin/jsi18n/
door/405  403/405   302/405   302/405   admin/login/
302/302   302/302   405/door  405/door  admin/logout/
302/302   302/302   302/302   302/302   admin/password_change/
door/door door/door 200/405   200/405   admin/password_change/done/
door/door door/door 404/404   404/404   admin/r/<path:content_type_id>/<path:object_id>/
"""
# And of those that each model has, what a superuser is answered. Who may open the admin without any right in it is
# refused everywhere; everybody else is led to the sign-in.
MODELS = """
list      add       change    delete    history   model
200/200   200/200   200/200   403/403   200/200   accounts/user
200/200   403/403   200/403   403/403   200/200   cases/acceptancebounds
200/200   403/403   302/403   403/403   302/302   cases/accessevent
200/200   403/403   302/403   403/403   302/302   cases/adjudication
200/200   403/403   302/403   403/403   302/302   cases/apitoken
200/200   403/403   302/403   403/403   302/302   cases/assignment
200/200   403/403   200/403   403/403   200/200   cases/auditevent
200/200   403/403   302/403   403/403   302/302   cases/auditseal
200/200   403/403   200/403   403/403   200/200   cases/case
200/200   403/403   302/403   403/403   302/302   cases/claim
200/200   200/200   200/200   403/403   200/200   cases/cohort
200/200   403/403   302/403   403/403   302/302   cases/computedfigures
200/200   403/403   302/403   403/403   302/302   cases/deletedpicture
200/200   403/403   302/403   403/403   302/302   cases/deletion
200/200   403/403   200/403   403/403   200/200   cases/deletionrequest
200/200   403/403   302/403   403/403   302/302   cases/disclosure
200/200   403/403   302/403   403/403   302/302   cases/draft
200/200   403/403   200/403   403/403   200/200   cases/driftalert
200/200   403/403   200/403   403/403   200/200   cases/driftbaseline
200/200   403/403   302/403   403/403   302/302   cases/fileremoval
200/200   403/403   302/403   403/403   302/302   cases/firstread
200/200   403/403   200/403   403/403   200/200   cases/image
200/200   403/403   200/403   403/403   200/200   cases/incomingupload
200/200   403/403   200/403   403/403   200/200   cases/invitation
200/200   403/403   200/403   403/403   200/200   cases/job
200/200   403/403   302/403   403/403   302/302   cases/keptanswer
200/200   403/403   200/403   403/403   200/200   cases/likenesspiece
200/200   200/200   200/403   403/403   200/200   cases/membership
200/200   403/403   302/403   403/403   302/302   cases/modeldecision
200/200   403/403   200/403   403/403   200/200   cases/modelversion
200/200   403/403   200/403   403/403   200/200   cases/prediction
200/200   403/403   200/403   403/403   200/200   cases/protocol
200/200   403/403   200/403   403/403   200/200   cases/review
200/200   403/403   200/403   403/403   200/200   cases/savedview
200/200   403/403   302/403   403/403   302/302   cases/sending
200/200   403/403   302/403   403/403   302/302   cases/sendingrule
200/200   403/403   302/403   403/403   302/302   cases/sentinelanswer
200/200   403/403   302/403   403/403   302/302   cases/sentinelcheck
200/200   403/403   302/403   403/403   302/302   cases/series
200/200   403/403   302/403   403/403   302/302   cases/shadowresult
200/200   403/403   200/403   403/403   200/200   cases/snapshot
200/200   403/403   200/403   403/403   200/200   cases/teachingread
200/200   403/403   200/403   403/403   200/200   cases/webhook
200/200   403/403   302/403   403/403   302/302   cases/webhookdelivery
"""
OF_A_MODEL = {
    "list": "",
    "add": "add/",
    "change": "<path:object_id>/change/",
    "delete": "<path:object_id>/delete/",
    "history": "<path:object_id>/history/",
}
ROUTES = sorted({route for route, _ in routes(get_resolver().url_patterns)})
OTHER_VERBS = ("put", "patch", "delete")
OVERWRITING = ("put", "delete")


def expected(table: str) -> dict[str, list[str]]:
    """The cells of each row by its route."""
    _, *rows = (line.split() for line in table.strip().splitlines())
    return {"" if route == "(home)" else route: cells for *cells, route in rows}


def in_rooms(*rooms: str) -> set[str]:
    return {route for route in ROUTES if route.startswith(rooms)}


def kind(response: Any) -> str:
    """The answer as the tables have it."""
    if response.status_code == 302 and response["Location"].startswith(
        ("/accounts/sign-in/", "/admin/login/")
    ):
        return "door"
    return str(response.status_code)


def asked(client: Client, method: str, address: str, **more: Any) -> str:
    """The kind of answer; whatever the request did is undone."""
    session = client.cookies.get(settings.SESSION_COOKIE_NAME)
    kept = session.value if session else ""
    with transaction.atomic():
        response = getattr(client, method)(address, **more)
        if response.streaming:
            # Read to its end: one that is closed before it began takes the test's connection with it.
            list(response)
        transaction.set_rollback(True)
    if kept:
        client.cookies[settings.SESSION_COOKIE_NAME] = kept
    return kind(response)


def compared(told: dict[str, list[str]], wanted: dict[str, list[str]]) -> None:
    """Equal to the table; what is not, is shown the way that the table would have it."""
    assert sorted(wanted.keys() ^ told.keys()) == [], "each route has a row, and each row a route"
    odd = [f"{route}:\n{_line(told, route)}\n{_line(wanted, route)}" for route in told]
    assert [each for each, route in zip(odd, told, strict=True) if told[route] != wanted[route]] == []


def _line(rows: dict[str, list[str]], route: str) -> str:
    return "".join(f"{cell:10}" for cell in rows[route]) + route


@pytest.fixture
def people(
    owner, colleague, referee, administrator, exporter, stranger, make_person, cohort
) -> dict[str, User]:
    """One for each column behind the visitor's."""
    Cohort.objects.filter(pk=cohort.pk).update(adjudicator=referee)
    who = (owner, colleague, referee, administrator, exporter, stranger, make_person("somebody"))
    return dict(zip(PEOPLE[1:], who, strict=True))


@pytest.fixture
def fill(people, ready_case, submit, submit_many, analyse_as, review_as, cohort) -> Callable[[str], str]:
    """The address of a route: of the ready case, of what its people have, and of a case to learn from."""
    read = submit(seed=1)
    analyse_as(read)
    review = review_as(people["radiologist"], read)
    teaching = Cohort.objects.create(name="Class", reading="teaching")
    for member in cohort.memberships.all():
        Membership.objects.create(user=member.user, cohort=teaching, role=member.role)
    learnt = submit_many(1, into=teaching, ground_truth="glioma")
    analyse_as(learnt)
    prediction = Prediction.objects.select_related("image").get(image__case=ready_case)
    issued = invite(by=people["administrator"], cohort=cohort, email="new@example.org", role=Role.RADIOLOGIST)
    snapshot = ask_for_snapshot(by=people["administrator"], cohort=cohort)
    hook = create_webhook(
        by=people["administrator"], cohort=cohort, url="https://hooks.example.org/", events=["case.ready"]
    )
    upload = begin(by=people["technologist"], cohort=cohort, length=1, words=Said(""))
    asked_for = DeletionRequest.objects.create(
        kind="case", cohort=cohort, case=ready_case, subject=ready_case.pk, reason="consent", **deadline()
    )
    answered = submit_many(1, 200, into=teaching, ground_truth="glioma")
    analyse_as(answered)
    TeachingRead.objects.create(
        case=answered,
        reader=people["radiologist"],
        prediction=Prediction.objects.get(image__case=answered),
        read_class="glioma",
        confidence=2,
    )
    governed = governed_in(cohort, prediction.model_version, people["administrator"])
    # Of a week that is over.
    Case.objects.filter(pk=read.pk).update(created_at=timezone.now() - timedelta(days=7))
    view = SavedView.objects.create(user=people["radiologist"], name="mine", query="state=open")
    own = {
        "<uidb64>/<token>": "MQ/abc",
        "<str:secret>": "abc",
        "^api/": "api/unknown/",
        "teaching/<code:code>": f"teaching/{learnt.code}",
        "<uuid:cohort_id>": str(teaching.pk),
        "<uuid:review_id>": str(review.pk),
        "<uuid:invitation_id>": str(issued.invitation.pk),
        "<int:membership_id>": str(cohort.memberships.get(user=people["technologist"]).pk),
        "<uuid:user_id>": str(people["exporter"].pk),
        "<int:view_id>": str(view.pk),
        "<uuid:snapshot_id>": str(snapshot.pk),
        "<uuid:webhook_id>": str(hook.pk),
        "<uuid:upload_id>": str(upload.pk),
        "<uuid:request_id>": str(asked_for.pk),
        "evidence/<slug:name>": "evidence/none",
        "drift/<slug:name>": "drift/size",
        "teaching/<slug:name>": f"teaching/{people['radiologist'].pk}",
    } | governed

    of_one = {
        "dashboard/reanalyse/": cohort,
        "dashboard/drift/<": cohort,
        "dashboard/teaching/": teaching,
    }

    def address(route: str) -> str:
        # Of one cohort, which the query names.
        one = next((cohort for start, cohort in of_one.items() if route.startswith(start)), None)
        for name, value in own.items():
            route = route.replace(name, value)
        return filled(route, ready_case, prediction) + (f"?cohort={one.pk}" if one else "")

    return address


def deadline() -> dict[str, datetime]:
    return {"asked_at": timezone.now(), "ends_at": timezone.now() + timedelta(days=1)}


def governed_in(cohort: Cohort, version: ModelVersion, by: User) -> dict[str, str]:
    """A baseline with an alert, and bounds that nobody has opened, by the names of the routes' parameters."""
    snapshot = Snapshot.objects.create(cohort=cohort, created_by=by, as_of=timezone.now())
    day = timezone.localdate() - timedelta(days=30)
    baseline = DriftBaseline.objects.create(
        cohort=cohort,
        version=version,
        since=day,
        until=day,
        measured=Measured({}).as_dict(),
        reason="It went well.",
        frozen_by=by,
    )
    alert = DriftAlert.objects.create(
        cohort=cohort, baseline=baseline, rule="size", week=day, value=1.0, low=0.0, high=0.25, n=40
    )
    bounds = AcceptanceBounds.objects.create(
        cohort=cohort,
        candidate=version,
        against=version,
        snapshot=snapshot,
        standard="known",
        margin=0.05,
        least_n=1,
        reason="They are safe.",
        stated_by=by,
    )
    return {"<uuid:alert_id>": str(alert.pk), "<uuid:bounds_id>": str(bounds.pk)}


def browser(user: User | None) -> Client:
    client = Client(raise_request_exception=False)
    if user:
        client.force_login(user)
    return client


def walk(
    clients: list[Client],
    rows: set[str],
    fill: Callable[[str], str],
    methods: tuple[str, ...] = ("get", "post"),
) -> dict[str, list[str]]:
    return {
        route: ["/".join(asked(client, method, fill(route)) for method in methods) for client in clients]
        for route in sorted(rows)
    }


@pytest.mark.long
def test_every_page_answers_each_kind_of_person_as_the_table_says(
    people, fill, monkeypatch, make_person
) -> None:
    monkeypatch.setattr(health, "_broker_answers", lambda: True)
    rows = set(ROUTES) - in_rooms("api/", "^api/", "admin/")
    told = walk([browser(None), *(browser(user) for user in people.values())], rows, fill)
    compared(told, expected(PAGES))


def of_admin(people: dict[str, User], make_person) -> list[Client]:
    """A visitor, a study administrator, one who may open the admin but nothing in it, and one who may do all."""
    staff, root = make_person("staff"), make_person("root")
    User.objects.filter(pk=staff.pk).update(is_staff=True)
    User.objects.filter(pk=root.pk).update(is_staff=True, is_superuser=True)
    return [browser(user) for user in (None, people["administrator"], staff, root)]


def in_admin(route: str) -> str:
    """The address of a route of the admin, of the first row of its table."""
    if "app_label" in route:
        return "/admin/cases/"
    label, _, name = route.removeprefix("admin/").partition("/")
    model = apps.all_models.get(label, {}).get(name.partition("/")[0])
    first = model._default_manager.first() if model else None
    return "/" + re.sub(r"<\w+:?\w*>|\^?\(.*$", str(first.pk) if first else "1", route)


@pytest.mark.long
def test_every_address_of_the_admin_answers_each_kind_of_person_as_the_tables_say(
    people, fill, make_person
) -> None:
    told = walk(of_admin(people, make_person), in_rooms("admin/"), in_admin)
    wanted = expected(ADMIN)
    for model, cells in expected(MODELS).items():
        rows = {f"admin/{model}/{OF_A_MODEL[act]}": cell for act, cell in zip(OF_A_MODEL, cells, strict=True)}
        for route, cell in (rows | {f"admin/{model}/<path:object_id>/": "302/302"}).items():
            refused = told[route][2]
            # 302: there is no such row, or the address is an old one.
            assert refused in ("403/403", "302/302"), route
            wanted[route] = ["door/door", "door/door", refused, cell]
    compared(told, wanted)


def test_person_who_may_no_longer_sign_in_is_a_visitor_everywhere(colleague, fill, monkeypatch) -> None:
    monkeypatch.setattr(health, "_broker_answers", lambda: True)
    gone = browser(colleague)
    User.objects.filter(pk=colleague.pk).update(is_active=False)
    rows = set(ROUTES) - in_rooms("admin/")
    wanted = expected(PAGES) | expected(REST)
    assert walk([gone], rows, fill) == {route: wanted[route][:1] for route in sorted(rows)}


def with_token(token: str | None) -> APIClient:
    client = APIClient(raise_request_exception=False)
    if token:
        client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def test_rest_answers_each_kind_of_token_as_the_table_says(people, fill, second) -> None:
    clients = [with_token(None), *(with_token(token_of(user)) for user in people.values())]
    rows = in_rooms("api/", "^api/")
    compared(walk(clients, rows, fill), expected(REST))
    overwritten = expected(OVERWRITTEN)
    compared(walk(clients, set(overwritten), fill, OVERWRITING), overwritten)
    for route in rows:
        for method in OTHER_VERBS if route not in overwritten else ("patch",):
            assert asked(clients[0], method, fill(route)) in ("401", "404", "405"), (method, route)
            assert asked(clients[PEOPLE.index("administrator")], method, fill(route)) in ("404", "405"), route


def test_token_that_has_run_out_or_is_revoked_or_whose_owner_is_gone_opens_nothing(
    colleague, second, fill
) -> None:
    run_out = token_of(colleague, expiry=timedelta(seconds=-1))
    revoked = token_of(colleague, name="revoked")
    ApiToken.objects.get(name="revoked").delete()
    orphan = token_of(second)
    User.objects.filter(pk=second.pk).update(is_active=False)
    for token in (run_out, revoked, orphan):
        # Swagger UI is a page, which asks for no token.
        for route, (cell,) in walk([with_token(token)], in_rooms("api/") - {"api/v1/docs/"}, fill).items():
            for answer, public in zip(cell.split("/"), expected(REST)[route][0].split("/"), strict=True):
                assert answer == "401" or public in ("404", "405"), (route, answer)
