"""Say of the networks that shipped so far which of their classes means "nothing found".

Their manifests name it from now on; rows that were registered before are known by the digest of their weights.
"""

from typing import Any

from django.db import migrations

NEGATIVE_CLASS = "notumor"
SHIPPED = (
    "393b48ff8e5fa732668338c1177a82d8869b903352e8d41238669df4021b3330",  # prototype-cnn-1
    "6f3587c00d3a8c22357ac107da2d3079f953aef68d437953b131e86be4c1670f",  # secondread-lite-1
    "1df608c9bd8e5870426d15051fa3b084a06965be8b6089a2f3e4633bfe62ca75",  # secondread-lite-2
)


def name_the_class(apps: Any, schema_editor: Any) -> None:
    for version in apps.get_model("cases", "ModelVersion").objects.filter(weights_sha256__in=SHIPPED):
        version.manifest = {**version.manifest, "negative_class": NEGATIVE_CLASS}
        version.save(update_fields=["manifest"])


def forget_the_class(apps: Any, schema_editor: Any) -> None:
    for version in apps.get_model("cases", "ModelVersion").objects.filter(weights_sha256__in=SHIPPED):
        version.manifest = {key: value for key, value in version.manifest.items() if key != "negative_class"}
        version.save(update_fields=["manifest"])


class Migration(migrations.Migration):
    dependencies = [("cases", "0005_reading_room_rows")]
    operations = [migrations.RunPython(name_the_class, forget_the_class)]
