"""BuildKit's own parser accepts what we generate, and reads every Dockerfile as we do."""

from types import MappingProxyType

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.catalogue import read_source
from pipeline.dockerfile.bases import copies_rootfs, find_bases, inject_rootfs
from pipeline.dockerfile.expand import expand
from pipeline.dockerfile.frontend import find_syntax
from pipeline.dockerfile.instructions import scan
from pipeline.dockerfile.labels import labels_of
from pipeline.model import Platform
from pipeline.plan import make_plan
from tests.catalogue.made import DOCKERFILES, PLATFORMS, VALUES, WORDS, dockerfiles, words
from tests.catalogue.sample import own_plan, plan
from tests.dockerfile.faults import FAULTS
from tests.plan.output.golden import DATA
from tests.plan.test_examples import DESCRIPTION
from tests.tools import buildkit

pytestmark = pytest.mark.real  # starts a process
PLATFORM = Platform.parse("linux/amd64")


def instructions(text):
    """Keyword, first and last line of every instruction, as we see them."""
    return [
        (i.keyword, i.line, text.count("\n", 0, i.end) + (not text[: i.end].endswith("\n")))
        for i in scan(text).instructions
    ]


def agree(text, theirs, arguments=MappingProxyType({})):
    """Whether BuildKit took the text; where it did, we must have read the same. We may refuse what cannot be known
    before a build, and never see less than BuildKit does."""
    syntax = find_syntax(text)
    assert (syntax.name if syntax else "") == theirs.get("syntax", "")
    assert not syntax or text.startswith("{") or syntax.line == theirs["syntax_line"]
    if "parse" in theirs:
        return False
    assert instructions(text) == [(i["keyword"], i["line"], i["end"]) for i in theirs["instructions"]]
    assert scan(text).escape == theirs["escape"]
    assert [i.heredoc for i in scan(text).instructions] == [i["heredoc"] for i in theirs["instructions"]]
    if "meaning" in theirs:
        return False
    for name, outcome in theirs["platforms"].items():
        found = find_bases(text, Platform.parse(name), arguments)
        if found.problems:
            assert "error" in outcome or outcome["unset"] or may_refuse(found, theirs)
        elif "error" in outcome:
            assert "stage index" in outcome["error"]  # reported as an unknown base
        else:
            ours = [(u.instruction, u.name, u.line) for u in found.bases]
            assert ours == [(u["instruction"], u["name"], u["line"]) for u in outcome["uses"]]
            assert found.stages == theirs["stages"]
            same_labels(labels_of(text, Platform.parse(name), arguments), outcome["labels"])
            if not any(u.on_build_platform for u in found.bases):
                on = [str(u.platform or name) for u in found.bases]
                theirs_on = [u.get("platform") or name for u in outcome["uses"]]
                assert on == [str(Platform.parse(p)) for p in theirs_on]
    return True


def same_labels(ours, theirs):
    """What we say is known is what BuildKit says, and nothing is left out but names that are not known."""
    assert {key for key, label in ours.items() if label.value is not None} <= set(theirs)
    for key, value in theirs.items():
        if key in ours and ours[key].value is not None:
            assert ours[key].value == value
        elif value is not None and not any(c in str(value) for c in "$"):
            assert key in ours, key


def may_refuse(found, theirs):
    """Whether everything that we refuse is of the kinds that docs/catalogue.md excludes."""
    kinds = ("substitution", "BUILD", "without quotes and escapes", "there is no FROM", "unknown platform")
    return (
        all(any(kind in message for kind in kinds) for _, message in found.problems) or not theirs["stages"]
    )


@pytest.fixture(scope="module")
def generated():
    """Every Dockerfile of this repository and of the examples."""
    examples = read_source(DATA / "examples")
    found = {
        f"{whose} {t.id} {snapshot}": t.dockerfile
        for snapshot in (None, "mr-123")
        for whose, made in (
            ("own", own_plan(snapshot_id=snapshot)),
            ("examples", make_plan(examples, snapshot_id=snapshot)),
            ("description", plan(DESCRIPTION, snapshot_id=snapshot)),
        )
        for t in made.targets
    }
    assert len(found) > 150
    return found


def test_every_generated_dockerfile_is_accepted(generated):
    for name, theirs in zip(generated, buildkit.read(generated.values(), PLATFORMS), strict=True):
        assert agree(generated[name], theirs), (name, theirs)


@pytest.fixture(scope="module")
def read():
    """What BuildKit says of every Dockerfile of the table."""
    return dict(zip(DOCKERFILES, buildkit.read(DOCKERFILES, PLATFORMS), strict=True))


@pytest.mark.parametrize("text", DOCKERFILES)
def test_both_read_the_same(text, read):
    agree(text, read[text])


@pytest.fixture(scope="module")
def judged():
    """What BuildKit says of instructions that it may refuse."""
    return dict(zip(FAULTS, buildkit.read(FAULTS), strict=True))


@pytest.mark.parametrize("text", FAULTS)
def test_both_refuse_the_same(text, judged):
    theirs = judged[text]
    problems = find_bases(text, PLATFORM).problems
    assert bool(problems) == bool({"parse", "meaning"} & set(theirs)), (problems, theirs)


def test_most_of_the_table_means_something(read):
    assert sum(not {"parse", "meaning"} & set(theirs) for theirs in read.values()) > len(DOCKERFILES) * 0.75


@given(dockerfiles, st.dictionaries(st.sampled_from("VW"), st.sampled_from(["", "3", "$V", "a b"])))
@settings(max_examples=200)
def test_both_read_whatever_is_put_together_the_same(text, arguments):
    [theirs] = buildkit.read([text], PLATFORMS, arguments)
    agree(text, theirs, arguments)


@given(dockerfiles)
def test_what_is_put_in_is_accepted_where_the_rest_is(text):
    injected = inject_rootfs(text, "1000:1000")
    was, now = buildkit.read([text, injected])
    assume(not {"parse", "meaning"} & set(was) and was["stages"])
    assert not {"parse", "meaning"} & set(now)
    assert copies_rootfs(injected)
    assert now["platforms"]["linux/amd64"]["uses"] == _moved(was, now)


def _moved(was, now):
    """What was used before, each on the line it has now."""
    uses = was["platforms"]["linux/amd64"]["uses"]
    if len(was["instructions"]) == len(now["instructions"]):
        return uses
    first = next(i["line"] for i in was["instructions"] if i["keyword"] == "FROM")
    return [use | {"line": use["line"] + (use["line"] > first)} for use in uses]


@given(st.lists(words, max_size=60), st.sampled_from("\\`"))
def test_variables_are_replaced_as_buildkit_does(texts, escape):
    for text, theirs in zip(texts, buildkit.expand(texts, VALUES, escape), strict=True):
        same(text, theirs, escape)


@pytest.mark.parametrize("text", WORDS)
def test_words(text):
    [theirs] = buildkit.expand([text], VALUES)
    same(text, theirs, "\\")
    assert "error" not in theirs


def same(text, theirs, escape):
    try:
        ours = expand(text, VALUES, escape)
    except ValueError as error:
        assert "error" in theirs or theirs["unset"] or "substitution" in str(error)
    else:
        assert "error" not in theirs
        assert ours == theirs["text"]
