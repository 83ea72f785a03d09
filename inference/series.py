"""Which slices belong together, and in which order: by where they lie in the patient, never by their names.

No library is enough alone: some merge two patients of one series, build shear and gaps without a word, or
turn a stack for one odd slice. So each rule is here, in the order in which it is asked, and says why it
split.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

import numpy as np

from inference.errors import Fact, in_english
from inference.geometry import Geometry

# Directions whose cosine is less lie apart: 1.8 degrees.
_PARALLEL = 0.9995
_SAME_STEP = 0.01
# Slices nearer than this, in mm, lie in one place.
_ONE_PLACE = 0.01
# A step of so many times the usual one leaves slices out; one that is so much off is uneven.
_GAP, _UNEVEN = 1.5, 0.1
# How far a slice may slide to the side, in steps, before the stack is sheared.
_SHEAR = 0.1


@dataclass(frozen=True)
class Remark:
    """Why a series is as it is. `template` names facts as %(name)s, so that others can say it in words."""

    code: str
    template: str
    facts: tuple[tuple[str, Fact], ...] = ()

    @property
    def message(self) -> str:
        """The sentence in English."""
        return (
            self.template % {name: in_english(fact) for name, fact in self.facts}
            if self.facts
            else self.template
        )


@dataclass(frozen=True)
class Member:
    """One slice, as far as its place among others is concerned.

    person, study, series, instance: keys, compared with each other alone; empty where unknown. content: equal
    for equal pixels. apart: what can tell slices of one place apart, such as ("echo", 90.0). location: what
    the file says of its place along the stack, for those without a position.
    """

    person: str
    study: str
    series: str
    instance: str
    content: Hashable
    geometry: Geometry
    shape: tuple[int, int]
    apart: tuple[tuple[str, float], ...] = ()
    number: int | None = None
    location: float | None = None
    is_localizer: bool = False


@dataclass
class Group:
    """Slices that are one case, as places in what was given, sorted; and why. dropped: those left out."""

    places: list[int]
    remarks: list[Remark] = field(default_factory=list)
    dropped: list[tuple[int, Remark]] = field(default_factory=list)


DUPLICATE = Remark("slice_duplicate", "The same slice came twice; it was taken once.")
DIFFERS = Remark(
    "instance_differs",
    "Another picture has the same identifier; the first of the two was taken. Ask where they are from.",
)
_PATIENTS = Remark(
    "split_patients",
    "The files of one series name several patients; each became a case of its own.",
)
_LOCALIZER = Remark("split_localizer", "Localizers became a case of their own.")
_ORIENTATIONS = Remark(
    "split_orientation",
    "The series holds slices of several directions or sizes; each became its own case.",
)
_ORDER_BY_NUMBER = Remark(
    "order_by_number", "The files do not tell where the slices lie; they stand in the order of their numbers."
)
_ORDER_BY_LOCATION = Remark(
    "order_by_location",
    "The files do not tell where the slices lie in the patient; they stand in the order of their slice "
    "locations.",
)
_SHEARED = Remark(
    "stack_sheared", "The slices are shifted sideways against each other, as with a tilted gantry."
)
_UNEVEN_STEPS = Remark("steps_uneven", "The slices do not lie at even distances.")
_MISSING = Remark("slices_missing", "Between the slices others seem to be missing: about %(missing)s.")
_REPEATS = Remark(
    "split_repeat", "The series shows the same place several times; each pass became a case of its own."
)
# By the first word of what tells slices of one place apart (Member.apart).
_APART = {
    "echo": Remark("split_echo", "The series holds several echoes; each became a case of its own."),
    "b-value": Remark("split_b_value", "The series holds several b-values; each became a case of its own."),
    "inversion": Remark(
        "split_inversion", "The series holds several inversion times; each became a case of its own."
    ),
    "time": Remark("split_time", "The series holds several points in time; each became a case of its own."),
    "trigger": Remark(
        "split_trigger", "The series holds several trigger times; each became a case of its own."
    ),
    "acquisition": Remark(
        "split_acquisition", "The series holds several acquisitions; each became a case of its own."
    ),
    "type": Remark(
        "split_type",
        "The series holds several kinds of picture, such as magnitude and phase; each became its own case.",
    ),
}
# Every remark by its code.
REMARKS = {
    remark.code: remark
    for remark in (
        DUPLICATE,
        DIFFERS,
        _PATIENTS,
        _LOCALIZER,
        _ORIENTATIONS,
        _ORDER_BY_NUMBER,
        _ORDER_BY_LOCATION,
        _SHEARED,
        _UNEVEN_STEPS,
        _MISSING,
        _REPEATS,
        *_APART.values(),
    )
}


def groups_of(members: Sequence[Member]) -> list[Group]:
    """The cases that these slices make, in the order in which the first slice of each was given."""
    found: list[Group] = []
    for places in _by(range(len(members)), lambda at: (members[at].study, members[at].series)):
        people = _by(places, lambda at: members[at].person)
        for of_one in people:
            remarks = [_PATIENTS] if len(people) > 1 else []
            found += _of_one_series(members, of_one, remarks)
    return sorted(found, key=lambda group: min(group.places))


def _of_one_series(members: Sequence[Member], places: list[int], remarks: list[Remark]) -> list[Group]:
    kept, dropped = _without_duplicates(members, places)
    found = []
    kinds = _by(kept, lambda at: members[at].is_localizer)
    for of_a_kind in kinds:
        is_localizer = len(kinds) > 1 and members[of_a_kind[0]].is_localizer
        stacks = _stacks(members, of_a_kind)
        for stack in stacks:
            said = [
                *remarks,
                *([_LOCALIZER] if is_localizer else []),
                *([_ORIENTATIONS] if len(stacks) > 1 else []),
            ]
            found += [_sorted(members, part, [*said, *why]) for part, why in _told_apart(members, stack)]
    if found:
        found[0].dropped = dropped
        found[0].remarks += list(dict.fromkeys(remark for _at, remark in dropped))
    return found


def _without_duplicates(
    members: Sequence[Member], places: list[int]
) -> tuple[list[int], list[tuple[int, Remark]]]:
    """The slices once each: of one identifier, or of the same pixels in the same place."""
    kept: list[int] = []
    dropped: list[tuple[int, Remark]] = []
    by_instance: dict[str, int] = {}
    seen: set[Hashable] = set()
    for at in places:
        member = members[at]
        first = by_instance.setdefault(member.instance, at) if member.instance else at
        same = (member.content, member.geometry, member.apart)
        if first != at:
            dropped.append((at, DUPLICATE if members[first].content == member.content else DIFFERS))
        elif member.geometry.position is not None and same in seen:
            dropped.append((at, DUPLICATE))
        else:
            seen.add(same)
            kept.append(at)
    return kept, dropped


def _stacks(members: Sequence[Member], places: list[int]) -> list[list[int]]:
    """Slices of one direction, size and step each."""
    stacks: list[list[int]] = []
    for at in places:
        for stack in stacks:
            if _fit(members[stack[0]], members[at]):
                stack.append(at)
                break
        else:
            stacks.append([at])
    return stacks


def _fit(one: Member, other: Member) -> bool:
    a, b = one.geometry, other.geometry
    if one.shape != other.shape or (a.right is None) != (b.right is None):
        return False
    if (a.spacing is None) != (b.spacing is None):
        return False
    if a.spacing and b.spacing:
        steps = zip(a.spacing, b.spacing, strict=True)
        if any(abs(x - y) > _SAME_STEP * max(x, y) for x, y in steps):
            return False
    if a.right is None or a.down is None or b.right is None or b.down is None:
        return True
    return float(np.dot(a.right, b.right)) > _PARALLEL and float(np.dot(a.down, b.down)) > _PARALLEL


def _told_apart(members: Sequence[Member], places: list[int]) -> list[tuple[list[int], list[Remark]]]:
    """Where several slices lie in one place: by the first thing that tells them apart, and so on."""
    collisions = _collisions(members, places)
    if not collisions:
        return [(places, [])]
    most = max(Counter(_lying(members, places).values()).values())
    names = dict.fromkeys(name for at in places for name, _value in members[at].apart)
    for name in names:
        parts = _by(places, lambda at, name=name: dict(members[at].apart).get(name))  # type: ignore[misc]
        left = sum(_collisions(members, part) for part in parts)
        # More parts than slices in any place tell something else, such as a trigger time of every slice.
        if 1 < len(parts) <= most and left < collisions:
            remark = _APART[name.split()[0]]
            return [(part, [remark, *why]) for half in parts for part, why in _told_apart(members, half)]
    return [(part, [_REPEATS]) for part in _passes(members, places)]


def _passes(members: Sequence[Member], places: list[int]) -> list[list[int]]:
    """The first slice of each place, then the second, in the order of their numbers; what has no known place
    goes with the first.
    """
    lying = _lying(members, places)
    seen: Counter[int] = Counter()
    passes: dict[int, list[int]] = {1: []}
    for at in sorted(places, key=lambda at: (members[at].number or 0, at)):
        if at in lying:
            seen[lying[at]] += 1
        passes.setdefault(seen[lying[at]] if at in lying else 1, []).append(at)
    return list(passes.values())


def _lying(members: Sequence[Member], places: Iterable[int]) -> dict[int, int]:
    """The number of the place in which each slice lies, from the lowest; without those that tell none."""
    found: dict[int, int] = {}
    number, last = 0, -math.inf
    for at in sorted((at for at in places if _is_placed(members[at])), key=lambda at: _along(members[at])):
        along = _along(members[at])
        number += along - last >= _ONE_PLACE
        found[at], last = number, along
    return found


def _collisions(members: Sequence[Member], places: Iterable[int]) -> int:
    """How many slices lie where another one does; none where places are unknown."""
    lying = _lying(members, places)
    return len(lying) - len(set(lying.values()))


def _sorted(members: Sequence[Member], places: list[int], remarks: list[Remark]) -> Group:
    if len(places) < 2:
        return Group(places, remarks)
    if not all(_is_placed(members[at]) for at in places):
        if _have_locations(members, places):
            by_location = sorted(places, key=lambda at: members[at].location or 0.0)
            return Group(by_location, [*remarks, _ORDER_BY_LOCATION])
        by_number = sorted(places, key=lambda at: (members[at].number is None, members[at].number or 0, at))
        return Group(by_number, [*remarks, _ORDER_BY_NUMBER])
    ordered = sorted(places, key=lambda at: _along(members[at]))
    return Group(ordered, [*remarks, *_remarks_on([members[at] for at in ordered])])


def _remarks_on(stack: Sequence[Member]) -> list[Remark]:
    """What is said of the distances of a sorted stack."""
    remarks = []
    positions = np.array([member.geometry.position for member in stack])
    normal = np.array(stack[0].geometry.normal)
    moves = np.diff(positions, axis=0)
    steps = moves @ normal
    usual = float(median(steps))
    sideways = np.linalg.norm(moves - np.outer(steps, normal), axis=1)
    if (sideways > _SHEAR * usual).any():
        remarks.append(_SHEARED)
    gaps = steps > _GAP * usual
    if gaps.any():
        missing = sum(max(1, round(float(step) / usual) - 1) for step in steps[gaps])
        remarks.append(replace(_MISSING, facts=(("missing", missing),)))
    if (np.abs(steps[~gaps] - usual) > _UNEVEN * usual).any():
        remarks.append(_UNEVEN_STEPS)
    return remarks


def _have_locations(members: Sequence[Member], places: Sequence[int]) -> bool:
    """Whether each slice tells its own."""
    locations = {members[at].location for at in places}
    return None not in locations and len(locations) == len(places)


def _is_placed(member: Member) -> bool:
    return member.geometry.position is not None and member.geometry.normal is not None


def _along(member: Member) -> float:
    """How far along its own normal a slice lies, in mm."""
    if member.geometry.position is None or member.geometry.normal is None:
        return math.nan
    return float(np.dot(member.geometry.position, member.geometry.normal))


def _by(places: Iterable[int], key: Callable[[int], Hashable]) -> list[list[int]]:
    """The places in parts of one key each, in the order in which each key comes first."""
    parts: dict[Hashable, list[int]] = {}
    for at in places:
        parts.setdefault(key(at), []).append(at)
    return list(parts.values())
