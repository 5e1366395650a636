"""A service as it may be deployed."""

from envbuild.deployed import Deployed
from envbuild.service import Routes

DEPLOYED = Deployed(
    environment="churn/score",
    version=3,
    reference=f"registry.example/team/churn/score@sha256:{'0' * 64}",
    is_stored=True,
    routes=Routes(),
    port=5001,
    init_seconds=300,
    cpu="500m",
    memory="1.5Gi",
    user="1000",
    uid=1000,
    health=("/opt/env/bin/python", "-I", "-S", "-c", "…"),
    labels={
        "dev.envbuild.environment": "churn/score",
        "dev.envbuild.version": "3",
        "dev.envbuild.model.churn": f"churn@3 sha256:{'1' * 64}",
    },
)
