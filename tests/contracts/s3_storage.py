"""An S3-compatible storage over a folder, as a process of this machine."""

import os
import pathlib
import urllib.error
import urllib.request

from deploy.machine.jars import server_jars
from deploy.machine.ports import free_ports, is_open
from deploy.machine.processes import Process

BUCKET = "weir"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "made-up", "AWS_SECRET_ACCESS_KEY": "made-up-secret", "AWS_EC2_METADATA_DISABLED": "true"}
_LOGBACK = """<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%date %level %msg%n</pattern></encoder></appender>
  <root level="WARN"><appender-ref ref="console"/></root>
</configuration>
"""


class S3Storage:
    """Holds one bucket, `BUCKET`, for those who have `CREDENTIALS`; it may be killed and started again.

    Args:
        folder: for its data, configuration and log.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        [self.port] = free_ports(1)
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.url = f"s3://{BUCKET}"
        self._folder = folder
        (folder / "data" / BUCKET).mkdir(parents=True)
        values = {
            "s3proxy.authorization": "aws-v2-or-v4",
            "s3proxy.identity": CREDENTIALS["AWS_ACCESS_KEY_ID"],
            "s3proxy.credential": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            "s3proxy.endpoint": self.endpoint,
            "jclouds.provider": "filesystem-nio2",
            "jclouds.identity": "made-up",
            "jclouds.credential": "made-up",
            "jclouds.filesystem.basedir": folder / "data",
        }
        (folder / "s3.properties").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        (folder / "logback.xml").write_text(_LOGBACK)
        self.start()

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to find it."""
        return CREDENTIALS | {"AWS_ENDPOINT_URL": self.endpoint}

    def start(self) -> None:
        """Returns once it answers, on its data from before and the same port."""
        folder = self._folder
        java = ["java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlogback.configurationFile={folder / 'logback.xml'}"]
        command = [*java, "-cp", f"{server_jars('s3proxy')}/*", "org.gaul.s3proxy.Main", "--properties", str(folder / "s3.properties")]
        self.process = Process("s3", command, os.environ, folder / "logs")
        self.process.wait_until(self._answers, 60, f"an answer on port {self.port}")

    def _answers(self) -> bool:
        if not is_open(self.port):
            return False
        try:
            with urllib.request.urlopen(f"{self.endpoint}/{BUCKET}", timeout=2):
                return True
        except urllib.error.HTTPError as error:
            return error.code == 403  # it asks for credentials
        except urllib.error.URLError:
            return False
