package weir.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.record.TimestampType;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.ProcessFunctionTestHarnesses;
import org.apache.flink.types.Row;
import org.apache.flink.util.OutputTag;
import org.junit.jupiter.api.Test;

/**
 * One event on its way: what Java writes is what Python's tests read, and the other way round.
 *
 * <p>See also BulkStateTest for what a call to the state carries.
 */
class GoldenBytesTest {
    private static final String VALUE = "{\"id\":1,\"at\":1700000000000,\"who\":\"ann\",\"shop\":\"s1\",\"amount\":5}";
    private static final long AT_MS = 1_700_000_000_123L;
    private static final long TURN_MS = 1_700_000_000_000L;
    private static final long NEWEST_MS = 1_699_999_999_999L;
    private static final long UID = 3L << 48 | 5;
    private static final int RELEASE = 7;
    private static final long SNAPSHOTS = 9;
    private static final Row MODELS_RECORD = Records.model("shape", SNAPSHOTS - 1);
    private static final Row RELEASE_RECORD = Records.control("release:0000000007", 0);

    private static Row read(String source, String topic, long offset, byte[] key, byte[] value, String reply) {
        RecordHeaders headers = new RecordHeaders();
        if (reply != null) {
            headers.add("weir-reply", Records.utf8(reply));
        }
        var record = new ConsumerRecord<>(
                topic, 3, offset, AT_MS, TimestampType.CREATE_TIME, -1, -1, key, value, headers, Optional.empty());
        List<Row> out = new ArrayList<>();
        new RecordDeserializer(source).deserialize(record, new ListCollector<>(out));
        return out.get(0);
    }

    /** The rows of one side output, or those that go on where there is no tag. */
    private static List<Row> unbundled(String name, OutputTag<Row> tag) throws Exception {
        try (OneInputStreamOperatorTestHarness<byte[], Row> harness = ProcessFunctionTestHarnesses.forProcessFunction(new Unbundle())) {
            harness.processElement(Golden.bytes(name), 0);
            return tag == null
                    ? harness.extractOutputValues()
                    : harness.getSideOutput(tag).stream().map(record -> record.getValue()).toList();
        }
    }

    private static byte[] frame(char tag, String key, byte[] payload) {
        byte[] name = Records.utf8(key);
        ByteBuffer out = Bytes.ofSize(Wire.Frame.SIZE + name.length + Integer.BYTES + payload.length);
        return Wire.Frame.put(out, tag, name.length).put(name).putInt(payload.length).put(payload).array();
    }

    private static byte[] rest(byte[] bytes, int from) {
        return Arrays.copyOfRange(bytes, from, bytes.length);
    }

