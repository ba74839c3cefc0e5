package weir.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.mailbox.Mail;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.apache.flink.types.Row;
import org.junit.jupiter.api.Test;

/** Records as they stand in a topic, on their way into a stage that delivers. */
class RecordBundlerTest {
    private static final int BODIES_MAX = 4;

    private static KeyedOneInputStreamOperatorTestHarness<Row, Row, Row> bench(int parallelism, int index) throws Exception {
        RecordBundler bundler = new RecordBundler(BODIES_MAX, 1 << 20);
        var harness = new KeyedOneInputStreamOperatorTestHarness<Row, Row, Row>(
                bundler, row -> Row.of(Rows.key(row)), Rows.KEY, Bench.MAX_PARALLELISM, parallelism, index);
        harness.open();
        return harness;
    }

    private static void idle(KeyedOneInputStreamOperatorTestHarness<Row, Row, Row> harness) throws Exception {
        for (Optional<Mail> mail = harness.getTaskMailbox().tryTake(-1); mail.isPresent(); mail = harness.getTaskMailbox().tryTake(-1)) {
            mail.get().run();
        }
    }

    private static void add(KeyedOneInputStreamOperatorTestHarness<Row, Row, Row> harness, String... texts) throws Exception {
        for (String text : texts) {
            harness.processElement(new StreamRecord<>(Rows.of("topic:0", Records.utf8(text), Wire.Source.ANY_TOPIC)));
        }
    }

    private static List<String> out(KeyedOneInputStreamOperatorTestHarness<Row, Row, Row> harness) {
        List<String> found = new ArrayList<>();
        for (Row row : harness.extractOutputValues()) {
            Bundle bundle = Bundle.of((byte[]) row.getField(1));
            found.add(bundle.kind() + " " + bundle.bodies().stream().map(Records::text).toList());
        }
        return found;
    }

    @Test
    void aBundleLeavesWhenTheTaskIsIdleAndNotBefore() throws Exception {
        try (var harness = bench(1, 0)) {
            add(harness, "a", "b");
            assertEquals(List.of(), out(harness));
            idle(harness);
            assertEquals(List.of("R [a, b]"), out(harness));
        }
    }

    @Test
    void aFullBundleLeavesAtOnce() throws Exception {
        try (var harness = bench(1, 0)) {
            add(harness, "a", "b", "c", "d", "e");
            assertEquals(List.of("R [a, b, c, d]"), out(harness));
        }
    }

    @Test
    void beforeABarrierGoesWhatIsThereAndThenTheWordThatACheckpointFollows() throws Exception {
        try (var harness = bench(1, 0)) {
            add(harness, "a");
            harness.prepareSnapshotPreBarrier(1);
            assertEquals(List.of("R [a]", "S []"), out(harness));
        }
    }

    @Test
    void theEndOfTheInputHandsOutEverything() throws Exception {
        try (var harness = bench(1, 0)) {
            add(harness, "a");
            harness.endInput();
            assertEquals(2, out(harness).size());
        }
    }

    @Test
    void theWordBeforeABarrierHasAKeyOfItsOwnSubtask() throws Exception {
        for (int index = 0; index < 3; index++) {
            try (var harness = bench(3, index)) {
                harness.prepareSnapshotPreBarrier(1);
                String key = (String) harness.extractOutputValues().get(0).getField(0);
                KeyGroupRange own = KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex(Bench.MAX_PARALLELISM, 3, index);
                assertTrue(own.contains(KeyGroupRangeAssignment.assignToKeyGroup(Row.of(key), Bench.MAX_PARALLELISM)));
            }
        }
    }

    @Test
    void aPlacedRecordIsPartitionOffsetTimeTopicKeyAndValue() {
        List<Row> rows = new ArrayList<>();
        var record = new ConsumerRecord<>("weir.decisions", 3, 1L << 40, Records.utf8("é"), Records.utf8("{}"));
        new RecordDeserializer("P").deserialize(record, new ListCollector<>(rows));
        assertEquals("weir.decisions:3", Rows.key(rows.get(0)));
        ByteBuffer body = Bytes.of(Rows.payload(rows.get(0)));
        assertEquals(3, body.getInt());
        assertEquals(1L << 40, body.getLong());
        assertEquals(record.timestamp(), body.getLong());
        assertEquals(14, body.getInt());
        assertEquals(2, body.getInt());
        byte[] rest = new byte[body.remaining()];
        body.get(rest);
        assertArrayEquals(Records.utf8("weir.decisionsé{}"), rest);
    }

    @Test
    void aRecordWithoutKeyAndValueIsAnEmptyOne() {
        List<Row> rows = new ArrayList<>();
        new RecordDeserializer("P").deserialize(new ConsumerRecord<>("t", 0, 0, null, null), new ListCollector<>(rows));
        assertEquals(28 + 1, Rows.payload(rows.get(0)).length);
    }
}
