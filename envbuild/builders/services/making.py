"""A service image, put together: what its environment is, then the server, then each model, then the script."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from envbuild.builders.draft import Draft
from envbuild.builders.oci.assembled import Assembled, created
from envbuild.builders.oci.bases import Ground
from envbuild.builders.oci.layering import MOST_LAYERS, Laid, folders_to
from envbuild.builders.oci.packing import Form, pack
from envbuild.builders.oci.tree import Node
from envbuild.builders.services.carried import SERVICE, Carried
from envbuild.builders.services.server import OWN
from envbuild.errors import BuildError, Place
from envbuild.image import Entry
from envbuild.image.assembling import image, index
from envbuild.image.config import Base, Conduct
from envbuild.image.entries import FOLDER
from envbuild.image.layers import Layer
from envbuild.image.manifests import LAYERS
from envbuild.registry.blobs import Blob, Open
from envbuild.registry.parts import in_memory
from envbuild.render import ARCHITECTURES

_HEALTH = (
    "import http.client as h; c = h.HTTPConnection('127.0.0.1', {port}, timeout=5); c.request('GET', {route!r}); "
    "raise SystemExit(c.getresponse().status != 200)"
)
_SECOND = 1_000_000_000  # as engines count


class Starting(msgspec.Struct, frozen=True):
    """How a container of it starts: by which Python, at which port, and how long it may take to be ready."""

    python: str
    port: int
    readiness: str
    seconds: int
    labels: Mapping[str, str]

    @property
    def _alone(self) -> tuple[str, ...]:
        """Nothing of the environment's is seen, not even by name."""
        return self.python, "-I", "-S"

    @property
    def health(self) -> tuple[str, ...]:
        """What is run to see whether it is ready."""
        return (*self._alone, "-c", _HEALTH.format(port=self.port, route=self.readiness))

    def conduct(self) -> Conduct:
        """The image's own user, folder and variables stay."""
        words = (f"/{OWN}", f"/{SERVICE}", "--host", "0.0.0.0", "--port", str(self.port), "--python", self.python)  # noqa: S104 - in a container
        health = {
            "Test": ["CMD", *self.health],
            "Interval": 30 * _SECOND,
            "Timeout": 10 * _SECOND,
            "StartPeriod": self.seconds * _SECOND,
            "Retries": 3,
        }
        return Conduct(
            entrypoint=(*self._alone, *words),
            command=(),
            labels=self.labels,
            expose=(str(self.port),),
            stop_signal="SIGTERM",
            healthcheck=health,
        )


class Parts(msgspec.Struct, frozen=True):
    """`service` is what its script came with, and how it is served."""

    server: tuple[Node, ...]
    models: tuple[Carried, ...]
    service: tuple[Node, ...]
    starting: Starting


def laid(parts: Parts, folder: Path, form: Form, stopped: Callable[[], bool], say: Callable[[str], None]) -> list[Laid]:
    """What changes seldom comes first; each model is a layer of its own."""
    every = [("envbuild's server", parts.server)]
    every += [(f"model {one.title}", tuple(one.nodes())) for one in parts.models]
    every += [("the script of the service", parts.service)]
    found = []
    for number, (made_by, nodes) in enumerate(every):
        say(f"packing {made_by}")
        file = folder / f"layer-{number}"
        packed = pack(_whole(nodes), file, form, stopped)
        layer = Layer(packed.digest, packed.diff_id, packed.size, LAYERS[form.compression], made_by)
        found.append(Laid(layer, Blob(packed.digest, packed.size, _opener(file))))
    return found


def _opener(file: Path) -> Open:
    return lambda: file.open("rb")


def _whole(nodes: Iterable[Node]) -> Sequence[Node]:
    """With the folders that they lie in, which everybody may enter."""
    found = {node.entry.path: node for node in nodes}
    for path in [*found]:
        for above in folders_to(path)[:-1]:
            found.setdefault(above, Node(Entry(above, "folder", FOLDER)))
    return tuple(found.values())


def made(grounds: Mapping[str, Ground], layers: Sequence[Laid], parts: Parts, form: Form, where: Place) -> Draft:
    """An image of one platform, or an index of several, whose own layers are the same."""
    conduct, labels, blobs = parts.starting.conduct(), parts.starting.labels, dict[str, Blob]()
    images = {}
    for platform, ground in grounds.items():
        if len(ground.layers) + len(layers) > MOST_LAYERS:
            what = f"{len(ground.layers)} layers of the environment and {len(layers)} of the service are too many"
            raise BuildError(what, where, f"set 'layers: {{budget: …}}' lower: engines take {MOST_LAYERS} in all")
        architecture = ARCHITECTURES[platform]
        base, own = Base(ground.layers, ground.config), [one.layer for one in layers]
        images[architecture] = image(base, own, conduct, f"linux/{architecture}", created(form.seconds), labels)
        config = in_memory(images[architecture].config)
        every = (*ground.blobs, *(one.blob for one in layers), config)
        blobs.update({one.digest: one for one in every})
    manifests = {one.manifest.digest: one.manifest for one in images.values()}
    root = next(iter(manifests.values())) if len(images) == 1 else index(images, labels)
    return Draft(source=Assembled(manifests, blobs), root=root)
