package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class EventTimesTest {
    private static final String EVENT = "{\"id\":7,\"tags\":[{\"at\":1}],"
            + "\"card\":{\"id\":\"c\",\"seen\":{\"at\":1700000000123}},\"at\":42,\"text\":\"é\"}";

    private static long read(String field, String unit, String json) {
        byte[] bytes = Records.utf8(json);
        return new EventTimes(field, unit).read(bytes, 0, bytes.length);
    }

    @Test
    void aTopLevelFieldIsNotMistakenForANestedOneOfTheSameName() {
        assertEquals(42, read("at", "ms", EVENT));
    }

    @Test
    void dotsGoIntoNestedObjects() {
        assertEquals(1_700_000_000_123L, read("card.seen.at", "ms", EVENT));
        assertEquals(EventTimes.NONE, read("card.at", "ms", EVENT));
        assertEquals(EventTimes.NONE, read("text.at", "ms", EVENT));
    }

    @Test
    void eachUnitIsBroughtToMilliseconds() {
        assertEquals(1_700_000_000_123L, read("t", "ms", "{\"t\":1700000000123}"));
        assertEquals(1_700_000_000_000L, read("t", "s", "{\"t\":1700000000}"));
        assertEquals(1_700_000_000_123L, read("t", "s", "{\"t\":1700000000.123}"));
        assertEquals(1_700_000_000_123L, read("t", "us", "{\"t\":1700000000123999}"));
    }

    @Test
    void eachFormOfATimeIsReadAsTheDecoderReadsIt() throws IOException {
        try (InputStream file = EventTimesTest.class.getResourceAsStream("/event_times.tsv")) {
            List<String> lines = new String(file.readAllBytes(), StandardCharsets.UTF_8).lines().filter(line -> !line.startsWith("#")).toList();
            assertTrue(lines.size() > 30);
            for (String line : lines) {
                String[] cells = line.split("\t");
                long expected = cells[2].equals("-") ? EventTimes.NONE : Long.parseLong(cells[2]);
                assertEquals(expected, read("t", cells[0], "{\"t\":" + cells[1] + "}"), line);
            }
        }
    }

    @Test
    void onlyTheGivenPartOfTheBytesIsRead() {
        byte[] bytes = Records.utf8("{\"t\":1}{\"t\":2}{\"t\":3}");
        assertEquals(2, new EventTimes("t", "ms").read(bytes, 7, 7));
    }

    @Test
    void whatIsNoTimeHasNone() {
        List<String> bad = List.of(
                "", "x", "[]", "null", "7", "{", "{}",
                "{\"t\"", "{\"t\":", "{\"t\":}", "{\"t\":null}", "{\"t\":\"7\"}", "{\"t\":true}",
                "{\"t\":-1}", "{\"t\":1e400}", "{\"t\":-1e400}", "{\"t\":NaN}", "{\"t\":1e19}", 
                "{\"t\":[1]}", "{\"t\":{\"t\":1}}", "{\"x\":1}",
                "{\"t\":1e99999999999999}", "{\"t\":" + "9".repeat(5_000) + "}", "[".repeat(5_000));
        for (String json : bad) {
            for (String unit : List.of("ms", "s", "us")) {
                assertEquals(EventTimes.NONE, read("t", unit, json), json);
            }
        }
        for (String text : List.of("", "yesterday", "2023-11-14", "2023-13-14T22:13:20Z", "+999999999-01-01T00:00:00Z")) {
            assertEquals(EventTimes.NONE, read("t", "rfc3339", "{\"t\":\"" + text + "\"}"), text);
        }
        assertEquals(EventTimes.NONE, read("t", "rfc3339", "{\"t\":7}"));
    }

    @Test
    void garbageNeverThrows() {
        Random random = new Random(1);
        for (int i = 0; i < 3_000; i++) {
            byte[] bytes = i % 2 == 0 ? new byte[random.nextInt(60)] : Records.utf8(EVENT);
            if (i % 2 == 0) {
                random.nextBytes(bytes);
            }
            for (int at = 0; i % 2 == 1 && at < 1 + i % 5; at++) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            int length = i % 3 == 0 ? random.nextInt(bytes.length + 1) : bytes.length;
            for (String unit : List.of("ms", "s", "us", "rfc3339")) {
                long timeMs = new EventTimes("card.seen.at", unit).read(bytes, 0, length);
                assertTrue(timeMs == EventTimes.NONE || (timeMs >= 0 && timeMs < 4_000_000_000_000_000L));
            }
        }
    }
}
