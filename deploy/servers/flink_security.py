"""Flink's settings for a cluster whose processes and clients share one certificate."""

from deploy.machine.certificate import Certificate


def flink_security(certificate: Certificate) -> dict[str, str]:
    """Settings for TLS with `certificate` on both sides, for the REST interface and between the processes."""
    chosen = {"security.ssl.protocol": "TLSv1.3", "security.ssl.algorithms": "TLS_AES_128_GCM_SHA256"}
    for part in ("internal", "rest"):
        chosen |= {
            f"security.ssl.{part}.enabled": "true",
            f"security.ssl.{part}.keystore": str(certificate.store),
            f"security.ssl.{part}.keystore-password": certificate.password,
            f"security.ssl.{part}.key-password": certificate.password,
            f"security.ssl.{part}.truststore": str(certificate.store),
            f"security.ssl.{part}.truststore-password": certificate.password,
        }
    return chosen | {"security.ssl.rest.authentication-enabled": "true"}
