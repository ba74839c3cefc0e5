package weir.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BundleWriterTest {
    private final List<byte[]> bundles = new ArrayList<>();
    private final List<String> keys = new ArrayList<>();

    private BundleWriter writer(int eventsMax, int bytesMax) {
        return new BundleWriter(eventsMax, bytesMax, (key, bundle) -> {
            keys.add(key);
            bundles.add(bundle);
        });
    }

    private List<List<String>> texts() {
        return bundles.stream().map(bundle -> Bundle.of(bundle).texts()).toList();
    }

    private static void add(BundleWriter writer, char kind, int release, String body) {
        writer.add(kind, release, "k", Records.utf8(body), 0);
    }

    @Test
    void aBundleIsHeadEndsPositionsMissingBodiesAndAnswersByteForByte() {
        BundleWriter writer = writer(10, 1_000);
        writer.add('E', 0x01020304, 9, "u", new byte[] {9, 9, 7, 8}, 2, new byte[] {1, 2, 3, 4, 5, 6, 7, 8}, false);
        writer.add('E', 0x01020304, 0x0102030405060708L, "v", new byte[] {5}, 0, BundleWriter.noAnswers(8), true);
        writer.flush();
        byte[] expected = {
            'E', 4, 3, 2, 1, 2, 0, 0, 0, 8, 0, 0, 0, // kind, release, count, width
            2, 0, 0, 0, 3, 0, 0, 0, // ends
            9, 0, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, // positions
            0, 1, // missing
            7, 8, 5, // bodies, the first without what stands before it
            1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, (byte) 0xF8, 0x7F
        };
        assertArrayEquals(expected, bundles.get(0));
        assertEquals(List.of("u"), keys, "the key is that of the first body");
    }

    @Test
    void itEndsAtItsCountOfBodies() {
        BundleWriter writer = writer(2, 1_000);
        List.of("a", "b", "c").forEach(body -> add(writer, 'K', 0, body));
        assertEquals(List.of(List.of("a", "b")), texts());
        writer.flush();
        assertEquals(List.of(List.of("a", "b"), List.of("c")), texts());
    }

    @Test
    void itEndsBeforeABodyThatWouldGoBeyondItsBytes() {
        BundleWriter writer = writer(10, 5);
        List.of("abc", "de", "fgh", "ijk").forEach(body -> add(writer, 'K', 0, body));
        assertEquals(List.of(List.of("abc", "de"), List.of("fgh")), texts());
    }

    @Test
    void aBodyLargerThanAllTheBytesOfABundleGoesAlone() {
        BundleWriter writer = writer(10, 5);
        String large = "x".repeat(200_000);
        List.of("a", large, "b").forEach(body -> add(writer, 'K', 0, body));
        writer.flush();
        assertEquals(List.of(List.of("a"), List.of(large), List.of("b")), texts());
    }

    @Test
    void itEndsWhereKindOrReleaseChange() {
        BundleWriter writer = writer(10, 1_000);
        add(writer, 'K', 1, "a");
        add(writer, 'K', 2, "b");
        add(writer, 'L', 2, "c");
        writer.flush();
        assertEquals(List.of(List.of("a"), List.of("b"), List.of("c")), texts());
    }

    @Test
    void itEndsWhereTheWidthOfAnswersChanges() {
        BundleWriter writer = writer(10, 1_000);
        writer.add('E', 1, 0, "u", Records.utf8("a"), 0, BundleWriter.noAnswers(16), false);
        writer.add('E', 1, 0, "u", Records.utf8("b"), 0, BundleWriter.noAnswers(8), false);
        add(writer, 'E', 1, "c");
        writer.flush();
        assertEquals(List.of(List.of("a"), List.of("b"), List.of("c")), texts());
        assertEquals(List.of(2, 1, 0), bundles.stream().map(bundle -> Bundle.of(bundle).answers().get(0).size()).toList());
    }

    @Test
    void answersKeepTheirRowsWhenTheBundleGrows() {
        BundleWriter writer = writer(2_000, 1_000_000);
        for (int i = 0; i < 1_500; i++) {
            byte[] body = Records.utf8("event " + i + " ".repeat(80));
            writer.add('E', 1, 0, "u", body, 0, Bytes.ofSize(8).putDouble(i).array(), i % 2 == 1);
        }
        writer.flush();
        Bundle bundle = Bundle.of(bundles.get(0));
        for (int i = 0; i < 1_500; i++) {
            assertTrue(bundle.texts().get(i).startsWith("event " + i + " "));
            assertEquals(List.of((double) i), bundle.answers().get(i));
            assertEquals(i % 2 == 1, bundle.missing().get(i));
        }
    }

    @Test
    void nothingIsHandedOverWhenThereIsNothing() {
        BundleWriter writer = writer(10, 5);
        writer.flush();
        assertTrue(bundles.isEmpty() && writer.isEmpty());
    }

    @Test
    void answersThatNobodyGaveAreNotNumbers() {
        ByteBuffer answers = Bytes.of(BundleWriter.noAnswers(24));
        for (int i = 0; i < 3; i++) {
            assertEquals(0x7FF8_0000_0000_0000L, answers.getLong());
        }
    }
}
