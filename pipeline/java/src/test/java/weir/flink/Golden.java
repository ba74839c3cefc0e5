package weir.flink;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** The golden bytes, which Python's tests read and write as well. */
final class Golden {
    private Golden() {}

    /** The bytes of a file of hexadecimal numbers, with a comment behind each #. */
    static byte[] bytes(String name) throws IOException {
        try (var file = Golden.class.getResourceAsStream("/golden/" + name + ".hex")) {
            String text = new String(file.readAllBytes(), StandardCharsets.UTF_8);
            return HexFormat.of().parseHex(text.replaceAll("#.*", "").replaceAll("\\s", ""));
        }
    }
}
