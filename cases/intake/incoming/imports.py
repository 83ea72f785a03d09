"""Files in a folder that the operator has named, taken in as an upload is: looked at, shown, confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _t

from cases import audit
from cases.intake.incoming import receiving
from cases.intake.incoming.folders import FolderUnusable
from cases.intake.incoming.said import NotUnderstood, packed, said
from cases.intake.incoming.working import wake_on_commit

if TYPE_CHECKING:
    from cases.intake.forms import Grouping
    from cases.intake.incoming.folders import Listing
    from cases.models import Cohort, IncomingUpload
    from portal.accounts.models import User


def begin_import(
    *, by: User, cohort: Cohort, folder: str, chosen: Listing, grouping: Grouping, volume: int = 0
) -> IncomingUpload:
    """Have all that lies in the chosen place looked at. Raises FolderUnusable and receiving.NoRoom."""
    metadata = packed(
        filename="/".join(chosen.way), grouping=grouping, **({"volume": str(volume)} if volume else {})
    )
    try:
        words = said(metadata)
    except NotUnderstood:
        raise FolderUnusable(_t("This subfolder lies too deep. Choose one above it.")) from None
    with transaction.atomic():
        upload = receiving.begin(by=by, cohort=cohort, length=0, words=words, folder=folder)
        audit.record(by=by, action="import.begun", subject=upload, cohort=cohort, folder=folder)
        wake_on_commit(upload)
    return upload
