"""Defines every setting of a running system: its default, its meaning, and its environment variable."""

import os
import pathlib
from typing import Literal

import msgspec

from foundation.refusal import Refusal

CERTIFICATE_FILE = "client.pem"
"""File name of the certificate and key of a client of a local server, in the folder ``keys`` of that server's folder."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Holds what the processes of one system agree on. Each field can be set by ``WEIR_`` + its name in capitals.

    Args:
        bootstrap: host:port of the Kafka broker.
        kafka_security_protocol: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; if empty, SASL_PLAINTEXT with a password, else PLAINTEXT.
        kafka_sasl_mechanism: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN.
        kafka_user: name by which this system logs in at the broker.
        kafka_password_file: file with the user's password; if empty, ``secrets/kafka`` in the folder, which `weir up` makes.
        kafka_ca_file: PEM certificates that sign the broker's; if empty, those that the machine trusts.
        runtime: what carries and decides events: ``flink`` with a broker, or ``solo``, an engine and a log in the process of the API.
        log_fsync: when the log of a solo system is written through to the disk: ``always`` before an event is acknowledged, ``20ms`` at
            most so much later, ``os`` when the operating system does. Only a machine that loses power loses what was not.
        log_kept_days: how long the log of a solo system keeps records.
        log_bytes_max: bytes of records beyond which the log of a solo system drops its oldest ones sooner.
        topic_prefix: prefix of every topic's name.
        partitions: number of partitions of each topic that the stack makes.
        folder: where the local stack keeps data, logs and checkpoints.
        api_host: address that the HTTP API listens on: 127.0.0.1 reaches this machine alone, 0.0.0.0 or :: all of its networks.
        api_port: port that the HTTP API listens on.
        trusted_proxies: addresses or networks, with commas between, whose header ``X-Forwarded-For`` says where a request came from.
        api_instance: name of this API process among those that wait for replies; each has its own.
        flink_host: host of Flink's REST interface; `weir up` starts one on 127.0.0.1.
        flink_port: port of Flink's REST interface.
        flink_keys: folder of the certificate that Flink asks for; if empty, ``flink/keys`` in the folder, which `weir up` makes.
        parallelism: parallelism of the score job.
        entity_wait_ms: how long an event waits for its entities' answers in arrival mode.
        disorder_ms: how far the watermark stays behind the greatest event time in event_time mode.
        bundle_events_max: maximum number of events in a micro-batch, which is one call into Python; its data have to fit into a core's
            cache.
        bundle_bytes_max: maximum number of bytes in a micro-batch.
        profiles_bytes_max: approximate memory for profiles in a keyed stage of a task; beyond it the least recently used profiles are
            dropped, and read again from Flink's state when needed. What one micro-batch needs comes on top.
        checkpoint_interval_ms: time between two checkpoints of the score job.
        metrics_interval_ms: time between two checkpoints of the metrics job, each of which publishes what was counted since the last.
        archive_interval_ms: time between two checkpoints of the archive job, each of which completes its files.
        archive_url: root of the archive: file:///…, hdfs://host:port/… or s3://bucket/…; if empty, ``archive`` in the folder.
        repeats_window: number of latest decisions per partition among which the metrics and archive jobs recognise repeats.
        linger_ms: how long the producer of decisions collects a batch; replies never wait for it.
        label_wait_ms: how long a label waits for its event's decision before it is a dead letter.
        raises_in_a_row_max: number of consecutive events of one release at which a stage raises an error, after which the release is taken
            back; 0 means never.
        compile_cpu_ms_max: CPU time that an uploaded release may need to compile and to decide on synthetic events; each rule may need 4 ms
            more. Stages compile it beside their events.
        compile_memory_mib_max: maximum memory in MiB that an uploaded release may take in the API while it is tried, beside what is loaded
            anyway.
        deadline_ms: deadline of a synchronous decision if the caller names none.
        token_file: file with the owner's bearer token, which is an admin's; made at the first start.
        oidc_issuer: URL of the identity provider whose tokens are accepted too; if empty, none is.
        oidc_audience: audience that such a token must be for.
        oidc_jwks_url: URL of the provider's keys; if empty, the provider is asked for it.
        oidc_name_claim: claim that holds the caller's name.
        oidc_roles_claim: claim that holds the caller's groups; a dot leads into an object.
        oidc_roles: role of each group that has one, such as ``fraud-desk=analyst,platform=admin``.
        oidc_untyped: ``refuse`` or ``accept`` tokens that do not say whether they are access tokens; ID tokens are never accepted.
        oidc_client_id: name by which the provider knows the console, whose people then sign in there; if empty, they do not.
        oidc_client_secret_file: file with the secret of that client; if empty, it has none.
        oidc_scopes: scopes that the console asks the provider for, with spaces between.
        console_url: address of the console as browsers see it, such as https://weir.example.com; if empty, that of this machine.
        session_idle_minutes_max: a session of the console ends when its caller has opened no page for so long.
        session_hours_max: a session of the console ends so long after its caller signed in.
        approval: with ``two``, a definition is put in force by another person than its author, or by an admin; with ``one``, by whoever
            writes it.
        database_url: database of what people own (definitions, tokens, audit log), as postgresql://user:password@host:port/database; since
            it may hold a password, a file is the better place; if empty, that of the file, else ``weir.db`` in the folder.
        database_url_file: file with that URL; if empty, none.
        database_port: port of the PostgreSQL that `weir up --profile full` starts if no URL is given.
        jobs_of_caller_max: number of jobs of one caller that may be queued or running at a time.
        jobs_max: number of jobs of all callers that may be queued or running at a time.
        job_memory_mib_max: maximum memory in MiB that a job may take beside what its process has at its start.
        job_disk_mib_max: maximum size in MiB of the files that a job may have at any moment, its result among them.
        job_results_mib_max: maximum size in MiB of the results of all jobs; beyond it the oldest ones are removed early.
        job_results_kept_days: how long the result of a job is kept after its end; the job itself is remembered for twice as long.
        rule_counts_kept_days: how long it is kept, in event time, what rules matched and which labels their matches got.
        promotion_events_min: so many events have to be decided while a rule is watched before a bound on its matches counts as kept.
        promotion_labels_min: so many of its matches have to have a label before a bound on its precision counts as kept.
        webhook_networks: networks that webhooks may reach although they are not public, such as ``10.2.0.0/16``, with commas between.
        webhook_plain: ``refuse`` or ``accept`` webhooks without TLS, which everybody on the way can read and change.
        webhook_ca_file: PEM certificates that sign those of webhooks; if empty, those that the machine trusts.
        webhook_timeout_ms: how long an attempt to deliver a message may take in all.
        webhook_waits: the waits behind the attempts that fail, 1 to 20 with commas between, each up to ``7d``; one attempt more is made.
        deliveries_kept_days: how long messages that need no further attempt are remembered, with all attempts.
        alert_max_age_ms: decisions on events that are older when they are read are counted in alerts, and nobody is told of them.
        alerts_kept_days: how long resolved alerts are remembered, closed cases with their verdicts, ended holds, and notes.
        alertmanager_url: the Alertmanager that is told of alerts, such as http://127.0.0.1:9093; if empty, none is.
        store: store of decisions: sqlite (a file in the folder) or cassandra.
        store_timeout_ms: how long the API waits for a store that is a server.
        decisions_kept_days: how long either store keeps decisions, from the day on which each was written; 0 means for ever.
        cassandra_hosts: some nodes of the cluster, with commas between them.
        cassandra_port: port of all nodes.
        cassandra_keyspace: keyspace, which is made if it is missing.
        cassandra_copies: number of copies of each row, when the keyspace is made.
        cassandra_user: user name; empty if the cluster asks for none.
        cassandra_password_file: file with the user's password.
        cassandra_certificate_file: PEM certificate and key shown to nodes; if empty, none, or that of the node that `weir up` starts.
        cassandra_ca_file: PEM certificates that sign the nodes'; if empty, no encryption, or that of the node that `weir up` starts.
        metrics_store: store of event metrics: duckdb (a file in the folder, filled by the API process) or druid.
        metrics_timeout_ms: how long a query of event metrics may take.
        metrics_kept_days: how long either store keeps event metrics.
        druid_host: host of the broker and the coordinator.
        druid_port: port of the broker, which answers queries.
        druid_coordinator_port: port of the coordinator, which is told what to read.
        druid_user: user name; empty if Druid asks for none.
        druid_password_file: file with the user's password.
        druid_certificate_file: PEM certificate and key shown to Druid; if empty, none, or that of the Druid that `weir up` starts.
        druid_ca_file: PEM certificates that sign Druid's; if empty, no encryption, or that of the Druid that `weir up` starts.
        hdfs_port: port for clients of the NameNode that `weir up --profile full` starts.
        hdfs_web_port: port of that NameNode's state page.
    """

    bootstrap: str = "127.0.0.1:19092"
    kafka_security_protocol: Literal["", "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = ""
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    kafka_user: str = "weir"
    kafka_password_file: str = ""
    kafka_ca_file: str = ""
    runtime: Literal["flink", "solo"] = "flink"
    log_fsync: Literal["always", "20ms", "os"] = "20ms"
    log_kept_days: int = 7
    log_bytes_max: int = 34_359_738_368
    topic_prefix: str = "weir."
    partitions: int = 4
    folder: str = ".weir"
    api_host: str = "127.0.0.1"
    api_port: int = 18000
    trusted_proxies: str = ""
    api_instance: str = "api-1"
    flink_host: str = "127.0.0.1"
    flink_port: int = 18081
    flink_keys: str = ""
    parallelism: int = 1
    entity_wait_ms: int = 20
    disorder_ms: int = 5_000
    bundle_events_max: int = 512
    bundle_bytes_max: int = 4_194_304
    profiles_bytes_max: int = 1_073_741_824
    checkpoint_interval_ms: int = 10_000
    metrics_interval_ms: int = 10_000
    archive_interval_ms: int = 60_000
    archive_url: str = ""
    repeats_window: int = 500_000
    linger_ms: int = 5
    label_wait_ms: int = 3_600_000
    raises_in_a_row_max: int = 20
    compile_cpu_ms_max: int = 2_000
    compile_memory_mib_max: int = 512
    deadline_ms: int = 500
    token_file: str = ""
    oidc_issuer: str = ""
    oidc_audience: str = ""
    oidc_jwks_url: str = ""
    oidc_name_claim: str = "sub"
    oidc_roles_claim: str = "roles"
    oidc_roles: str = ""
    oidc_untyped: Literal["refuse", "accept"] = "refuse"
    oidc_client_id: str = ""
    oidc_client_secret_file: str = ""
    oidc_scopes: str = "openid profile"
    console_url: str = ""
    session_idle_minutes_max: int = 60
    session_hours_max: int = 12
    approval: Literal["two", "one"] = "two"
    database_url: str = ""
    database_url_file: str = ""
    database_port: int = 15432
    jobs_of_caller_max: int = 10
    jobs_max: int = 100
    job_memory_mib_max: int = 1_024
    job_disk_mib_max: int = 20_480
    job_results_mib_max: int = 51_200
    job_results_kept_days: int = 7
    rule_counts_kept_days: int = 35
    promotion_events_min: int = 1_000
    promotion_labels_min: int = 20
    webhook_networks: str = ""
    webhook_plain: Literal["refuse", "accept"] = "refuse"
    webhook_ca_file: str = ""
    webhook_timeout_ms: int = 15_000
    webhook_waits: str = "5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h"
    deliveries_kept_days: int = 30
    alert_max_age_ms: int = 3_600_000
    alerts_kept_days: int = 400
    alertmanager_url: str = ""
    store: Literal["sqlite", "cassandra"] = "sqlite"
    store_timeout_ms: int = 40
    decisions_kept_days: int = 90
    cassandra_hosts: str = "127.0.0.1"
    cassandra_port: int = 19042
    cassandra_keyspace: str = "weir"
    cassandra_copies: int = 1
    cassandra_user: str = ""
    cassandra_password_file: str = ""
    cassandra_certificate_file: str = ""
    cassandra_ca_file: str = ""
    metrics_store: Literal["duckdb", "druid"] = "duckdb"
    metrics_timeout_ms: int = 2_000
    metrics_kept_days: int = 400
    druid_host: str = "127.0.0.1"
    druid_port: int = 18082
    druid_coordinator_port: int = 18083
    druid_user: str = ""
    druid_password_file: str = ""
    druid_certificate_file: str = ""
    druid_ca_file: str = ""
    hdfs_port: int = 18020
    hdfs_web_port: int = 18070

    def topic(self, name: str) -> str:
        """Returns the full name of the topic `name`, such as ``events`` or ``dead-letters``."""
        return self.topic_prefix + name

    def path(self, *parts: str) -> pathlib.Path:
        """Returns a path below the system's folder."""
        return pathlib.Path(self.folder).absolute().joinpath(*parts)

    def absolute(self) -> "Settings":
        """Returns the same settings with absolute paths, for processes that have another working directory."""
        chosen = {name: getattr(self, name) for name in PATHS}
        return msgspec.structs.replace(self, **{name: str(pathlib.Path(path).absolute()) for name, path in chosen.items() if path})

    def console_address(self) -> str:
        """Returns the URL of the console, as browsers see it."""
        return self.console_url.rstrip("/") or f"http://{self.api_address()}"

    def api_address(self) -> str:
        """Where programs of this machine reach the API: the address that it listens on, or loopback where it listens on all."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.api_host, self.api_host)  # noqa: S104 - nothing is bound here
        return f"[{host}]:{self.api_port}" if ":" in host else f"{host}:{self.api_port}"

    def flink_keys_folder(self) -> pathlib.Path:
        """Returns the folder of the certificate for Flink's REST interface."""
        return pathlib.Path(self.flink_keys) if self.flink_keys else self.path("flink", "keys")

    def archive_place(self) -> str:
        """Returns the URL of the archive's root."""
        return self.archive_url or self.path("archive").as_uri()


PATHS = tuple(name for name in Settings.__struct_fields__ if name in ("folder", "flink_keys") or name.endswith("_file"))
"""The settings that are paths; a relative one counts from the working directory of who reads it."""


def read_settings(environment: dict[str, str] | None = None) -> Settings:
    """Reads settings from `environment` (by default the process's); missing ones get their defaults.

    Raises:
        Refusal: a value does not have its field's type.
    """
    variables = os.environ if environment is None else environment
    values = {name: variables["WEIR_" + name.upper()] for name in Settings.__struct_fields__ if "WEIR_" + name.upper() in variables}
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise Refusal("bad setting", where="environment", expected="a value of the setting's type", got=str(error)) from error


def settings_as_environment(settings: Settings) -> dict[str, str]:
    """`settings` as environment variables, which `read_settings` reads in a process with any working directory."""
    return {"WEIR_" + name.upper(): str(value) for name, value in msgspec.to_builtins(settings.absolute()).items()}
