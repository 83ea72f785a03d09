from __future__ import annotations

from html.parser import HTMLParser

from inference.training.description.describe import describe
from inference.training.description.page import render_page
from inference.training.description.sheets import draw_samples, thumbnail
from tests.inference.folders import picture, write


class Page(HTMLParser):
    """The page's tags, ids and the addresses that it would fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.sources: list[str] = []
        self.unnamed: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.sources += [given[name] for name in ("src", "href") if name in given]
        if (tag == "img" and not given.get("alt")) or (tag == "svg" and not given.get("aria-label")):
            self.unnamed.append(tag)


def test_page_is_self_contained_and_its_pictures_are_named(plain):
    description = describe(plain)
    sheets = {
        code: [thumbnail(reading) for reading in readings]
        for code, readings in draw_samples(description.readings, 0).items()
    }

    page = Page(render_page(description, "plain", sheets))

    assert (page.tags.count("svg"), page.tags.count("img"), page.tags.count("script")) == (6, 12, 0)
    assert [source for source in page.sources if not source.startswith(("data:", "#"))] == []
    assert page.unnamed == []
    assert len(page.ids) == len(set(page.ids))


def test_page_with_markup_in_names_shows_it_as_text(tmp_path):
    for seed in range(4):
        write(tmp_path / "<b>$x_&" / f"<i>{seed % 2}{seed}.png", picture(seed % 2))
        write(tmp_path / "other" / f"{seed}.png", picture(seed + 9))

    html = render_page(describe(tmp_path), "<script>", {})

    assert {"b", "i", "script"}.isdisjoint(Page(html).tags)
    assert "&lt;b&gt;$x_&amp;" in html


def test_same_data_give_the_same_page(plain):
    assert render_page(describe(plain), "plain", {}) == render_page(describe(plain), "plain", {})


def test_samples_are_the_same_for_the_same_seed_and_others_for_another(tmp_path):
    for seed in range(30):
        write(tmp_path / "a" / f"{seed}.png", picture(seed))
    readings = describe(tmp_path).readings

    drawn = [[each.entry.name for each in draw_samples(readings, seed)["a"]] for seed in (0, 0, 1)]

    assert len(set(drawn[0])) == 24
    assert drawn[0] == drawn[1] != drawn[2]
