"""Put reveal.js, which shows the slides of lecture mode, into the site: `python -m tools.reveal`.

Needs a network. Another version: change `VERSION` and `SHA512` (npm view reveal.js@VERSION dist.integrity).
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import urllib.request
from pathlib import Path

VERSION = "6.0.2"
SHA512 = "JYIg5D9aoxoaLeb84O+OvAwsKWdIavVgEDScxtYEXFCT6t6TQrhNtSgogcjdCpdLsWglhJn3zyE3fUOwiH5KEg=="
FILES = {"dist/reveal.js": "reveal.js", "dist/reveal.css": "reveal.css", "dist/plugin/notes.js": "notes.js",
         "LICENSE": "LICENSE"}
FOLDER = Path(__file__).resolve().parent.parent / "book" / "_static" / "vendor" / "reveal"


def unpack(archive: bytes, folder: Path) -> None:
    """Write the files of a package that the site needs; raises ValueError where it is not the expected one."""
    found = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != SHA512:
        raise ValueError(f"this is not reveal.js {VERSION}: its SHA-512 is {found}")
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        for name, target in FILES.items():
            content = package.extractfile(f"package/{name}")
            assert content is not None
            (folder / target).write_bytes(content.read())


if __name__ == "__main__":
    address = f"https://registry.npmjs.org/reveal.js/-/reveal.js-{VERSION}.tgz"
    with urllib.request.urlopen(address, timeout=60) as answer:
        unpack(answer.read(), FOLDER)
    print(f"reveal.js {VERSION} is in {FOLDER}")
