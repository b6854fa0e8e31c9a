"""`edge-digits serve`: draw, drop or show a digit in the browser."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_digits.choices import MAX_PIXELS, Precision
from edge_digits.commands.options import check_precision, model_option, precision_option
from edge_digits.commands.stopping import stopped_as_by_ctrl_c
from edge_digits.errors import MissingExtraError, UsageError
from edge_digits.quiet import load_opencv
from edge_digits.terminal import printable

if TYPE_CHECKING:
    from edge_digits.web.addresses import Place
    from edge_digits.web.certificate import Certificate

#: The value of --token that makes one.
_AUTO = "auto"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen here; 0.0.0.0 is the whole network.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option(
    "--camera", metavar="SOURCE", help="Show this camera of the server too, as `edge-digits camera` names it."
)
@click.option("--open", "open_it", is_flag=True, help="Open the page in a browser.")
@click.option("--https", is_flag=True, help="Serve HTTPS, which cameras of phones need, with a certificate of our own.")
@click.option("--token", help="What clients must know; `auto` makes one.")
@click.option("--no-token", is_flag=True, help="Let whoever reaches the server use it.")
@click.option("--allow-host", "hosts", metavar="NAME", multiple=True, help="A name it is addressed by; repeatable.")
@click.option("--cors", "origins", metavar="ORIGIN", multiple=True, help="Let pages of this site use it; repeatable.")
@click.option(
    "--save-corrections",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Keep crops of digits that are corrected on the page, for train --extra.",
)
@click.option(
    "--corrections-mb", type=click.FloatRange(0.01), default=100, show_default=True, help="The most that they may take."
)
@model_option
@precision_option("auto")
@click.option("--max-mb", type=click.IntRange(1, 1024), default=32, show_default=True, help="Largest request.")
@click.option("--max-pixels", type=click.IntRange(1), default=MAX_PIXELS, show_default=True, help="Of a picture.")
@click.option(
    "-j", "--jobs", type=click.IntRange(1, 64), help="Pictures read at a time.  [default: one a core, up to 4]"
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but the address.")
def command(
    host: str,
    port: int,
    camera: str | None,
    open_it: bool,
    https: bool,
    token: str | None,
    no_token: bool,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    save_corrections: Path | None,
    corrections_mb: float,
    model: str,
    precision: Precision,
    max_mb: int,
    max_pixels: int,
    jobs: int | None,
    quiet: bool,
) -> int:
    """Serve a page that reads digits: drawn on it, dropped onto it, or held before a camera; and an HTTP API.

    The page works without internet access. It is served to this machine alone unless --host says more, and then with a
    token. The address is printed on standard output.

    \b
    Exit codes: 0 ended by SIGTERM; 1 the port is taken, or the extra `web` is
    not installed; 2 usage; 4 model not usable; 130 Ctrl-C.
    """
    for package in ("fastapi", "uvicorn"):
        if find_spec(package) is None:
            raise MissingExtraError("edge-digits serve", "web", package)
    if token is not None and no_token:
        raise UsageError("--token and --no-token do not go together: name one of them")
    check_precision([model])
    load_opencv(1)
    from edge_digits.web.addresses import listen
    from edge_digits.web.server import serve
    from edge_digits.web.settings import Limits, Settings
    from edge_digits.web.site import Site

    def say(message: str) -> None:
        click.echo(f"edge-digits: {printable(message)}", err=True)

    limits = Limits(pixels=max_pixels, body_bytes=max_mb << 20, held_bytes=max(256, 2 * max_mb) << 20)
    if jobs is not None:
        limits = Limits(limits.pixels, limits.body_bytes, limits.held_bytes, jobs=jobs)
    settings = Settings(
        model=model,
        precision=precision,
        camera=camera,
        token=_made() if token == _AUTO else token,
        hosts=hosts,
        origins=origins,
        corrections=save_corrections,
        corrections_bytes=int(corrections_mb * (1 << 20)),
        limits=limits,
    )
    place = listen(host, port)
    with place.listening:
        if not place.is_local and settings.token is None and not no_token:
            raise UsageError(
                f"--host {host}: everybody on the network could read with this server, and see through its camera. Add "
                "--token auto, which makes a token and prints it, or --no-token, if that is meant"
            )
        site = Site(settings, say)
        certificate = _certificate(place) if https else None
        if not quiet:
            _tell(place, certificate, settings.token)
        addresses = place.addresses("https" if https else "http", settings.token)
        click.echo("\n".join(addresses))
        sys.stdout.flush()
        if open_it:
            import webbrowser

            webbrowser.open(addresses[-1])
        with stopped_as_by_ctrl_c() as stopped:
            try:
                serve(site, place.listening, limits, None if certificate is None else certificate.file)
            except KeyboardInterrupt:
                if stopped.by_signal:
                    return 0
                raise
    return 0


def _made() -> str:
    import secrets

    return secrets.token_urlsafe(24)


def _certificate(place: Place) -> Certificate:
    from edge_digits.web.addresses import own_addresses
    from edge_digits.web.certificate import certificate
    from edge_digits.web.guard import own_names

    return certificate({*own_names(), *own_addresses(), *place.hosts, "127.0.0.1", "::1"})


def _tell(place: Place, certificate: Certificate | None, token: str | None) -> None:
    """Say who can reach the server and, on a terminal, show codes for the camera of a phone."""
    shown = []
    if not place.is_local:
        who = "whoever has the token" if token else "EVERYBODY"
        click.echo(f"edge-digits: {who} on the network of this machine can use this server", err=True)
        if certificate is None:
            click.echo(
                "edge-digits: what is sent can be read on the way, and phones will not give the page their camera: "
                "--https mends both",
                err=True,
            )
        shown.append(("open this on a phone", place.addresses("https" if certificate else "http", token)[0]))
    if certificate is not None:
        click.echo(
            "edge-digits: browsers do not know this certificate and will warn of it; compare its SHA-256 fingerprint "
            f"({'made now' if certificate.made else 'as before'}, {certificate.file}):\n{certificate.fingerprint}",
            err=True,
        )
        shown.append(("the fingerprint", certificate.fingerprint))
    if sys.stderr.isatty():
        from edge_digits.web.codes import qr_code

        for what, text in shown:
            click.echo(f"{what}:\n{qr_code(text)}", err=True)
