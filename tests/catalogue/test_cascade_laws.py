"""Levels merge as a fold where the later wins; rootfs/ folders as trees laid over each other."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalogue import Source, SourceFile
from pipeline.catalogue.rootfs import merge

from .sample import plan

KEYS = st.sampled_from(["a", "b", "c"])
MAPPING = st.dictionaries(KEYS, st.sampled_from(["1", "2", "3"]), max_size=3)
OWNER = st.none() | st.sampled_from(["1:1", "2:2", "node:node"])
SWITCH = st.none() | st.booleans()
LEVEL = st.fixed_dictionaries(
    {
        "versions": MAPPING,
        "variables": MAPPING,
        "labels": MAPPING,
        "rootfs_user": OWNER,
        "rootfs_copy": SWITCH,
    }
)
NOTHING = {"versions": {}, "variables": {}, "labels": {}, "rootfs_user": None, "rootfs_copy": None}
TEMPLATE = """FROM debian:12
{% for k, v in versions | dictsort %}# versions {{ k }} {{ v }}
{% endfor %}{% for k, v in variables | dictsort %}# variables {{ k }} {{ v }}
{% endfor %}"""


def flow(value):
    """A value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {flow(v)}" for k, v in value.items()) + "}"
    return {True: "true", False: "false"}.get(value, f"'{value}'")


def explicit(level):
    """The values that a level sets, without what it leaves open."""
    return {key: value for key, value in level.items() if value not in (None, {})}


def over(below, above):
    """The model: mappings key by key, values as a whole, the later wins."""
    mappings = {k: below[k] | above[k] for k in ("versions", "variables", "labels")}
    values = {k: below[k] if above[k] is None else above[k] for k in ("rootfs_user", "rootfs_copy")}
    return mappings | values


def made(image, version, tag, variant):
    """What the plan says of the tag and of its variant, when the levels say these things."""
    tags, variants = flow({"name": "t"} | explicit(tag)), flow({"name": "v"} | explicit(variant))
    files = {
        "i/image.yml": flow(explicit(image)),
        "i/Dockerfile.tmpl": TEMPLATE,
        "i/rootfs/x": "",
        "i/1/image.yml": flow(explicit(version))[:-1]
        + f"{',' if explicit(version) else ''} tags: [{tags}], variants: [{variants}]}}",
    }
    without = {"org.opencontainers.image.version": ""}
    return {t.tag: (t.dockerfile, dict(t.labels) | without) for t in plan(files).targets}


@given(LEVEL, LEVEL, LEVEL, LEVEL)
def test_all_levels_are_one_fold(image, version, tag, variant):
    base = over(over(image, version), tag)
    whole = made(image, version, tag, variant)
    assert whole["t"] == made(NOTHING, NOTHING, base, NOTHING)["t"]
    assert whole["t-v"] == made(NOTHING, NOTHING, NOTHING, over(base, variant))["t-v"]


@given(LEVEL, LEVEL, LEVEL, LEVEL)
def test_it_does_not_matter_where_levels_are_put_together(image, version, tag, variant):
    whole = made(image, version, tag, variant)
    assert made(over(image, version), NOTHING, tag, variant) == whole
    assert made(NOTHING, over(image, version), tag, variant) == whole
    assert made(NOTHING, image, over(version, tag), variant) == whole


@given(LEVEL)
def test_a_level_that_says_nothing_changes_nothing(level):
    every = [made(*(level if n == place else NOTHING for n in range(4))) for place in range(3)]
    assert every[0] == every[1] == every[2]
    assert made(level, level, level, level) == every[0]


@given(LEVEL, LEVEL)
def test_the_later_level_has_the_last_word(below, above):
    text, labels = made(below, NOTHING, above, NOTHING)["t"]
    for kind in ("versions", "variables"):
        assert all(f"# {kind} {key} {value}\n" in text for key, value in above[kind].items())
    assert labels.items() >= above["labels"].items()
    if above["rootfs_user"] and above["rootfs_copy"]:
        assert f"COPY --chown={above['rootfs_user']} rootfs/ /\n" in text


# --- rootfs: a tree is a dict of names; a leaf is a file or a link ---

NAMES = st.sampled_from(["a", "b", "c"])
FILE = st.tuples(st.just("file"), st.sampled_from("xyz"), st.sampled_from([0o644, 0o755, 0o400]))
LINK = st.tuples(st.just("link"), st.sampled_from(["a", "../../b", "/etc/passwd", "."]))
TREE = st.recursive(FILE | LINK, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=8)
LAYER = st.dictionaries(NAMES, TREE, max_size=3)


