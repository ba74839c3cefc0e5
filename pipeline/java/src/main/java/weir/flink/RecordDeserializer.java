package weir.flink;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.header.Header;
import org.apache.flink.types.Row;
import org.apache.flink.util.Collector;

/**
 * A Kafka record as the body that a bundle holds of it. Nothing is decoded here: what is bad is found where it can be named.
 *
 * <p>An event's body begins with partition, offset, record time, a place for what DecodeBundler knows, and the length of the
 * reply address.
 */
public class RecordDeserializer implements KafkaRecordDeserializationSchema<Row> {
    /** Bytes before the reply address of an event. */
    static final int HEAD = 30;

    /** Where the greatest event time stands that the partition had before the event. */
    static final int NEWEST_AT = 20;

    private static final String REPLY = "weir-reply";
    private static final byte[] NOTHING = new byte[0];
    private final char tag;

    /** @param tag RAW for events, LABEL for resolved labels, CONTROL or MODEL; PLACED for records as they stand, of any topic. */
    public RecordDeserializer(String tag) {
        this.tag = tag.charAt(0);
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Row> out) {
        byte[] key = record.key() == null ? NOTHING : record.key();
        byte[] value = record.value() == null ? NOTHING : record.value();
        if (tag == Rows.PLACED) {
            String place = record.topic() + ":" + record.partition();
            out.collect(Rows.of(place, placed(record, key, value), tag, record.partition(), record.offset()));
            return;
        }
        String name = tag == Rows.RAW ? "" : new String(key, StandardCharsets.UTF_8);
        byte[] body = tag == Rows.RAW ? event(record, value) : named(key, value, record.value() == null);
        out.collect(Rows.of(name, body, tag, record.partition(), record.offset()));
    }

    private static byte[] event(ConsumerRecord<byte[], byte[]> record, byte[] value) {
        Header header = record.headers().lastHeader(REPLY);
        byte[] reply = header == null || header.value() == null || header.value().length > 255 ? NOTHING : header.value();
        ByteBuffer body = Bytes.ofSize(HEAD + reply.length + value.length);
        body.putInt(record.partition()).putLong(record.offset()).putLong(record.timestamp()).putLong(EventTimes.NONE);
        return body.putShort((short) reply.length).put(reply).put(value).array();
    }

    private static byte[] placed(ConsumerRecord<byte[], byte[]> record, byte[] key, byte[] value) {
        byte[] topic = record.topic().getBytes(StandardCharsets.UTF_8);
        ByteBuffer body = Bytes.ofSize(28 + topic.length + key.length + value.length);
        body.putInt(record.partition()).putLong(record.offset()).putLong(record.timestamp());
        body.putInt(topic.length).putInt(key.length).put(topic).put(key);
        return body.put(value).array();
    }

    private byte[] named(byte[] key, byte[] value, boolean gone) {
        boolean label = tag == Rows.LABEL;
        ByteBuffer body = Bytes.ofSize((label ? 2 : 3) + key.length + value.length);
        if (!label) {
            char name = tag == Rows.MODEL ? 'm' : 'c';
            body.put((byte) (gone ? Character.toUpperCase(name) : name)); // a capital: the key has no record any more
        }
        return body.putShort((short) key.length).put(key).put(value).array();
    }

    @Override
    public TypeInformation<Row> getProducedType() {
        return Rows.TYPE;
    }
}
