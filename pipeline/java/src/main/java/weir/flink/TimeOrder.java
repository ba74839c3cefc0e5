package weir.flink;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.PriorityQueue;
import org.apache.flink.types.Row;

/** Rows held until the watermark has passed them, then given out in the total order: time, order of ids, arrival. */
final class TimeOrder {
    private record Item(long timeMs, byte[] order, long arrival, Row row) implements Comparable<Item> {
        @Override
        public int compareTo(Item other) {
            int byTime = Long.compare(timeMs, other.timeMs);
            int byOrder = byTime != 0 ? byTime : Arrays.compareUnsigned(order, other.order);
            return byOrder != 0 ? byOrder : Long.compare(arrival, other.arrival);
        }
    }

    private final PriorityQueue<Item> items = new PriorityQueue<>();
    private long arrivals;

    void add(long timeMs, byte[] order, Row row) {
        items.add(new Item(timeMs, order, arrivals++, row));
    }

    boolean isEmpty() {
        return items.isEmpty();
    }

    /** The next row at or before the watermark, or null. */
    Row poll(long watermarkMs) {
        Item first = items.peek();
        return first == null || first.timeMs > watermarkMs ? null : items.poll().row;
    }

    /** All rows, in no order but that of arrival. */
    List<Row> rows() {
        List<Item> all = new ArrayList<>(items);
        all.sort((a, b) -> Long.compare(a.arrival, b.arrival));
        return all.stream().map(Item::row).toList();
    }
}
