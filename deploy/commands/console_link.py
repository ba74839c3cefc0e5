"""A link that signs its reader in at the console of a running system; it loads no client, since `weir serve` keeps what it loads."""

import http.client
import json

import click

from api.auth.token import read_token
from foundation.refusal import Refusal
from foundation.settings import Settings

SECONDS_MAX = 10.0
MAKES_LINKS = "/v1/sessions:link"


@click.group()
def console() -> None:
    """Opens the console of the running system."""


@console.command()
def link() -> None:
    """Prints a link that signs its reader in as the owner: once, within ten minutes."""
    from deploy.machine.system_settings import system_settings

    settings = system_settings()
    click.echo(console_link(settings, read_token(settings)))


def console_link(settings: Settings, token: str) -> str:
    """A link to the console of the system of `settings` that signs in the holder of `token`, once within ten minutes.

    Raises:
        Refusal: the system does not answer, or does not know the token.
    """
    address = settings.api_address()
    connection = http.client.HTTPConnection(address, timeout=SECONDS_MAX)
    try:
        connection.request("POST", MAKES_LINKS, headers={"authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        remedy = "weir serve or weir up starts the system"
        raise Refusal("no link", where=address, expected="a system that answers", got=str(error), remedy=remedy) from error
    finally:
        connection.close()
    if answer.status != 201:
        raise Refusal("no link", where=address, expected="status 201", got=f"{answer.status}: {body.get('detail')}")
    return f"http://{address}{body['path']}"


def console_line(settings: Settings, is_read: bool) -> str:
    """What the start of a system says of the console: its address, and a link where somebody reads it on a terminal and no log keeps it."""
    address = f"console http://{settings.api_address()}/"
    if not is_read:
        return f"{address}  (weir console link prints a link that signs you in)"
    try:
        return f"console {console_link(settings, read_token(settings))}  (signs you in once, within ten minutes)"
    except Refusal:  # the system runs all the same
        return address
