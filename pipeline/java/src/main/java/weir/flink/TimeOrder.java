package weir.flink;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.apache.flink.types.Row;

/**
 * Rows held until the watermark has passed them, then given out in the total order: time, order of ids, arrival.
 *
 * <p>They wait unsorted. A watermark looks through their times, which stand close together, and sorts only those it has passed:
 * a heap of all that waits costs three times as much, nearly all of it cache misses.
 */
final class TimeOrder {
    private record Item(long timeMs, byte[] order, Row row) {}

    /** Sorting is stable, so that rows of one time and order stay as they came. */
    private static final Comparator<Item> ORDER = (one, other) -> {
        int byTime = Long.compare(one.timeMs, other.timeMs);
        return byTime != 0 ? byTime : Arrays.compareUnsigned(one.order, other.order);
    };

    private final List<Item> due = new ArrayList<>();
    private long[] times = new long[1_024];
    private Item[] items = new Item[1_024];
    private int count;

    void add(long timeMs, byte[] order, Row row) {
        if (count == items.length) {
            times = Arrays.copyOf(times, 2 * count);
            items = Arrays.copyOf(items, 2 * count);
        }
        times[count] = timeMs;
        items[count++] = new Item(timeMs, order, row);
    }

    /** Takes out the rows at or before the watermark, in order. */
    List<Row> take(long watermarkMs) {
        int kept = 0;
        for (int i = 0; i < count; i++) {
            if (times[i] <= watermarkMs) {
                due.add(items[i]);
            } else {
                times[kept] = times[i];
                items[kept++] = items[i];
            }
        }
        Arrays.fill(items, kept, count, null);
        count = kept;
        due.sort(ORDER);
        List<Row> rows = new ArrayList<>(due.size());
        due.forEach(item -> rows.add(item.row));
        due.clear();
        return rows;
    }

    /** All rows, in the order of their arrival. */
    List<Row> rows() {
        return Arrays.stream(items, 0, count).map(Item::row).toList();
    }
}
