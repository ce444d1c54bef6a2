"""What follows from the address of the book's repository, the one setting that a copy of the book changes.

`repository: url:` in `_config.yml` gives the launch buttons, the links to the repository and to its issues, and, unless
`html: baseurl:` names another, the address of the published site, at which GitHub Pages serves a repository. Where it
is empty there are no such buttons, and pages say nothing of where they stand.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

GITHUB = re.compile(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?")


def pages_address(repository: str) -> str:
    """Where GitHub Pages serves the site of a repository there; empty for any other."""
    found = GITHUB.fullmatch(repository)
    if not found:
        return ""
    owner, name = found[1].lower(), found[2]
    return f"https://{owner}.github.io/" + ("" if name.lower() == f"{owner}.github.io" else f"{name}/")


def configure(app: Sphinx, config: Config) -> None:
    """Add to the theme's settings, or take from them, what the repository's address decides."""
    theme = config.html_theme_options
    repository = theme.get("repository_url") or ""
    if not repository:
        for name in ("repository_url", "launch_buttons"):
            theme.pop(name, None)
        return
    theme |= {"use_repository_button": True, "use_issues_button": True}
    if not GITHUB.fullmatch(repository):  # Colab opens nothing else
        theme["launch_buttons"] = {key: value for key, value in theme.get("launch_buttons", {}).items()
                                   if key != "colab_url"}
    config.html_baseurl = config.html_baseurl or pages_address(repository)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("config-inited", configure, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
