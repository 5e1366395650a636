"""A service that listens, as text and JSON."""

import msgspec

from envbuild.report.plans import document
from envbuild.service import Service


def service_text(service: Service, url: str, *, json: bool) -> str:
    if not json:
        return f"{service.environment} serves at {url}{service.routes.scoring}"
    routes = {name: f"{url}{path}" for name, path in msgspec.structs.asdict(service.routes).items()}
    return document(services=[{"environment": service.environment, "url": url, "routes": routes}])
