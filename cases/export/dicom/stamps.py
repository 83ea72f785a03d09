"""What every instance says of itself: when it came to be."""

from __future__ import annotations

from datetime import UTC, datetime

from pydicom.dataset import Dataset

METHOD = "Case code in place of the patient; nothing of the original file"


def stamp(instance: Dataset, at: datetime) -> None:
    """Put the moment of what is told in place of the moment of the export: the same instance, byte by byte,
    however often it is asked for.
    """
    moment = at.astimezone(UTC)
    day, time = f"{moment:%Y%m%d}", f"{moment:%H%M%S.%f}"
    instance.TimezoneOffsetFromUTC = "+0000"
    instance.InstanceCreationDate, instance.InstanceCreationTime = day, time
    instance.ContentDate, instance.ContentTime = day, time
    if "DateOfSecondaryCapture" in instance:
        instance.DateOfSecondaryCapture, instance.TimeOfSecondaryCapture = day, time
    for equipment in instance.get("ContributingEquipmentSequence", []):
        equipment.ContributionDateTime = f"{day}{time}+0000"
    for observer in instance.get("VerifyingObserverSequence", []):
        observer.VerificationDateTime = f"{day}{time}+0000"
