"""The instances of one case as a zip, for those who may export it: one instance in memory at a time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _t

from cases import audit, disclosures
from cases.access import case_visible_to
from cases.blinding import OVER, is_held_back
from cases.disclaimer import DISCLAIMER
from cases.downloads import named
from cases.export.dicom.drawings import drawn_layer
from cases.export.dicom.facts import CaseFacts, facts_of
from cases.lifecycle import Shown
from cases.models import Case
from cases.permissions import Action, require, within

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from portal.accounts.models import User

MEDIA_TYPE = "application/zip"


class NotToBeExported(Exception):
    """The case cannot be exported as it is; the message says why, and what to wait for."""


def case_to_export(user: User, code: str) -> Case:
    """The case of this code, which the user may export, seen on a page or not.

    Raises Case.DoesNotExist where the user may neither see nor export it, and PermissionDenied where only the
    right to export is missing.
    """
    cases = Case.objects.select_related("cohort").filter(code=code.upper(), deleted_at__isnull=True)
    mine = within(user, Action.EXPORT)
    unquarantined = cases.filter(is_quarantined=False) | cases.filter(within(user, Action.MANAGE))
    if found := unquarantined.filter(mine).first():
        return found
    require(user, Action.EXPORT, case_visible_to(user, code).cohort)
    raise Case.DoesNotExist


def exported(*, by: User, case: Case) -> StreamingHttpResponse:
    """The answer that carries the zip, written down in the audit and among what was shown.

    Raises NotToBeExported where the case is not over, does not lie open before the user, or was never read.
    """
    if case.state not in OVER or is_held_back(by, case):
        raise NotToBeExported(
            _t("This case is not over yet. It can be exported as DICOM once all of its readers are through.")
        )
    facts = facts_of(case)
    if facts is None:
        raise NotToBeExported(
            _t(
                "Nobody has read this case, or a picture that was read is deleted, so there is nothing to be "
                "exported as DICOM."
            )
        )
    _write_down(by, facts)
    headers = named(f"secondread-{case.code}-dicom.zip") | {"X-Research-Use": DISCLAIMER}
    return StreamingHttpResponse(zipped(instances_of(facts)), content_type=MEDIA_TYPE, headers=headers)


def _write_down(by: User, facts: CaseFacts) -> None:
    case = facts.case
    others = any(read.reader != str(by.pk) for read in facts.reads)
    kinds = [Shown.NETWORK, *([Shown.PEERS] if others else [])]
    disclosures.record(to=by, cases=[case.pk], kinds=kinds)
    audit.record(by=by, action="case.dicom_fetched", subject=case, cohort=case.cohort, reads=len(facts.reads))


def instances_of(facts: CaseFacts) -> Iterator[tuple[str, Dataset]]:
    """The instances with their file names: what others refer to comes first."""
    from cases.export.dicom import captures, reports  # highdicom: for those who ask for it

    pictures = []
    for image in facts.images:
        picture = captures.capture_of_picture(facts, image)
        yield f"picture-{image.position + 1}.dcm", picture
        pictures.append(_without_pixels(picture))
    drawing: Dataset | None = None
    if drawn_layer(facts.result):
        source = pictures[facts.images.index(facts.result.image)]
        drawn = captures.capture_of_drawing(facts, source)
        yield f"heat-map-{facts.result.image.position + 1}.dcm", drawn
        drawing = _without_pixels(drawn)
    yield "network.dcm", reports.report_of_network(facts, pictures, drawing)
    for number, read in enumerate(facts.reads):
        name = "adjudication" if read.is_adjudication else f"read-{number + 1}"
        yield f"{name}.dcm", reports.report_of_read(facts, pictures, number)


def _without_pixels(instance: Dataset) -> Dataset:
    """What a report asks of an instance that it refers to."""
    from pydicom.dataset import Dataset

    return Dataset({element.tag: element for element in instance if element.keyword != "PixelData"})


class _Pipe(io.RawIOBase):
    """A file that is only written to, and emptied as it fills."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # bytes alone are written here
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since it was last asked for."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def zipped(instances: Iterable[tuple[str, Dataset]]) -> Iterator[bytes]:
    """The zip, an instance at a time; the same instances make the same bytes.

    An error on the way is raised out of the iterator: the server cuts the connection, and the client knows
    that the file is not complete.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, instance in instances:
            file = io.BytesIO()
            instance.save_as(file, enforce_file_format=True)
            archive.writestr(
                zipfile.ZipInfo(name), file.getvalue(), zipfile.ZIP_DEFLATED
            )  # of the year 1980, whenever it is made
            yield pipe.taken()
    yield pipe.taken()
