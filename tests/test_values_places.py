"""Where Jinja may stand in a manifest and where it may not, and what is wrong once it is rendered: at file and line."""

from typing import Any

import pytest
from support.manifests import asked, environment, problems, resolved

_PARAMS = """params:
  {set: gpu, host: example.com, platform: osx, yes: true, image: debian, ver: "1.2", py: "3.11", name: numpy, n: 1}
"""
_FILES = {
    "manifests/reqs/gpu.txt": "alpha>=1\n",
    "manifests/held-gpu.txt": "beta<2\n",
    "manifests/gpu.txt": "nano\n",
}


def merged(text: str) -> Any:
    return environment({**_FILES, "k": f"{_PARAMS}{text}\n"})


def test_requirement_files_urls_and_extras_may_be_rendered() -> None:
    """Paths of `-r` and `-c`, URLs, extras, options, markers and specs: read when they are known."""
    found = merged(
        """dependencies:
- "{{ params.name }}={{ params.ver }}"
- sel({{ '' }}linux): x
- pip: []
""".replace("- sel({{ '' }}linux): x\n", '- sel(linux): "{{ params.name }}2"\n').replace(
            "- pip: []\n",
            """- pip:
  - -r reqs/{{ params.set }}.txt
  - -c held-{{ params.set }}.txt
  - "gamma[{{ params.set }}]=={{ params.ver }}"
  - "delta @ https://{{ params.host }}/d-{{ params.ver }}.tar.gz"
  - "git+https://{{ params.host }}/e.git@v{{ params.ver }}"
  - "./{{ params.set }}/f-{{ params.ver }}-py3-none-any.whl"
  - "--index-url https://{{ params.host }}/simple"
""",
        )
    )
    assert asked(found) == {
        "numpy": ["1.2.*"],
        "numpy2": ["*"],
        "pip/alpha": [">=1"],
        "pip/gamma": ["[gpu] 1.2"],
        "pip/delta": ["https://example.com/d-1.2.tar.gz"],
        "pip/git+https://example.com/e.git@v1.2": ["git+https://example.com/e.git@v1.2"],
        "pip/f": ["manifests/gpu/f-1.2-py3-none-any.whl"],
    }
    assert [package.key for package in found.limits.every] == ["pip/beta"]
    assert found.index_url == "https://example.com/simple"


_MERGED: dict[str, tuple[str, Any]] = {
    "platforms: ['{{ params.platform }}-64']": ("platforms", ("osx-64",)),
    "python: {version: '={{ params.py }}'}": ("python.version", "=3.11"),
    "image: {apt: ['{{ params.name }}', '-r {{ params.set }}.txt']}": (
        "image.apt.packages",
        ("numpy", "-r manifests/gpu.txt"),
    ),
    "image: {apt: {packages: [a], recommends: '{{ params.yes }}'}}": ("image.apt.recommends", True),
    "image: {copy: [{from: 'conf/{{ params.set }}', to: '/{{ params.set }}'}]}": (
        "image.copy[0].source",
        "manifests/conf/gpu",
    ),
    "image: {base: '{{ params.image }}:{{ params.ver }}'}": ("image.base", "debian:1.2"),
    "image: {base: {image: '{{ params.image }}', tag: '{{ params.ver }}\\..*'}}": ("image.base.tag", "1.2\\..*"),
    "image: {dockerfile: 'd/{{ params.set }}.Dockerfile'}": ("image.dockerfile", "manifests/d/gpu.Dockerfile"),
    "image: {build: ['make {{ params.set }}', {command: 'x {{ params.n }}', id: '{{ params.set }}'}]}": (
        "image.build[1].command",
        "x 1",
    ),
    "image: {trim: ['**/{{ params.set }}']}": ("image.trim", ("**/gpu",)),
    "system_requirements: {cuda: '{{ params.ver }}'}": ("system_requirements.cuda", "1.2"),
    "builder: \"{{ 'local' }}\"": ("builder", "local"),
    "setup: !override ['{{ params.set }}']": ("setup", ("gpu",)),
    "setup: !override '{{ [params.set, params.ver] }}'": ("setup", ("gpu", "1.2")),
    "publish: {prefix: '{{ params.set }}'}": ("publish.prefix", "gpu"),
    "solve_group: '{{ params.set }}'": ("solve_group", "gpu"),
    "image: {labels: {a: '{{ params.n }}'}}": ("image.labels", {"a": "1"}),
    "test: {imports: ['{{ params.name }}']}": ("test.imports", ("numpy",)),
}


@pytest.mark.parametrize("text", _MERGED)
def test_any_value_may_hold_jinja(text: str) -> None:
    """Platform names, booleans, apt items, paths to copy, references of images: typed and located after rendering."""
    path, expected = _MERGED[text]
    found = merged(text).keys
    for key in path.replace("[", ".").replace("]", "").split("."):
        found = found[int(key)] if key.isdigit() else getattr(found, key)
    assert found == expected


