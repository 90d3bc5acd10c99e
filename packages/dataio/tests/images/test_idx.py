"""IDX files, held against files written here by hand."""

import gzip
import struct

import numpy as np
import pytest

import dataio


def idx_bytes(array: np.ndarray, code: int = 0x08) -> bytes:
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


LABELS = np.array([7, 0, 9], dtype=np.uint8)


WHOLE = idx_bytes(LABELS)


BAD_IDX = {
    "missing": (None, FileNotFoundError, "wanted an IDX file, but .* does not exist"),
    "other": (b"PNG..", ValueError, "wanted an IDX file .* begins 50 4e 47 2e; download"),
    "no sizes": (WHOLE[:6], ValueError, "wanted 1 sizes .*got 6 bytes"),
    "short": (WHOLE[:-1], ValueError, r"wanted 11 bytes for shape \(3,\) .*got 10; the file was cut short"),
    "long": (WHOLE + b"x", ValueError, "wanted 11 bytes .*got more"),
    "many axes": (b"\0\0\x08\xff" + bytes(4 * 255), ValueError, r"wanted 255 sizes \(at most 32\)"),
    "huge": (b"\0\0\x08\x03" + b"\xff" * 12, ValueError, r"wanted 79228162458924105385300197391 bytes .*too short"),
    "huge and zipped": (gzip.compress(b"\0\0\x08\x01\x7f\xff\xff\xff"), ValueError, "wanted 2147483655 .*too short"),
    "huge and empty": (b"\0\0\x08\x04" + b"\xff" * 12 + bytes(4), ValueError, "wanted 20 bytes .*too short"),
    "long gzip": (gzip.compress(WHOLE + bytes(10**6)), ValueError, "wanted 11 bytes .*got more"),
    "torn gzip": (gzip.compress(WHOLE)[:-9], ValueError, "wanted a whole gzip file, .* is damaged"),
}


@pytest.mark.parametrize(("code", "dtype"), [(0x09, ">i1"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")])
def test_idx_files_of_every_type_come_back(tmp_path, code, dtype):
    array = np.array([[1, -2, 3], [4, 5, -6]])
    (tmp_path / "file").write_bytes(idx_bytes(array.astype(dtype), code))
    assert np.array_equal(dataio.read_idx(tmp_path / "file"), array)


@pytest.mark.parametrize(("content", "kind", "message"), BAD_IDX.values(), ids=BAD_IDX)
def test_bad_idx_files_are_refused(tmp_path, content, kind, message):
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    with pytest.raises(kind, match=message):
        dataio.read_idx(tmp_path / "file")
