"""The JVM in which a job is built accepts calls only from the process that started it."""

import functools
import os
import secrets

from pyflink import java_gateway

_TOKEN_VARIABLE = "WEIR_GATEWAY_TOKEN"  # noqa: S105 - the name of the variable


def close_gateway() -> None:
    """Makes PyFlink start its JVM with a secret token of this process; call it before anything of PyFlink needs the JVM.

    By default PyFlink uses no token, and any process that connects to the JVM's port while a job is submitted could run code in it.
    """
    token = secrets.token_urlsafe(32)
    os.environ[_TOKEN_VARIABLE] = token
    os.environ["SUBMIT_ARGS"] = "-c weir.flink.ClosedGateway local"  # this overrides the class that PyFlink chooses
    java_gateway.GatewayParameters = functools.partial(java_gateway.GatewayParameters, auth_token=token)
    java_gateway.CallbackServerParameters = functools.partial(java_gateway.CallbackServerParameters, auth_token=token)
