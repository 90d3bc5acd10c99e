"""A model folder on Ray Serve: replicas of the same engine behind one address, as many as machines have room for.

    pip install "ray[serve]"
    MODEL=RUN/model serve run ray_serve:application

Ray starts, spreads and replaces replicas; what a replica answers, and to whom it says no, is the server's own web half.
"""

import os
from functools import partial

from ray import serve
from starlette.types import ASGIApp

from serving.engine.engine import Engine
from serving.engine.loading import load
from serving.web.application import Web


def answering() -> ASGIApp:
    """One replica: an engine of its own, and the web half over it."""
    engine = Engine([partial(load, "model", os.environ["MODEL"], rows=8)], queue=32)
    engine.wait_until_ready()
    return Web(engine).application()


replica = serve.deployment(
    serve.ingress(answering)(), name="gpt2", num_replicas=1, max_ongoing_requests=48, graceful_shutdown_timeout_s=35
)
"""What Ray makes replicas of. 48: 8 rows, 32 that wait, and some to be told 429 at once."""
application = replica.bind()
