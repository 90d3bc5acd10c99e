import numpy as np
import pytest

import dataio


def test_arrays_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match=r"wanted arrays of equal length, got shapes \[\(3,\), \(2, 1\)\]"):
        dataio.ArrayDataset(np.zeros(3), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="wanted at least one array"):
        dataio.ArrayDataset()
