"""Numbers, read back by Prometheus' own parser."""

from prometheus_client.parser import text_string_to_metric_families

BODY = {"prompt": "hi", "max_tokens": 4}


def numbers(http, url):
    answer = http.get(f"{url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}


def test_the_engines_numbers_are_told(fakes, serve, http):
    with serve(fakes.FakeEngine(places=3, queue=5)) as (url, _):
        http.post(f"{url}/v1/completions", json=BODY)
        found = numbers(http, url)
    assert found["serving_row_places",] == 3
    assert found["serving_queue_places",] == 5
    assert found["serving_new_tokens_total",] == 4
    assert found["serving_ready",] == 1
    assert found["serving_jobs_total", ("end", "finished")] == 1
    buckets = [found["serving_first_token_seconds_bucket", ("le", bound)] for bound in ("0.1", "1.0", "+Inf")]
    assert buckets == [1, 3, 6]
    assert found["serving_first_token_seconds_sum",] == 4


def test_requests_are_counted_by_path_and_status_and_unknown_paths_together(fakes, serve, http):
    with serve(fakes.FakeEngine()) as (url, _):
        for path in ("/a", "/b", "/c"):
            http.get(url + path)
        http.post(f"{url}/v1/completions", json=BODY)
        http.post(f"{url}/v1/completions", json={"n": 0})
        found = numbers(http, url)
    assert found["serving_requests_total", ("path", "other"), ("status", "404")] == 3
    assert found["serving_requests_total", ("path", "/v1/completions"), ("status", "200")] == 1
    assert found["serving_requests_total", ("path", "/v1/completions"), ("status", "400")] == 1


def test_two_servers_in_one_process_count_apart(fakes, serve, http):
    with serve(fakes.FakeEngine()) as (one, _), serve(fakes.FakeEngine()) as (two, _):
        http.post(f"{one}/v1/completions", json=BODY)
        assert numbers(http, one)["serving_new_tokens_total",] == 4
        assert numbers(http, two)["serving_new_tokens_total",] == 0
