"""Copies of one picture, in whatever cohort, share `Image.picture`: they are compared when one comes in.

cases/blinding.py asks only whether two images share it, so that no page pays for the comparison. A picture is
looked for by exact pieces of its hash, through an index; what shares a piece is compared in full.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from cases.batches import BATCH_SIZE
from cases.models import Image, LikenessPiece
from cases.turns import INTAKE, wait_for_turn
from inference.likeness import alike, pieces_in_any_position, pieces_of

# Older builds of SQLite take 999 values in a query.
PIECES_A_QUERY = 900


def picture_by_content(stored_as: str) -> uuid.UUID:
    """The picture of an image that has no copy yet: made of the name of its pixels, so that the same pixels
    are the same picture also where they show nothing that could be compared.
    """
    return uuid.uuid5(uuid.NAMESPACE_OID, stored_as)


def join_copies(images: Sequence[Image]) -> None:
    """Give images that are about to be stored the picture that they are copies of.

    Two pictures that a new image is a copy of are one from then on. Call it inside the transaction that
    stores them; until that is over, others who take images in wait.
    """
    # One intake at a time compares and stores: of two copies that come in at once the second finds the first.
    wait_for_turn(INTAKE)
    for image in images:
        image.picture = picture_by_content(image.file)
    shown = [image for image in images if image.likeness]
    stored = _sharing_a_piece(shown)
    for image in shown:
        among = list(stored)
        found = [
            likeness
            for likeness, is_alike in zip(among, alike(image.likeness, among), strict=True)
            if is_alike
        ]
        # With its own: of the same pixels there may be one that is compared with nothing.
        pictures = {image.picture}.union(*(stored[likeness] for likeness in found))
        image.picture = min(pictures)
        if len(pictures) > 1:
            Image.objects.filter(picture__in=pictures).update(picture=image.picture)
            stored = {each: {image.picture} if at & pictures else at for each, at in stored.items()}


def keep_pieces(images: Sequence[Image]) -> None:
    """Store the pieces by which stored images are found."""
    LikenessPiece.objects.bulk_create(
        (
            LikenessPiece(image=image, piece=piece)
            for image in images
            if image.likeness
            for piece in pieces_of(image.likeness)
        ),
        batch_size=BATCH_SIZE,
    )


def _sharing_a_piece(images: Sequence[Image]) -> dict[str, set[uuid.UUID]]:
    """The pictures of stored images that share a piece with one of these, by their hashes."""
    pieces = sorted({piece for image in images for piece in pieces_in_any_position(image.likeness)})
    found: dict[str, set[uuid.UUID]] = {}
    for first in range(0, len(pieces), PIECES_A_QUERY):
        sharing = LikenessPiece.objects.filter(piece__in=pieces[first : first + PIECES_A_QUERY])
        rows = Image.objects.filter(pk__in=sharing.values("image")).order_by()
        for likeness, picture in rows.values_list("likeness", "picture"):
            found.setdefault(likeness, set()).add(picture)
    return found
