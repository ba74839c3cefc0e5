package weir.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.api.common.serialization.SerializerConfigImpl;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.operators.KeyedProcessOperator;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Against a heap backend, through the bytes that Python packs and unpacks. */
class BulkStateTest {
    private record Page(int key, int number, String bytes) {}

    private record Profile(String head, Map<Integer, String> pages) {}

    private static final Profile ABSENT = new Profile(null, Map.of());

    /** A keyed operator whose backend is lent out. */
    private static final class Nothing extends KeyedProcessFunction<Row, Row, Row> {
        @Override
        public void processElement(Row row, Context context, Collector<Row> out) {}
    }

    private final List<AutoCloseable> opened = new ArrayList<>();
    private KeyedOneInputStreamOperatorTestHarness<Row, Row, Row> harness;

    private BulkState state(long ttlMs, OperatorSubtaskState from) throws Exception {
        harness = new KeyedOneInputStreamOperatorTestHarness<>(
                new KeyedProcessOperator<>(new Nothing()), row -> Row.of(Rows.key(row)), Rows.KEY, Bench.MAX_PARALLELISM, 1, 0);
        opened.add(harness);
        harness.setup(Rows.TYPE.createSerializer(new SerializerConfigImpl()));
        if (from != null) {
            harness.initializeState(from);
        }
        harness.open();
        return new BulkState(harness.getOperator().getKeyedStateBackend(), "user", ttlMs);
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : opened) {
            each.close();
        }
    }

    private static byte[] keys(String... keys) {
        return packed(Arrays.asList(keys), List.of(), List.of(), false);
    }

    private static byte[] packed(List<String> heads, List<Page> puts, List<int[]> drops, boolean tables) {
        ByteBuffer out = Bytes.ofSize(10_000).putInt(heads.size());
        heads.forEach(head -> out.putInt(Records.utf8(head).length));
        if (tables) {
            out.putInt(puts.size());
            puts.forEach(page -> out.putInt(page.key).putInt(page.number).putInt(page.bytes.length()));
            out.putInt(drops.size());
            drops.forEach(drop -> out.putInt(drop[0]).putInt(drop[1]));
        }
        heads.forEach(head -> out.put(Records.utf8(head)));
        puts.forEach(page -> out.put(Records.utf8(page.bytes)));
        return Arrays.copyOf(out.array(), out.position());
    }

    private static void write(BulkState state, byte[] keys, List<String> heads, List<Page> puts, int[]... drops) throws Exception {
        state.write(keys, packed(heads, puts, List.of(drops), true));
    }

    private static List<Profile> read(BulkState state, String... keys) throws Exception {
        ByteBuffer in = Bytes.of(state.read(keys(keys)));
        int[] lengths = new int[in.getInt()];
        Arrays.setAll(lengths, i -> in.getInt());
        int[][] table = new int[in.getInt()][3];
        for (int[] row : table) {
            Arrays.setAll(row, i -> in.getInt());
        }
        List<Profile> found = new ArrayList<>();
        for (int length : lengths) {
            found.add(length < 0 ? ABSENT : new Profile(text(in, length), new TreeMap<>()));
        }
        for (int[] row : table) {
            found.get(row[0]).pages.put(row[1], text(in, row[2]));
        }
        assertEquals(0, in.remaining());
        return found;
    }

    private static String text(ByteBuffer in, int length) {
        byte[] bytes = new byte[length];
        in.get(bytes);
        return Records.text(bytes);
    }

    @Test
    void aKeyThatWasNeverWrittenIsAbsentByteForByte() throws Exception {
        byte[] expected = Bytes.ofSize(12).putInt(1).putInt(-1).putInt(0).array();
        assertArrayEquals(expected, state(0, null).read(keys("ann")));
    }

    @Test
    void deadlinesAreKeptUntilTheyAreTakenOffAndOverARestart() throws Exception {
        BulkState state = state(0, null);
        assertArrayEquals(Bytes.ofSize(4).putInt(0).array(), state.deadlines());
        state.mark(keys("ann", "bob"), Bytes.ofSize(16).putLong(7).putLong(9).array());
        state.mark(keys("bob"), Bytes.ofSize(8).putLong(Wire.NO_TIME_MS).array());
        BulkState restored = state(0, harness.snapshot(1, 1));
        byte[] expected = Bytes.ofSize(19).putInt(1).putInt(3).put(Records.utf8("ann")).putLong(7).array();
        assertArrayEquals(expected, restored.deadlines());
    }

    @Test
    void theChangesThatPythonPacksAreReadAndTheAnswerIsWrittenByteForByte() throws Exception {
        BulkState state = state(0, null);
        write(state, keys("ann"), List.of("h0"), List.of(new Page(0, 3, "p3")));
        state.write(Golden.bytes("state_keys"), Golden.bytes("state_changes"));
        assertArrayEquals(Golden.bytes("state_profiles"), state.read(keys("ann", "dan", "cat")));
        assertArrayEquals(Golden.bytes("state_keys"), keys("ann", "bøb", "cat"));
        List<Page> puts = List.of(new Page(0, 4, "p4"), new Page(2, 1, "p01"));
        byte[] changes = packed(List.of("h1", "", "h3"), puts, List.of(new int[] {0, 3}), true);
        assertArrayEquals(Golden.bytes("state_changes"), changes);
    }

    @Test
    void nothingIsReadForNoKeys() throws Exception {
        assertArrayEquals(new byte[8], state(0, null).read(keys()));
    }

    @Test
    void headsAndPagesComeBackUnderTheirKeys() throws Exception {
        BulkState state = state(0, null);
        write(state, keys("ann", "bøb"), List.of("head a", ""), List.of(new Page(0, 1, "p1"), new Page(1, 7, "q7"), new Page(0, 2, "p2")));
        assertEquals(
                List.of(new Profile("", Map.of(7, "q7")), ABSENT, new Profile("head a", Map.of(1, "p1", 2, "p2"))),
                read(state, "bøb", "cat", "ann"));
    }

    @Test
    void aWriteReplacesHeadsAndTouchesOnlyThePagesThatItNames() throws Exception {
        BulkState state = state(0, null);
        write(state, keys("ann"), List.of("1"), List.of(new Page(0, 1, "p1"), new Page(0, 2, "p2"), new Page(0, 3, "p3")));
        write(state, keys("ann"), List.of("2"), List.of(new Page(0, 2, "new"), new Page(0, 4, "p4")), new int[] {0, 1}, new int[] {0, 9});
        assertEquals(List.of(new Profile("2", Map.of(2, "new", 3, "p3", 4, "p4"))), read(state, "ann"));
    }

    @Test
    void dropsOfAllPagesLeaveTheHead() throws Exception {
        BulkState state = state(0, null);
        write(state, keys("ann"), List.of("1"), List.of(new Page(0, 1, "p1")));
        write(state, keys("bob", "ann"), List.of("b", "2"), List.of(), new int[] {1, 1});
        assertEquals(List.of(new Profile("2", Map.of()), new Profile("b", Map.of())), read(state, "ann", "bob"));
    }

    @Test
    void whatIsNotWrittenForItsTimeToLiveIsGone() throws Exception {
        BulkState state = state(1_000, null);
        harness.setStateTtlProcessingTime(0);
        write(state, keys("ann", "bob"), List.of("a", "b"), List.of(new Page(0, 1, "p1")));
        harness.setStateTtlProcessingTime(900);
        write(state, keys("bob"), List.of("b2"), List.of());
        harness.setStateTtlProcessingTime(1_500);
        assertEquals(List.of(ABSENT, new Profile("b2", Map.of())), read(state, "ann", "bob"));
    }

    @Test
    void withoutATimeToLiveNothingExpires() throws Exception {
        BulkState state = state(0, null);
        write(state, keys("ann"), List.of("a"), List.of());
        harness.setStateTtlProcessingTime(Long.MAX_VALUE / 2);
        assertEquals("a", read(state, "ann").get(0).head);
    }

    @Test
    void profilesSurviveACheckpoint() throws Exception {
        BulkState state = state(1_000, null);
        write(state, keys("ann"), List.of("a"), List.of(new Page(0, 1, "p1")));
        BulkState restored = state(1_000, harness.snapshot(1, 1));
        assertEquals(List.of(new Profile("a", Map.of(1, "p1"))), read(restored, "ann"));
    }
}
