"""The acts of keys: one list, which the page hands to the scripts that do them."""

import re
from html import unescape

import pytest

from cases.reading.keys import KEY_ACTS
from cases.worklist.keys import WORKLIST_KEYS
from portal.settings.base import BASE_DIR


def done_by(script: str, name: str) -> set[str]:
    """The acts that an object literal of a script can do."""
    text = (BASE_DIR / "static" / "js" / script).read_text()
    (body,) = re.findall(rf"^const {name} = {{\n(.*?)^}};", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^  \"?([\w-]+)\"?(?:: |\()", body, re.MULTILINE))


def keys_in(page: str) -> list[tuple[str, str]]:
    """Every act and key that a page hands on."""
    return [(act, unescape(key)) for act, key in re.findall(r'data-act="([^"]+)"\s+data-key="([^"]+)"', page)]


@pytest.mark.parametrize("acts", [KEY_ACTS, WORKLIST_KEYS])
def test_no_two_acts_begin_with_the_same_key(acts) -> None:
    assert len({act.key for act in acts}) == len({act.id for act in acts}) == len(acts)


def test_every_act_on_a_case_is_done_by_the_form_the_viewer_or_the_page() -> None:
    rest = {act.id for act in KEY_ACTS if not act.name and not act.in_viewer}
    assert rest == done_by("reading/review.js", "DEEDS")
    assert {act.id for act in KEY_ACTS if act.in_viewer} <= done_by("viewer/viewer.js", "ACTS")


def test_every_act_on_the_worklist_is_done() -> None:
    assert {act.id for act in WORKLIST_KEYS} == done_by("worklist/worklist.js", "acts")


def test_page_of_a_case_hands_every_act_on(ready_case, colleague, client_of) -> None:
    page = client_of(colleague).get(f"/cases/{ready_case.code}/").text
    assert keys_in(page) == [(act.id, act.key) for act in KEY_ACTS]
    for act in KEY_ACTS:
        assert (f'data-name="{act.name}" data-value="{act.value}"' in page) or not act.name
    assert page.count("data-in-viewer") == sum(act.in_viewer for act in KEY_ACTS)


def named_in_list(page: str) -> list[str]:
    """What the list calls the acts that choose a class."""
    found = re.findall(r'data-name="class".*?<th scope="row">([^<]+)</th>', page, re.DOTALL)
    return [unescape(label) for label in found]


def test_list_names_the_classes_of_the_form_in_its_order(ready_case, colleague, client_of, review_as) -> None:
    address = f"/cases/{ready_case.code}/"
    classes = ["Glioma", "Meningioma", "No tumour", "Pituitary tumour", "Other finding", "Not readable"]
    assert named_in_list(client_of(colleague).get(address).text) == classes
    # Where no class is asked for, the keys have their places only.
    review_as(colleague, ready_case)
    assert named_in_list(client_of(colleague).get(address).text)[0] == "First class of the list"


def test_keys_that_a_hint_names_are_acts(ready_case, colleague, client_of) -> None:
    page = client_of(colleague).get(f"/cases/{ready_case.code}/").text
    named = re.findall(r'data-key-of="([^"]+)"', page)
    assert len(named) == 6
    assert set(named) <= {act.id for act in KEY_ACTS}


def test_worklist_hands_every_act_on_and_lists_what_has_a_use(
    ready_case, colleague, owner, administrator, client_of
) -> None:
    for user, idle in ((colleague, ["tick"]), (owner, ["start", "tick"]), (administrator, [])):
        page = client_of(user).get("/cases/").text
        assert keys_in(page) == [(act.id, act.key) for act in WORKLIST_KEYS]
        found = re.findall(r'<dt data-act="([^"]+)"[^>]*\bhidden\b', page)
        assert found == idle
