"""Plain text from HTML in descriptions."""

from __future__ import annotations

from html.parser import HTMLParser

_SILENT = ("script", "style", "template")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in _SILENT))

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts.append(data)


def text_of(html: str) -> str:
    """Extract the text between the tags, with spaces where the tags were. Text without markup comes back unchanged."""
    if "<" not in html and "&" not in html:
        return html
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return " ".join(reader.texts)
