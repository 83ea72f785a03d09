"""The DICOM files of a case, from its page."""

from __future__ import annotations

from django.http import Http404, HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cases.access import CaseDeleted, PageRequest, signed_in
from cases.export.dicom.archive import NotToBeExported, case_to_export, exported
from cases.models import Case


@never_cache
@require_safe
@signed_in
def dicom(request: PageRequest, code: str) -> HttpResponseBase:
    """The zip; 404 where the case has no such file yet."""
    try:
        return exported(by=request.user, case=case_to_export(request.user, code))
    except CaseDeleted:
        raise
    except Case.DoesNotExist:
        raise Http404 from None
    except NotToBeExported as error:
        raise Http404(str(error)) from None
