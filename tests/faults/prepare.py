"""`python -m tests.faults.prepare`: somebody who uploads by token, and a cohort. Prints the token."""

from __future__ import annotations

import sys
from datetime import timedelta

import django

COHORT = "Faults"


def main() -> None:
    django.setup()
    from cases.analysis.model_versions import active_version
    from cases.models import Cohort, Membership
    from cases.people import tokens
    from cases.roles import Role
    from cases.scopes import Scope
    from portal.accounts.models import User

    active_version()
    user = User.objects.create_user("technologist@faults.example", full_name="Technologist")
    cohort = Cohort.objects.create(name=COHORT)
    Membership.objects.create(user=user, cohort=cohort, role=Role.TECHNOLOGIST)
    terms = tokens.Terms("faults", [Scope.UPLOAD, Scope.READ], timedelta(days=1))
    sys.stdout.write(tokens.issue(by=None, user=user, terms=terms).text)


if __name__ == "__main__":
    main()
