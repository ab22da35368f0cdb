"""Reads HTML pages as a browser's parser does, for tests that need no browser."""

from html.parser import HTMLParser

VOID = {"img", "meta", "br", "hr", "input", "link", "wbr", "col"}


class Page(HTMLParser):
    """A page's elements, its words and what is wrong with how it is built."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.wrong: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.wrong += [f"<{tag}> is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if len(dict(attrs)) < len(attrs):
            self.wrong.append(f"<{tag}> has an attribute twice")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        """All words, with single spaces."""
        return " ".join(" ".join(self.words).split())

    def values(self, attribute: str) -> list[str]:
        """Of one attribute, on whatever element, in their order."""
        return [found for _, attrs in self.elements if (found := attrs.get(attribute)) is not None]

    @property
    def shape(self) -> list[tuple[str, list[str]]]:
        """The elements with the names of their attributes, and no words."""
        return [(tag, sorted(attrs)) for tag, attrs in self.elements]
