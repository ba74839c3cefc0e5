package weir.flink;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.header.Header;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;

/**
 * A Kafka record as the body that a bundle holds of it. Nothing is decoded here: what is bad is found where it can be named.
 */
public class RecordDeserializer implements KafkaRecordDeserializationSchema<Row> {
    private static final byte[] NOTHING = new byte[0];
    private static final int KEY_BYTES_MAX = 0xFFFF; // What a key's length in a body can say.
    private final char tag;

    /** @param tag a letter of Wire.Source. */
    public RecordDeserializer(String tag) {
        this.tag = tag.charAt(0);
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Row> out) {
        byte[] key = record.key() == null ? NOTHING : record.key();
        byte[] value = record.value() == null ? NOTHING : record.value();
        if (tag == Wire.Source.ANY_TOPIC) {
            String place = record.topic() + ":" + record.partition();
            out.collect(Rows.of(place, placed(record, key, value), tag, record.partition(), record.offset()));
            return;
        }
        byte[] kept = key.length > KEY_BYTES_MAX ? Arrays.copyOf(key, KEY_BYTES_MAX) : key; // No key that long names anything.
        String name = tag == Wire.Source.EVENT ? "" : new String(kept, StandardCharsets.UTF_8);
        byte[] body = switch (tag) {
            case Wire.Source.EVENT -> event(record, value);
            case Wire.Source.LABEL, Wire.Source.FACT -> keyed(kept, value);
            default -> control(kept, value, record.value() == null);
        };
        out.collect(Rows.of(name, body, tag, record.partition(), record.offset()));
    }

    private static byte[] event(ConsumerRecord<byte[], byte[]> record, byte[] value) {
        Header header = record.headers().lastHeader(Wire.REPLY_HEADER);
        boolean awaited = header != null && header.value() != null && header.value().length <= Wire.REPLY_BYTES_MAX;
        byte[] reply = awaited ? header.value() : NOTHING;
        ByteBuffer body = Bytes.ofSize(Wire.RawRecord.SIZE + reply.length + value.length);
        long newestMs = Wire.NO_TIME_MS; // DecodeBundler knows it
        Wire.RawRecord.put(body, record.partition(), record.offset(), record.timestamp(), newestMs, reply.length);
        return body.put(reply).put(value).array();
    }

    private static byte[] placed(ConsumerRecord<byte[], byte[]> record, byte[] key, byte[] value) {
        byte[] topic = record.topic().getBytes(StandardCharsets.UTF_8);
        ByteBuffer body = Bytes.ofSize(Wire.PlacedRecord.SIZE + topic.length + key.length + value.length);
        Wire.PlacedRecord.put(body, record.partition(), record.offset(), record.timestamp(), topic.length, key.length);
        return body.put(topic).put(key).put(value).array();
    }

    private static byte[] keyed(byte[] key, byte[] value) {
        ByteBuffer body = Bytes.ofSize(Wire.KeyedBody.SIZE + key.length + value.length);
        return Wire.KeyedBody.put(body, key.length).put(key).put(value).array();
    }

    private byte[] control(byte[] key, byte[] value, boolean gone) {
        char topic = tag == Wire.Source.MODEL ? Wire.Topic.MODEL : Wire.Topic.CONTROL;
        ByteBuffer body = Bytes.ofSize(Wire.ControlRecord.SIZE + key.length + value.length);
        return Wire.ControlRecord.put(body, gone ? Character.toUpperCase(topic) : topic, key.length).put(key).put(value).array();
    }

    @Override
    public TypeInformation<Row> getProducedType() {
        return Rows.TYPE;
    }
}
