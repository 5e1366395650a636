"""What cannot be had: an index, a page, a repository, or what only a build tells."""

import re

from envbuild.errors import Place, SolveError
from envbuild.lock import EVERY
from envbuild.manifest import normalise
from envbuild.solvers.case import NAME, Case
from envbuild.solvers.origins import public_url
from envbuild.solvers.words import STATUS, URL, with_tries
from envbuild.urls import host_of

_CREDENTIALS = re.compile(r"(?P<code>401 Unauthorized|403 Forbidden)")
_REFERENCE = re.compile(r"failed to (?:fetch (?:branch|tag|commit|ref)[\w ,]*|find [\w ,]*) `(?P<name>[^`]+)`")
BUILT = re.compile(rf"Failed to (?:download and )?build `(?P<name>{NAME})(?:==(?P<version>[^`]+)| @ [^`]+)?`")
_RESOLVING = re.compile(r"No solution found when resolving: (?P<listed>`.*?`)(?= cause:|$)")
_LISTED = re.compile(r"`([^`]+)`")
_DISABLED = re.compile(rf"Building source distributions for `(?P<name>{NAME})` is disabled")
_TOO_OLD = re.compile(r"Python <(?P<oldest>[\d.]+) is not supported but (?P<python>[\d.]+) was requested")

# What stands among the causes of a failed request; what it means, and what to do.
_NETWORK = (
    ("dns error", "the host {host} is not known", "check the URL of the index, and the network"),
    ("connection refused", "nothing answers at {host}", "check the URL of the index, and that it is up"),
    ("timed out", "{host} does not answer in time", "try again, or give it more seconds in UV_HTTP_TIMEOUT"),
    ("certificate", "the certificate of {host} is not trusted", "name its authority as 'ca_bundle' in envbuild.yaml"),
    ("corrupt message", "{host} does not speak https", "check the URL of the index: http or https"),
)


def unfetched(case: Case) -> SolveError | None:
    found = _not_fetched(case) or _not_built(case) or _built_elsewhere(case) or _too_old(case) or _built_with(case)
    return found or _refused(case) or _unreachable(case)


def _not_fetched(case: Case) -> SolveError | None:
    """A repository that cannot be read, or has no such branch."""
    found = BUILT.search(case.text)
    if not found or "Git operation failed" not in case.text:
        return None
    name, missing = normalise(found["name"]), _REFERENCE.search(case.text)
    what = f"the repository of {name} cannot be fetched"
    hint = "check its URL, and that this machine may read it"
    if missing:
        what = f"the repository of {name} has no branch, tag or commit '{missing['name']}'"
        hint = "name one that it has"
    return SolveError(case.with_words(what), case.asked_at(name), hint)


def _not_built(case: Case) -> SolveError | None:
    """What has no metadata but that which building it gives."""
    found = BUILT.search(case.text)
    if not found or "build backend" not in case.text:
        return None
    name = normalise(found["name"])
    what = f"{name} {found['version'] or ''}".strip() + " could not be built, to learn what it needs"
    hint = "ask for a version that has a wheel, or look at what its build says above"
    if {EVERY, name} & {EVERY if one == EVERY else normalise(one) for one in case.request.no_build_isolation}:
        what = f"{what}: while it is locked there is no environment for it to be built in"
        hint = "name a wheel of it by its URL, or ask for a version that has one"
    return SolveError(case.with_words(what), case.asked_at(name), hint)


def _built_elsewhere(case: Case) -> SolveError | None:
    """What has no metadata but that which building it gives, on a platform that is not this machine's."""
    found = _DISABLED.search(case.text)
    if not found:
        return None
    name, platform = normalise(found["name"]), case.request.platform
    what = f"what {name} needs on {platform} is known once it is built there"
    hint = f"name a wheel of it, lock on such a machine, or take {platform} out of 'platforms'"
    return SolveError(case.with_words(what), case.asked_at(name), hint)


def _built_with(case: Case) -> SolveError | None:
    """What a build asks for, and the index that it is bound to has not in such a version."""
    found = BUILT.search(case.text)
    listed = _RESOLVING.search(case.text)
    if not found or not listed:
        return None
    for wish in _LISTED.findall(listed["listed"]):
        name = re.split(r"[^\w.-]", wish, maxsplit=1)[0]
        if own := case.own_index(normalise(name)):
            shown = f"{normalise(found['name'])} {found['version'] or ''}".strip()
            why = "a URL is no version of it" if " @ " in wish else "it has no such version"
            what = f"{shown} is built with '{wish}', which is bound to the index '{own}': {why}"
            hint = "ask for a version that has a wheel, or publish there what its build asks for"
            return SolveError(case.with_words(what), case.asked_at(found["name"]), hint)
    return None


def _too_old(case: Case) -> SolveError | None:
    found = _TOO_OLD.search(case.text)
    if not found:
        return None
    what = f"packages of PyPI cannot be locked for Python {found['python']}, but from {found['oldest']} on"
    items = case.environment.package("python", case.request.platform)
    where = items[0].where if items else Place(case.environment.path)
    return SolveError(what, where, "ask for a newer python, or for conda's packages instead of those under '- pip:'")


def _refused(case: Case) -> SolveError | None:
    found = _CREDENTIALS.search(case.text)
    if not found:
        return None
    url = next(iter(URL.findall(case.text)), "") or case.index()
    told = case.origins.refusal(url, found["code"])
    return SolveError(told.message, told.where or case.place_of(url), told.hint)


def _unreachable(case: Case) -> SolveError | None:
    if "No solution" in case.text or not (found := URL.search(case.text)):
        return None
    host = host_of(found[0]) or "the index"
    public = case.public(found[0])
    host = host if public == public_url(found[0]) else f"{host}, a mirror of {public},"
    what, hint = _cause(case, host)
    return SolveError(what, case.place_of(found[0]), hint)


def _cause(case: Case, host: str) -> tuple[str, str]:
    if found := STATUS.search(case.text):
        hint = "wait a while, and try again" if found["status"][:1] in "45" else "check the URL of the index"
        return with_tries(f"{host} answers {found['status']}", case.words), hint
    for sign, what, hint in _NETWORK:
        if sign in case.text.lower():
            return with_tries(what.format(host=host), case.words), hint
    return case.with_words(f"{host} is no index that can be read"), "check the URL of the index, and the network"
