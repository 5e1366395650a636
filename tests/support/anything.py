"""Manifests that use every kind of key, drawn for hypothesis; each is right on its own and in any lineage."""

from typing import Any

from hypothesis import strategies as st

from support.manifests import Body, Tagged

WORDS = (
    "alpha", "two words", "tr\xe9s", "3.10", "true", "null", "~", "a: b", "# no", "'q\"", "back\\slash", "x\ny",
    "{% if %}", "-", "@x", "!tag", " lead", "tail ", "\t", "\U0001f600", "[a", "0x10", "1e3", "yes", "%d",
)  # fmt: skip
PLATFORMS = ("linux-64", "osx-arm64", "win-64")
CONDA = ("numpy", "numpy =1.26", "scipy >=1.2,<2", "conda-forge::blas =*=openblas", "python =3.12")
PIP = (
    "alpha", "beta[fast] >=1", "gamma ; sys_platform == 'linux'", "delta @ https://example.com/delta-1.tar.gz",
    "./lib/one", "-e ./lib/two", "git+https://example.com/x.git@abc#egg=epsilon",
)  # fmt: skip

texts = st.sampled_from(WORDS) | st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=6).filter(
    lambda text: "{{" not in text
)
words = texts.filter(lambda text: bool(text.strip()))
names = st.sampled_from(("A", "B", "PATH_C"))


def some(items: st.SearchStrategy[Any], largest: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(items, min_size=1, max_size=largest)


def fields(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any of these keys, and at least one."""
    return st.fixed_dictionaries({}, optional=optional).filter(bool)


additions = fields(prepend=some(words, 2), append=some(words, 2))
dependencies = st.tuples(
    st.lists(st.sampled_from(CONDA) | st.sampled_from(CONDA).map(lambda spec: {"sel(linux)": spec}), max_size=3),
    st.lists(st.sampled_from(PIP), max_size=3, unique=True),
).map(lambda both: [*both[0], *([{"pip": both[1]}] if both[1] else [])])
steps = words | st.fixed_dictionaries({"command": words}, optional={"id": st.sampled_from("ij"), "user": words})
copies = st.fixed_dictionaries(
    {"from": st.sampled_from(["a", "../b", ["a", "c/d"]]), "to": st.sampled_from(["/x", "/y"])},
    optional={"mode": st.just("0644")},
)
image = fields(
    apt=some(st.sampled_from(["git", "nano=5", "less"]))
    | fields(packages=some(st.just("git")), upgrade=st.booleans()),
    build=some(steps),
    copy=some(copies, 2),
    workdir=words,
    entrypoint=words | some(words),
    labels=st.dictionaries(st.sampled_from("lm"), words, min_size=1),
    trim=some(words),
    expose=some(st.sampled_from(["80", "443/tcp"])),
    user=words | st.fixed_dictionaries({"name": words}, optional={"uid": st.just("1000")}),
    gpu=st.sampled_from(["auto", "true"]),
)  # fmt: skip
data = st.recursive(
    texts | st.integers(-9, 9) | st.booleans(), lambda inner: some(inner, 2) | st.dictionaries(names, inner, min_size=1)
)
values = fields(
    description=words,
    tags=st.dictionaries(names, texts, min_size=1),
    channels=some(st.sampled_from(["conda-forge", "defaults", "https://example.com/c"])),
    platforms=some(st.sampled_from(PLATFORMS)),
    dependencies=dependencies.filter(bool),
    variables=st.dictionaries(names, texts | additions, min_size=1),
    params=st.dictionaries(names, data, min_size=1),
    python=fields(version=st.just("3.12"), interpreter=words, managed=st.booleans()),
    pip=fields(index_url=st.just("https://example.com/simple"), prerelease=st.booleans(), no_binary=some(st.just("a"))),
    setup=some(words),
    test=fields(imports=some(words), commands=some(words), files=some(words)),
    image=image,
    builder=st.sampled_from(["local", "docker", "oci"]),
    publish=fields(tags=some(words), prefix=words, annotations=st.dictionaries(names, words, min_size=1)),
    system_requirements=fields(cuda=st.just("12.9"), libc=st.just("2.28")),
    run=fields(command=words, env=st.dictionaries(names, words, min_size=1), arguments=some(texts)),
    serve=fields(entry_script=st.just("../score.py"), port=st.just(80), models=st.just({"m": "models/a"})),
    constraints=some(st.sampled_from(["zeta <3", "eta =1"])),
    check=fields(ignore=some(st.sampled_from(["no-channels", "floating-base"]))),
)  # fmt: skip


@st.composite
def manifests(draw: st.DrawFn) -> Body:
    """Any of the keys, now and then with a tag that replaces what is inherited."""
    body = dict(draw(values))
    for key in draw(st.lists(st.sampled_from(sorted(body)), max_size=1)):
        if key not in {"description", "builder"} and draw(st.booleans()):
            body[key] = Tagged("!override", body[key])
    return body