def test_without_may_be_rendered() -> None:
    """What is dropped can depend on a param."""
    files = {
        "p": "dependencies: [numpy, {pip: [alpha]}]\n",
        "k": f"extends: p\n{_PARAMS}without: ['{{{{ params.name }}}}']\n",
    }
    assert sorted(asked(environment(files))) == ["pip/alpha"]


def test_a_text_of_a_dockerfile_holds_no_jinja() -> None:
    """It is Docker's, on one line or on several: braces stay, also where they are no expression."""
    for text in ('"FROM a:{{ params.ver }}"', '"  FROM a:{{ x"', '"FROM a\\nRUN echo {{ x }} {{\\n"'):
        stated = merged(f"image: {{dockerfile: {text}}}").keys.image.dockerfile
        assert stated == text.strip('"').replace("\\n", "\n")


def test_tags_that_are_published_are_rendered_later() -> None:
    """They use what is known then; what is no expression, and names that there never are, are told now."""
    tag = "{{ git.commit }}-{{ date }}-{{ lock.numpy }}-{{ version }}-{{ matrix.x }}-{{ params.ver }}"
    assert merged(f'publish: {{tags: ["{tag}"]}}').keys.publish.tags == (tag,)
    unknown, broken = problems({"k": "publish:\n  tags: ['{{ gti.commit }}', ok, '{{ git. }}']\n"})
    assert unknown.startswith(
        "manifests/k.yaml:2:10: 'gti' is undefined\n  hint: known are: params, matrix, environment, "
    )
    assert broken.startswith("manifests/k.yaml:2:34: '{{ }}' holds no expression: expected name or number\n  hint: ")


_NOWHERE = {
    "extends: '{{ params.set }}'": "2:10: 'extends' is read before there are values for '{{ }}'",
    "extends: [p, '{{ params.set }}']": "2:14: 'extends' is read before there are values for '{{ }}'",
    "abstract: '{{ params.yes }}'": "2:11: 'abstract' is read before there are values for '{{ }}'",
    "matrix: {a: [x, '{{ params.set }}']}": "2:17: 'matrix' is read before there are values for '{{ }}'",
    "matrix: {a: [x], exclude: [{a: '{{ 1 }}'}]}": "2:32: 'matrix' is read before there are values for '{{ }}'",
    "matrix: {a: [x], include: [{a: '{{ 1 }}'}]}": "2:32: 'matrix' is read before there are values for '{{ }}'",
    "matrix: {a: {'{{ 1 }}': {setup: [x]}, y: ~}}": "2:14: ",
    "matrix: {a: [x], name: '{{ params.set }}'}": "2:24: 'params' is undefined",
    "matrix: {a: {x: {variables: {'{{ 1 }}': y}}}}": "2:30: ",
    "variables: {'{{ params.name }}': x}": "2:13: ",
    "image: {labels: {'{{ params.name }}': x}}": "2:18: a key holds no '{{ }}'",
    "'{{ params.name }}': x": "2:1: ",
    "params: {'{{ 1 }}': x}": "2:10: a key holds no '{{ }}'",
    "setup: ['{{ git.commit }}']": "2:9: 'git' is undefined",
}


@pytest.mark.parametrize("text", _NOWHERE)
def test_where_no_jinja_may_stand(text: str) -> None:
    """What is read before there are values, and keys: one error, at its own line and column."""
    (problem,) = problems({"p": "setup: [make]\n", "k": f"description: k\n{text}\n"})
    assert problem.startswith(f"manifests/k.yaml:{_NOWHERE[text]}")
    assert "\n  hint: " in problem


def test_conda_keys_that_are_ignored_hold_anything() -> None:
    """`name`, `prefix` and `category` are another tool's."""
    assert environment({"k": "name: '{{ x }}'\nprefix: '{{ y'\ncategory: '{{'\nsetup: [make]\n"}).setup == ("make",)


