package weir.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.ProcessFunctionTestHarnesses;
import org.apache.flink.types.Row;
import org.apache.flink.util.OutputTag;
import org.junit.jupiter.api.Test;

/** What comes in from Kafka, goes between the stages and goes out to Kafka. */
class RoutesTest {
    private static byte[] frame(char tag, String key, byte[] payload) {
        byte[] name = Records.utf8(key);
        ByteBuffer frame = Bytes.ofSize(Wire.Frame.SIZE + name.length + Integer.BYTES + payload.length);
        return Wire.Frame.put(frame, tag, name.length).put(name).putInt(payload.length).put(payload).array();
    }

    private static byte[] joined(byte[]... parts) {
        ByteBuffer all = ByteBuffer.allocate(Arrays.stream(parts).mapToInt(part -> part.length).sum());
        for (byte[] part : parts) {
            all.put(part);
        }
        return all.array();
    }

    private static List<String> side(OneInputStreamOperatorTestHarness<byte[], Row> harness, OutputTag<Row> tag) {
        return harness.getSideOutput(tag).stream().map(record -> shown(record.getValue())).toList();
    }

    private static String shown(Row row) {
        return Rows.tag(row) + " " + Rows.key(row) + " " + Records.text(Rows.payload(row));
    }

    @Test
    void framesAreSplitByTagEachInOrder() throws Exception {
        try (OneInputStreamOperatorTestHarness<byte[], Row> harness = ProcessFunctionTestHarnesses.forProcessFunction(new Unbundle())) {
            harness.processElement(
                    joined(
                            frame('E', "ann", Records.utf8("e1")),
                            frame('K', "card\0é", Records.utf8("k1")),
                            frame('D', "ann", new byte[0]),
                            frame('a', "", Records.utf8("a1")),
                            frame('R', "ann", Records.utf8("r1")),
                            frame('E', "bob", Records.utf8("e2")),
                            frame('X', "", Records.utf8("x1"))),
                    0);
            harness.processElement(new byte[0], 0);
            assertEquals(List.of("E ann e1", "E bob e2"), side(harness, Unbundle.EVENTS));
            assertEquals(List.of("K card\0é k1"), side(harness, Unbundle.MESSAGES));
            assertEquals(List.of("a  a1"), side(harness, Unbundle.ANSWERS));
            assertEquals(List.of("R ann r1"), side(harness, Unbundle.REPLIES));
            assertEquals(List.of("D ann ", "X  x1"), harness.extractOutputValues().stream().map(RoutesTest::shown).toList());
        }
    }

    @Test
    void aKeyOfMoreThan32767BytesIsSplitRight() throws Exception {
        try (OneInputStreamOperatorTestHarness<byte[], Row> harness = ProcessFunctionTestHarnesses.forProcessFunction(new Unbundle())) {
            String key = "k".repeat(40_000);
            harness.processElement(frame('D', key, Records.utf8("v")), 0);
            assertEquals(key, Rows.key(harness.extractOutputValues().get(0)));
        }
    }

    private static List<String> routed(boolean users, String... keys) {
        List<Row> out = new ArrayList<>();
        for (String key : keys) {
            new LabelRoute("account", users).flatMap(Records.label(key, "v"), new ListCollector<>(out));
        }
        return out.stream().map(RoutesTest::shown).toList();
    }

    @Test
    void labelsGoToUsersUnderTheBareIdAndToEntitiesUnderKindAndId() {
        String[] keys = {"account\0ann", "card\0c", "accounts\0x", "account\0card\0d"};
        assertEquals(List.of("L ann v", "L card\0d v"), routed(true, keys));
        assertEquals(List.of("L card\0c v", "L accounts\0x v"), routed(false, keys));
    }

    @Test
    void factsGoToTheirEntityWhateverTheNameOfTheFact() throws Exception {
        List<Row> out = new ArrayList<>();
        for (String key : List.of("account\0ann\0vip", "card\0c\0d\0verdict", "account\0nameless")) {
            for (boolean users : List.of(true, false)) {
                new LabelRoute("account", users).flatMap(Records.fact(key, "v"), new ListCollector<>(out));
            }
        }
        assertEquals(List.of("F ann v", "F card\0c\0d v", "F nameless v"), out.stream().map(RoutesTest::shown).toList());
    }

