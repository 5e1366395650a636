"""`envbuild serve`."""

from typing import Any

import click

from envbuild.cli.choosing import activated, flushed
from envbuild.cli.options import Common, jobs, locked, no_refresh, progress, with_globals

_ONLY_ONE = "a service is of one environment: name it"


@click.command("serve", options_metavar="[OPTIONS]")
@click.argument("environment", metavar="[ENV[@VERSION]]", required=False)
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", help="Where it listens; default: this machine alone.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="PORT", help="Default: the manifest's; 0 is any.")
@click.option("--workers", type=click.IntRange(1, 1024), metavar="N", help="Processes that call run().")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="How long run() may take.")
@click.option("--image", is_flag=True, help="In a container of its service image, which is made if it is not there.")
@click.option("--build", is_flag=True, help="With --image: make it, push it, and print its reference; run nothing.")
@click.option("--debug", is_flag=True, help="Answers, too, say where a script failed: to everyone who asks.")
@jobs
@locked
@no_refresh
@progress
@with_globals
@click.pass_obj
def command(common: Common, /, *, environment: str | None, **options: Any) -> int:
    """Serve what 'serve:' of the manifest says over HTTP: a script with init() and run(data), and its models.

    An environment that is not built, or not as its manifest says now, is built first. Without ENV it is the
    default_environment of envbuild.yaml.

    The server is a process of its own and knows nothing of the environment's packages; the script runs in workers. It
    answers while init() runs, and when a worker dies or hangs. Ctrl-C ends it, once what was begun is answered. Its log
    is on standard error.

    With --image it runs in a container of the environment's image, upon which are put the server, each model, and the
    script. That image goes where the environment's own is, and is the same as long as none of it changes.

    \b
    Examples:
      envbuild serve churn/score
      envbuild serve churn/score@1 --port 0 --debug
      envbuild serve churn/score --workers 4 --timeout 5 --json
      envbuild serve churn/score --image --port 0
      envbuild serve churn/score --image --build
    """
    from envbuild.cli.serveimage import refuse_without_image, serve_image
    from envbuild.project.services.serving import check, listen, python_of, serve, service_folder, service_named
    from envbuild.service import said_anew

    project = common.project()
    service = said_anew(
        service_named(project, environment or ""), workers=options["workers"], timeout=options["timeout"]
    )
    check(project, service)
    if options["image"]:
        return serve_image(common, project, service, environment, options)
    refuse_without_image(options)
    port = service.port if options["port"] is None else options["port"]
    with listen(options["host"], port) as sock:
        activation = activated(project, common, environment, _ONLY_ONE, options)
        python = python_of(activation, service)

        def listening(url: str) -> None:
            from envbuild.report.services import service_text

            common.out(service_text(service, url, json=common.json))
            flushed()

        with service_folder(project, service, debug=options["debug"]) as folder:
            return serve(folder, activation, python, sock, listening)
