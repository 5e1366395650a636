"""Generated YAML texts, most of them nearly right: keys of manifests, tags, Jinja, anchors, and then damage."""

import json
import re
from random import Random

KEYS = (
    "name", "prefix", "extends", "abstract", "description", "tags", "channels", "platforms", "dependencies",
    "without", "constraints", "overrides", "system_requirements", "variables", "params", "python", "pip", "setup",
    "test", "image", "builder", "publish", "matrix", "solve_group", "run", "serve", "spark", "r", "check",
    "zzz", "<<", "Setup",
)  # fmt: skip
WITHIN = {
    "tags": ("a", "b", "{{ x }}"),
    "variables": ("A", "B", "9", "prepend"),
    "params": ("one", "two", "items", "a-b"),
    "python": ("managed", "version", "from", "interpreter"),
    "pip": ("index_url", "indexes", "find_links", "no_binary"),
    "test": ("imports", "commands", "files", "with"),
    "image": (
        "base", "dockerfile", "context", "apt", "build", "copy", "user", "with", "labels", "gpu", "prefix",
        "healthcheck",
    ),
    "publish": ("registries", "repository", "tags", "annotations"),
    "matrix": ("a", "b", "name", "include", "exclude", "a b"),
    "run": ("command", "env", "mounts"),
    "serve": ("entry_script", "port", "routes", "models"),
    "spark": ("version", "packages"),
    "system_requirements": ("cuda", "libc"),
}  # fmt: skip
DEEPER = (
    "image", "environment", "path", "prefix", "tag", "packages", "from", "to", "id", "command", "script", "pip",
    "sel(linux)", "prepend", "append", "url", "sha256", "a", "b", "liveness", "sources", "setup", "without",
)  # fmt: skip
SCALARS = (
    "", "~", "null", "true", "no", "1", "12", "3.10", "1e3", "0x1F", ".nan", "2026-01-01", "text", "two words", "r",
    "k", "nowhere", "./r.yaml", "../../out.yaml", "/etc/passwd", "numpy", "numpy =1.26", "scipy=1.4.1",
    "python >=3.9,<4", "conda-forge::blas=*=mkl", "pkg[extra]", "alpha==1", "alpha>=2,<1", "-r req.txt", "-e ./x",
    "-c c.txt", "https://example.com/simple", "https://me:secret@example.com/", "git+https://example.com/x.git",
    "a @ ./b", "linux-64", "osx-arm64", "local", "docker", "conda-forge", "defaults", "uv", "debian:12",
    "FROM x\nRUN y", "{{ params.one }}", "{{ params.two ~ params.one }}", "{{ matrix.a }}",
    "{{ environment.prefix }}/bin", "{{ environment.name | upper }}", "{{ params.one", "}}", "{% if x %}", "{# c #}",
    "{{ 1 / 0 }}", "{{ params.items }}", "{{ [1, 2] | join('-') }}", "{{ 'a' * 99999999 }}", "{{ 9 ** 9 ** 9 }}",
    "{{ params['one'][0] }}", "{{ x.y.z }}", "{{ params }}", "{{ (1, 2.5) }}", "{{ none }}",
    "{{ params.one if matrix.a else 'z' }}", "{{ environment.prefix[0] }}", "{{ ''.__class__ }}",
    "{{ params.one | nope }}", "{{ params.one() }}", "{{ {'a': 1} }}", "{{ '{{' }}", "{{}}", "{{ }}", "caf\xe9",
    "\U0001f600", "\u202e", "\u200b", "a\u0301", "\t", "&x", "*x", "!t", "|", ">", "- ", "? ", ": ", "#", "'", '"',
    "[", "}", "%YAML 1.1", "---", "...", "@", "`",
)  # fmt: skip
TAGS = (
    "!override ", "!override ", "!reset ", "!raw ", "!raw ", "!!str ", "!!int ", "!other ", "! ", "!<x> ",
)  # fmt: skip
ODD = (
    "\x85", "\u2028", "\u2029", "\ufeff", "\x7f", "\x00", "\r", "\r\n", "\n", "\n\n", "  ", "\t", ":", ": ", "- ",
    "{{", "}}", "{%", "'", '"', "#", "[", "]", "{", "}", "&a ", "*a ", "!reset", "!override ", "? ", ",", "|\n",
    ">-\n", "\\", "\ud800", "\uffff", "%", "\ufdd0", "\U0010ffff", "---\n", "...\n", "<<: ", "~", "\xa0",
)  # fmt: skip


