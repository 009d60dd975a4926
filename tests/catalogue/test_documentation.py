"""docs/catalogue.md says what is so: its examples are read, and it speaks of every key, name and limit there is."""

import re
import shlex
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from pipeline.catalogue.cascade import resolve
from pipeline.catalogue.discover import discover
from pipeline.catalogue.rootfs import is_sensitive
from pipeline.catalogue.templating.limits import MAX_OUTPUT, MAX_STEPS
from pipeline.catalogue.templating.templates import context_of
from pipeline.cli.parser import make_parser
from pipeline.config import ImageFile, ProjectFile, Strategy, VariantFile, load, validate_document
from pipeline.config.validation import models_in
from pipeline.dockerfile.arguments import target_variables
from pipeline.model import Platform
from pipeline.plan import Plan
from tests.catalogue.aliases.test_aliases import TABLE

from .sample import folder, image, plan

TEXT = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", TEXT, re.DOTALL)
YAML = [text for language, text in BLOCKS if language == "yaml"]


def section(title):
    """The text below a heading, up to the next one."""
    [found] = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    return found


@pytest.mark.parametrize("text", YAML, ids=lambda text: text.splitlines()[0])
def test_every_example_is_accepted(text):
    name = text.splitlines()[0].removeprefix("# ")
    model = {"image.yml": ImageFile, "lockage.yml": ProjectFile}[name.rpartition("/")[2]]
    found, problems = validate_document(model, load(text, name))
    assert not problems
    assert found is not None


def test_the_two_files_have_an_example():
    firsts = [text.splitlines()[0] for text in YAML]
    assert firsts.count("# image.yml") == firsts.count("# lockage.yml") == 1


def models(model, seen=()):
    """A model and every model in it."""
    if model in seen:
        return seen
    seen = (*seen, model)
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            seen = models(inner, seen)
    return seen


ALL = dict.fromkeys(m for top in (ImageFile, VariantFile, ProjectFile) for m in models(top))


def test_all_models_are_looked_at():
    assert {"TagEntry", "VariantEntry", "IgnoreEntry", "ToolEntries", "EnvironmentEntry"} <= {
        m.__name__ for m in ALL
    }
    assert all(issubclass(m, BaseModel) for m in ALL)


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.__name__)
def test_every_key_is_written_about(model):
    keys = {field.alias or name for name, field in model.model_fields.items()}
    shown = {key for text in YAML for key in re.findall(r"([\w-]+):(?=\s)", text)}
    named = set(re.findall(r"`([\w-]+):?`", TEXT))
    assert keys <= shown | named


def test_tools_are_shown_with_what_they_are_without_being_said():
    example = next(text for text in YAML if text.startswith("# lockage.yml"))
    found, _ = validate_document(ProjectFile, load(example, "lockage.yml"))
    bare, _ = validate_document(ProjectFile, load("version: 1\nproject: a\n", "lockage.yml"))
    assert found.tools == bare.tools
    assert {"buildkit", "syft", "trivy", "cosign", "structure-test"} <= set(
        re.findall(r"^  ([\w-]+): ", example, re.MULTILINE)
    )
    assert (found.vulnerability_db, found.builds) == (bare.vulnerability_db, bare.builds)


def test_limits_are_the_program_s():
    assert f"{MAX_STEPS:,} loop turns" in TEXT
    assert f"{MAX_OUTPUT // 1024**2} MiB" in TEXT


def test_what_a_template_sees():
    table = re.findall(r"^\| `(\w+)` \|", section("Templates"), re.MULTILINE)
    source = plan(folder("a", image())).source
    [definition] = resolve(source, discover(source).images, [])
    assert table == list(context_of(definition))


def test_strategies():
    table = re.findall(r"^\| `(\w+)`", section("Aliases"), re.MULTILINE)
    assert [name for name in table if name != "version_strategy"] == list(get_args(Strategy))
    assert {row[0] for row in TABLE} == set(get_args(Strategy))


def test_names_that_look_like_secrets():
    [names] = re.findall(r"look like secrets \((.*?)\)", TEXT)
    for pattern in re.findall(r"`([^`]+)`", names):
        assert is_sensitive(pattern.replace("*", "x"))


def test_variables_of_a_platform():
    assert all(f"`{name}`" in section("FROM") for name in target_variables(Platform("linux", "amd64")))


def test_every_key_of_the_plan_is_written_about():
    made: Plan = plan(folder("a", image()))
    text = section("The plan as JSON")
    top, target = made.to_data(), made.targets[0].to_json()
    missing = [key for key in top if f"`{key}`" not in text]
    missing += [key for key in target if f"`{key}`" not in text and key not in ("dockerfile", "test")]
    assert not missing
    assert "Dockerfile and test" in text


def commands():
    """Every command line shown."""
    for language, text in BLOCKS:
        if language == "sh":
            for line in text.splitlines():
                words = shlex.split(line, comments=True)
                if words[:1] == ["lockage"]:
                    yield line, words[1:]


@pytest.mark.parametrize(
    ("line", "words"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_commands_are_understood(line, words):
    assert make_parser().parse_args(words).command
