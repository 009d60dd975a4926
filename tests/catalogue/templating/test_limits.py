"""Hostile templates: each is refused by name before it takes time or memory; each limit holds at and beyond it."""

from __future__ import annotations

import pytest
from jinja2.defaults import DEFAULT_FILTERS, DEFAULT_TESTS

from pipeline.catalogue.templating import limits
from pipeline.catalogue.templating.budget import Budget, OverBudget
from pipeline.catalogue.templating.costs import FILTERS, FREE_TESTS, TESTS
from pipeline.catalogue.templating.templates import Renderer, TemplateProblem
from tests.catalogue.sample import source

CONTEXT = {"image": "i", "tag": "1", "versions": {}, "variables": {}}
LARGE, WORK, STEPS = (
    "is too large, more than 1048576 characters",
    "100 million units of work",
    "200000 loop turns",
)
BITS, DEEP = "is too large, more than 4096 bits", "more than 64 levels deep"
MANY = "{% set l = range(100000) | list %}"
LONG = "{% set s = 'a' * 1000000 %}"
GROWING = "{% set ns = namespace(x='a', l=[1], t=(1,), n=9) %}{% for i in range(50) %}{% set "
END = " %}{% endfor %}"
AGAIN = "{% for i in range(99999) %}{% set q = "

