"""An explorer's own JavaScript, run outside a browser, for the tests that compare it with Python."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from resnet_lib import explorers


def in_node_with(name: str, body: str, given: Any) -> Any:
    """What a function body returns that knows the explorer's functions and finds what it is given in `given`."""
    sources = [str(explorers.FOLDER / file) for file in ("common.js", f"{name}.js")]
    program = ("const { readFileSync } = require('node:fs');"
               f"const files = {json.dumps(sources)};"
               "const source = files.map((file) => readFileSync(file, 'utf8')).join('\\n');"
               f"const body = {json.dumps(body)};"
               "const run = new Function('given', '\"use strict\";' + source + ';' + body);"
               "console.log(JSON.stringify(run(JSON.parse(readFileSync(0, 'utf8')))));")
    done = subprocess.run(["node", "-e", program], input=json.dumps(given), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
