import subprocess
import sys


def test_importing_dataio_imports_nothing_of_the_extras():
    code = "import sys, dataio; print({'pyarrow', 'huggingface_hub', 'torchvision', 'sklearn'} & set(sys.modules))"
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert outcome.stdout == "set()\n"
