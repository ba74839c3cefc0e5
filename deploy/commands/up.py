"""`weir up` runs the local stack until Ctrl-C."""

import pathlib

import msgspec

from api.auth.token import token_file
from deploy.commands.running import run_until_interrupted
from deploy.local.releases import read_folder
from deploy.local.stack import Stack
from deploy.machine.jars import require_java
from deploy.machine.saying import StandardOutput
from deploy.servers.postgresql import URL_FILE
from deploy.servers.store_servers import SERVERS
from foundation.settings import Settings, read_settings
from pipeline.flink.flink_rest import rest_of


def up_until_interrupted(config: pathlib.Path, folder: pathlib.Path | None, replace: bool, profile: str) -> None:
    """Starts the stack, restarts processes that end, and stops everything at Ctrl-C or TERM.

    Args:
        config: the configuration folder.
        folder: the folder of the system; None means that of the settings.
        replace: whether `config` is put in force in any case; otherwise it is only if there is no release yet, so that changes over HTTP
            outlive a restart.
        profile: ``embedded`` uses the stores that the settings name; ``full`` starts the stores that are servers too.

    Raises:
        Refusal: the configuration is not valid, or a process does not come up.
    """
    settings = msgspec.structs.replace(read_settings(), runtime="flink")
    if folder is not None:
        settings = msgspec.structs.replace(settings, folder=str(folder))
    if profile == "full":
        settings = with_servers(settings)
    texts = read_folder(config)
    require_java()
    servers = servers_of(settings) if profile == "full" else ()
    run_until_interrupted(settings, lambda: Stack(settings, texts, StandardOutput().say, replace=replace, servers=servers), _where)


def servers_of(settings: Settings) -> tuple[str, ...]:
    """The stores' servers to start for `settings` of the full profile: no PostgreSQL where another one is named."""
    return tuple(name for name in SERVERS if has_own_database(settings) or name != "postgresql")


def has_own_database(settings: Settings) -> bool:
    """Whether `settings` name the PostgreSQL that is started beside the system, by the file with its URL."""
    return not settings.database_url and pathlib.Path(settings.database_url_file).absolute() == settings.path(*URL_FILE)


def with_servers(settings: Settings) -> Settings:
    """`settings` with the stores that ``weir up`` starts as servers; a PostgreSQL that they name stays."""
    named = settings.database_url or settings.database_url_file
    return msgspec.structs.replace(
        settings,
        database_url_file=settings.database_url_file if named else str(settings.path(*URL_FILE)),
        store="cassandra",
        cassandra_hosts="127.0.0.1",
        metrics_store="druid",
        druid_host="127.0.0.1",
        archive_url=f"hdfs://127.0.0.1:{settings.hdfs_port}/weir/archive",
    )


def _where(settings: Settings) -> str:
    return (
        f"api     http://{settings.api_address()}/v1  (token in {token_file(settings)})\n"
        f"flink   {rest_of(settings).url}  (needs the certificate in {settings.flink_keys_folder()})\n"
        f"kafka   {settings.bootstrap}, topics {settings.topic_prefix}*\n"
        f"logs    {settings.path('logs')}"
    )
