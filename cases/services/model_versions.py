"""Which network the portal uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from cases.models import ModelVersion
from cases.services import audit
from inference.manifest import Manifest, default_manifest

if TYPE_CHECKING:
    from portal.accounts.models import User


class ManifestChanged(Exception):
    """A version of this name is registered with other weights; a version never changes."""


def register(*, by: User | None, manifest: Manifest) -> ModelVersion:
    """Make the network of `manifest` known; a second time it returns the first row."""
    with transaction.atomic():
        version, created = ModelVersion.objects.get_or_create(
            name=manifest.id,
            defaults={"weights_sha256": manifest.weights_sha256, "manifest": manifest.as_dict()},
        )
        if version.weights_sha256 != manifest.weights_sha256:
            raise ManifestChanged(
                f"“{manifest.id}” is registered with other weights; give the new ones a new id."
            )
        if created:
            audit.record(by=by, action="model.registered", subject=version, name=version.name)
    return version


def activate(*, by: User | None, version: ModelVersion) -> None:
    """Use `version` for every case that is uploaded from now on."""
    with transaction.atomic():
        ModelVersion.objects.select_for_update().filter(is_active=True).update(is_active=False)
        ModelVersion.objects.filter(pk=version.pk).update(is_active=True)
        audit.record(by=by, action="model.activated", subject=version, name=version.name)


def active_version() -> ModelVersion:
    """The active version; the shipped network is registered and activated where there is none."""
    active = ModelVersion.objects.filter(is_active=True)
    if version := active.first():
        return version
    try:
        with transaction.atomic():
            activate(by=None, version=register(by=None, manifest=default_manifest()))
    except IntegrityError:
        pass  # another process was first, which is just as good
    return active.get()
