"""What closes an HDFS that has no Kerberos server: it believes the name that a client gives, so the name is a secret.

A connection under any other name is refused before it asks for anything, by the check that Hadoop calls service authorization. Blocks are
given out only with a token of the NameNode's, and pages only to who shows the certificate.
"""

from deploy.machine.certificate import Certificate

USER_VARIABLE = "HADOOP_USER_NAME"
"""In the environment of servers and clients: who they say they are."""


def closed_core(user: str, node: str) -> dict[str, object]:
    """For ``core-site.xml`` of ``name-node`` or ``data-node``."""
    return {
        "hadoop.security.authorization": "true",
        # Nobody asks the machine which groups the name is in, for the question and its answer would be logged.
        "hadoop.user.group.static.mapping.overrides": f"{user}=weir;dr.who=",
        "hadoop.ssl.require.client.cert": "true",
        "hadoop.http.logs.enabled": "false",
        # The DataNode has another port for pages, which knows no certificate: there they are for administrators, of whom there are none.
        "hadoop.security.instrumentation.requires.admin": str(node == "data-node").lower(),
    }


def closed_hdfs(web_port: int) -> dict[str, object]:
    """For ``hdfs-site.xml``."""
    return {
        "dfs.block.access.token.enable": "true",
        "dfs.http.policy": "HTTPS_ONLY",
        "dfs.client.https.need-auth": "true",
        "dfs.namenode.https-address": f"127.0.0.1:{web_port}",
        "dfs.datanode.https.address": "127.0.0.1:0",
    }


def policy(user: str) -> dict[str, object]:
    """For ``hadoop-policy.xml``: of each protocol."""
    return {"security.service.authorization.default.acl": user}


def web_keys(certificate: Certificate) -> dict[str, object]:
    """For ``ssl-server.xml``."""
    shown = {"location": certificate.store, "password": certificate.password, "type": "pkcs12"}
    stores = {f"ssl.server.{store}.{part}": value for store in ("keystore", "truststore") for part, value in shown.items()}
    return stores | {"ssl.server.keystore.keypassword": certificate.password}
