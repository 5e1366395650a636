"""A channel that cannot be read: which, why, what was tried, and what to do."""

import re
from urllib.parse import urlsplit

from envbuild.document import Scalar, Sequence
from envbuild.errors import Place, SolveError, redacted
from envbuild.lock import conda_items, split_spec
from envbuild.resolve import Environment, channel_url
from envbuild.solvers.channels import NOARCH, Asked, View
from envbuild.solvers.words import STATUS, URL, with_tries, with_words

_NO_FOLDER = re.compile(r"could not find subdir '(?P<folder>[^']+)' in channel")
_AGAIN = "try again; if it stays so, tell who keeps the channel"
_CAUSES = (
    ("dns error", "the host {host} is not known", "check the channel's URL, and the network"),
    ("connection refused", "nothing answers at {host}", "check the channel's URL, and that it is up"),
    ("timed out", "{host} does not answer in time", "try again, or give it more seconds in UV_HTTP_TIMEOUT"),
    ("certificate", "the certificate of {host} is not trusted", "name its authority as 'ca_bundle' in envbuild.yaml"),
    ("invalidcontenttype", "{host} does not speak https", "check the channel's URL: http or https"),
    ("end of file before", "{host} sends less than it announces", _AGAIN),
)
_BROKEN = ("parse", "extract", "zstd", "decode", "invalid", "did not finish", "frame")


def channel_failure(words: str, asked: Asked, environment: Environment, view: View) -> SolveError:
    """`words` are rattler's, without credentials; where they name no channel, each is asked for itself."""
    url, words = _culprit(words, asked, view)
    where = channel_line(url, asked.request.platform, environment)
    host = _called(view.origins.asked(url), url) or "the channel"
    if folder := _NO_FOLDER.search(words):
        hint = "check its name: every channel has one"
        return SolveError(f"{url} is no channel: it has no folder '{folder['folder']}'", where, hint)
    if status := STATUS.search(words):
        return _answered(status["status"], url, host, where, view)
    for sign, what, hint in _CAUSES:
        if sign in words.lower():
            return SolveError(with_tries(what.format(host=host), words), where, hint)
    if any(sign in words.lower() for sign in _BROKEN):
        return SolveError(with_words(f"what the channel {url} lists cannot be read", words), where, _AGAIN)
    return SolveError(with_words(f"the channel {url} cannot be read", words), where, "check its URL, and the network")


def _called(place: str, url: str) -> str:
    """Who is asked; a mirror with whose it is."""
    host = urlsplit(place).netloc or place
    return host if place == url else f"{host}, a mirror of {url},"


def _answered(status: str, url: str, host: str, where: Place, view: View) -> SolveError:
    if status.startswith(("401", "403")):
        refused = view.origins.refusal(url, status)
        return SolveError(refused.message, refused.where or where, refused.hint)
    hint = "wait a while, and try again" if status.startswith(("429", "5")) else "check the channel's URL"
    return SolveError(f"{host} answers {status}", where, hint)


def _culprit(words: str, asked: Asked, view: View) -> tuple[str, str]:
    """The channel that is meant, and what is said of it."""
    from rattler.exceptions import GatewayError

    named = [view.origins.public(redacted(found), asked.conda.urls) for found in URL.findall(words)]
    own = asked.conda.channels
    for url in own:
        if any(one == url or one.startswith(f"{url}/") for one in (found.replace("***@", "") for found in named)):
            return url, words
    for url in own:
        try:
            view.names([url], asked.request.platform, NOARCH)
        except GatewayError as error:
            return url, redacted(view.origins.hidden(str(error)))
    return (named[0].replace("***@", "") if named else own[0] if own else ""), words


def channel_line(url: str, platform: str, environment: Environment) -> Place:
    """The line that names a channel."""
    for item in conda_items(environment, platform):
        if split_spec(item.text)[0] == url:
            return item.where
    stated = environment.said("channels")
    nodes = stated.items if isinstance(stated, Sequence) else ()
    own = (node.place for node in nodes if isinstance(node, Scalar) and channel_url(node.text) == url)
    return next(own, environment.where_said("channels"))
