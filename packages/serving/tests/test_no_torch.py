"""The web half has no torch in it: a process that serves over another engine never imports it."""

import subprocess
import sys

PROGRAM = """
import sys
import serving.web.server, serving.web.application, serving.protocol.openapi, serving.commands.main
serving.protocol.openapi.document()
assert not {"torch", "numpy", "jax"} & set(sys.modules), sorted({"torch", "numpy", "jax"} & set(sys.modules))
"""


def test_protocol_web_and_commands_import_no_torch():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
