"""The tables of a snapshot and what each column means: the codebook, and the types of every format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SCHEMA_VERSION = "1"


class Kind(StrEnum):
    """What a column holds. A map is by class code; json is text that holds JSON."""

    TEXT = "text"
    CODE = "code"
    FLAG = "flag"
    WHOLE = "whole"
    NUMBER = "number"
    TIME = "time"
    MAP = "map"
    JSON = "json"


@dataclass(frozen=True)
class Column:
    """One column; a value that is not known is null, in CSV an empty cell."""

    name: str
    kind: Kind
    meaning: str


def _columns(*told: tuple[str, Kind, str]) -> tuple[Column, ...]:
    return tuple(Column(*each) for each in told)


_CASE = ("case", Kind.TEXT, "The opaque code of the case.")
_CLUSTER = (
    *("cluster", Kind.TEXT),
    "What belongs together: a digest of the patient key, or the case's code where there is none.",
)
_MODEL = ("model_version", Kind.CODE, "The network, by its name.")

TABLES: dict[str, tuple[Column, ...]] = {
    "cases": _columns(
        _CASE,
        ("cohort", Kind.CODE, "The name of the cohort."),
        _CLUSTER,
        ("simulated", Kind.FLAG, "Made for demonstration; keep it out of figures."),
        ("known_class", Kind.CODE, "The code of the known class."),
        ("state", Kind.CODE, "open, in_review, disputed, reviewed or closed."),
        ("protocol_version", Kind.WHOLE, "The version that its reading began under."),
        ("reading", Kind.CODE, "How it is read under that version: ai_first, blinded or teaching."),
        ("images", Kind.WHOLE, "How many images it has."),
        ("received_at", Kind.TIME, "When it was taken in."),
        ("deleted_at", Kind.TIME, "When its pictures were deleted; what was read of it still counts."),
    ),
    "results": _columns(
        _CASE,
        _CLUSTER,
        _MODEL,
        ("image_position", Kind.WHOLE, "Place of the image that stands for the case, from 0."),
        ("image_sha256", Kind.TEXT, "Of the uploaded file; null where the picture is deleted."),
        ("predicted_class", Kind.CODE, "The likeliest class."),
        ("probability", Kind.NUMBER, "Its probability."),
        ("probabilities", Kind.MAP, "Of every class that the network knows."),
        ("gate_verdict", Kind.CODE, "accepted, uncertain or refused; null where the network has no gate."),
        (
            "gate_distance",
            Kind.NUMBER,
            "How far the image is from those it was trained on; comparable within one network.",
        ),
        ("trained_on", Kind.FLAG, "Whether it was trained on the image; null where it does not say."),
        ("seconds", Kind.NUMBER, "How long the network took."),
        ("at", Kind.TIME, "When the result was stored."),
    ),
    "statements": _columns(
        ("statement", Kind.TEXT, "The id of the statement."),
        _CASE,
        _CLUSTER,
        ("reader", Kind.TEXT, "An opaque id; administrators of the cohort are told whose."),
        ("kind", Kind.CODE, "first, final, amendment, remark or adjudication."),
        ("counts", Kind.FLAG, "Whether it stands for the study: the last word of its reader, no remark."),
        ("class", Kind.CODE, "The class that was named; other and unreadable are classes too."),
        ("other_finding", Kind.TEXT, "What was seen, where the class is other."),
        ("confidence", Kind.WHOLE, "1, very unsure, to 5, certain."),
        ("verdict", Kind.CODE, "agree or disagree, where the network's class was judged."),
        ("seconds", Kind.NUMBER, "Active reading time."),
        ("comment", Kind.TEXT, "The reader's own words."),
        ("region", Kind.JSON, "Marked by the reader, in pixels."),
        ("heat_in_region", Kind.NUMBER, "Share of the heat of the predicted class inside the region."),
        ("protocol_version", Kind.WHOLE, "The version that it was given under."),
        _MODEL,
        ("at", Kind.TIME, "When it was given."),
        ("amends", Kind.TEXT, "The statement that it takes the place of."),
        ("reason", Kind.TEXT, "Why it was amended."),
        (
            "seen_network_at",
            Kind.TIME,
            "When its author was first shown the network's result; null: not before it.",
        ),
        ("seen_truth_at", Kind.TIME, "The same of the known class."),
        ("seen_peers_at", Kind.TIME, "The same of other readers."),
    ),
    "figures": _columns(
        ("name", Kind.CODE, "What was computed, such as accuracy:readers:after."),
        ("value", Kind.NUMBER, "The value; null where it is not defined."),
        ("low", Kind.NUMBER, "Lower end of the 95 % interval."),
        ("high", Kind.NUMBER, "Upper end of the 95 % interval."),
        ("n", Kind.WHOLE, "Of how many units."),
        ("clusters", Kind.WHOLE, "Of how many patients or cases, where units were counted as clustered."),
        ("method", Kind.TEXT, "The formula, and where the interval comes from."),
    ),
}


def codebook() -> list[dict[str, str]]:
    """Every column of every table with its type and meaning."""
    return [
        {"table": table, "column": column.name, "type": column.kind.value, "meaning": column.meaning}
        for table, columns in TABLES.items()
        for column in columns
    ]
