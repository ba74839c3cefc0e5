package weir.flink;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.python.shaded.py4j.CallbackClient;
import org.apache.flink.api.python.shaded.py4j.Gateway;
import org.apache.flink.api.python.shaded.py4j.GatewayServer;

/**
 * The JVM in which Python builds a job, as Flink's own {@code PythonGatewayServer}, which obeys whoever connects to its port: here
 * both sides show a token, which the environment has.
 */
public final class ClosedGateway {
  /** Environment variable with the token. */
  private static final String TOKEN = "WEIR_GATEWAY_TOKEN";

  /** Environment variable with the file in which Python waits for the port. */
  private static final String PLACE = "_PYFLINK_CONN_INFO_PATH";

  private ClosedGateway() {}

  public static void main(String[] arguments) throws IOException {
    final String token = System.getenv(TOKEN);
    if (token == null || token.isEmpty()) {
      throw new IllegalStateException("no token in " + TOKEN);
    }
    final InetAddress here = InetAddress.getLoopbackAddress();
    // Python's own port is told later; the token stays.
    final CallbackClient python = new CallbackClient(GatewayServer.DEFAULT_PYTHON_PORT, here, token);
    final GatewayServer server =
        new GatewayServer.GatewayServerBuilder()
            .gateway(new Gateway(new ConcurrentHashMap<String, Object>(), python))
            .javaPort(0)
            .javaAddress(here)
            .authToken(token)
            .build();
    server.start(true);
    tell(server.getListeningPort(), Path.of(System.getenv(PLACE)));
    waitForEnd();
    System.exit(0);
  }

  private static void tell(int port, Path place) throws IOException {
    final Path half = Files.createTempFile(place.getParent(), "connection", ".info");
    Files.write(half, ByteBuffer.allocate(Integer.BYTES).putInt(port).array());
    Files.move(half, place, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Python holds the other end of the standard input for as long as it lives. */
  private static void waitForEnd() throws IOException {
    while (System.in.read() != -1) {
      // what comes says nothing
    }
  }
}
