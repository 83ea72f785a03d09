"""Stored files that are to go, until none of them is there: what is deleted names them in its transaction.

A file goes once no picture and no result that is still there names it. Whoever dies over it leaves the row,
and the next round takes it up (cases/deletion/tasks.py); a file that is gone already costs nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from cases import storage
from cases.batches import BATCH_SIZE
from cases.models import FileRemoval, Image, Prediction, ShadowResult
from cases.turns import INTAKE, turn_of, wait_for_turn

logger = logging.getLogger(__name__)
# Long after whoever stored it would have written its row.
FORGOTTEN_AFTER = timedelta(days=1)


def remove_later(names: Iterable[str]) -> None:
    """Write down what is to go; call it inside the transaction after which nothing names it."""
    FileRemoval.objects.bulk_create(
        (FileRemoval(name=name) for name in sorted(set(names))),
        batch_size=BATCH_SIZE,
        ignore_conflicts=True,
    )


def remove_waiting(most: int) -> int:
    """Remove the oldest of what is to go; how many names are dealt with.

    What the storage does not let go of stays, with a line in the log, and keeps nothing else waiting.
    """
    names = FileRemoval.objects.order_by("created_at", "name").values_list("name", flat=True)[:most]
    done = 0
    for name in list(names):
        try:
            _remove(name)
        except OSError as error:
            logger.error("A deleted file is still stored: %s.", type(error).__name__)  # noqa: TRY400
            FileRemoval.objects.filter(name=name).update(created_at=timezone.now())
        else:
            done += 1
    return done


def are_waiting() -> bool:
    """Whether a deleted file is still stored, or was when somebody last looked."""
    return FileRemoval.objects.exists()


def _remove(name: str) -> None:
    """Erase one file that nobody names. Who stores it anew at this moment waits, and finds it gone."""
    with transaction.atomic():
        wait_for_turn(INTAKE if name.startswith("images/") else turn_of(name))
        if not _is_named(name):
            storage.erase(name)
        FileRemoval.objects.filter(name=name).delete()


def _is_named(name: str) -> bool:
    return Image.objects.filter(file=name).exists() or bool(_named_maps([name]))


def _named_maps(names: Sequence[str]) -> set[str]:
    of_maps = {"maps_file__in": names, "image__deleted_at__isnull": True}
    found = [
        model.objects.filter(**of_maps).values_list("maps_file", flat=True)
        for model in (Prediction, ShadowResult)
    ]
    return set().union(*found)


def remove_forgotten_maps(hour: int) -> int:
    """Write down as to go the heat maps that no result names, and that have lain for a day; how many.

    A worker that is killed between file and commit leaves them. hour: 0 to 23; each looks at its share of the
    folders, so that a day has seen all. Of pictures nothing is looked for: they cannot be made anew, should
    the rows that name them be in another backup.
    """
    count = 0
    for share in range(hour, 256, 24):
        stored = list(storage.names_in("maps", share))
        for first in range(0, len(stored), BATCH_SIZE):
            batch = stored[first : first + BATCH_SIZE]
            named = _named_maps(batch)
            forgotten = [name for name in batch if name not in named and _has_lain(name)]
            remove_later(forgotten)
            count += len(forgotten)
    return count


def _has_lain(name: str) -> bool:
    try:
        return storage.stored_at(name) < timezone.now() - FORGOTTEN_AFTER
    except FileNotFoundError:
        return False
