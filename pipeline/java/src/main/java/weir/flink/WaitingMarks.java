package weir.flink;

import java.util.ArrayDeque;
import org.apache.flink.streaming.api.watermark.Watermark;

/**
 * Watermarks that wait for the events that were parked before them, and for no later ones: whoever hears what event time has come has
 * seen every event that came before.
 *
 * <p>Of watermarks with the same events before them only the latest is kept, so that there are no more than events.
 */
final class WaitingMarks {
    private record Waiting(Watermark mark, long after) {}

    private final ArrayDeque<Parked> parked = new ArrayDeque<>(); // in the order in which they came; the first one has not gone
    private final ArrayDeque<Waiting> marks = new ArrayDeque<>();
    private long count;

    /** Watermarks that come from now on wait for the event. */
    void waitFor(Parked event) {
        parked.add(event);
        count++;
    }

    /** Keeps a watermark until `due` gives it out. False: no event waits, and so it need not wait either. */
    boolean keep(Watermark mark) {
        if (parked.isEmpty()) {
            return false;
        }
        if (!marks.isEmpty() && marks.peekLast().after == count) {
            marks.removeLast();
        }
        marks.add(new Waiting(mark, count));
        return true;
    }

    boolean isEmpty() {
        return marks.isEmpty();
    }

    /** The latest watermark whose events have all gone; null: none. Call it after events have gone. */
    Watermark due() {
        while (!parked.isEmpty() && parked.peek().isGone()) {
            parked.poll();
        }
        Watermark due = null;
        while (!marks.isEmpty() && marks.peek().after <= count - parked.size()) {
            due = marks.poll().mark;
        }
        return due;
    }
}
