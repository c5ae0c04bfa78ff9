"""Text from models, documents and people, made safe for Streamlit's Markdown.

Streamlit escapes HTML but fetches every Markdown image by itself, also half-way through a stream:
text a model was talked into writing could carry a conversation to a stranger's server. The
Content-Security-Policy blocks the request; this module is the second line and makes it visible.
"""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$:^=])")
_TAG_NAME = re.compile(r"[a-zA-Z][\w.+\-]{0,31}")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")


# Streamlit looks for icons and emojis in the text that is left when Markdown is done, so that a
# backslash does not help; an invisible joiner does.
_SHORTCODE = re.compile(r":(?=(?:[\w+\-/]*[a-z_][\w+\-/]*|[+\-]1|100|1234):)")


# The same of addresses, which become links.
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=[\w.+\-])(?=@[\w\-])", re.IGNORECASE)


def escape(text: str) -> str:
    """Text that must appear as it is, on one line: titles, names, labels.

    An address in it is no link, and has an invisible character in it when it is copied.
    """
    return _escaped(_ADDRESS.sub("\u2060", " ".join(text.split())))


def _escaped(line: str) -> str:
    return _SPECIAL.sub(r"\\\1", _SHORTCODE.sub(":\u2060", line))


def plain(text: str) -> str:
    """A person's message as Markdown that shows exactly what was typed, line breaks included."""
    lines = (_escaped(line) for line in text.split("\n"))
    return "  \n".join(line.replace("    ", "\u00a0\u00a0\u00a0\u00a0") for line in lines)


class Neutraliser:
    """Disarms a stream of Markdown, piece by piece; what it gave back is never taken back.

    Outside fenced code `![` becomes text, so nothing is fetched (in inline code too: where that ends
    is for the browser to say). Outside code `$` before a digit is money, not maths;
    Streamlit's own directives (`:red[`, `:material/x:`) lose their colon. A link to another host
    shows that host after its text. A line that begins with a tag does not begin a block of HTML: there
    nothing is Markdown, so that what was put in front of a sign would be seen. Any way of cutting the input into pieces gives the same output.
    """

    def __init__(self) -> None:
        self._held = ""
        self._line = ""
        self._fence: str | None = None
        self._code = 0
        """Length of the run of backticks that opened inline code; 0 outside."""
        self._link: str | None = None

    def feed(self, piece: str) -> str:
        """The safe form of everything that is decided so far."""
        text = self._held + piece
        self._held = ""
        out: list[str] = []
        i = 0
        while i < len(text):
            step = self._step(text, i)
            if step is None:  # what follows decides: wait for it
                self._held = text[i:]
                break
            safe, width = step
            out.append(safe)
            i += width
        return "".join(out)

    def close(self) -> str:
        """What was held back, as it is: nothing follows that could make it active."""
        rest, self._held = self._held, ""
        return rest.replace("![", "!\\[")

    def _step(self, text: str, i: int) -> tuple[str, int] | None:
        char = text[i]
        if char == "\n":
            return self._end_of_line()
        if char in "`~":
            return self._ticks(text, i)
        if char == "<" and self._starts_line and not (self._fence or self._code):
            return self._tag(text, i)
        self._line += char
        if self._fence:
            return char, 1
        if self._code and char != "!":
            return char, 1
        if self._link is not None:
            return self._in_link(char)
        if char not in "!$:]":
            return char, 1
        if i + 1 >= len(text):
            self._line = self._line[:-1]
            return None
        following = text[i + 1]
        if (char == "!" and following == "[") or (char == "$" and following.isdigit()):
            self._line += following
            return f"{char}\\{following}" if char == "!" else f"\\{char}{following}", 2
        if char == ":" and following.isalpha():
            return "\\:", 1
        if char == "]" and following == "(":
            self._line += following
            self._link = ""
            return "](", 2
        return char, 1

    @property
    def _starts_line(self) -> bool:
        """As far as Markdown is concerned: four spaces would begin a block of code."""
        return not self._line.strip() and len(self._line) <= 3

    def _tag(self, text: str, i: int) -> tuple[str, int] | None:
        name = _TAG_NAME.match(text, i + 1)
        end = name.end() if name else i + 1
        if end == len(text):
            return None  # what follows decides
        self._line += "<"
        is_tag = text[end] not in ":@" if name else text[end] in "/!?"  # addresses begin alike
        return ("\\<" if is_tag else "<"), 1

    def _end_of_line(self) -> tuple[str, int]:
        match = _FENCE.match(self._line)
        if self._fence is None and match and not (match[1][0] == "`" and "`" in match[2]):
            self._fence = match[1]
        elif self._fence and match and match[1].startswith(self._fence) and not match[2].strip():
            self._fence = None
        if not self._line.strip():
            self._code = 0  # inline code ends with its paragraph
        self._line, self._link = "", None
        return "\n", 1

    def _ticks(self, text: str, i: int) -> tuple[str, int] | None:
        end = i
        while end < len(text) and text[end] == text[i]:
            end += 1
        if end == len(text):
            return None  # the run may go on
        run = text[i:end]
        is_fence = self._starts_line and len(run) >= 3
        self._line += run
        if self._fence is None and not is_fence and run[0] == "`":
            if self._code == 0:
                self._code = len(run)
            elif self._code == len(run):
                self._code = 0
        return run, len(run)

    def _in_link(self, char: str) -> tuple[str, int]:
        if char == ")":
            url, self._link = self._link or "", None
            match = re.match(r"(?:https?:)?//([^/?#\s]+)", url, re.IGNORECASE)
            return (f") ({escape(match[1][:80])})" if match else ")"), 1
        if char in " \t" and not self._link:
            self._link = None
        else:
            self._link = (self._link or "") + char
        return char, 1


def safe(text: str) -> str:
    """A whole text at once."""
    neutraliser = Neutraliser()
    return neutraliser.feed(text) + neutraliser.close()
