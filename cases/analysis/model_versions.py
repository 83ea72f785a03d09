"""Which network the portal uses: registering, activating, and going back.

There is one active version for the whole site, so only the operator (a command, with `by` None) and
superusers may change it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _t

from cases import audit
from cases.analysis import key_result, model_files, shadow
from cases.lifecycle import READER_ONLY_CLASSES
from cases.models import AuditEvent, ModelVersion
from inference.manifest import Manifest, default_manifest, load_manifest

if TYPE_CHECKING:
    from portal.accounts.models import User

ACTIVATED, ROLLED_BACK = "model.activated", "model.rolled_back"


class ManifestChanged(Exception):
    """A version of this name is registered with other weights; a version never changes."""


class ClassesCollide(Exception):
    """A class of the network has a code by which another class is stored already."""


class NoWayBack(Exception):
    """There is no version to go back to, or another one has become active meanwhile."""


def register(*, by: User | None, manifest: Manifest) -> ModelVersion:
    """Make the network of `manifest` known; a second time it returns the first row.

    Raises ManifestChanged or ClassesCollide.
    """
    _require_operator(by)
    with transaction.atomic():
        _refuse_collisions(manifest)
        version, created = ModelVersion.objects.get_or_create(
            name=manifest.id,
            defaults={
                "weights_sha256": manifest.weights_sha256,
                "manifest": _described(manifest),
                "is_candidate": True,
            },
        )
        if version.weights_sha256 != manifest.weights_sha256:
            raise ManifestChanged(
                _t("“%(name)s” is registered with other weights; give the new ones a new id.")
                % {"name": manifest.id}
            )
        if created:
            audit.record(by=by, action="model.registered", subject=version, name=version.name)
    return version


def register_file(*, by: User | None, path: Path) -> ModelVersion:
    """Register the model whose manifest is at `path`, once schema and weights are checked.

    Its files are copied to MODEL_DIR where they lie elsewhere. Raises ManifestError, ManifestChanged or
    ClassesCollide, and then nothing was copied but for ManifestChanged.
    """
    _require_operator(by)
    _refuse_collisions(load_manifest(path))
    return register(by=by, manifest=model_files.take_in(path))


def activate(*, by: User | None, version: ModelVersion) -> bool:
    """Use `version` for every case that is uploaded from now on; False where it is the active one already.

    Raises ManifestError where its files are missing on this machine or are not the registered ones.
    """
    _require_operator(by)
    model_files.verified(version.name, version.weights_sha256, version.compiled_sha256)
    with transaction.atomic():
        before = _locked_active()
        if before is not None and before.pk == version.pk:
            return False
        _make_active(by, version, ACTIVATED, before)
    return True


def roll_back(*, by: User | None, version: ModelVersion) -> ModelVersion:
    """Leave `version`, the active one, for the version that was active before it; return that one.

    Several in a row go further back each time. Raises NoWayBack where there is none, or where
    `version` is not active (any more): two who press at once go back by one step, not by two.
    """
    _require_operator(by)
    with transaction.atomic():
        active = _locked_active()
        if active is None or active.pk != version.pk:
            raise NoWayBack(_t("“%(name)s” is not the active version; look again.") % {"name": version.name})
        before = version_before(active)
        if before is None:
            raise NoWayBack(_t("No other version was active before “%(name)s”.") % {"name": version.name})
        model_files.verified(before.name, before.weights_sha256, before.compiled_sha256)
        _make_active(by, before, ROLLED_BACK, active)
    return before


def version_before(version: ModelVersion) -> ModelVersion | None:
    """The version that was active when `version` was last activated, by the audit trail."""
    turns = AuditEvent.objects.filter(action__in=(ACTIVATED, ROLLED_BACK)).order_by("at", "id")
    activation = turns.filter(action=ACTIVATED, subject=str(version.pk)).last()
    if activation is None:
        return None
    before = turns.filter(at__lt=activation.at).last()
    return ModelVersion.objects.filter(pk=before.subject).first() if before else None


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


def version_to_queue() -> ModelVersion:
    """The active version, of whose manifest the queueing of an analysis reads nothing: it is left out."""
    return ModelVersion.objects.filter(is_active=True).defer("manifest").first() or active_version()


def _refuse_collisions(manifest: Manifest) -> None:
    """Results, reviews and exports know a class by its code, which has to mean the same in all networks."""
    others = ModelVersion.objects.exclude(name=manifest.id).order_by("-registered_at")
    stored = {
        each["code"]: (each["label"], name)
        for name, classes in others.values_list("name", "manifest__classes")
        for each in classes or ()
    }
    for each in manifest.classes:
        if each.code in READER_ONLY_CLASSES:
            raise ClassesCollide(
                _t("The class code “%(code)s” is kept for what a reader alone can say; choose another code.")
                % {"code": each.code}
            )
        label, name = stored.get(each.code, (each.label, ""))
        if label != each.label:
            raise ClassesCollide(
                _t(
                    "The class code “%(code)s” stands for “%(stored)s” in “%(network)s” and for “%(given)s” "
                    "here; give this class another code, or the same label."
                )
                % {"code": each.code, "stored": label, "network": name, "given": each.label}
            )


def _described(manifest: Manifest) -> dict[str, Any]:
    """What the row keeps of a manifest: all but the hashes of the training images, which only workers look
    up, in the file; in the row every read of the version would carry them.
    """
    fields = manifest.as_dict()
    if images := fields["training_images"]:
        fields["training_images"] = {key: value for key, value in images.items() if key != "hashes"}
    return fields


def _require_operator(by: User | None) -> None:
    if by is not None and not (by.is_active and by.is_superuser):
        raise PermissionDenied(_t("Only an administrator of the site may change which network is used."))


def _locked_active() -> ModelVersion | None:
    """The active version. All rows are locked, since who becomes active and who ceases to be are two rows."""
    rows = list(ModelVersion.objects.select_for_update().order_by("pk"))
    return next((row for row in rows if row.is_active), None)


def _make_active(by: User | None, version: ModelVersion, action: str, before: ModelVersion | None) -> None:
    """Move the mark; takes for granted that the rows are locked."""
    ModelVersion.objects.filter(is_active=True).update(is_active=False)
    if ModelVersion.objects.filter(pk=version.pk, is_candidate=True).exists():
        shadow.publish(version)
    ModelVersion.objects.filter(pk=version.pk).update(is_active=True, is_candidate=False)
    version.is_active, version.is_candidate = True, False
    key_result.refresh_after_activation()
    audit.record(
        by=by, action=action, subject=version, name=version.name, before=before.name if before else None
    )
