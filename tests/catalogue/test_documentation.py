"""docs/catalogue.md says what is so: its examples are read, its keys are the models'."""

import re
from pathlib import Path

import pytest

from pipeline.catalogue.limits import MAX_STEPS
from pipeline.config import ImageFile, ProjectFile, load, validate_document

TEXT = (Path(__file__).parent.parent.parent / "docs" / "catalogue.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "model"), [("image.yml", ImageFile), ("lockage.yml", ProjectFile)])
def test_examples_are_accepted(name, model):
    [example] = re.findall(rf"```yaml\n# {re.escape(name)}\n(.*?)```", TEXT, re.DOTALL)
    found, problems = validate_document(model, load(example, name))
    assert not problems
    assert found is not None


@pytest.mark.parametrize("model", [ImageFile, ProjectFile])
def test_every_key_is_written_about(model):
    missing = [key for name, f in model.model_fields.items() if (key := f.alias or name) not in TEXT]
    assert not missing


def test_limits_are_the_program_s():
    assert f"{MAX_STEPS:,} loop turns" in TEXT
