"""The list of what the portal is made of, as CycloneDX 1.6: all that is locked, with version and licence."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from licences import Package


def write(path: Path, packages: Iterable[tuple[str, Package]]) -> int:
    """Write the list of these packages, each with its kind as its URL has it (pypi, npm); how many there are.

    Raises ValueError where the list is none that CycloneDX knows.
    """
    bom = Bom(components=[_component(kind, package) for kind, package in packages])
    portal = Component(name="secondread", type=ComponentType.APPLICATION, bom_ref="secondread")
    bom.metadata.component = portal
    bom.register_dependency(portal, bom.components)
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"{path.name} is no CycloneDX: {wrong.data.message}")
    path.write_text(text + "\n", encoding="utf-8")
    return len(bom.components)


def _component(kind: str, package: Package) -> Component:
    namespace, _, name = package.name.rpartition("/")
    url = PackageURL(kind, namespace or None, name, package.version)
    licence = LicenseFactory().make_from_string(package.licence or "unknown")
    return Component(
        name=name,
        group=namespace or None,
        version=package.version,
        purl=url,
        bom_ref=str(url),
        licenses=[licence],
    )
