"""`weir tokens` and `weir audit`. Each subcommand imports what it needs inside its function."""

import datetime
import sys
import time

import click


@click.group()
def tokens() -> None:
    """Makes, lists and revokes API tokens on the running system."""


@tokens.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, help="system, reader, analyst, author, approver or admin; may be repeated.")
@click.option("--expires", help="How long the token is valid, such as 90d; by default until it is revoked.")
def create(name: str, roles: tuple[str, ...], expires: str | None) -> None:
    """Makes a token for NAME and prints it, once."""
    from deploy.api_commands.push import system_api
    from foundation.document import read_document

    until = None if expires is None else int(time.time() * 1000) + read_document(expires, "--expires").duration_ms()
    with system_api() as api:
        made = api.make_token(name, roles, until)
    click.echo(f"{made.name}: {', '.join(made.roles)}, {_until(made.expires_at_ms)}; the token is not shown again", err=True)
    click.echo(made.token)


@tokens.command("list")
def list_tokens() -> None:
    """Lists all tokens, without their texts."""
    from deploy.api_commands.push import system_api

    with system_api() as api:
        for each in api.tokens():
            click.echo(f"{each.state:<8}{each.name:<24} {', '.join(each.roles):<24} by {each.by}, {_until(each.expires_at_ms)}")


@tokens.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revokes the token NAME; every process refuses it within 5 s."""
    from deploy.api_commands.push import system_api

    with system_api() as api:
        click.echo(f"{api.revoke_token(name).name} is revoked")


@click.group()
def audit() -> None:
    """Checks the audit log in the store that the settings name."""


@audit.command()
@click.option("--head", default="", help="The head that an earlier run printed; detects that the log was truncated or rewritten since.")
def verify(head: str) -> None:
    """Checks every entry of the log and prints its head, to be kept elsewhere; ends with status 1 if the log was altered."""
    from api.auth.access import walk_audit
    from deploy.machine.system_settings import system_settings
    from stores.audit import verify as verify_entries

    found = verify_entries(walk_audit(system_settings()), head.strip().lower())
    if found.broken is None:
        click.echo(f"entries: {found.entries}, none was changed, removed, moved or inserted\nhead: {found.head}")
        return
    click.echo(f"broken: {found.broken.what}\nintact entries before it: {found.entries}\nhead: {found.head}")
    sys.exit(1)


def _until(at_ms: int | None) -> str:
    return f"until {datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC):%Y-%m-%d %H:%M} UTC" if at_ms else "never expires"
