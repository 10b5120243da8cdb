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
    "docs/README.md": "pages.md",
}
"""Pages of the root, by their names in the site, and the index of all pages."""
ELSEWHERE = {"LICENSE": "https://www.apache.org/licenses/LICENSE-2.0"}
DIAGRAMS = "assets/mermaid.js"
"""Mermaid in the site, so that no reader's browser asks a third party for it."""
MERMAID = ROOT / "tools/json-server/node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js"
DIAGRAM = re.compile(r'<pre class="mermaid">.*?</pre>', re.DOTALL)
LINK = re.compile(r"\[([^\]\[]*)\]\(([^)\s]+)\)")
CELL = re.compile(r"^ *\|.*$", re.MULTILINE)
UNIT = re.compile(r"`[^`\n]+`|(?<=[≤≥]) (?=\d)|(?<=\d) (?=(?:s|ms|min|h|MB)\b)|(?<=\d min) (?=\d)")
"""Code, and the spaces of a table's cell where it must not be broken: before a unit, after ≤."""
IN_LINE = re.compile(r"(?<!</span>)<code>([^<\n]+)</code>")
PICTURE = re.compile(r'<img [^>]*src="([^"]+)"[^>]*>')
OPTION = re.compile(r"(?<![\w-])--[\w-]+")
SHORT = 16
"""A code of at most so many characters is not broken."""
FOR_DEVELOPERS = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "architecture.md",
    "decisions.md",
    "testing.md",
}
"""Pages that the search lists after those for people who use the service."""
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


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page's HTML, in whose sentences and cells short code and options are not broken.

    A picture is a link to itself, since it is shown smaller than it is.
    """
    html = PICTURE.sub(r'<a class="picture" href="\1" title="Show in full size">\g<0></a>', html)
    return IN_LINE.sub(lambda found: _whole(found[1]), html)


def _whole(code: str) -> str:
    if len(code) <= SHORT:
        return f'<code class="whole">{code}</code>'
    return f"<code>{OPTION.sub(_option, code)}</code>"


def _option(found: re.Match[str]) -> str:
    return f'<span class="whole">{found[0]}</span>'


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page with its links as the site has them.

    In a table, git needs a backslash before a `|` in code, which Python-Markdown would show.
    """
    if page.file.src_uri in FOR_DEVELOPERS:
        page.meta["search"] = {"boost": 0.25}
    markdown = CELL.sub(lambda row: UNIT.sub(_in_cell, row[0]), markdown)
    return LINK.sub(lambda found: f"[{_text(found[1])}]({_in_site(found[2])})", markdown)


def _in_cell(found: re.Match[str]) -> str:
    return "\N{NO-BREAK SPACE}" if found[0] == " " else found[0].replace("\\|", "|")


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
    if path in PAGES:
        return PAGES[path] + mark + anchor
    path = path.removeprefix("../").removeprefix("docs/")
    if path in ELSEWHERE:
        return ELSEWHERE[path]
    return PAGES.get(path, "index.md" if path == "docs" else path) + mark + anchor
