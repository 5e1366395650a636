"""Builder `docker`: an image, made of a rendered Dockerfile and its context by BuildKit."""

FORMAT = "docker-1"
MAKES_IMAGES = True

# What a manifest may say that this builder cannot do yet: (key, value), where an empty value means any.
CANNOT_HONOUR = frozenset((key, "") for key in ("run", "serve", "spark", "r"))
