"""The face of the package."""

import subprocess
import sys


def test_importing_the_package_needs_no_torch():
    program = "import sys, quantization; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