    @Test
    void aRowIsWrittenToTheTopicOfItsTag() {
        ProducerRecord<byte[], byte[]> record =
                new TopicSerializer(Map.of("D", "weir-decisions", "R", "weir-replies")).serialize(
                        Rows.of("é", Records.utf8("v"), 'R'), null, 5L);
        assertEquals("weir-replies", record.topic());
        assertArrayEquals(Records.utf8("é"), record.key());
        assertArrayEquals(Records.utf8("v"), record.value());
    }

    @Test
    void aTagWithoutATopicIsNamed() {
        TopicSerializer serializer = new TopicSerializer(Map.of("D", "weir-decisions"));
        String said = assertThrows(
                IllegalArgumentException.class, () -> serializer.serialize(Rows.of("k", new byte[0], 'Z'), null, null)).getMessage();
        assertTrue(said.contains("'Z'") && said.contains("[D]"), said);
    }

    private static Row read(String tag, String key, String value, String reply) {
        byte[] keyBytes = key == null ? null : Records.utf8(key);
        byte[] valueBytes = value == null ? null : Records.utf8(value);
        ConsumerRecord<byte[], byte[]> record = new ConsumerRecord<>("events", 3, 4L, keyBytes, valueBytes);
        if (reply != null) {
            record.headers().add("weir-reply", Records.utf8(reply));
        }
        List<Row> out = new ArrayList<>();
        new RecordDeserializer(tag).deserialize(record, new ListCollector<>(out));
        return out.get(0);
    }

    @Test
    void aRawRecordKeepsItsPlaceTimeReplyAddressAndValue() {
        Row row = read("R", "ann", "{}", "api");
        ByteBuffer body = Bytes.of(Rows.payload(row));
        assertEquals(List.of(3, 4L, -1L, EventTimes.NONE, (short) 3), List.of(body.getInt(), body.getLong(), body.getLong(), body.getLong(), body.getShort()));
        assertEquals("api{}", Records.text(Arrays.copyOfRange(body.array(), 30, body.array().length)));
        assertEquals(List.of(3, 4L), List.of(Rows.partition(row), Rows.offset(row)));
    }

    @Test
    void aRawRecordWithoutValueOrWithAnAbsurdReplyAddressIsStillARecord() {
        assertEquals(30, Rows.payload(read("R", null, null, null)).length);
        assertEquals(31, Rows.payload(read("R", null, "v", "x".repeat(256))).length);
    }

    @Test
    void controlModelsAndLabelsCarryTheirKey() {
        assertArrayEquals(new byte[] {'c', 1, 0, 'k', 'v'}, Rows.payload(read("C", "k", "v", null)));
        assertArrayEquals(new byte[] {'m', 1, 0, 'k', 'v'}, Rows.payload(read("M", "k", "v", null)));
        assertArrayEquals(new byte[] {1, 0, 'k', 'v'}, Rows.payload(read("L", "k", "v", null)));
        assertEquals("k", Rows.key(read("L", "k", "v", null)));
    }

    @Test
    void aKeyThatIsTooLongIsCutAndTheValueBehindItStaysWhole() throws Exception {
        byte[] key = new byte[70_000];
        Arrays.fill(key, (byte) 'k');
        for (String source : List.of("L", "C")) {
            List<Row> rows = new ArrayList<>();
            new RecordDeserializer(source).deserialize(new ConsumerRecord<>("t", 0, 0, key, Records.utf8("{}")), new ListCollector<>(rows));
            byte[] body = Rows.payload(rows.get(0));
            byte[] expected = joined(Arrays.copyOf(key, 0xFFFF), Records.utf8("{}"));
            assertArrayEquals(expected, Arrays.copyOfRange(body, body.length - expected.length, body.length));
            int length = source.equals("L") ? Wire.KeyedBody.keyLength(Bytes.of(body)) : Wire.ControlRecord.keyLength(Bytes.of(body));
            assertEquals(0xFFFF, length);
        }
    }
}
