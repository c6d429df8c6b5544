"""Commands of the READMEs. Each ```sh block of the documents below says in a comment before it where it is run:

    <!-- test: deb -->                 or    <!-- test: none: WHY -->
"""
import re
from dataclasses import dataclass

from .paths import ROOT

DOCUMENTS = ["packaging/README.md", "packaging/kubernetes/README.md", "systemd/README.md"]
_BLOCK = re.compile(r"(?m)(?:^<!-- test: (.*?) -->\n)?^```sh\n(.*?)^```$", re.S)


@dataclass(frozen=True)
class Block:
    document: str
    line: int
    place: str  # empty: it does not say
    text: str

    def __str__(self):
        return f"{self.document}:{self.line}"


def blocks(*places):
    """Those that are run in one of the places; all without any."""
    found = []
    for document in DOCUMENTS:
        text = (ROOT / document).read_text()
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start(2)) + 1
            found.append(Block(document, line, match[1] or "", match[2]))
    return [block for block in found if not places or block.place in places]


def messages():
    """[(document, message)]: what the tables of troubles quote, in the first column of a section `When …`."""
    found = []
    for document in DOCUMENTS:
        for section in re.split(r"(?m)^## ", (ROOT / document).read_text()):
            if section.startswith("When "):
                for row in re.findall(r"(?m)^\| (.*?) \| ", section):
                    found += [(document, message.strip("`").strip()) for message in re.findall(r"``.*?``|`[^`]+`", row)]
    return found
