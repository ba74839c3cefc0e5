"""The JVM in which a job is built: it takes orders only from the process that started it."""

import functools
import os
import secrets

from pyflink import java_gateway

_TOKEN_VARIABLE = "WEIR_GATEWAY_TOKEN"  # noqa: S105 - the name of the variable


def close_gateway() -> None:
    """Has PyFlink start its JVM with a token of this process's own; to be called before anything of PyFlink needs the JVM.

    PyFlink's own way has no token, and whoever connects to the JVM's port while a job is submitted could run any code in it.
    """
    token = secrets.token_urlsafe(32)
    os.environ[_TOKEN_VARIABLE] = token
    os.environ["SUBMIT_ARGS"] = "-c weir.flink.ClosedGateway local"  # behind PyFlink's own choice of a class
    java_gateway.GatewayParameters = functools.partial(java_gateway.GatewayParameters, auth_token=token)
    java_gateway.CallbackServerParameters = functools.partial(java_gateway.CallbackServerParameters, auth_token=token)