_WRONG_AFTERWARDS = {
    "platforms: ['{{ params.platform }}-65']": "an item of 'platforms' cannot be 'osx-65'",
    "dependencies: ['{{ params.name }}=>1']": "conda misreads '=>' in 'numpy=>1'",
    "dependencies: [pip: ['{{ params.name }}=1.4.1']]": "'numpy=1.4.1': not a requirement that pip reads",
    "dependencies: [pip: ['-r {{ params.set }}.in']]": "there is no file 'manifests/gpu.in'",
    "dependencies: [pip: ['-r ../../{{ params.set }}.in']]": "the path '../../gpu.in' leaves the project",
    "dependencies: [pip: ['./{{ params.set }}.whl']]": "'gpu.whl' is no name of a wheel",
    "image: {apt: {upgrade: '{{ params.name }}'}}": "'upgrade' must be true or false, not 'numpy'",
    "serve: {port: '{{ params.name }}'}": "'port' must be a whole number, not text",
    "image: {copy: [{from: '/{{ params.set }}', to: /a}]}": "the path '/gpu' is absolute",
    "image: {copy: [{from: '{{ \"../..\" }}/x', to: /a}]}": "the path '../../x' leaves the project",
    "image: {copy: [{from: '{{ environment.prefix }}/x', to: /a}]}": "the path ",
    "image: {expose: ['{{ params.name }}']}": "an item of 'expose' cannot be 'numpy'",
    "setup: ['{{ [1] }}']": "an item of 'setup' must be text, not a list",
    "setup: '{{ params.name }}'": "'setup' must be a list, not text",
    "builder: '{{ params.name }}'": "'builder' cannot be 'numpy'",
    "tags: {a: '{{ 3.10 }}'}": "the number ",
    "pip: {index_url: '{{ params.name }}'}": "the index 'numpy' is not https",
    "pip: {index_url: 'https://u:{{ params.name }}@example.com/x'}": "credentials may not stand in a file",
    "pip: {index_url: 'http://{{ params.host }}/x'}": "the index 'http://example.com/x' is not https",
    'image: \'{{ {"bsae": "x"} }}\'': "unknown key 'bsae'",
    "without: ['{{ params.name }}/x']": "'numpy/x' names no package",
    "variables: {A: '{{ [1] }}'}": "'A' must be text or a mapping, not a list",
    "python: {version: '{{ params.name }}'}": "'numpy' is no version of python or pip",
}


@pytest.mark.parametrize("text", _WRONG_AFTERWARDS)
def test_what_is_wrong_after_rendering_is_told_with_its_line(text: str) -> None:
    """Types, paths, requirements and URLs are judged as if they had been written so, at the expression's place."""
    (problem,) = problems({"p": f"abstract: true\ndescription: p\n{text}\n", "k": f"{_PARAMS}extends: p\n"})
    where, _, message = problem.partition(": ")
    assert where.startswith("manifests/p.yaml:3:")
    assert where.endswith(f":{_column(text)}")
    assert message.startswith(_WRONG_AFTERWARDS[text])
    assert "\n  hint: " in message


def _column(text: str) -> int:
    """Where the quoted text with the expression begins."""
    return text.rindex("'", 0, text.index("{{")) + 1


_UNDEFINED = {
    "{{ params.nmae }}": ("'params.nmae' is undefined", "did you mean 'name'?"),
    "{{ parmas.name }}": ("'parmas' is undefined", "known are: params, matrix, environment"),
    "{{ matrix.cuda }}": ("'matrix.cuda' is undefined", "there are none yet"),
    "{{ environment.nmae }}": ("'environment.nmae' is undefined", "did you mean 'name'?"),
    "{{ latest-pypi-version }}": ("'latest' is undefined", "!raw"),
    "{{ params.name }": ("'{{ }}' holds no expression", "!raw"),
    "{{ params.name | uper }}": ("no filter is named 'uper'", "upper"),
    "{{ params.name.upper() }}": ("functions cannot be called here", "use a filter: "),
}


@pytest.mark.parametrize("text", _UNDEFINED)
def test_undefined_names_and_syntax_errors_are_told_with_line_and_hint(text: str) -> None:
    """In a value of a parent, used by a child: at the parent's own line and column, once."""
    message, hint = _UNDEFINED[text]
    files = {"p": f"abstract: true\nsetup:\n- make\n- 'echo {text}'\n", "k": f"{_PARAMS}extends: p\n"}
    (problem,) = problems(files)
    first, _, second = problem.partition("\n  hint: ")
    assert first.startswith("manifests/p.yaml:4:3: ")
    assert message in first
    assert hint in second


def test_an_expression_is_needed_only_where_it_is_built() -> None:
    """A parent that cannot be built alone is no error for the child that sets what it uses."""
    files = {"p": "setup: ['{{ params.x }}']\n", "k": "extends: p\nparams: {x: make}\n"}
    assert environment(files).setup == ("make",)
    assert [one.partition(": ")[0] for one in problems(files, "p")] == ["manifests/p.yaml:1:9"]
    assert sorted(resolved({**files, "p": f"abstract: true\n{files['p']}"})) == ["k"]


def test_everything_that_cannot_be_rendered_is_told_at_once() -> None:
    """Across the files of a lineage, in order of lines."""
    files = {
        "p": "setup: ['{{ params.a }}', x, '{{ params.b }}']\n",
        "k": "extends: p\nvariables: {A: '{{ matrix.x }}'}\n",
    }
    assert [one.partition(" is ")[0] for one in problems(files)] == [
        "manifests/k.yaml:2:16: 'matrix.x'",
        "manifests/p.yaml:1:9: 'params.a'",
        "manifests/p.yaml:1:30: 'params.b'",
    ]