RIGHT = {
    "extends": ("r", "[r]", "./r.yaml", "[r, ./r.yaml]", "k", "nowhere", "~"),
    "abstract": ("false", "true", "~"),
    "tags": ('{a: x, b: "{{ params.one }}"}', "{a: ~}", "!reset", "!override {a: &t x, b: *t }"),
    "channels": ("[conda-forge, defaults]", "!override []", '["{{ params.one }}"]', "[nodefaults]"),
    "platforms": ("[linux-64]", "[win-64, osx-arm64]", '["{{ params.two }}"]'),
    "dependencies": (
        "[numpy =2, {pip: [alpha==2, beta]}]", "[numpy, numpy >3, {sel(linux): scipy}]", "!override [pip: !reset ]",
        "[{pip: [alpha==2]}]", '["{{ params.one }} ={{ matrix.a }}"]', "!reset", "[python, {pip: [-e ./x]}]",
    ),
    "without": ("[numpy]", "[pip/alpha, apt/git, python]", '["{{ params.one }}"]'),
    "constraints": ("[scipy <2]", "[{pip: [beta<3]}]", "!reset"),
    "overrides": ("[{pip: [beta==3]}]",),
    "system_requirements": ('{cuda: "12.9"}', "{libc: '{{ params.one }}'}"),
    "variables": (
        "{A: 3.10, C: ~}", "{B: {append: [y]}}", "{B: !override text}",
        "{D: '{{ environment.prefix }}/{{ params.two }}'}",
        "{B: {prepend: !reset , append: !override ['{{ params.one }}']}}",
        '{E: !raw "{{ x }}", F: "{{ params.three }}"}',
    ),
    "params": (
        "{one: 1, three: [a, {b: c}]}", "{one: '{{ params.two }}'}", "{three: {x: true}}", "{one: ~}",
        "!override {one: x, two: y}", '{two: "{{ matrix.a }}"}', "{three: &p [1], four: *p }",
        '{three: "{{ [params.one, 2] }}"}',
    ),
    "python": ("{version: '3.12'}", "{managed: false, interpreter: x}", '{version: "{{ params.one }}"}'),
    "pip": (
        "{index_url: 'https://example.com/simple'}", "{indexes: {a: {url: 'https://example.com/a', packages: [x]}}}",
        "!reset",
    ),
    "setup": (
        "[make]", '["echo {{ params.two }}", "{{ params.three }}"]', "!override [a, a]", "[!raw 'x {{ y }}']",
        '"{{ params.three }}"',
    ),
    "test": ("{imports: [x], commands: ['{{ params.one }}']}", "{with: [pytest]}"),
    "image": (
        "{apt: [git, nano]}", "{base: {environment: r}}", "{dockerfile: Dockerfile}",
        "{base: 'x:{{ params.one }}', workdir: !reset }",
        "{build: [{command: new, id: a}], copy: [{from: x, to: /y}]}", "!override {labels: {a: b}}", "{with: [k]}",
        "{gpu: '{{ true }}'}",
    ),
    "builder": ("local", "docker", "oci", "!reset"),
    "publish": ("{tags: ['{{ git.commit }}']}", "{registries: [reg.example.com/x], annotations: {a: b}}"),
    "matrix": (
        "{a: [x, 1, true]}", '{a: {x: {setup: [x]}, y: {params: {one: "{{ matrix.a }}"}}}}',
        "{a: [x], name: 'n-{{ matrix.a }}'}", "{a: [1, 2], b: [x], exclude: [{a: 1}], include: [{a: 3, b: y}]}",
        "!reset", "{a: {x: {without: [numpy]}, z: }}",
    ),
    "check": ("{ignore: [no-channels]}", "{ignore: [nochannels]}", "!reset", "{ignore: floating-base}"),
    "run": ("{command: x, env: {A: b}}",),
    "serve": ("{port: 80, models: {m: x}}",),
    "spark": ("{version: '3.5', packages: [a]}",),
    "r": ("{cran: [dplyr]}",),
}  # fmt: skip
_PLAIN = re.compile(r"[\w~./][\w ./=<>:-]*(?<![: ])")