    private static byte[] joined(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    @Test
    void aRawRecordIsWrittenByTheSourceAndTheDecodeBundler() throws Exception {
        try (Bench bench = Bench.of(new DecodeBundler(Bench.arrival()), null)) {
            bench.record(read("R", "events", 4, null, Records.utf8("{}"), null), NEWEST_MS);
            bench.record(read("R", "events", 5, null, Records.utf8(VALUE), "api-1"), TURN_MS).idle();
            assertArrayEquals(Golden.bytes("raw_record"), bench.bundles().get(0).bodies().get(1));
        }
    }

    @Test
    void aRawRecordIsRead() throws Exception {
        ByteBuffer in = Bytes.of(Golden.bytes("raw_record"));
        assertEquals(3, Wire.RawRecord.partition(in));
        assertEquals(5, Wire.RawRecord.offset(in));
        assertEquals(AT_MS, Wire.RawRecord.atMs(in));
        assertEquals(NEWEST_MS, Wire.RawRecord.newestMs(in));
        assertEquals(5, Wire.RawRecord.replyLength(in));
        assertEquals("api-1" + VALUE, Records.text(rest(in.array(), Wire.RawRecord.SIZE)));
    }

    @Test
    void aBundleOfRawRecordsIsWrittenAndRead() throws Exception {
        byte[] body = Golden.bytes("raw_record");
        List<byte[]> bundles = new ArrayList<>();
        BundleWriter writer = new BundleWriter(2, 1_000, (key, bundle) -> bundles.add(bundle));
        writer.add(Wire.Kind.RAW, 0, SNAPSHOTS, "", body, 0);
        writer.add(Wire.Kind.RAW, 0, SNAPSHOTS + 1, "", body, 0);
        assertArrayEquals(Golden.bytes("bundle_raw"), bundles.get(0));
        assertArrayEquals(body, Bundle.of(Golden.bytes("bundle_raw")).bodies().get(1));
    }

    @Test
    void theFramesOfADecodedEventAreWritten() throws Exception {
        byte[] message = Rows.payload(unbundled("frames_decoded", Unbundle.MESSAGES).get(0));
        byte[] event = Rows.payload(unbundled("frames_decoded", Unbundle.EVENTS).get(0));
        byte[] order = Bytes.ofSize(8).putLong(0x01_00_00_00_00_00_00_80L).array();
        byte[] both = joined(order, new byte[1], Records.utf8("ann"));
        ByteBuffer messageAgain = Wire.Message.put(Bytes.ofSize(message.length), TURN_MS, UID, RELEASE, SNAPSHOTS, both.length);
        messageAgain.put(both).put(rest(message, messageAgain.position()));
        ByteBuffer eventAgain = Wire.Event.put(Bytes.ofSize(event.length), TURN_MS, UID, RELEASE, SNAPSHOTS, 24, 1, order.length);
        eventAgain.put(order).put(rest(event, eventAgain.position()));
        assertArrayEquals(
                Golden.bytes("frames_decoded"), joined(frame('K', "shop\0s1", messageAgain.array()), frame('E', "ann", eventAgain.array())));
    }

    @Test
    void theMessageOfADecodedEventIsReadAndBecomesABundle() throws Exception {
        Row message = unbundled("frames_decoded", Unbundle.MESSAGES).get(0);
        ByteBuffer head = Bytes.of(Rows.payload(message));
        assertEquals("shop\0s1", Rows.key(message));
        assertEquals(
                List.of(TURN_MS, UID, RELEASE, SNAPSHOTS, 12),
                List.of(
                        Wire.Stamped.turnMs(head),
                        Wire.Message.uid(head),
                        Wire.Stamped.release(head),
                        Wire.Stamped.snapshots(head),
                        Wire.Message.orderLength(head)));
        try (Bench bench = Bench.of(new EntityBundler(Bench.arrival()))) {
            bench.control(RELEASE_RECORD, MODELS_RECORD).idle().bundles();
            assertArrayEquals(Golden.bytes("bundle_messages"), bench.records(message).idle().bundles().get(0).bytes());
        }
    }

    @Test
    void whatEarlierVersionsLeftWaitingIsStampedWithTheNewestSnapshots() throws Exception {
        for (var side : List.of(Unbundle.MESSAGES, Unbundle.EVENTS)) {
            Row now = unbundled("frames_decoded", side).get(0);
            char tag = Rows.tag(now);
            Row row = unbundled("frames_decoded_earlier", null).get(tag == Wire.Tag.MESSAGE ? 0 : 1);
            Row completed = EarlierRows.completed(row);
            byte[] expected = Rows.payload(now).clone();
            Bytes.of(expected).putLong(Wire.Stamped.SNAPSHOTS, Wire.ANY_SNAPSHOTS);
            assertEquals(List.of(Rows.key(now), tag), List.of(Rows.key(completed), Rows.tag(completed)));
            assertArrayEquals(expected, Rows.payload(completed));
            assertEquals(completed, EarlierRows.completed(completed));
        }
    }

    @Test
    void anAnswerIsReadAndWritten() throws Exception {
        Row answer = unbundled("frame_answer", Unbundle.ANSWERS).get(0);
        ByteBuffer head = Bytes.of(Rows.payload(answer));
        assertEquals(List.of("ann", UID, 0), List.of(Rows.key(answer), Wire.Answer.uid(head), Wire.Answer.at(head)));
        ByteBuffer again = Wire.Answer.put(Bytes.ofSize(Wire.Answer.SIZE + 24), UID, 0).putDouble(1).putDouble(5).putDouble(0);
        assertArrayEquals(Golden.bytes("frame_answer"), frame('a', "ann", again.array()));
    }

    @Test
    void anEventIsReadAndBecomesABundleWithItsAnswerAndWithout() throws Exception {
        Row event = unbundled("frames_decoded", Unbundle.EVENTS).get(0);
        ByteBuffer head = Bytes.of(Rows.payload(event));
        assertEquals(List.of(24, 1, 8), List.of(Wire.Event.width(head), Wire.Event.answers(head), Wire.Event.orderLength(head)));
        try (Bench bench = Bench.of(new UserBundler(Bench.eventTime()))) {
            bench.control(RELEASE_RECORD, MODELS_RECORD).idle().bundles();
            bench.records(unbundled("frame_answer", Unbundle.ANSWERS).get(0), event, event).watermark(TURN_MS);
            assertArrayEquals(Golden.bytes("bundle_events"), bench.bundles().get(0).bytes());
        }
        Bundle read = Bundle.of(Golden.bytes("bundle_events"));
        assertEquals(List.of(false, true), read.missing());
        assertEquals(List.of(List.of(1.0, 5.0, 0.0), List.of(Double.NaN, Double.NaN, Double.NaN)), read.answers());
    }

    @Test
    void theWordBeforeABarrierIsWrittenAndRead() throws Exception {
        try (Bench bench = Bench.of(new UserBundler(Bench.arrival()))) {
            bench.snapshot();
            assertArrayEquals(Golden.bytes("bundle_barrier"), bench.bundles().get(0).bytes());
        }
        assertEquals(Wire.Kind.BARRIER, Bundle.of(Golden.bytes("bundle_barrier")).kind());
    }

    @Test
    void controlRecordsAreWrittenAndRead() throws Exception {
        byte[] key = Records.utf8("release:0000000007");
        assertArrayEquals(Golden.bytes("control_record"), Rows.payload(read("C", "control", 0, key, Records.utf8("{}"), null)));
        assertArrayEquals(Golden.bytes("control_record_gone"), Rows.payload(read("M", "models", 0, Records.utf8("shape"), null, null)));
        ByteBuffer there = Bytes.of(Golden.bytes("control_record"));
        ByteBuffer gone = Bytes.of(Golden.bytes("control_record_gone"));
        assertEquals(List.of('c', 18), List.of(Wire.ControlRecord.topic(there), Wire.ControlRecord.keyLength(there)));
        assertEquals(List.of('M', 5), List.of(Wire.ControlRecord.topic(gone), Wire.ControlRecord.keyLength(gone)));
    }

    @Test
    void aLabelAndAFactAreWrittenAndRead() throws Exception {
        Row label = read("L", "labels-resolved", 0, Records.utf8("shop\0sé"), Records.utf8("{\"label\":1}"), null);
        assertArrayEquals(Golden.bytes("label"), Rows.payload(label));
        assertEquals(8, Wire.KeyedBody.keyLength(Bytes.of(Golden.bytes("label"))));

        Row fact = read("F", "facts", 0, Records.utf8("shop\0sé\0vip"), Records.utf8("{\"value\":1}"), null);
        assertArrayEquals(Golden.bytes("fact"), Rows.payload(fact));
        assertEquals(12, Wire.KeyedBody.keyLength(Bytes.of(Golden.bytes("fact"))));
    }

    @Test
    void aRecordOfAnyTopicIsWrittenAndRead() throws Exception {
        byte[] placed = Golden.bytes("placed_record");
        assertArrayEquals(placed, Rows.payload(read("P", "weir.decisions", 1L << 40, Records.utf8("é"), Records.utf8("{}"), null)));
        ByteBuffer in = Bytes.of(placed);
        assertEquals(
                List.of(3, 1L << 40, AT_MS, 14, 2),
                List.of(
                        Wire.PlacedRecord.partition(in),
                        Wire.PlacedRecord.offset(in),
                        Wire.PlacedRecord.atMs(in),
                        Wire.PlacedRecord.topicLength(in),
                        Wire.PlacedRecord.keyLength(in)));
    }

    @Test
    void framesForTopicsAreReadAndWritten() throws Exception {
        List<Row> on = unbundled("frames_for_topics", null);
        assertEquals(List.of('D', 'X', 'T', 'V', 'F'), on.stream().map(Rows::tag).toList());
        Row reply = unbundled("frames_for_topics", Unbundle.REPLIES).get(0);
        assertEquals("api-é", Rows.key(reply));
        List<byte[]> again = new ArrayList<>();
        for (Row row : List.of(on.get(0), reply, on.get(1), on.get(2), on.get(3), on.get(4))) {
            again.add(frame(Rows.tag(row), Rows.key(row), Rows.payload(row)));
        }
        assertArrayEquals(Golden.bytes("frames_for_topics"), joined(again.toArray(byte[][]::new)));
    }
}
