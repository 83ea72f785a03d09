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
UPLOAD, READ, REVIEW, EXPORT = (
    frozenset({scope}) for scope in (Scope.UPLOAD, Scope.READ, Scope.REVIEW, Scope.EXPORT)
)
# By the name of the route (cases/api/urls.py) and the method: one of these scopes is enough. What does not
# stand here no token opens. Addresses for everybody ask for none.
ASKED: Mapping[str, Mapping[str, Scopes]] = {
    "cohorts": {"GET": ANY},
    "uploads": {"POST": UPLOAD},
    "dicomweb-studies": {"GET": READ, "POST": UPLOAD},
    "dicomweb-series": {"GET": READ},
    "dicomweb-instances": {"GET": READ},
    "cases": {"GET": READ},
    "case": {"GET": READ},
    "case-dicom": {"GET": EXPORT},
    "retry": {"POST": UPLOAD},
    "first-read": {"POST": REVIEW},
    "reviews": {"POST": REVIEW},
    "amend": {"POST": REVIEW},
    "reviewed-cases": {"GET": EXPORT},
    "codebook": {"GET": EXPORT},
    "figures": {"GET": EXPORT},
    "snapshots": {"GET": EXPORT, "POST": EXPORT},
    "snapshot": {"GET": EXPORT},
    "snapshot-table": {"GET": EXPORT},
}
# Those that open something which not every token does.
OFFERED = [
    scope
    for scope in Scope
    if any(scope in asked and asked != ANY for methods in ASKED.values() for asked in methods.values())
]


def asked_by(route: str, method: str) -> Scopes:
    """The scopes of which a token needs one; empty where no token is let in."""
    return ASKED.get(route, {}).get("GET" if method == "HEAD" else method, frozenset())
