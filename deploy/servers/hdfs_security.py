"""Closes an HDFS that has no Kerberos server: HDFS believes the user name that a client gives, so this name is a secret.

Hadoop's service authorization refuses a connection under any other name before it can ask for anything. A DataNode gives blocks only with
a token of the NameNode, and web pages need the certificate.
"""

from deploy.machine.certificate import Certificate

USER_VARIABLE = "HADOOP_USER_NAME"
"""Servers and clients read their user name from this variable."""


def closed_core(user: str, node: str) -> dict[str, object]:
    """The values for ``core-site.xml`` of `node`, which is ``name-node`` or ``data-node``."""
    return {
        "hadoop.security.authorization": "true",
        # The groups of the name are given here, because a look-up in the system would be logged with the name.
        "hadoop.user.group.static.mapping.overrides": f"{user}=weir;dr.who=",
        "hadoop.ssl.require.client.cert": "true",
        "hadoop.http.logs.enabled": "false",
        # The DataNode has another port for pages, which needs no certificate; there only administrators may read them, and there are none.
        "hadoop.security.instrumentation.requires.admin": str(node == "data-node").lower(),
    }


def closed_hdfs(web_port: int) -> dict[str, object]:
    """The values for ``hdfs-site.xml``."""
    return {
        "dfs.block.access.token.enable": "true",
        "dfs.http.policy": "HTTPS_ONLY",
        "dfs.client.https.need-auth": "true",
        "dfs.namenode.https-address": f"127.0.0.1:{web_port}",
        "dfs.datanode.https.address": "127.0.0.1:0",
    }


def policy(user: str) -> dict[str, object]:
    """The values for ``hadoop-policy.xml``: only `user` may use any protocol."""
    return {"security.service.authorization.default.acl": user}


def web_keys(certificate: Certificate) -> dict[str, object]:
    """The values for ``ssl-server.xml``."""
    shown = {"location": certificate.store, "password": certificate.password, "type": "pkcs12"}
    stores = {f"ssl.server.{store}.{part}": value for store in ("keystore", "truststore") for part, value in shown.items()}
    return stores | {"ssl.server.keystore.keypassword": certificate.password}
