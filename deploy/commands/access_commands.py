"""`weir tokens` and `weir audit`. What a subcommand needs is imported inside it."""

import datetime
import sys
import time

import click


@click.group()
def tokens() -> None:
    """Makes, lists and revokes API tokens through the running system's api."""


@tokens.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, help="system, reader, analyst, author, approver or admin; more than once.")
@click.option("--expires", help="For how long it counts, such as 90d; by default until it is revoked.")
def create(name: str, roles: tuple[str, ...], expires: str | None) -> None:
    """Makes a token for NAME and prints it, once."""
    from deploy.commands.push import api_of
    from foundation.document import read_document
    from foundation.settings import read_settings

    until = None if expires is None else int(time.time() * 1000) + read_document(expires, "--expires").duration_ms()
    with api_of(read_settings()) as api:
        made = api.make_token(name, roles, until)
    click.echo(f"{made.name}: {', '.join(made.roles)}, {_until(made.expires_at_ms)}; the token is not shown again", err=True)
    click.echo(made.token)


@tokens.command("list")
def list_tokens() -> None:
    """Lists all tokens, without themselves."""
    from deploy.commands.push import api_of
    from foundation.settings import read_settings

    with api_of(read_settings()) as api:
        for each in api.tokens():
            click.echo(f"{each.state:<8}{each.name:<24} {', '.join(each.roles):<24} by {each.by}, {_until(each.expires_at_ms)}")


@tokens.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revokes the token of NAME; in force everywhere within 5 s."""
    from deploy.commands.push import api_of
    from foundation.settings import read_settings

    with api_of(read_settings()) as api:
        click.echo(f"{api.revoke_token(name).name} is revoked")


@click.group()
def audit() -> None:
    """Checks the audit log, as the store of the settings has it."""


@audit.command()
@click.option("--head", default="", help="A hash that an earlier run printed: finds out whether the log was cut off or written anew.")
def verify(head: str) -> None:
    """Walks the log from its first entry; prints its head, to be kept elsewhere. Ends with status 1 where it is broken."""
    from api.auth.access import walk_audit
    from foundation.settings import read_settings
    from stores.audit import verify as verify_entries

    found = verify_entries(walk_audit(read_settings()), head.strip().lower())
    if found.broken is None:
        click.echo(f"entries: {found.entries}, none changed, removed, moved or put in\nhead: {found.head}")
        return
    click.echo(f"broken: {found.broken.what}\nentries that are whole: {found.entries}\nhead: {found.head}")
    sys.exit(1)


def _until(at_ms: int | None) -> str:
    return f"until {datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC):%Y-%m-%d %H:%M} UTC" if at_ms else "without an end"
