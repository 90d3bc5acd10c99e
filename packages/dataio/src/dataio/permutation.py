"""A shuffle that is computed, not stored: any place of any epoch's order is a few integer operations away."""

import hashlib

import numpy as np

ROUNDS = 8


def permute(position: np.ndarray, size: int, key: tuple[int, ...]) -> np.ndarray:
    """Say which example stands at each `position` of the shuffled order of range(size) that `key` picks.

    A Feistel network permutes the smallest power of two that holds `size` numbers: each round changes one half of a
    number's bits by a hash of the other half, which can be undone whatever the hash (Luby and Rackoff 1988). Results
    outside the range are sent through again until they land inside (cycle walking, Black and Rogaway 2002); since the
    network is a bijection, so is this. The same on every machine; int64 in and out, any shape.

    Raises:
        ValueError: size below 1, or a position outside range(size).
    """
    position = np.asarray(position, dtype=np.int64)
    if size < 1 or (position.size and not 0 <= position.min() <= position.max() < size):
        spread = f"{position.min()} to {position.max()}" if position.size else "none"
        raise ValueError(f"wanted positions inside range({size}) and a size above 0, got {spread}; check the size")
    bits = (size - 1).bit_length()
    keys = _round_keys(key)
    numbers = _feistel(position.astype(np.uint64).reshape(-1), bits, keys)
    outside = np.flatnonzero(numbers >= size)
    while outside.size:
        walked = _feistel(numbers[outside], bits, keys)
        numbers[outside] = walked
        outside = outside[walked >= size]
    return numbers.astype(np.int64).reshape(position.shape)


def _feistel(numbers: np.ndarray, bits: int, keys: np.ndarray) -> np.ndarray:
    low_bits = np.uint64(bits // 2)
    low_mask, high_mask = np.uint64((1 << (bits // 2)) - 1), np.uint64((1 << (bits - bits // 2)) - 1)
    high, low = numbers >> low_bits, numbers & low_mask
    for even, odd in keys.reshape(-1, 2):
        high = high ^ (mix(low ^ even) & high_mask)
        low = low ^ (mix(high ^ odd) & low_mask)
    return (high << low_bits) | low


def mix(numbers: np.ndarray) -> np.ndarray:
    """Scramble uint64 numbers one to one, each bit depending on all: SplitMix64's finaliser (Steele et al. 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _round_keys(key: tuple[int, ...]) -> np.ndarray:
    text = ",".join(str(int(part)) for part in key)
    return np.frombuffer(hashlib.sha512(text.encode()).digest(), dtype="<u8").astype(np.uint64)[:ROUNDS]
