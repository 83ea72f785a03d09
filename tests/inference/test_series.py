"""Grouping and sorting slices: every trap that merged, turned or dropped something elsewhere."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from inference.geometry import geometry_of
from inference.series import Member, groups_of

AXIAL, CORONAL = ((1, 0, 0), (0, 1, 0)), ((1, 0, 0), (0, 0, -1))


def slice_at(z: float, *, plane: tuple[Any, Any] = AXIAL, position=None, spacing=(1, 1), **fields) -> Member:
    defaults = {
        "person": "p",
        "study": "st",
        "series": "se",
        "instance": f"i{z}-{fields.get('apart')}",
        "content": f"c{z}-{fields.get('apart')}",
        "shape": (64, 64),
    }
    geometry = geometry_of(plane[0], plane[1], position or (0, 0, z), spacing, 3)
    return Member(geometry=geometry, **defaults | fields)


def codes(group) -> list[str]:
    return [remark.code for remark in group.remarks]


def test_slices_stand_along_the_normal_whatever_their_numbers_say() -> None:
    members = [slice_at(z, number=number) for z, number in ((9, 1), (3, 2), (6, 3), (0, 4))]
    (group,) = groups_of(members)
    assert group.places == [3, 1, 2, 0]
    assert codes(group) == []


def test_oblique_stack_is_sorted_along_its_own_normal() -> None:
    right, down = np.array([0.8, 0.6, 0]), np.array([0, 0, -1.0])
    normal = np.cross(right, down)
    members = [
        slice_at(step, plane=(right, down), position=tuple(normal * step * 4)) for step in (2, 0, 3, 1)
    ]
    (group,) = groups_of(members)
    assert group.places == [1, 3, 0, 2]
    assert codes(group) == []


def test_two_patients_under_one_series_are_two_cases() -> None:
    members = [slice_at(z, person=person, instance=f"{z}{person}") for z in (0, 3) for person in "ab"]
    first, second = groups_of(members)
    assert (first.places, second.places) == ([0, 2], [1, 3])
    assert codes(first) == codes(second) == ["split_patients"]


def test_odd_slice_turns_no_stack() -> None:
    members = [slice_at(0), slice_at(3), slice_at(0, plane=CORONAL, instance="odd"), slice_at(6)]
    stack, odd = groups_of(members)
    assert (stack.places, odd.places) == ([0, 1, 3], [2])
    assert codes(stack) == ["split_orientation"]


@pytest.mark.parametrize("fields", [{"shape": (64, 32)}, {"spacing": (2, 2)}])
def test_other_sizes_and_spacings_are_other_cases(fields) -> None:
    assert [group.places for group in groups_of([slice_at(0), slice_at(3), slice_at(6, **fields)])] == [
        [0, 1],
        [2],
    ]


def test_localizers_stand_apart_and_alone_say_nothing() -> None:
    stack, localizer = groups_of([slice_at(0), slice_at(3), slice_at(9, is_localizer=True)])
    assert (stack.places, localizer.places) == ([0, 1], [2])
    assert (codes(stack), codes(localizer)) == ([], ["split_localizer"])
    assert codes(groups_of([slice_at(0, is_localizer=True)])[0]) == []


@pytest.mark.parametrize("name", ["echo", "b-value", "time", "inversion", "trigger", "type M"])
def test_slices_of_one_place_are_told_apart(name) -> None:
    members = [slice_at(z, apart=((name, value),)) for z in (0, 3, 6) for value in (10.0, 20.0)]
    first, second = groups_of(members)
    assert (first.places, second.places) == ([0, 2, 4], [1, 3, 5])
    assert codes(first) == [f"split_{name.split()[0]}".replace("-", "_")]


def test_value_that_differs_with_the_place_splits_nothing() -> None:
    """As the trigger time of each slice of an interleaved scan."""
    (group,) = groups_of([slice_at(z, apart=(("trigger", z),)) for z in (0.0, 3.0, 6.0)])
    assert group.places == [0, 1, 2]


def test_echo_and_time_together_are_told_apart_by_both() -> None:
    members = [
        slice_at(z, apart=(("echo", echo), ("time", time)))
        for z in (0, 3)
        for echo in (1.0, 2.0)
        for time in (1.0, 2.0)
    ]
    assert [group.places for group in groups_of(members)] == [[0, 4], [1, 5], [2, 6], [3, 7]]


def test_places_that_nothing_tells_apart_are_passes_by_number() -> None:
    members = [
        slice_at(z, number=number, instance=f"{number}", content=number)
        for z, number in ((0, 3), (0, 1), (3, 2), (3, 4))
    ]
    first, second = groups_of(members)
    assert (first.places, second.places) == ([0, 3], [1, 2])
    assert codes(first) == ["split_repeat"]


def test_acquisitions_of_which_one_lost_a_slice_are_not_mixed() -> None:
    members = [
        slice_at(z, apart=(("acquisition", float(turn)),), number=turn * 3 + place)
        for turn in (1, 2, 3)
        for place, z in enumerate((0, 3, 6))
        if (turn, z) != (2, 3)
    ]
    groups = groups_of(members)
    assert [group.places for group in groups] == [[0, 1, 2], [3, 4], [5, 6, 7]]
    assert all("split_acquisition" in codes(group) for group in groups)


def test_value_of_every_slice_tells_no_slices_of_one_place_apart() -> None:
    members = [
        slice_at(z, apart=(("trigger", 40.0 * turn + z / 10),), number=turn)
        for z in (0, 3, 6)
        for turn in (1, 2)
    ]
    first, second = groups_of(members)
    assert (first.places, second.places) == ([0, 2, 4], [1, 3, 5])
    assert codes(first) == codes(second) == ["split_repeat"]


def test_slice_of_unknown_place_among_repeated_ones_goes_with_the_first() -> None:
    lost = dataclasses.replace(slice_at(6, number=3), geometry=geometry_of(*AXIAL, None, (1, 1)))
    members = [
        slice_at(0, number=1),
        slice_at(3, number=2),
        lost,
        slice_at(0, number=4, instance="again", content="again"),
    ]
    first, second = groups_of(members)
    assert (first.places, second.places) == ([0, 1, 2], [3])
    assert codes(first) == ["split_repeat", "order_by_number"]


def test_duplicates_are_dropped_and_it_is_said() -> None:
    same = slice_at(3)
    copied = dataclasses.replace(same, instance="sent again")
    (group,) = groups_of([slice_at(0), same, same, copied, slice_at(6)])
    assert group.places == [0, 1, 4]
    assert [(at, remark.code) for at, remark in group.dropped] == [
        (2, "slice_duplicate"),
        (3, "slice_duplicate"),
    ]
    assert codes(group) == ["slice_duplicate"]


def test_one_identifier_with_two_pictures_is_said_and_the_first_stands() -> None:
    (group,) = groups_of([slice_at(0), slice_at(3), dataclasses.replace(slice_at(3), content="other")])
    assert group.places == [0, 1]
    assert [(at, remark.code) for at, remark in group.dropped] == [(2, "instance_differs")]


def test_gap_is_told_with_the_number_of_slices() -> None:
    (group,) = groups_of([slice_at(z) for z in (0, 3, 6, 15, 18)])
    (remark,) = group.remarks
    assert (remark.code, dict(remark.facts)) == ("slices_missing", {"missing": 2})
    assert remark.message == "Between the slices others seem to be missing: about 2."


def test_shear_and_uneven_steps_are_told() -> None:
    sheared = [slice_at(z, position=(0, z * 0.4, z)) for z in (0, 3, 6)]
    assert codes(groups_of(sheared)[0]) == ["stack_sheared"]
    assert codes(groups_of([slice_at(z) for z in (0, 3, 6.6, 9)])[0]) == ["steps_uneven"]


def test_unknown_places_stand_by_number_and_it_is_said() -> None:
    members = [
        dataclasses.replace(
            slice_at(0), geometry=geometry_of(None, None, None, None), instance=str(n), number=n
        )
        for n in (3, 1, 2)
    ]
    (group,) = groups_of(members)
    assert group.places == [1, 2, 0]
    assert codes(group) == ["order_by_number"]


def test_unknown_places_stand_by_slice_location_where_each_tells_its_own() -> None:
    unplaced = [
        dataclasses.replace(
            slice_at(z, location=float(z), number=1), geometry=geometry_of(*AXIAL, None, None)
        )
        for z in (6, 0, 3)
    ]
    (group,) = groups_of(unplaced)
    assert (group.places, codes(group)) == ([1, 2, 0], ["order_by_location"])
    same = [dataclasses.replace(member, location=5.0) for member in unplaced]
    assert codes(groups_of(same)[0]) == ["order_by_number"]


def test_order_of_the_files_changes_nothing() -> None:
    members = [slice_at(z, series=series) for z in range(12) for series in ("a", "b")]
    expected = [[members[at] for at in group.places] for group in groups_of(members)]
    for seed in range(5):
        mixed = [members[at] for at in np.random.default_rng(seed).permutation(len(members))]
        found = [[mixed[at] for at in group.places] for group in groups_of(mixed)]
        assert sorted(found, key=str) == sorted(expected, key=str)
