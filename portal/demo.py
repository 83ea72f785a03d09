"""The people and the cohort of the demonstration that `make run` starts with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cases.roles import Role

DEMO_COHORT = "Demo (simulated)"
DEMO_DESCRIPTION = "Slices of the MNI152 template with simulated lesions. No patient, no accuracy figure."
BLINDED_COHORT = "Demo, blinded (simulated)"
BLINDED_DESCRIPTION = "Commit, then reveal; two readers a case, and an adjudicator where they differ."
BLINDED_CASES = 8
TEACHING_COHORT = "Demo, teaching (simulated)"
TEACHING_DESCRIPTION = "Simulated lesions of known class to practise on."
TEACHING_CASES = 12
# By its name in the manifest: the case of many slices that each cohort has beside the single ones.
SERIES_OF = {DEMO_COHORT: "series-1", BLINDED_COHORT: "series-2"}
# A series as a hospital sends it, whose lesion this is (inference/demo/hospital.py).
HOSPITAL_ARCHIVE, HOSPITAL_CLASS = "series-dicom.zip", "meningioma"
DEMO_DIR = Path(__file__).resolve().parent.parent / "cases" / "demo"
# Known to everybody: the standalone default listens on this machine only, and the
# command that makes these accounts refuses to run with production settings.
DEMO_PASSWORD = "read-the-demo-twice"  # noqa: S105


@dataclass(frozen=True)
class DemoAccount:
    """One sign-in of the demonstration; `role` is None for the superuser.

    `everywhere`: whether the person belongs to every demo cohort; otherwise to the blinded one only.
    """

    email: str
    full_name: str
    role: Role | None
    everywhere: bool = True
    password: str = DEMO_PASSWORD


DEMO_ACCOUNTS: tuple[DemoAccount, ...] = (
    DemoAccount("radiologist@demo.example", "Robin Reader", Role.RADIOLOGIST),
    DemoAccount("second@demo.example", "Sascha Second", Role.RADIOLOGIST, everywhere=False),
    DemoAccount("adjudicator@demo.example", "Ada Judge", Role.RADIOLOGIST, everywhere=False),
    DemoAccount("technologist@demo.example", "Toni Tech", Role.TECHNOLOGIST),
    DemoAccount("administrator@demo.example", "Alex Admin", Role.ADMINISTRATOR),
    DemoAccount("exporter@demo.example", "Export Script", Role.EXPORTER),
    DemoAccount("superuser@demo.example", "Sam Super", None),
)
