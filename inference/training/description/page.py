"""The report as one self-contained page: no script, no request to anywhere, readable without its colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from inference.training.description.collect import MEASURES
from inference.training.description.confounds import PROPERTIES
from inference.training.description.describe import Description, mean_histograms
from inference.training.description.leaks import KINDS
from inference.training.description.plots import counts_plot, distribution_plot, histogram_plot
from inference.training.description.sheets import Sample
from inference.training.description.statistics import by_class
from inference.training.description.tables import comparison_tables, counts_table, intensity_tables

_SHOWN = 20


def render_page(description: Description, title: str, sheets: Mapping[str, Sequence[Sample]]) -> str:
    """Return the HTML. title: what the data set is called; sheets: class to sample pictures, may be empty."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda value: f"{value:,}"
    return environment.get_template("page.html").render(
        report=description.content,
        title=title,
        sheets=sheets,
        shown=_SHOWN,
        measures=MEASURES,
        properties=PROPERTIES,
        kinds=KINDS,
        plots=_plots(description),
        tables=_tables(description.content),
    )


def _plots(description: Description) -> dict[str, Markup]:
    """Plots by name. They are marked as safe: matplotlib escapes what it writes."""
    counts = description.content["counts"]["by_class"]
    told = ", ".join(f"{code} {count:,}" for code, count in counts.items())
    drawn = {"counts": counts_plot(counts, f"Bars: images of each class: {told}.")}
    for name, words in MEASURES.items():
        values = by_class(description.readings, name)
        label = f"Histograms of the {words} of each image, by class. The table beside gives the figures."
        drawn[name] = distribution_plot(values, name, label)
    label = "The mean histogram of the pixels of each class, the dark ground left out."
    drawn["histogram"] = histogram_plot(mean_histograms(description.readings), label)
    return {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704 - see above


def _tables(content: Mapping[str, Any]) -> dict[str, Any]:
    """Tables by section; those of the properties by property."""
    classes = content["data"]["classes"]
    tests = content["tests"]
    counts = {"split": content["counts"]["by_split"], "source": content["counts"]["by_source"]}
    return {
        "counts": [counts_table(what, each, classes) for what, each in counts.items() if each],
        "properties": {
            name: counts_table(PROPERTIES[name], found["counts"], classes)
            for name, found in content["properties"].items()
        },
        "intensity": intensity_tables(content["intensity"]),
        "images": comparison_tables(tests["images"], "an image"),
        "groups": comparison_tables(tests["groups"], "a group") if tests["groups"] else [],
    }
