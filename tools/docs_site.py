"""mkdocs' hook: bring the pages of the repository's root into the site.

README.md is its first page. Links between the two folders are written as git shows them, so
they are rewritten here: they lead within the site, and those that show the name of a file show the
title of its page. https://www.mkdocs.org/user-guide/configuration/#hooks
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md",
}
"""Pages of the root, by their names in the site."""
ELSEWHERE = {"LICENSE": "https://www.apache.org/licenses/LICENSE-2.0"}
DIAGRAMS = "assets/mermaid.js"
"""Mermaid in the site, so that no reader's browser asks a third party for it."""
MERMAID = ROOT / "tools/json-server/node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js"
DIAGRAM = re.compile(r'<pre class="mermaid">.*?</pre>', re.DOTALL)
LINK = re.compile(r"\[([^\]\[]*)\]\(([^)\s]+)\)")
CELL = re.compile(r"^ *\|.*$", re.MULTILINE)
CODE = re.compile(r"`[^`\n]+`")
TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the root's pages."""
    for source, name in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text))
    if not MERMAID.exists():
        raise PluginError("Mermaid is not installed. Run: make install")
    files.append(File.generated(config, DIAGRAMS, abs_src_path=str(MERMAID)))
    return files


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Return a page's HTML, which loads Mermaid where it has diagrams.

    The theme would load it from a server on the internet, but not where it is there already. Each
    diagram is in a box of its own, in which site.css lets it scroll on a phone.
    https://squidfunk.github.io/mkdocs-material/reference/diagrams/
    """
    if 'class="mermaid"' not in output:
        return output
    output = DIAGRAM.sub(lambda found: f'<div class="diagram">{found[0]}</div>', output)
    return output.replace("</head>", f'<script src="{DIAGRAMS}"></script></head>', 1)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page with its links as the site has them.

    In a table, git needs a backslash before a `|` in code, which Python-Markdown would show.
    """
    markdown = CELL.sub(
        lambda row: CODE.sub(lambda code: code[0].replace("\\|", "|"), row[0]), markdown
    )
    return LINK.sub(lambda found: f"[{_text(found[1])}]({_in_site(found[2])})", markdown)


def _text(shown: str) -> str:
    """Return a link's text; the title of the page where it is the name of a page's file."""
    path = ROOT / shown if shown in PAGES else ROOT / "docs" / shown.removeprefix("docs/")
    if path.suffix != ".md" or not path.is_file():
        return shown
    found = TITLE.search(path.read_text(encoding="utf-8"))
    return found[1] if found else shown


def _in_site(link: str) -> str:
    if "://" in link or link.startswith(("#", "mailto:")):
        return link
    path, mark, anchor = link.partition("#")
    path = path.removeprefix("../").removeprefix("docs/")
    if path in ELSEWHERE:
        return ELSEWHERE[path]
    return PAGES.get(path, "index.md" if path == "docs" else path) + mark + anchor
