package weir.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class TopicEndsTest {
    private static final TopicPartition PLACE = new TopicPartition("control", 0);
    private static final Duration SOON = Duration.ofSeconds(10);

    /** A topic that ends at `high`, with records at `offsets`, which come one a poll; then the reader stands at `last`. */
    private static MockConsumer<byte[], byte[]> topic(long high, long last, long... offsets) {
        MockConsumer<byte[], byte[]> consumer = new MockConsumer<>(OffsetResetStrategy.EARLIEST);
        consumer.updateBeginningOffsets(Map.of(PLACE, 0L));
        consumer.updateEndOffsets(Map.of(PLACE, high));
        for (long offset : offsets) {
            consumer.schedulePollTask(() -> consumer.addRecord(new ConsumerRecord<>("control", 0, offset, null, null)));
        }
        consumer.schedulePollTask(() -> consumer.seek(PLACE, last));
        return consumer;
    }

    @Test
    void theEndIsOnePastTheLastRecord() throws Exception {
        assertEquals(9, TopicEnds.end(topic(9, 9, 5, 8), PLACE, 5, SOON));
    }

    @Test
    void whatHoldsNoRecordAtTheEndIsLeftOut() throws Exception {
        assertEquals(6, TopicEnds.end(topic(9, 9, 5), PLACE, 5, SOON), "a marker, or what compaction took away");
        assertEquals(5, TopicEnds.end(topic(9, 9), PLACE, 5, SOON));
    }

    @Test
    void aTopicThatEndsWhereTheStateHasReadToIsNotRead() throws Exception {
        assertEquals(5, TopicEnds.end(topic(5, 5), PLACE, 5, SOON));
        assertEquals(7, TopicEnds.end(topic(5, 5), PLACE, 7, SOON), "made anew, with fewer records");
    }

    @Test
    void anEndThatIsNotReachedInTimeIsAnErrorThatSaysHowFarTheReaderCame() {
        TimeoutException error = assertThrows(
                TimeoutException.class, () -> TopicEnds.end(topic(9, 6, 5), PLACE, 5, Duration.ofMillis(10)));
        assertEquals(List.of(true, true), List.of("control", "got 6").stream().map(error.getMessage()::contains).toList());
    }
}
