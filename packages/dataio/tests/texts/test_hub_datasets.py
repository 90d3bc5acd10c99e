"""Datasets of the hub: huggingface_hub itself talks to a small server here that answers as the hub does."""

import hashlib
import http.server
import io
import json
import sys
import threading
from functools import partial
from urllib.parse import unquote

import pytest

import dataio
import dataio.texts.hub_datasets

pytest.importorskip("huggingface_hub", reason="needs the extra dataio[hub]")
constants = pytest.importorskip("huggingface_hub.constants")
arrow = pytest.importorskip("pyarrow", reason="needs the extra dataio[hub]")
parquet = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.extras

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def table(*texts: str) -> bytes:
    file = io.BytesIO()
    parquet.write_table(arrow.table({"text": list(texts)}), file)
    return file.getvalue()


class Hub(http.server.BaseHTTPRequestHandler):
    """What the hub says of datasets: their files at a commit, and each file. `state` holds files and faults."""

    def __init__(self, state: dict, *arguments) -> None:
        self.state = state
        super().__init__(*arguments)

    def log_message(self, *arguments) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self) -> None:
        path = unquote(self.path)
        self.state["asked"].append((self.command, path))
        if self.state["faults"]:
            self.state["faults"] -= 1
            return self.answer(503)
        if "lab/gated" in path:
            return self.answer(403, X_Error_Code="GatedRepo", X_Error_Message="ask first")
        if "lab/tales" not in path:
            return self.answer(401, X_Error_Code="RepoNotFound")
        if "/revision/" in path and path.split("/revision/")[1] not in ("v1", COMMIT):
            return self.answer(404, X_Error_Code="RevisionNotFound")
        if path.startswith("/api/datasets/"):
            siblings = [{"rfilename": name} for name in self.state["files"]]
            body = json.dumps({"id": "lab/tales", "sha": COMMIT, "siblings": siblings, "tags": [], "downloads": 0})
            return self.answer(200, body.encode(), Content_Type="application/json")
        body = self.state["files"][path.split(f"/resolve/{COMMIT}/")[1]]
        return self.answer(200, body, ETag=f'"{hashlib.md5(body).hexdigest()}"', X_Repo_Commit=COMMIT)

    do_HEAD = do_GET


@pytest.fixture
def state(tmp_path, monkeypatch):
    """Point huggingface_hub to the server, its cache to an empty folder; no waiting between attempts."""
    files = {
        "README.md": b"read me",
        "data/train-0.parquet": table("one", "two"),
        "data/train-1.parquet": table("three"),
    }
    state = {"files": files | {"data/test-0.parquet": table("secret")}, "asked": [], "faults": 0}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, state))
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(dataio.texts.hub_datasets, "WAIT", 0.0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def texts(stream: dataio.TextStream) -> list[str]:
    return [document.text for document in stream]


def test_a_dataset_streams_by_name_one_file_after_another(state):
    stream = dataio.stream_dataset("lab/tales")
    assert stream.name == f"hf://datasets/lab/tales@{COMMIT}"
    documents = iter(stream)
    assert next(documents) == dataio.Document("data/train-0.parquet:0", "one")
    downloaded = [path for command, path in state["asked"] if command == "GET" and "/resolve/" in path]
    assert len(downloaded) == 1
    assert [document.text for document in documents] == ["two", "three"]
    state["asked"].clear()
    assert texts(stream) == ["one", "two", "three"]
    assert not [path for command, path in state["asked"] if command == "GET"]  # the library's cache has them


def test_revision_pattern_split_and_address_choose_the_files(state):
    assert texts(dataio.stream_dataset("lab/tales", split="test")) == ["secret"]
    assert texts(dataio.stream_dataset("lab/tales", files="data/*-1.parquet")) == ["three"]
    assert texts(dataio.stream_text("hf://datasets/lab/tales@v1/data/train-0.parquet")) == ["one", "two"]
    assert any(path.endswith("/revision/v1") for _, path in state["asked"])
    state["files"] = {"x.jsonl": b'{"text": "a line"}\n'}
    assert texts(dataio.stream_text("hf://datasets/lab/tales")) == ["a line"]


def test_a_hub_that_falters_is_asked_again(state):
    state["faults"] = 2
    assert texts(dataio.stream_dataset("lab/tales", split="test")) == ["secret"]


def refused(kind: type[Exception], message: str, *arguments, **options) -> None:
    with pytest.raises(kind, match=message):
        list(dataio.stream_dataset(*arguments, **options))


def test_what_is_not_there_is_said(state):
    refused(
        FileNotFoundError, r"wanted dataset lab/none on the hub, but there is none that you may see; check", "lab/none"
    )
    refused(PermissionError, r"wanted dataset lab/gated, but its owner asks for consent first; accept", "lab/gated")
    refused(
        FileNotFoundError,
        r"dataset lab/tales at revision v9 on the hub.*check the revision",
        "lab/tales",
        revision="v9",
    )
    refused(ValueError, r"wanted OWNER/NAME of a dataset, got dataset a//b", "a//b")
    refused(
        FileNotFoundError,
        r"files of .*lab/tales that belong to split 'dev', got data/test.*pass f",
        "lab/tales",
        split="dev",
    )
    refused(FileNotFoundError, r"that match 'x/\*', got data/test-0.parquet, .*pass files=", "lab/tales", files="x/*")
    state["files"] = {"a/train.parquet": table("a"), "b/train.parquet": table("b")}
    refused(ValueError, r"wanted one configuration of .*, got files in folders a, b; pass one, such as", "lab/tales")
    assert texts(dataio.stream_dataset("lab/tales", files="*")) == ["a", "b"]
    state["files"] = {"a.csv": b"text"}
    refused(
        FileNotFoundError, r"wanted Parquet or JSON-lines files in .*got a.csv; .*refs/convert/parquet", "lab/tales"
    )


def test_a_hub_out_of_reach_is_said(state, monkeypatch, caplog):
    state["faults"] = 1000
    refused(
        ConnectionError, r"wanted dataset lab/tales, but the hub cannot be reached \(.*503.*go online, or", "lab/tales"
    )
    assert "attempt 2 of 3" in caplog.text
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    refused(
        ImportError,
        r"wanted huggingface_hub, but it cannot be .*; install the extra: dataio\[hub\]",
        "lab/tales",
    )
