"""cases.json: small templates and what Jinja makes of them in the environment that transformers gives chat templates.

    python make_cases.py          (jinja2 3.1.6; a second run gives the same bytes)

Each case has source, and text or error (true).
"""
import json, os
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def raise_exception(message):
    raise ValueError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception

VARIABLES = {
    "s": "  Héllo, wörld  ", "e": "e\u0301x\r\ny", "sigma": "ΟΔΟΣ ΑΣ. ß", "n": 7, "x": 2.5, "yes": True, "nothing": None,
    "l": [3, 1, 2], "m": {"b": 1, "a": [1.0, None, True], "get": "own"},
    "words": ["beta", "Alpha", "alpha", "gamma"], "q": "it's \"x\"\n\t\\ \u0001\u00a0é",
    "people": [{"name": "Ann", "age": 30, "tags": ["a"]}, {"name": "bob", "age": 25}, {"name": "Cy", "age": 30, "tags": []}],
}

SOURCES = r"""
{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % -3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 + 3 * 4 - 1 }} {{ 1 - 2 - 3 }} {{ -n }} {{ +n }} {{ -2.0 * 0 }}
{{ 1e16 }} {{ 1e15 }} {{ 0.0001 }} {{ 0.00001 }} {{ 1.5e-7 }} {{ 123456789012345680.0 }} {{ 1e100 }} {{ 3.0 }} {{ 1_000 }}
{{ [1, 'a', "it's", none, true, 1.0, {'k': (1, 2)}, (1,), ()] }}
{{ q }}|{{ [q] }}|{{ q | tojson }}
{{ m }} {{ m | tojson }} {{ m | tojson(indent=2) }} {{ [] | tojson }} {{ {} | tojson(indent=2) }} {{ [1, [2]] | tojson(indent=1) }}
{{ m | tojson(separators=(',', ':')) }} {{ l | tojson(indent=2, separators=(', ', '=')) }}
{{ undefined_name | tojson }}
{{ s | trim }}|{{ s.strip() }}|{{ s.lstrip() }}|{{ s.rstrip() }}|{{ '__a_'.strip('_') }}|{{ 'xaxbx' | trim('x') }}|{{ n | trim }}
{{ s | upper }}{{ s | lower }}{{ sigma | lower }}|{{ sigma.upper() }}|{{ sigma | capitalize }}|{{ 'hELLO wORLD'.capitalize() }}
{{ e | length }} {{ e[0] }} {{ e[1] | length }} {{ e[-1] }} {{ e[::-1] | tojson }} {{ e == 'éx\r\ny' }} {{ 'é' in e }} {{ e | replace('e', 'E') }}
{{ 'a,b,,c'.split(',') }} {{ ' a  b c '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a b c d'.split(none, 2) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b  c '.rsplit(None, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'aXbXc'.split('X')[-1] }}
{{ 'aaa'.replace('a', 'b', 2) }} {{ 'abc'.replace('', '-') }} {{ 'aaa' | replace('a', 'b', 1) }} {{ 'aaaa'.replace('aa', 'b') }} {{ 12 | replace(1, 3) }}
{{ 'abc'.find('c') }} {{ 'abc'.find('z') }} {{ 'éb'.find('b') }} {{ 'abab'.count('ab') }} {{ '-'.join(['a', 'b']) }} {{ 'abc'.removeprefix('ab') }} {{ 'abc'.removesuffix('bc') }} {{ 'abc'.removeprefix('x') }}
{{ 'abc'.startswith('ab') }} {{ 'abc'.startswith(('x', 'a')) }} {{ 'abc'.endswith('bc') }} {{ ''.startswith('') }} {{ 'a\nb\r\nc\n'.splitlines() }} {{ '12'.isdigit() }} {{ ''.isdigit() }}
{{ l[0] }}{{ l[-1] }}{{ l[5] }}{{ l[1:] }}{{ l[:-1] }}{{ l[::-1] }}{{ l[::2] }}{{ l[5:] }}{{ l[-9:2] }}{{ l[2:0:-1] }}{{ 'abcdef'[1:4] }}{{ 'abcdef'[-2:] }}{{ (1, 2, 3)[1:] }}{{ l.0 }}
{{ m.b }} {{ m['b'] }} {{ m.get('b') }} {{ m.get('z') }} {{ m.get('z', 5) }} {{ m['get'] }} {{ m.zz }} {{ m['zz'] is defined }} {{ m.items is defined }} {{ m['items'] is defined }} {{ m.items is mapping }}
{% for k, v in m.items() %}{{ k }}={{ v }};{% endfor %}{% for k in m %}{{ k }}{% endfor %}{% for k, v in m | items %}{{ k }}{% endfor %}{% for p in m | dictsort %}{{ p }}{% endfor %}{{ m.keys() | list }}{{ m.values() | list }}{{ m.items() | length }}
{{ l | first }} {{ l | last }} {{ [] | first }} {{ l | sort }} {{ l | sort(reverse=true) }} {{ words | sort }} {{ words | sort(case_sensitive=true) }} {{ words | unique | list }} {{ l | reverse | list }} {{ 'abc' | reverse }} {{ people | sort(attribute='age') | map(attribute='name') | list }}
{{ l | join }} {{ l | join(', ') }} {{ people | join('/', attribute='name') }} {{ 'abc' | join('-') }} {{ missing | join(',') }} {{ [none, 1.5, true] | join('|') }}
{{ people | map(attribute='age') | list }} {{ words | map('upper') | list }} {{ words | map('replace', 'a', 'o') | join(' ') }} {{ people | map(attribute='tags', default='-') | list }}
{{ people | map(attribute='tags.0') | list }}
{{ [people[0]] | map(attribute='tags.0') | list }} {{ [people[2]] | map(attribute='tags.0') | list }}
{% for i in l %}{% continue %}{% else %}E{% endfor %}{% for i in l %}{% if i == 1 %}{% continue %}{% endif %}{% else %}E{% endfor %}
{{ people | selectattr('tags') | map(attribute='name') | list }} {{ people | rejectattr('tags') | list | length }} {{ people | selectattr('age', 'equalto', 30) | list | length }} {{ people | selectattr('age', '>', 26) | list | length }} {{ people | rejectattr('name', 'in', ['Ann']) | map(attribute='name') | join }} {{ l | select('odd') | list }} {{ l | reject('divisibleby', 3) | list }} {{ [0, 1, ''] | select | list }} {{ people | selectattr('tags', 'defined') | list | length }}
{{ 'yes' if (people | selectattr('age', 'equalto', 99)) else 'no' }} {{ 'yes' if (people | selectattr('age', 'equalto', 99) | list) else 'no' }}
{% set g = l | map('string') %}{{ g | first }}{{ g | join(',') }}{{ g | list }}
{{ missing }}|{{ missing | default('d') }}|{{ nothing | default('d') }}|{{ nothing | default('d', true) }}|{{ '' | d('x', boolean=true) }}|{{ missing | length }}|{{ missing is defined }}|{{ missing == none }}|{{ missing is none }}|{{ 1 in missing }}|{{ missing | list }}|{{ missing | upper }}|{{ missing ~ 'a' }}|{{ m.zz | default('q') }}
{{ missing.attribute }}
{{ missing['item'] }}
{{ missing + 'a' }}
{{ missing() }}
{{ missing < 1 }}
{{ 1 + 'a' }}
{{ none + 'a' }}
{{ 'a' in 5 }}
{{ 5 in 'a' }}
{{ 'a' < 1 }}
{{ [1] == [1.0] }} {{ (1, 2) == [1, 2] }} {{ {'a': 1} == {'a': true} }} {{ 1 == true }} {{ 'a' == 'a' }} {{ none == false }} {{ 1 != 2 }} {{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 'a' < 'b' }} {{ 'B' < 'a' }} {{ 2 in l }} {{ 'b' in m }} {{ 9 not in l }} {{ 'll' in s }} {{ not 1 in l }}
{{ 1 and 'x' }} {{ 0 or 'y' }} {{ not '' }} {{ 1 if 0 }} {{ 'a' if yes else 'b' if nothing else 'c' }} {{ ('a' if false else 'b') ~ 1 + 2 ~ 'z' }}
{{ n is number }} {{ yes is number }} {{ x is integer }} {{ n is integer }} {{ yes is integer }} {{ x is float }} {{ s is string }} {{ s is iterable }} {{ n is iterable }} {{ m is mapping }} {{ l is mapping }} {{ l is sequence }} {{ m is sequence }} {{ yes is true }} {{ 1 is true }} {{ no is false }} {{ yes is boolean }} {{ nothing is none }} {{ n is odd }} {{ n is even }} {{ n is divisibleby 7 }} {{ n is divisibleby(2) }} {{ n is eq 7 }} {{ n is not none }} {{ 3 is in l }} {{ n is gt 3 and n is lt 9 }} {{ range is callable }}
{% for i in range(3) %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.depth }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }};{% endfor %}
{% for i in range(1, 8, 2) %}{{ i }}{% else %}none{% endfor %}{% for i in range(0) %}{{ i }}{% else %}none{% endfor %}{% for i in l if i > 1 %}{{ i }}{{ loop.index }}{% endfor %}{% for i in l if i > 9 %}x{% else %}-{% endfor %}{{ range(5)[2] }}{{ range(5) | list }}{{ range(5)[1:3] | list }}{% for c in 'ab' %}<{{ c }}>{% endfor %}
{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}{% for i in l %}{% break %}{% else %}E{% endfor %}
{% set v = 1 %}{% for i in l %}{{ v }}{% set v = v + 1 %}{{ v }} {% endfor %}{{ v }}{% if true %}{% set v = 9 %}{% endif %}{{ v }}
{% for i in l %}{% if loop.first %}{% set z = 5 %}{% endif %}{{ z }},{% endfor %}{{ z is defined }}
{% set ns = namespace(a=1, b='x') %}{% for i in l %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c }}{{ ns['a'] }}{{ ns.c is defined }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set t = 1, 2 %}{{ t }}{% for (p, q) in [(1, 2), (3, 4)] %}{{ p + q }}{% endfor %}
{% set block %} in {{ n }} {% endset %}[{{ block }}]{% set block | trim | upper %} x {% endset %}[{{ block }}]{% set w %}{% set inner = 1 %}{% endset %}{{ inner is defined }}
{% macro f(a, b='B', c=a) %}{{ a }}{{ b }}{{ c }}{% set own = 1 %}{% endmacro %}{{ f(1) }} {{ f(1, 2) }} {{ f(1, c=3) }} {{ f() }} {{ f(b=2, a=1) }}{{ own is defined }}{{ f(1) | upper }}{{ f is defined }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(1, 2) }}
{% macro f(a) %}{{ a }}{% endmacro %}{{ f(z=2) }}
{% macro r(k) %}{{ k }}{% if k > 0 %}{{ r(k - 1) }}{% endif %}{% endmacro %}{{ r(3) }}{% macro late() %}{{ v }}{% endmacro %}{% set v = 4 %}{{ late() }}
{% for i in l %}{{ i }}{% for j in l %}{{ loop.depth }}{{ i }}{% endfor %}{% endfor %}{% for i in l %}{% set outer = loop %}{% for j in [1] %}{{ outer.index }}{% endfor %}{% endfor %}
{% raw %}{{ not }} {% if %}{% endraw %}{{ '{{' }}{# c {{ #}x{#- y -#} z
{% generation %}{% set gg = 1 %}in{% endgeneration %}{{ gg is defined }}
{{ 'a' 'b' "c" }} {{ 'a\x41\u00e9\n\'\"\\\q' }} {{ "it's" }} {{ 'x' * 3 }} {{ [1] + [2] }} {{ (1,) + (2,) }} {{ {'a': {'b': 1}}['a']['b'] }} {{ {'a': 1}}}
{{ '3' | int }} {{ ' 4 ' | int }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ 2.9 | int }} {{ -2.9 | int }} {{ none | int }} {{ true | int }} {{ '2.5' | float }} {{ 3 | float }} {{ 'z' | float }} {{ -3 | abs }} {{ 3 | string }} {{ 1.5 | string }} {{ l | string }} {{ 'abc' | list }} {{ -1 | string | length }}
{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb\n' | indent(2, blank=true) }}|{{ 'a\nb' | indent('> ') }}
{{ l.append(4) }}
{{ m.update({'z': 1}) }}
{{ raise_exception('no') }}
{{ 1 // 0 }}
{% for a, b in [[1, 2, 3]] %}{% endfor %}
{% for i in 5 %}{% endfor %}
{{ none | length }}
{% set q.x = 1 %}
{{ dict(a=1, b=[2]) }} {{ dict(a=1).a }} {{ {'x': 1, 'x': 2} }} {{ 'x' in {'x': none} }} {{ [missing] | length }}
{% if 1, 2 %}t{% endif %}{{ 1, 2 }}{{ (1) }}{{ not not 1 }}{{ not (1 == 2) }}{{ 5 - -3 }}{{ 2 * (3 + 4) }}{{ 10 % 4 * 2 }}{{ 'a' ~ 1 ~ none ~ 1.0 }}
{{ 'é' | tojson }}{{ '</x>&' | tojson }}{{ '\u2028' | tojson }}{{ 1.0 | tojson }}{{ 1e20 | tojson }}{{ true | tojson }}{{ none | tojson }}{{ (1, 2) | tojson }}{{ '\x7f\x08\x0c' | tojson }}
""".strip("\n").split("\n")

