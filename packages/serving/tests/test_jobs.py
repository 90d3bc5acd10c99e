"""The seam between the halves costs no torch."""

import subprocess
import sys

import pytest

from serving import Draining, Full, NotTaking


def test_jobs_need_no_torch():
    code = "import sys, serving; serving.Job, serving.Full, serving.Stats; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_refusals_say_when_to_come_again():
    with pytest.raises(Full, match="try again in 7 s"):
        raise Full(7)
    assert Draining().state == "draining"
    assert issubclass(Draining, NotTaking)
