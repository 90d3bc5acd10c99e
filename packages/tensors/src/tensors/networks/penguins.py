"""A real two-class problem of 333 rows, kept in the package: is a penguin male or female?

Source: K. B. Gorman, T. D. Williams, W. R. Fraser, "Ecological sexual dimorphism and environmental variability within a
community of Antarctic penguins (genus Pygoscelis)", PLoS ONE 9(3): e90081, 2014.
Collected by Palmer Station Antarctica LTER, released under CC0, and prepared as the R package palmerpenguins by
A. M. Horst, A. P. Hill and K. B. Gorman (2020), whose rows with a known sex are in `penguins.csv`.
"""

from importlib.resources import files

import numpy as np
from jaxtyping import Float64, Int64

Parameters = dict[str, np.ndarray]


def load_penguins() -> tuple[Float64[np.ndarray, "333 2"], Int64[np.ndarray, " 333"]]:
    """Return bill length and body mass, each with mean 0 and standard deviation 1, and the classes (0 female, 1 male).

    Males are larger within each of the three species, but the species differ more than the sexes do: the best straight
    line through this plane is right about 62 % of the penguins, so that a hidden layer earns its place.
    """
    rows = [line.split(",") for line in files(__package__).joinpath("penguins.csv").read_text("utf-8").split()[1:]]
    features = np.array([[float(length), float(mass)] for length, mass, _ in rows])
    return (features - features.mean(axis=0)) / features.std(axis=0), np.array([int(sex == "male") for *_, sex in rows])


def initial_parameters(seed: int, n_in: int = 2, n_hidden: int = 8, n_out: int = 2) -> Parameters:
    """Return the weights of a network with one hidden layer, normal with variance 1 / inputs, and zero biases."""
    random = np.random.default_rng(seed)
    return {
        "w1": random.standard_normal((n_in, n_hidden)) / np.sqrt(n_in),
        "b1": np.zeros(n_hidden),
        "w2": random.standard_normal((n_hidden, n_out)) / np.sqrt(n_hidden),
        "b2": np.zeros(n_out),
    }