SOURCES += [
    "a\n  {% if yes %}\n  b\n  {% endif %}\nc\n", "a\n  {%- if yes -%}\n  b\n  {%- endif -%}\nc\n", "  {{ n }}  \n  {# c #}  \nx\n\n",
    "a {%+ if yes +%}\n  b{% endif %}\n\n c", "  {%+ if yes %}x{% endif %}", "x\r\ny\r{% if yes %}\r\nz{% endif %}\r\n", "{{- n -}}  \n x {{ n -}} \n",
    "x {#- c -#} y\n{#+ d #}\nz", "{% raw %}\n a\n  {% endraw %}\nb", "a\n  {%- raw -%}\n a  {%- endraw -%}\nb", "\t{% set a = 1 %}\n\t{{ a }}\n{% set b = 2 -%}\n\n  x",
    "{% if yes %}\n\n{% endif %}\n\n", " {% if yes %} {% if yes %} x {% endif %} {% endif %} ", "{{ '}}' }}{{ '%}' }}", "{% set a = '\n' %}{{ a }}|{{ 'x\ny' }}",
    "\u00a0{% if yes %}x{% endif %}", "{% if yes %}{% elif no %}{% else %}{% endif %}", "{%if yes%}x{%endif%}{{n}}", "{#-#} x #} y", "{{ n }", "{% if %}", "{% endif %}", "{% if yes %}",
    "{% unknown %}", "{{ n | unknown }}", "{{ n is unknown }}", "{% break %}", "{{ (1 }}", "{{ 'a }}", "{{ }}", "{% for x %}{% endfor %}", "{% set true = 1 %}", "{{ a b }}",
]


def case(source):
    try:
        return {"source": source, "text": environment.from_string(source).render(**VARIABLES)}
    except Exception:
        return {"source": source, "error": True}


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases.json"), "w") as file:
    json.dump({"variables": VARIABLES, "cases": [case(source) for source in SOURCES]}, file, indent=1)
    file.write("\n")