class Texts:
    """One text after another; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - nothing is kept secret by it
        self._anchors: list[str] = []

    def text(self) -> str:
        self._anchors = []
        kind = self._random.random()
        text = self._deep() if kind < 0.02 else self._manifest()
        for _ in range(self._random.choice((0, 0, 0, 0, 0, 0, 0, 1, 1, 4))):
            text = self._damaged(text)
        return text

    def _manifest(self) -> str:
        lines = []
        keys = self._random.sample(KEYS[2:-3], self._random.randint(1, 5))
        if self._random.random() < 0.1:
            keys.append(self._random.choice(KEYS))
        for key in keys:
            form = self._random.random()
            right = RIGHT.get(key, ("text",))
            if form < 0.75:
                lines.append(f"{key}: {self._random.choice(right)}")
            else:
                lines.append(f"{key}: {self._flow(key, 0)}" if form < 0.9 else self._block(key, key, 0))
        return "\n".join(lines) + self._random.choice(("\n", "\n", "", "  # c\n", "\n...\n"))

    def _block(self, key: str, top: str, depth: int) -> str:
        """A key with what is below it, by indentation."""
        inner = "  " * (depth + 1)
        kind = self._random.random()
        if kind < 0.3 or depth > 3:
            return f"{key}: {self._scalar()}"
        if kind < 0.6:
            items = [f"{inner}- {self._flow(top, depth + 1)}" for _ in range(self._random.randint(1, 3))]
            return "\n".join([f"{key}: {self._tag().strip()}".rstrip(), *items])
        keys = self._random.sample(names := self._names(top, depth), min(len(names), self._random.randint(1, 3)))
        return "\n".join([f"{key}:", *(inner + self._block(one, top, depth + 1) for one in keys)])

    def _flow(self, top: str, depth: int) -> str:
        kind = self._random.random()
        if kind < 0.35 or depth > 4:
            return self._scalar()
        if kind < 0.65:
            items = ", ".join(self._flow(top, depth + 1) for _ in range(self._random.randint(0, 3)))
            return f"{self._tag()}[{items}]"
        names = self._names(top, depth)
        keys = self._random.sample(names, min(len(names), self._random.randint(0, 3)))
        return self._tag() + "{" + ", ".join(f"{one}: {self._flow(top, depth + 1)}" for one in keys) + "}"

    def _names(self, top: str, depth: int) -> tuple[str, ...]:
        names = WITHIN.get(top, DEEPER) if not depth else DEEPER
        return names if self._random.random() < 0.95 else KEYS

    def _tag(self) -> str:
        kind = self._random.random()
        if kind < 0.01:
            name = f"a{len(self._anchors)}"
            self._anchors.append(name)
            return f"&{name} "
        return self._random.choice(TAGS) if kind > 0.985 else ""

    def _scalar(self) -> str:
        if self._anchors and self._random.random() < 0.1:
            return f"*{self._random.choice(self._anchors)} "
        text = self._random.choice(SCALARS)
        if self._random.random() < 0.01 or _PLAIN.fullmatch(text):
            return self._tag() + text
        return self._tag() + self._random.choice((_double, _single))(text)

    def _deep(self) -> str:
        depth = self._random.choice((10, 48, 49, 50, 51, 200, 3000))
        opening = self._random.choice(("[", "{a: ", "- ", "? ", "&a [*a, "))
        return f"{self._random.choice(KEYS)}: {opening * depth}x{'' if self._random.random() < 0.5 else ']' * depth}\n"

    def _damaged(self, text: str) -> str:
        at = self._random.randint(0, len(text))
        end = min(len(text), at + self._random.randint(0, 8))
        match self._random.randint(0, 4):
            case 0:
                return text[:at] + self._random.choice(ODD) + text[at:]
            case 1:
                return text[:at] + text[end:]
            case 2:
                return text[:at] + text[at:end] * 2 + text[end:]
            case 3:
                return text[:at] + self._random.choice(SCALARS) + text[end:]
        return (
            text[:at]
            + chr(self._random.choice((self._random.randint(1, 0x2FF), self._random.randint(0x300, 0xFFFF))))
            + text[at:]
        )


def _double(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _single(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