HOSTILE = {
    "%": ('{{ "%10000000000d" % 1 }}', LARGE),
    "% with a width of its own": ('{{ "%*d" % (10 ** 10, 1) }}', LARGE),
    "% with a key in parentheses": ('{{ "%((a))99999999999d" % {"(a)": 1} }}', LARGE),
    "a precision": ('{{ "%.2000000000f" % 1.5 }}', LARGE),
    "the filter format": ("{{ '%9999999999d' | format(1) }}", LARGE),
    "format": ("{{ '{:>10000000000}'.format(1) }}", LARGE),
    "format with a width of its own": ("{{ '{:{}}'.format(1, 10 ** 10) }}", LARGE),
    "format_map": ("{{ '{a:9999999999}'.format_map({'a': 1}) }}", LARGE),
    "format by attr": ("{{ ('{:>9999999999}' | attr('format'))(1) }}", LARGE),
    "format of markup": ("{{ ('{:>9999999999}' | e).format(1) }}", LARGE),
    "many fields": (AGAIN + "'{0" + ".real" * 500 + "}'.format(1)" + END, WORK),
    **{name: (f"{{{{ 'a'.{name}(10 ** 10) }}}}", LARGE) for name in ("center", "ljust", "rjust", "zfill")},
    "center of markup": ("{{ ('<' | e).center(10 ** 10) }}", LARGE),
    "the filter center": ("{{ 'a' | center(10 ** 10) }}", LARGE),
    "a filter through map": ("{{ ['a'] | map('center', 10 ** 10) | list }}", LARGE),
    "a filter around a block": ("{% filter center(10 ** 10) %}a{% endfilter %}", LARGE),
    "expandtabs": ("{{ ('\\t' * 1000).expandtabs(10 ** 9) }}", LARGE),
    "~": (GROWING + "ns.x = ns.x ~ ns.x" + END, LARGE),
    "+": (GROWING + "ns.x = ns.x + ns.x" + END, LARGE),
    "+ of lists": (GROWING + "ns.l = ns.l + ns.l" + END, WORK),
    "% that doubles": (GROWING + "ns.x = '%s%s' % (ns.x, ns.x)" + END, LARGE),
    "set that doubles": (
        GROWING + "ns.x %}{{ ns.x }}{{ ns.x }}{% endset" + END,
        "a text of more than 1048576",
    ),
    "* of a list": ("{{ [1] * 10 ** 9 }}", LARGE),
    "powers": ("{{ ((9 ** 64) ** 64) ** 64 }}", BITS),
    "products": (GROWING + "ns.n = ns.n * ns.n" + END, BITS),
    "a large number from a text": ("{{ (('f' * 1000000) | int(0, 16)) // 3 }}", BITS),
    "a list in lists": (GROWING + "ns.l = [ns.l, ns.l]" + END + "{{ ns.l }}", WORK),
    "the same as JSON": (GROWING + "ns.l = [ns.l, ns.l]" + END + "{{ ns.l | tojson }}", WORK),
    "a key of keys": (GROWING + "ns.t = (ns.t, ns.t)" + END + "{{ {ns.t: 1} }}", WORK),
    "a lookup of it": (GROWING + "ns.t = (ns.t, ns.t)" + END + "{{ {}[ns.t] }}", WORK),
    "a namespace in itself": ("{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}", DEEP),
    "reject in": (MANY + "{{ l | reject('in', l) | list }}", WORK),
    "in": (MANY + AGAIN + "-1 in l" + END, WORK),
    "slices": (LONG + AGAIN + "s[1:]" + END, WORK),
    "stars": (LONG + "{% macro m() %}{% endmacro %}{% for i in range(9) %}{{ m(*s) }}{% endfor %}", WORK),
    **{
        f"the filter {name}": (LONG + AGAIN + f"s | {name}" + END, WORK)
        for name in ("e", "lower", "striptags", "title", "trim", "unique", "urlencode", "urlize", "wordcount")
    },
    "wordwrap": (LONG + "{{ s | wordwrap(1) }}", WORK),
    "wordwrap with a long end": ("{{ ('a ' * 5000) | wordwrap(1, wrapstring='b' * 100000) }}", LARGE),
    "indent": ("{{ ('a\\n' * 500000) | indent(100000) }}", LARGE),
    "join": (MANY + "{{ l | join('b' * 100000) }}", LARGE),
    "join of a map": ("{{ range(100000) | map('string') | join('b' * 100000) }}", LARGE),
    "the method join": (MANY + "{{ ('b' * 100000).join(l | map('string')) }}", LARGE),
    "replace": (LONG + "{{ s | replace('a', 'b' * 1000000) }}", LARGE),
    "replace of nothing": (LONG + "{{ s.replace('', 'b' * 100000) }}", LARGE),
    "translate": (LONG + "{{ s.translate({97: 'b' * 1000000}) }}", LARGE),
    "batch": ("{{ [1] | batch(10 ** 10, 'x') | list }}", LARGE),
    "slice": ("{{ [1] | slice(10 ** 10, 'x') | list }}", WORK),
    "tojson": (MANY + "{{ l | tojson(indent=10000) }}", LARGE),
    "pprint": (MANY + AGAIN + "l | pprint" + END, WORK),
    "sort": (MANY + AGAIN + "l | sort" + END, WORK),
    "groupby": ("{% set l = [{'a': 1}] * 9999 %}" + AGAIN + "l | groupby('a')" + END, WORK),
    "sum of lists": ("{% set l = [[1] * 1000] * 1000 %}{{ l | sum(start=[]) }}", WORK),
    "an attribute": (
        MANY + "{{ l | sort(attribute='a,' * 9999) }}",
        "an attribute of more than 256 characters",
    ),
    "round": ("{{ 5 | round(-10 ** 9) }}", "round takes at most 400 digits"),
    "lipsum": ("{{ lipsum(10 ** 9) }}", LARGE),
    "strip": (LONG + "{{ s.strip(s) }}", WORK),
    "rfind": (LONG + "{{ s.rfind('b' ~ s[1:]) }}", WORK),
    "long bodies": ("{% for i in range(99999) %}" + "{% if 0 %}{% endif %}" * 2000 + "{% endfor %}", WORK),
    "a loop's if": (f"{{% for i in range(99999) if 1{' + 1' * 60} %}}{{% endfor %}}{AGAIN} 1{END}" * 9, WORK),
    "a loop in itself": ("{% for i in [1] recursive %}{{ loop(range(100000)) }}{% endfor %}", STEPS),
    "includes": ("{% for i in range(99999) %}{% include 'e' %}{% endfor %}", WORK),
    "names that are not there": (MANY + "{% include l | map('string') | list ignore missing %}", WORK),
    "macros": ("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}", "RecursionError"),
    "an include of itself": ("{% include 't' %}", "RecursionError"),
    "autoescape": (
        "{% autoescape true %}" + GROWING + "ns.x = ns.x ~ ns.x" + END + "{% endautoescape %}",
        LARGE,
    ),
    "a method that is not listed": (
        "{{ dict.fromkeys(range(9)) }}",
        "method fromkeys of type is not available",
    ),
    "a method of numbers": ("{{ (1).to_bytes(10 ** 10, 'big') }}", "method to_bytes of int is not available"),
    "brackets": ("{{ " + "(" * 500_000, "nested too deeply"),
    "signs": ("{{ " + "-" * 500_000 + "1 }}", "nested too deeply"),
    "blocks": ("{% if 1 %}" * 50_000, "nested too deeply"),
    "words": ("{{ [" + "1," * 20_000 + "] }}", "more than 20000 words and signs"),
    "variables in includes": (
        "".join(f"{{% set a{n} = 1 %}}{{% include 'e' %}}" for n in range(800)),
        "more than 300000 pieces of code",
    ),
    "a number": ("{{ " + "1" * 1_000_000 + " }}", "a number of more than 20000 digits"),
}


