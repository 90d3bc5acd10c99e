"""What `mnist-trainer predict` does. torch is imported once the images are known to be there."""

from ..settings import PredictSettings


def predict_images(settings: PredictSettings) -> int:
    """A line for each image: its path, the answer and how sure the network is, and the second best."""
    missing = [str(path) for path in settings.images if not path.is_file()]
    if missing or not settings.images:
        got = f"no such file: {', '.join(missing)}" if missing else "no image"
        raise ValueError(f"predict: wanted image files, got {got}; give the path of a PNG or JPEG with one digit")

    from ..files.model_folder import load, newest_run
    from ..prediction import predict

    reader = load(settings.model or newest_run())
    for path in settings.images:
        first, second, *_ = predict(reader, path).ranking
        print(f"{path}: {first[0]}  ({first[1]:.1%}; next {second[0]}, {second[1]:.1%})")
    return 0
