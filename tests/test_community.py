"""What GitHub and the Hugging Face Hub read: cards, forms, the citation, the workflow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from captcha_ocr.datasets.styles import STYLES
from captcha_ocr.model_info import find_models

yaml = pytest.importorskip("yaml", reason="pip install pyyaml")

REPOSITORY = Path(__file__).parents[1]
CARDS = REPOSITORY / "docs"
FORMS = sorted((REPOSITORY / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
TEMPLATE = CARDS / "models" / "TEMPLATE.md"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def header(card: Path) -> dict[str, Any]:
    """The settings above a card, which the Hub reads."""
    mark, lines, _ = card.read_text(encoding="utf-8").split("---\n", 2)
    assert mark == ""
    values: dict[str, Any] = yaml.safe_load(lines)
    return values


@pytest.mark.parametrize("key", STYLES)
def test_every_style_has_a_data_card(key: str) -> None:
    values = header(CARDS / "data" / f"{key}.md")
    assert values["pretty_name"] == STYLES[key].name
    assert values["license"] == "mit"
    assert values["task_categories"] == ["image-to-text"]
    # The words that the Hub knows for these.
    assert values["annotations_creators"] == ["machine-generated"]
    assert values["source_datasets"] == ["original"]
    chinese = any(kind.startswith("cn") for kind in STYLES[key].kinds)
    assert ("zh" in values["language"]) == chinese


@pytest.mark.parametrize("arch", [*find_models(), "TEMPLATE"])
def test_every_shipped_model_has_a_card(arch: str) -> None:
    values = header(CARDS / "models" / f"{arch}.md")
    assert values["license"] == "mit"
    assert values["library_name"] == "onnx"
    assert values["pipeline_tag"] == "image-to-text"
    assert {"ocr", "captcha", "ctc"} <= set(values["tags"])


def test_the_template_holds_no_figures() -> None:
    """Figures come from scripts; one in the template would be copied into every card."""
    _, _, text = TEMPLATE.read_text(encoding="utf-8").split("---\n", 2)
    assert re.findall(r"\d+(?:\.\d+)? ?(?:%|ms|MB)", text) == ["95 %"]


def test_there_is_a_form_for_each_kind_of_issue() -> None:
    assert {path.stem for path in FORMS} == {"bug", "new_style_or_model", "reads_badly"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_forms_ask_something(path: Path) -> None:
    form = read(path)
    assert {"name", "description", "body"} <= set(form)
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    ids = [field["id"] for field in fields]
    assert len(ids) == len(set(ids)) > 0
    for field in fields:
        assert field["attributes"]["label"]
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_the_citation_names_a_body_and_no_version() -> None:
    """The version stands in captcha_ocr/__init__.py alone."""
    citation = read(REPOSITORY / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    licence = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    for author in citation["authors"]:
        assert author["name"] in licence
        assert f'{{ name = "{author["name"]}" }}' in project
    assert "version" not in citation


def test_the_workflow_runs_on_three_systems_and_two_pythons() -> None:
    jobs = read(REPOSITORY / ".github" / "workflows" / "ci.yml")["jobs"]
    matrix = jobs["smoke"]["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert len(matrix["python"]) >= 2
    assert any(".ci/run" in step.get("run", "") for step in jobs["full"]["steps"])
    assert all(job["timeout-minutes"] <= 60 for job in jobs.values())


def test_the_workflow_may_read_and_no_more() -> None:
    """It runs what a pull request brings: no right to write, no token left on the disk."""
    workflow = read(REPOSITORY / ".github" / "workflows" / "ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    assert True in workflow and "pull_request_target" not in workflow[True]  # YAML's "on"
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert all("permissions" not in job for job in workflow["jobs"].values())
    used = [step for step in steps if "uses" in step]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in used)
    checkouts = [step for step in used if step["uses"].startswith("actions/checkout@")]
    assert len(checkouts) == len(workflow["jobs"])
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
