"""The HTML of reports: pages open without a network, and can load nothing from elsewhere."""

from functools import cache

import jinja2
from markupsafe import Markup

_FRAME = jinja2.PackageLoader("phosphene.reports", "")


@cache
def _pages(package: str) -> jinja2.Environment:
    """Templates of a package, and ours. What is put into them is escaped; `part` gives the text of a file as it is."""
    loader = jinja2.ChoiceLoader([jinja2.PackageLoader(package, ""), _FRAME])
    made = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals["part"] = lambda name: Markup(loader.get_source(made, name)[0])
    return made


def render(package: str, **values: object) -> str:
    """The page of a package: its `page.html`, which extends our `frame.html`, with these values."""
    return _pages(package).get_template("page.html").render(values)