def laid(below, above):
    """The model: folders join, everything else is replaced with all that is in it."""
    out = dict(below)
    for name, entry in above.items():
        before = out.get(name)
        both = isinstance(before, dict) and isinstance(entry, dict)
        out[name] = laid(before, entry) if both else laid({}, entry) if isinstance(entry, dict) else entry
    return out


def files(layers, order=lambda items: items):
    """The layers as rootfs/ folders of a source."""
    out = {}

    def put(path, tree):
        for name, entry in tree.items():
            here = f"{path}/{name}"
            if isinstance(entry, dict):
                out[here] = SourceFile("dir", 0o755)
                put(here, entry)
            elif entry[0] == "file":
                out[here] = SourceFile("file", entry[2], entry[1].encode())
            else:
                out[here] = SourceFile("link", 0o777, target=entry[1])

    for number, layer in enumerate(layers):
        out[f"images/{number}/rootfs"] = SourceFile("dir", 0o755)
        put(f"images/{number}/rootfs", layer)
    return dict(order(list(out.items())))


def merged(layers, **options):
    """What `merge` makes of them, as a tree again, and the result itself."""
    problems = []
    found = merge(
        Source.of(files(layers, **options)), tuple(f"images/{n}" for n in range(len(layers))), problems
    )
    assert not problems
    source = Source.of(files(layers))
    tree = {}
    for entry in found.entries:  # sorted, so a folder comes before what is in it
        *parents, name = entry.path.split("/")
        here = tree
        for parent in parents:
            here = here[parent]
        if entry.kind == "dir":
            here[name] = {}
        elif entry.kind == "link":
            here[name] = ("link", entry.target)
        else:
            here[name] = ("file", source.read(entry.origin).decode(), entry.mode)
    return tree, found


@given(st.lists(LAYER, max_size=4))
def test_layers_are_laid_over_each_other(layers):
    expected = {}
    for layer in layers:
        expected = laid(expected, layer)
    assert merged(layers)[0] == expected


@given(LAYER, LAYER, LAYER)
def test_layers_may_be_put_together_first(one, two, three):
    whole = merged([one, two, three])[0]
    assert merged([merged([one, two])[0], three])[0] == whole
    assert merged([one, merged([two, three])[0]])[0] == whole or _a_folder_came_back(one, two, three)


def _a_folder_came_back(one, two, three):
    """A leaf between two folders wipes what the first held: only then does it matter what is joined first."""
    return any(
        isinstance(one.get(name), dict)
        and name in two
        and isinstance(three.get(name), dict)
        and (not isinstance(two[name], dict) or _a_folder_came_back(one[name], two[name], three[name]))
        for name in one
    )


@given(LAYER)
def test_an_empty_layer_and_the_same_again_change_nothing(layer):
    tree = merged([layer])[0]
    assert tree == laid({}, layer)
    for layers in ([{}, layer], [layer, {}], [layer, layer]):
        assert merged(layers)[0] == tree


@given(LAYER, LAYER, st.randoms())
def test_the_order_in_which_files_are_found_does_not_matter(one, two, random):
    def shuffled(items):
        random.shuffle(items)
        return items

    assert merged([one, two], order=shuffled)[1] == merged([one, two])[1]


@given(st.lists(LAYER, max_size=3))
def test_nothing_lies_below_what_is_not_a_folder(layers):
    _, found = merged(layers)
    kinds = {e.path: e.kind for e in found.entries}
    for path in kinds:
        parents = path.split("/")[:-1]
        assert all(kinds["/".join(parents[: n + 1])] == "dir" for n in range(len(parents)))
    assert list(kinds) == sorted(kinds)


@given(LAYER, LAYER)
def test_all_of_the_last_layer_is_there_and_says_where_it_came_from(below, above):
    _, found = merged([below, above])
    by_path = {e.path: e for e in found.entries}
    for origin, entry in files([{}, above]).items():
        path = origin.removeprefix("images/1/rootfs").lstrip("/")
        if path and origin.startswith("images/1/"):
            assert (by_path[path].origin, by_path[path].kind) == (origin, entry.kind)


@given(LAYER, LAYER)
def test_a_folder_that_is_lost_or_comes_back_is_told(below, above):
    _, found = merged([below, above])
    replaced = [
        name
        for name, entry in above.items()
        if not isinstance(entry, dict) and isinstance(below.get(name), dict)
    ]
    for name in replaced:
        warned = any(w.startswith(f"images/1/rootfs/{name} replaces the folder") for w in found.warnings)
        assert warned is bool(below[name])
