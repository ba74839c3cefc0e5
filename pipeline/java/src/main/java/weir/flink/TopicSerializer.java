package weir.flink;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.flink.types.Row;

/** A row as a record of the topic that its tag stands for: one sink, and one producer, for all of them. */
public class TopicSerializer implements KafkaRecordSerializationSchema<Row> {
    private final Map<String, String> topics;

    /** @param topics full name by tag. */
    public TopicSerializer(Map<String, String> topics) {
        this.topics = new HashMap<>(topics);
    }

    @Override
    public ProducerRecord<byte[], byte[]> serialize(Row row, KafkaSinkContext context, Long timestamp) {
        String topic = topics.get(String.valueOf(Rows.tag(row)));
        if (topic == null) {
            throw new IllegalArgumentException("no topic for tag '" + Rows.tag(row) + "': expected one of " + topics.keySet());
        }
        return new ProducerRecord<>(topic, Rows.key(row).getBytes(StandardCharsets.UTF_8), Rows.payload(row));
    }
}
