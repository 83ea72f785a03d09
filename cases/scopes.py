"""What a token of the REST API may be used for, and which scope opens which address."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Scope(TextChoices):
    """One use of a token, which never does more than its owner may."""

    UPLOAD = "upload", _("Upload images, and try failed analyses again")
    READ = "read", _("Read cases, results and reviews")
    REVIEW = "review", _("Give first reads and reviews")
    EXPORT = "export", _("Export what was reviewed, and figures")
    ADMINISTER = "administer", _("Administer cohorts")


Scopes = frozenset[Scope]
ANY: Scopes = frozenset(Scope)
UPLOAD, READ, REVIEW, EXPORT, ADMINISTER = (frozenset({scope}) for scope in Scope)
# By the name of the route (cases/api/urls.py) and the method: one of these scopes is enough. What does not
# stand here no token opens. Addresses for everybody ask for none.
ASKED: Mapping[str, Mapping[str, Scopes]] = {
    "cohorts": {"GET": ANY, "POST": ADMINISTER},
    "cohort": {"GET": ANY},
    "acceptances": {"GET": ADMINISTER},
    "audit": {"GET": ADMINISTER},
    "drift": {"GET": ADMINISTER},
    "plan": {"GET": ADMINISTER, "PUT": ADMINISTER},
    "protocol": {"GET": ADMINISTER, "PUT": ADMINISTER},
    "protocols": {"GET": ADMINISTER},
    "readers": {"GET": ADMINISTER},
    "truth": {"GET": ADMINISTER, "POST": ADMINISTER},
    "webhooks": {"GET": ADMINISTER, "POST": ADMINISTER},
    "webhook": {"GET": ADMINISTER, "PUT": ADMINISTER, "DELETE": ADMINISTER},
    "webhook-secret": {"POST": ADMINISTER},
    "webhook-pause": {"POST": ADMINISTER},
    "webhook-resume": {"POST": ADMINISTER},
    "webhook-test": {"POST": ADMINISTER},
    "deliveries": {"GET": ADMINISTER},
    "replay": {"POST": ADMINISTER},
    "uploads": {"POST": UPLOAD},
    "resumable-uploads": {"POST": UPLOAD},
    "resumable-upload": {"GET": UPLOAD, "PATCH": UPLOAD, "DELETE": UPLOAD},
    "resumable-create": {"POST": UPLOAD},
    "dicomweb-studies": {"GET": READ, "POST": UPLOAD},
    "dicomweb-series": {"GET": READ},
    "dicomweb-instances": {"GET": READ},
    "wado-study": {"GET": READ},
    "wado-study-metadata": {"GET": READ},
    "wado-series": {"GET": READ},
    "wado-series-metadata": {"GET": READ},
    "wado-instance": {"GET": READ},
    "wado-instance-metadata": {"GET": READ},
    "wado-rendered": {"GET": READ},
    "wado-frames": {"GET": READ},
    "cases": {"GET": READ},
    "case": {"GET": READ},
    "case-dicom": {"GET": EXPORT},
    "retry": {"POST": UPLOAD},
    "picture": {"GET": READ},
    "predictions": {"GET": READ},
    "map": {"GET": READ},
    "first-read": {"POST": REVIEW},
    "first-reads": {"GET": READ},
    "adjudication": {"GET": READ, "POST": REVIEW},
    "reviews": {"GET": READ, "POST": REVIEW},
    "model-versions": {"GET": ANY},
    "amend": {"POST": REVIEW},
    "reviewed-cases": {"GET": EXPORT},
    "codebook": {"GET": EXPORT},
    "figures": {"GET": EXPORT},
    "snapshots": {"GET": EXPORT, "POST": EXPORT},
    "snapshot": {"GET": EXPORT},
    "snapshot-table": {"GET": EXPORT},
    "snapshot-bundle": {"GET": EXPORT},
}
# What is about no cohort that there is: nothing for a token of one cohort.
BEYOND_ONE_COHORT = frozenset({("cohorts", "POST")})
# Those that open something which not every token does.
OFFERED = [
    scope
    for scope in Scope
    if any(scope in asked and asked != ANY for methods in ASKED.values() for asked in methods.values())
]


def asked_by(route: str, method: str) -> Scopes:
    """The scopes of which a token needs one; empty where no token is let in."""
    return ASKED.get(route, {}).get("GET" if method == "HEAD" else method, frozenset())
