package weir.flink;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.Consumer;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.TopicPartition;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Asks the broker. The topics have one partition each. */
public class TopicEnds implements Ends {
    private static final Duration ANSWER_MAX = Duration.ofSeconds(30);
    private static final Duration POLL = Duration.ofMillis(100);
    private final HashMap<String, String> topics;
    private final HashMap<String, Object> connection;

    /**
     * @param topics full names by tag.
     * @param bootstrap the broker's address.
     * @param login options of a client of Kafka by which it shows who it is.
     */
    public TopicEnds(Map<String, String> topics, String bootstrap, Map<String, String> login) {
        this.topics = new HashMap<>(topics);
        connection = new HashMap<>(login);
        connection.put("bootstrap.servers", bootstrap);
        connection.put("enable.auto.commit", "false");
        connection.put("auto.offset.reset", "earliest");
    }

    @Override
    public long end(char tag, long from) throws Exception {
        ByteArrayDeserializer bytes = new ByteArrayDeserializer();
        try (Consumer<byte[], byte[]> consumer = new KafkaConsumer<>(connection, bytes, bytes)) {
            return end(consumer, new TopicPartition(topics.get(String.valueOf(tag)), 0), from, ANSWER_MAX);
        }
    }

    /**
     * The last offsets before an end may hold no record: the marker of a transaction, or what compaction took away. Nobody is ever given
     * them, and a gate that waited for them would stay closed. So what lies between `from` and the end is read.
     */
    static long end(Consumer<byte[], byte[]> consumer, TopicPartition place, long from, Duration answerMax) throws TimeoutException {
        consumer.assign(List.of(place));
        long high = consumer.endOffsets(List.of(place), answerMax).get(place);
        consumer.seek(place, from);
        long end = from;
        long until = System.nanoTime() + answerMax.toNanos();
        while (end < high && consumer.position(place, answerMax) < high) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                end = record.offset() + 1;
            }
            if (System.nanoTime() > until) {
                throw new TimeoutException("topic " + place.topic() + ": expected to be read from " + from + " to its end " + high
                        + " within " + answerMax.toSeconds() + " s, got " + end + "; the task is started again");
            }
        }
        return end;
    }
}
