"""Every setting of a running system: its default, its meaning, and where it is read from."""

import os
import pathlib
from typing import Literal

import msgspec

from foundation.refusal import Refusal

CERTIFICATE_FILE = "client.pem"
"""Certificate and key of who may use a server of the local stack, in a folder ``keys`` of that server's folder."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes of one system agree on. Each field may be set by ``WEIR_`` + its name in capitals.

    Args:
        bootstrap: host:port of the Kafka broker.
        kafka_security_protocol: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; empty: SASL_PLAINTEXT with a password, else PLAINTEXT.
        kafka_sasl_mechanism: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN.
        kafka_user: who this system is to the broker.
        kafka_password_file: holds the user's password; empty: ``secrets/kafka`` in the folder, where `weir up` makes it.
        kafka_ca_file: PEM certificates that sign the broker's; empty: those that the machine trusts.
        topic_prefix: before every topic's name.
        partitions: of each topic that the stack makes.
        folder: where the local stack keeps data, logs and checkpoints.
        api_port: where the HTTP API listens.
        trusted_proxies: addresses or networks, with commas between, whose header ``X-Forwarded-For`` says where a request came from.
        api_instance: name of this API process among those that wait for replies.
        flink_port: where Flink's REST interface listens.
        flink_keys: folder of the certificate that it asks for; empty: ``flink/keys`` in the folder, where `weir up` makes it.
        parallelism: of the score job.
        entity_wait_ms: how long an event waits for its entities' answers in arrival mode.
        disorder_ms: how far the watermark stays behind the greatest event time in event_time mode.
        bundle_events_max: events in one call into Python; what they become has to fit into a core's cache.
        bundle_bytes_max: bytes in one call into Python.
        profiles_bytes_max: memory of profiles in a keyed stage of a task, about; beyond it those used longest ago are read again from
            Flink's state when they are needed. What one bundle needs comes on top.
        checkpoint_interval_ms: between two checkpoints of the score job.
        metrics_interval_ms: between two checkpoints of the metrics job, each of which hands out what was counted since.
        archive_interval_ms: between two checkpoints of the archive job, each of which makes its files.
        archive_url: root of the archive: file:///…, hdfs://host:port/… or s3://bucket/…; empty: ``archive`` in the folder.
        repeats_window: decisions a partition, in which the metrics and archive jobs know a decision that was written again.
        linger_ms: how long the producer of decisions gathers a batch; replies never wait for it.
        label_wait_ms: how long a label waits for its event's decision before it is a dead letter.
        raises_in_a_row_max: so many events in a row of one release at which a stage raises take the release back; 0: never.
        compile_cpu_ms_max: CPU that an uploaded release may cost to compile and to decide on synthetic events; each stage is held up for
            about as long when it comes.
        compile_memory_mib_max: memory in MiB that the API lets an uploaded release take while it is tried, beside what is loaded anyway.
        deadline_ms: of a synchronous decision, when the caller names none.
        token_file: holds the owner's bearer token, an admin's; made at the first start.
        oidc_issuer: URL of the identity provider whose tokens are taken too; empty: none.
        oidc_audience: that such a token has to be for.
        oidc_jwks_url: where the provider's keys are; empty: the provider is asked.
        oidc_name_claim: claim with the caller's name.
        oidc_roles_claim: claim with the caller's groups; a dot leads into an object.
        oidc_roles: role of each group that has one, such as ``fraud-desk=analyst,platform=admin``.
        oidc_untyped: refuse or accept tokens that do not say whether they are access tokens; ID tokens never count.
        approval: two: a definition is put in force by another person than its author, or by an admin; one: by whoever writes it.
        store: of decisions: sqlite (a file in the folder) or cassandra.
        store_timeout_ms: how long the API waits for a store that is a server.
        decisions_kept_days: in either store, from the day on which each was written; 0 keeps them for ever.
        cassandra_hosts: some nodes, with commas between them.
        cassandra_port: of all of them.
        cassandra_keyspace: made where it is missing.
        cassandra_copies: of each row, where the keyspace is made.
        cassandra_user: empty where the cluster asks for none.
        cassandra_password_file: holds the user's password.
        cassandra_certificate_file: PEM certificate and key shown to nodes; empty: none, or that of the node that `weir up` starts.
        cassandra_ca_file: PEM certificates that sign the nodes'; empty: none, and no encryption, or that of the same node.
        metrics_store: of event metrics: duckdb (a file in the folder, filled by the API process) or druid.
        metrics_timeout_ms: how long a query of event metrics may take.
        metrics_kept_days: in either store.
        druid_host: of the broker and the coordinator.
        druid_port: of the broker, which answers queries.
        druid_coordinator_port: of the coordinator, which is told what to read.
        druid_user: empty where Druid asks for none.
        druid_password_file: holds the user's password.
        druid_certificate_file: PEM certificate and key shown to Druid; empty: none, or that of the Druid that `weir up` starts.
        druid_ca_file: PEM certificates that sign Druid's; empty: none, and no encryption, or that of the same Druid.
        hdfs_port: of the NameNode that `weir up --profile full` starts, for clients.
        hdfs_web_port: of the same, for its state.
    """

    bootstrap: str = "127.0.0.1:19092"
    kafka_security_protocol: Literal["", "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = ""
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    kafka_user: str = "weir"
    kafka_password_file: str = ""
    kafka_ca_file: str = ""
    topic_prefix: str = "weir."
    partitions: int = 4
    folder: str = ".weir"
    api_port: int = 18000
    trusted_proxies: str = ""
    api_instance: str = "api-1"
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
    approval: Literal["two", "one"] = "two"
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
        """The full name of the topic `name`, such as ``events`` or ``dead-letters``."""
        return self.topic_prefix + name

    def path(self, *parts: str) -> pathlib.Path:
        """A path below the system's folder."""
        return pathlib.Path(self.folder).absolute().joinpath(*parts)

    def flink_keys_folder(self) -> pathlib.Path:
        """Where the certificate for Flink's REST interface is."""
        return pathlib.Path(self.flink_keys) if self.flink_keys else self.path("flink", "keys")

    def archive_place(self) -> str:
        """The URL of the archive's root."""
        return self.archive_url or self.path("archive").as_uri()


def read_settings(environment: dict[str, str] | None = None) -> Settings:
    """Settings from `environment` (default: the process's), defaults elsewhere.

    Raises:
        Refusal: a value is not of its field's type.
    """
    given = os.environ if environment is None else environment
    values = {name: given["WEIR_" + name.upper()] for name in Settings.__struct_fields__ if "WEIR_" + name.upper() in given}
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise Refusal("bad setting", where="environment", expected="a value of the setting's type", got=str(error)) from error
