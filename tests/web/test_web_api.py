"""The API, asked of FastAPI and of Flask."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from captcha_ocr import __version__
from captcha_ocr.predictor import load_predictors
from captcha_ocr.web.catalogue import STATIC, default_model, describe_models
from captcha_ocr.web.options import MAX_FIELD, parse_options
from captcha_ocr.web.results import file_result
from captcha_ocr.web.schemas import (
    FileResult,
    InputSize,
    ModelsResponse,
    PredictResponse,
    Reading,
)
from web_harness import Asked, barcode, make_service, multipart, open_server

NDJSON = "application/x-ndjson"


def test_a_picture_is_read(server: Asked) -> None:
    answer = server.predict([("sum.png", barcode("7*3=?"))])
    assert answer.status == 200
    response = PredictResponse.model_validate_json(answer.data, strict=True)
    result = response.results[0]
    assert (result.file, result.index, result.width, result.height) == ("sum.png", 0, 88, 32)
    assert (result.text, result.answer, result.error) == ("7*3=?", 21, None)
    assert [c.char for c in result.characters] == list("7*3=?")
    assert all(0 <= c.start < c.end <= 22 for c in result.characters)
    assert result.confidence is not None and result.confidence > 0.99
    assert result.milliseconds > 0


def test_pictures_come_back_in_order(server: Asked) -> None:
    texts = ["12", "345", "6", "中文", "7-8=?"] * 4
    answer = server.predict([(f"{i}.png", barcode(text)) for i, text in enumerate(texts)])
    results = answer.json()["results"]
    assert [result["text"] for result in results] == texts
    assert [result["index"] for result in results] == list(range(len(texts)))


def test_one_bad_picture_does_not_spoil_the_others(server: Asked) -> None:
    answer = server.predict([("bad.png", b"GIF89a"), ("good.png", barcode("42"))])
    assert answer.status == 200
    bad, good = answer.json()["results"]
    assert bad["error"]["code"] in ("broken", "unsupported")
    assert bad["text"] is None
    assert good["text"] == "42"


def test_a_request_without_any_readable_picture_is_an_error(server: Asked) -> None:
    answer = server.predict([("a.txt", b"hello"), ("b.txt", b"there")])
    assert (answer.status, answer.code) == (415, "unsupported")
    assert [result["file"] for result in answer.json()["results"]] == ["a.txt", "b.txt"]


def test_all_models_are_compared(server: Asked) -> None:
    result = server.read("12AB", arch="all")
    assert [reading["arch"] for reading in result["compare"]] == ["svtr_tiny", "vanilla_crnn"]
    assert {reading["text"] for reading in result["compare"]} == {"12AB"}
    assert server.read("12AB", arch="vanilla_crnn")["compare"] == []


def test_constraints_change_the_reading(server: Asked) -> None:
    assert server.read("7*3=?", alphabet="0123456789")["text"].isdigit()
    assert len(server.read("7*3=?", length="3")["text"]) == 3
    assert len(server.read("12345", length="2-3")["text"]) in (2, 3)
    assert server.read("1234", pattern=r"\d{2}")["text"] != "1234"
    assert server.read("1234", pattern=r"\d{4}")["text"] == "1234"


def test_alternatives_come_best_first(server: Asked) -> None:
    alternatives = server.read("A1", top_k="3")["alternatives"]
    assert alternatives[0]["text"] == "A1"
    assert 1 < len(alternatives) <= 3
    confidences = [alternative["confidence"] for alternative in alternatives]
    assert confidences == sorted(confidences, reverse=True)


def test_the_explanation_retells_the_reading(server: Asked) -> None:
    result = server.read("AA1", explain="true")
    explanation = result["explain"]
    columns = explanation["columns"]
    assert columns * explanation["width_stride"] == result["width"]  # 56 pixels, not scaled
    assert explanation["picture_columns"] == columns
    assert len(explanation["path"]) == len(explanation["top"]) == columns
    assert [row["char"] for row in explanation["rows"]] == ["", "A", "1"]
    assert all(len(row["p"]) == columns for row in explanation["rows"])
    assert [best[0]["char"] for best in explanation["top"]] == explanation["path"]
    assert "".join(explanation["merged"]) == "AA1" == result["text"]
    assert explanation["merged"] == ["", "A", "", "A", "", "1", ""]
    assert server.read("AA1")["explain"] is None


def test_the_explanation_shows_what_a_rule_chose_however_unlikely(server: Asked) -> None:
    result = server.read("AA1", explain="true", alphabet="7")
    assert set(result["text"]) == {"7"}
    assert [row["char"] for row in result["explain"]["rows"]] == ["", "7", "A", "1"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"arch": "nope"}, "choose from svtr_tiny, vanilla_crnn, all"),
        ({"arch": "../../etc"}, "choose from"),
        ({"length": "many"}, "give a number"),
        ({"length": "6-4"}, "1 to 64"),
        ({"length": "0"}, "1 to 64"),
        ({"top_k": "0"}, "choose 1 to 10"),
        ({"top_k": "11"}, "choose 1 to 10"),
        ({"top_k": "x"}, "give a number"),
        ({"explain": "perhaps"}, "give true or false"),
        ({"pattern": "[0-9"}, "pattern"),
        ({"alphabet": "☃"}, "alphabet"),
        ({"lenght": "4"}, "there is no field 'lenght'"),
        ({"pattern": "x" * 2000}, "1024 are allowed"),
    ],
)
def test_a_wrong_field_is_named(server: Asked, fields: dict[str, str], said: str) -> None:
    answer = server.predict([("a.png", barcode("1"))], list(fields.items()))
    assert (answer.status, answer.code) == (422, "invalid")
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("length", "1", 1),
        ("length", "64", 64),
        ("length", " 4-4 ", 4),
        ("length", "4-6", (4, 6)),
        ("length", "", None),
        ("top_k", "10", 10),
        ("top_k", "", 1),
        ("explain", "TRUE", True),
        ("explain", "on", True),
        ("explain", "no", False),
        ("explain", "", False),
        ("arch", "all", "all"),
        ("alphabet", "中" * MAX_FIELD, "中" * MAX_FIELD),
        ("alphabet", "", None),
    ],
)
def test_a_field_may_have(name: str, value: str, meant: object) -> None:
    assert getattr(parse_options([(name, value)], ["one"], max_top_k=10), name) == meant


def test_a_field_may_have_1024_characters_of_any_size(server: Asked) -> None:
    assert server.read("1", alphabet="中" * (MAX_FIELD - 1) + "1")["text"] == "1"


def test_the_surest_reading_is_the_results_own() -> None:
    readings = [
        Reading(arch=arch, text=arch, confidence=confidence, characters=[], alternatives=[])
        for arch, confidence in (("a", 0.2), ("b", 0.9), ("c", 0.5))
    ]
    result = file_result(3, "x.png", (88, 32), readings, 1.234)
    assert (result.arch, result.text, result.confidence) == ("b", "b", 0.9)
    assert [reading.arch for reading in result.compare] == ["a", "b", "c"]
    assert (result.index, result.width, result.height, result.milliseconds) == (3, 88, 32, 1.23)


def test_a_field_may_not_stand_twice(server: Asked) -> None:
    answer = server.predict([("a.png", barcode("1"))], [("top_k", "1"), ("top_k", "2")])
    assert (answer.status, answer.code) == (422, "invalid")


def test_results_are_streamed_as_lines(server: Asked) -> None:
    files = [("a.png", barcode("1")), ("b.txt", b"no"), ("c.png", barcode("2"))]
    answer = server.predict(files, headers={"Accept": NDJSON})
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(NDJSON)
    *lines, end = [json.loads(line) for line in answer.data.decode().splitlines()]
    assert (end["done"], end["count"]) == (True, 3)
    results = {line["index"]: FileResult.model_validate(line) for line in lines}
    assert [results[i].text for i in range(3)] == ["1", None, "2"]
    assert results[1].error is not None and results[1].error.code == "unsupported"


def test_every_path_is_also_under_api(server: Asked) -> None:
    for path in ("/models", "/samples", "/version", "/healthz", "/readyz"):
        assert server.get(f"/api{path}").json() == server.get(path).json()
    answer = server.predict([("a.png", barcode("9"))], path="/api/predict")
    assert answer.json()["results"][0]["text"] == "9"


def test_models_are_described(server: Asked) -> None:
    body = ModelsResponse.model_validate_json(server.get("/models").data)
    assert [model.name for model in body.models] == ["svtr_tiny", "vanilla_crnn"]
    assert body.default in ("svtr_tiny", "vanilla_crnn")
    assert {model.charset_size for model in body.models} == {22}
    assert all(model.sha256 for model in body.models)
    wanted = InputSize(height=32, max_width=256, channels=1, pad_multiple=4)
    assert [model.input for model in body.models] == [wanted] * 2


def test_the_model_with_the_fewest_errors_is_the_default(two_models: Path) -> None:
    predictors = load_predictors(["all"], two_models)
    assert default_model(predictors) == "svtr_tiny"  # the first, when none was measured
    for name, cer in (("svtr_tiny", 0.2), ("vanilla_crnn", 0.1)):
        metrics = {"test": {"exact_match": 1 - cer, "exact_match_folded": 1 - cer / 2, "cer": cer}}
        predictor = predictors[name]
        predictor.info = dataclasses.replace(predictor.info, metrics=metrics)
    assert default_model(predictors) == "vanilla_crnn"
    svtr, unmeasured = predictors["svtr_tiny"], dataclasses.replace(predictor.info, metrics={})
    svtr.info = dataclasses.replace(svtr.info, metrics={"selection": {"cer": 0.05}})
    assert default_model(predictors) == "svtr_tiny"  # no test set was named
    svtr.info = unmeasured
    assert default_model(predictors) == "vanilla_crnn"
    card = describe_models(predictors, "vanilla_crnn", "onnx").models[1]
    assert (card.name, card.exact_match, card.cer) == ("vanilla_crnn", 0.9, 0.1)
    assert card.exact_match_folded == 0.95


def test_samples_are_there_to_be_fetched(server: Asked) -> None:
    samples = server.get("/samples").json()["samples"]
    assert 9 <= len(samples) <= 12
    assert len({sample["style"] for sample in samples}) == 3
    for sample in samples:
        assert sample["label"]
        assert (
            server.get(f"/{sample['url']}").data
            == (STATIC / "samples" / sample["file"]).read_bytes()
        )


def test_health_and_version(server: Asked) -> None:
    assert server.get("/healthz").json() == {"status": "ok", "version": __version__}
    assert server.get("/readyz").status == 200
    limits = {"max_files": 64, "max_file_bytes": 4 << 20, "max_body_bytes": 32 << 20}
    limits |= {"max_pixels": 1_000_000, "max_top_k": 10}
    assert server.get("/version").json()["limits"] == limits
    assert server.send("HEAD", "/healthz", {}, b"").status == 200


@pytest.mark.parametrize("kind", ["fastapi", "flask"])
def test_metrics_count_pictures_and_requests(kind: str, two_models: Path) -> None:
    service = make_service(two_models)
    pictures = [("a.png", barcode("1")), ("b.png", barcode("2")), ("c.txt", b"no")]
    for asked in open_server(kind, service):
        assert asked.predict(pictures).status == 200
        assert asked.predict(pictures[:1], [("arch", "all")]).status == 200
        assert asked.predict(pictures[2:]).status == 415
        for path in ("/static/app.js", "/static/none", "/nothing", "/predict", "/api/healthz"):
            asked.get(path)
        asked.get("/models", host="rebound.example")
        page = asked.get("/metrics")
        assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert page.data.startswith(b"# HELP captcha_ocr_requests_total ")
    service.close()
    service._pool.shutdown()  # a picture is counted a moment after it has been read
    lines = [line for line in service.metrics.text().splitlines() if line[0] != "#"]
    counted = {name: float(number) for name, number in (line.rsplit(" ", 1) for line in lines)}
    told = {
        'requests_total{method="POST",path="/predict",status="200"}': 2,
        'requests_total{method="POST",path="/predict",status="415"}': 1,
        'requests_total{method="GET",path="/static",status="200"}': 1,
        'requests_total{method="GET",path="/static",status="404"}': 1,
        'requests_total{method="GET",path="other",status="404"}': 1,
        'requests_total{method="GET",path="/predict",status="405"}': 1,
        'requests_total{method="GET",path="/api/healthz",status="200"}': 1,
        'requests_total{method="GET",path="/models",status="400"}': 1,
        'request_seconds_count{path="/predict"}': 4,
        'pictures_total{outcome="read"}': 3,
        'pictures_total{outcome="unsupported"}': 2,
        'readings_total{model="svtr_tiny"}': 3,
        'readings_total{model="vanilla_crnn"}': 1,
        'batch_pictures_sum{model="svtr_tiny"}': 3,
        'batch_pictures_sum{model="vanilla_crnn"}': 1,
        "pending_pictures": 0,
    }
    assert {name: counted.get(f"captcha_ocr_{name}") for name in told} == told


def test_the_page_is_served(server: Asked) -> None:
    page = server.get("/")
    assert page.data == (STATIC / "index.html").read_bytes()
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for name in ("app.js", "app.css", "mark.svg"):
        assert server.get(f"/static/{name}").data == (STATIC / name).read_bytes()


def test_unknown_paths_and_methods_are_problems(server: Asked) -> None:
    assert server.get("/nothing").code == "not_found"
    assert server.get("/static/../service.py").code == "not_found"
    wrong = server.get("/predict")
    assert (wrong.status, wrong.code) == (405, "method")
    assert "POST" in wrong.headers["allow"]


def test_both_servers_publish_one_document(server: Asked) -> None:
    document = server.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/predict", "/models", "/samples", "/version", "/healthz", "/readyz", "/metrics"
    }  # fmt: skip
    form = document["paths"]["/predict"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert set(form["schema"]["properties"]) == {
        "files", "arch", "length", "alphabet", "pattern", "top_k", "explain"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("验证码.png", "验证码.png"),
        ("../../etc/passwd", "passwd"),
        ("C:/fakepath/a.png", "a.png"),
        ("<img src=x onerror=alert(1)>.png", "<img src=x onerror=alert(1)>.png"),
        ("=cmd()", "=cmd()"),
        ("a\\b\u202egnp.exe\x07", "bgnp.exe"),
        ("x" * 400, "x" * 200),
    ],
)
def test_file_names_are_kept_for_display_only(server: Asked, sent: str, shown: str) -> None:
    answer = server.predict([(sent, barcode("1"))])
    assert answer.json()["results"][0]["file"] == shown


def test_a_picture_may_also_come_as_file(server: Asked) -> None:
    """What `curl -F file=@a.png` sends."""
    assert server.predict([("a.png", barcode("5"))], field="file").status == 200
    answer = server.predict([("a.png", barcode("5"))], field="image")
    assert (answer.status, answer.code) == (422, "invalid")


def test_a_form_without_pictures_is_refused(server: Asked) -> None:
    answer = server.predict([], [("top_k", "1")])
    assert (answer.status, answer.code) == (422, "missing")


@pytest.mark.parametrize("content_type", ["", "application/json", "image/png"])
def test_a_body_that_is_no_form_is_refused(server: Asked, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = server.send("POST", "/predict", headers, barcode("1"))
    assert (answer.status, answer.code) == (415, "media_type")
    assert "no base64: curl -F files=@picture.png" in answer.json()["detail"]


# Both frameworks leave the file of a form that breaks off to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_form_that_breaks_off_is_no_server_error(server: Asked) -> None:
    content_type, body = multipart([("files", "a.png", barcode("12"))], [])
    for end in range(0, len(body), 7):
        answer = server.send("POST", "/predict", {"Content-Type": content_type}, body[:end])
        assert answer.status in (200, 400, 415, 422), answer.data
