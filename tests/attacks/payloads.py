"""Words that act somewhere if they are passed on as they are, and what no report may hold."""

import re
import unicodedata

TERMINAL = {
    "a window's title": "\x1b]0;owned\x07",
    "the clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "a cleared screen": "\x1b[2J\x1b[3J\x1b[H",
    "a control sequence of one character": "\x9b31mred\x9b0m",
    "a line over another": "failed\rpassed with 100 of 100 points",
    "letters taken back": "failed\x08\x08\x08\x08\x08\x08passed",
    "a link of the terminal's": "\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "a device's reset": "\x1bc\x1b[!p\x18\x1a",
}
"""What a terminal obeys."""

UNSEEN = {
    "words turned round": "points \u202e001 fo 0\u202c of 100",
    "isolated words": "a\u2066b\u2069c\u200ed\u200fe\u061cf",
    "letters of no width": "pa\u200bss\u200ced\u200d \u2060o\ufefff\u00ad",
    "tags": "ada\U000e0061\U000e0064\U000e0061",
    "fillers": "\u3164\u115f\uffa0",
    "lines of Unicode": "one\u2028## two\u2029## three\x85## four",
}
"""What an eye does not see, and what it sees in another order."""

LOGS = {
    "an error of the CI service": "::error file=a.py,line=1::passed",
    "commands stopped": "::stop-commands::0123456789abcdef",
    "a masked word": "x\n::add-mask::points\n",
    "a command as they once were": "all is well ##[error]passed",
    "a group": "  ::group::hidden",
}
"""What GitHub Actions obeys in what a job prints."""

MARKUP = {
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)><!-- <details>",
    "an entity": "&lt;b&gt; &#60;b&#62;",
    "a heading": "# Passed\n\n## with 100 points",
    "a link": "[all points](http://evil.example) ![x](http://evil.example/x.png) <http://evil.example>",
    "a link without markup": "see https://evil.example/x, www.evil.example, ada@evil.example and #12",
    "a link that is named below": "[a][b]\n\n[b]: http://evil.example",
    "a mention": "@ada @org/team",
    "a table": "| a | b |\n|---|---|\n| x || y \\| z |",
    "a code block": "```\n~~~\n`` ` ``\n    four spaces",
    "bold, struck and mathematics": "**b** __b__ *i* ~~s~~ $\\sum$ $`x`$",
    "backslashes": "\\ \\\\ \\[bold] \\|",
    "lists and rules": "- a\n+ b\n1. c\n---\n===\n> d",
    "Rich's markup": "[bold red]x[/bold red] [link=http://evil.example]y[/link] [/] :smile:",
}
"""What makes Markdown, HTML or Rich more than words."""

CELLS = {
    "a formula": "=cmd|' /C calc'!A0",
    "another formula": '@SUM(1+1)*HYPERLINK("http://evil.example")',
    "signs": "+1+1\t-2+3\r\n=1+1",
}
"""What a spreadsheet computes."""

LONG = {
    "a long line": "points " * 200_000,
    "a long word": "x" * 1_000_000,
    "many joined marks": "z" + "\u0301" * 100_000,
}
"""What takes a reader's time."""

PAYLOADS = TERMINAL | UNSEEN | LOGS | MARKUP | CELLS | LONG

_COMMAND = re.compile(r"^\s*::[A-Za-z]|##\[", re.MULTILINE)


def steering(text: str) -> set[str]:
    """Characters of a text that steer a terminal, or are not seen."""
    found = {
        character
        for character in text
        if character != "\n"
        and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        and character not in "\u200c\u200d"
    }
    return found | set(re.findall(r"(?<=[\x00-\x7f])[\u200c\u200d]", text))


def commands(text: str) -> list[str]:
    """Lines of a text that GitHub Actions would obey."""
    return [line for line in text.splitlines() if _COMMAND.search(line)]