def rendered(text: str) -> str:
    """The text of a template, or its problem."""
    try:
        return Renderer(source({"i/t": text, "i/e": ""})).render("images/i/t", CONTEXT, "i:1")
    except TemplateProblem as problem:
        return f"refused: {problem}"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_is_refused_by_name(name):
    text, expected = HOSTILE[name]
    found = rendered(text)
    assert found.startswith("refused: images/i/t:1:1: ")
    assert expected in found


@pytest.mark.parametrize("name", HOSTILE)
def test_it_costs_nothing_where_it_is_not_reached(name):
    text, _ = HOSTILE[name]
    found = rendered("{% if variables.x is defined %}" + text + "{% endif %}ok")
    assert (
        found == "ok" or "refused: images/i/t" in found
    )  # `set` in an if, brackets: syntax is refused anywhere
    assert WORK not in found
    assert LARGE not in found


AT = {
    "a text": ("{{ ('a' * 1048576) | length }}", "1048576"),
    "a padded text": ("{{ 'a'.ljust(1048576) | length }}", "1048576"),
    "a joined text": ("{{ (['a' * 1024] * 1024) | join | length }}", "1048576"),
    "a number": ("{{ (2 ** 2047) > 1 }}", "True"),
    "steps": ("{% for a in 'ab' %}{% for i in range(99998) %}{% endfor %}{% endfor %}", ""),
    "an attribute": ("{{ [{'a' * 256: 1}] | map(attribute='a' * 256) | first }}", "1"),
    "digits of round": ("{{ 1 | round(400) }}", "1"),
}
BEYOND = {
    "a text": "{{ ('a' * 1048577) | length }}",
    "a padded text": "{{ 'a'.ljust(1048577) | length }}",
    "a joined text": "{{ (['a' * 1024] * 1025) | join | length }}",
    "a number": "{{ (2 ** 2049) > 1 }}",
    "steps": "{% for a in 'ab' %}{% for i in range(100000) %}{% endfor %}{% endfor %}",
    "an attribute": "{{ [{'a' * 257: 1}] | map(attribute='a' * 257) | first }}",
    "digits of round": "{{ 1 | round(401) }}",
}


@pytest.mark.parametrize("name", AT)
def test_each_limit_holds_at_it_and_beyond_it(name):
    text, expected = AT[name]
    assert rendered(text) == expected
    assert rendered(BEYOND[name]).startswith("refused: ")


def test_work_is_counted_to_the_last_unit():
    budget = Budget()
    budget.charge(limits.MAX_WORK)
    with pytest.raises(OverBudget, match="100 million"):
        budget.charge(1)
    budget.begin()
    budget.charge(1)


def test_every_filter_and_test_of_jinja_has_a_cost():
    assert set(FILTERS) == set(DEFAULT_FILTERS)
    assert set(DEFAULT_TESTS) == TESTS | FREE_TESTS


def test_a_template_beyond_a_limit_is_rendered_for_one_tag_only():
    renderer = Renderer(source({"i/t": HOSTILE["in"][0]}))
    found = []
    for subject in ("i:1", "i:2"):
        with pytest.raises(TemplateProblem) as refused:
            renderer.render("images/i/t", CONTEXT, subject)
        found.append((refused.value.problem.message, refused.value.problem.subject))
    assert found[0][0] == found[1][0]
    assert [subject for _, subject in found] == ["i:1", "i:2"]
    assert renderer._work < 1.1 * limits.MAX_WORK


def test_all_renderings_of_a_plan_have_a_limit_together():
    heavy = "{% for i in range(9) %}{% set q = (range(50000) | list) | sum %}{% endfor %}{{ variables.n }}"
    renderer = Renderer(source({"i/t": heavy}))
    with pytest.raises(TemplateProblem, match="take more than 2000 million units of work"):
        for number in range(1000):
            renderer.render("images/i/t", CONTEXT | {"variables": {"n": number}}, f"i:{number}")
    assert renderer._work < limits.MAX_ALL_WORK + limits.MAX_WORK
    with pytest.raises(TemplateProblem, match="take more than 2000 million"):
        renderer.render("images/i/t", CONTEXT, "i:1")
