package weir.flink;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.api.common.state.BroadcastState;
import org.apache.flink.types.Row;

/**
 * What the control and models topics have said: the newest record of each key, in broadcast state.
 *
 * <p>Says when both have been read to where they ended at the start, which release is the newest, and whether the backlog
 * is done.
 */
final class ControlLog {
    private static final String POSITION = "position:";
    private static final String RELEASE = "release:";
    private final JobStart start;
    private final BroadcastState<String, byte[]> kept;
    private final TreeMap<String, byte[]> restored = new TreeMap<>();
    private long controlPosition;
    private long modelsPosition;
    private int newestRelease;
    private int marks;
    private long backlogEndMs = Long.MIN_VALUE;

    ControlLog(JobStart start, BroadcastState<String, byte[]> kept) throws Exception {
        this.start = start;
        this.kept = kept;
        for (Map.Entry<String, byte[]> entry : kept.immutableEntries()) {
            String name = entry.getKey();
            if (name.startsWith(POSITION)) {
                long position = Bytes.of(entry.getValue()).getLong();
                controlPosition = name.endsWith("c") ? position : controlPosition;
                modelsPosition = name.endsWith("m") ? position : modelsPosition;
            } else {
                restored.put(name, entry.getValue());
                learn(name, entry.getValue());
            }
        }
    }

    /** Bodies to give to Python first after a restore: definitions, then releases, then models. */
    Iterable<byte[]> restored() {
        return restored.values();
    }

    void take(Row row) throws Exception {
        boolean model = Rows.tag(row) == Rows.MODEL;
        String name = (model ? "m" : "c") + Rows.key(row);
        long position = Rows.offset(row) + 1;
        kept.put(POSITION + (model ? "m" : "c"), Bytes.ofSize(8).putLong(position).array());
        controlPosition = model ? controlPosition : Math.max(controlPosition, position);
        modelsPosition = model ? Math.max(modelsPosition, position) : modelsPosition;
        boolean known = kept.contains(name);
        if (!name.startsWith("cmode:") || name.startsWith("cmode:" + start.run + ":")) {
            kept.put(name, Rows.payload(row));
            if (!known) {
                learn(name, Rows.payload(row));
            }
        }
    }

    private void learn(String name, byte[] body) {
        if (name.startsWith("c" + RELEASE)) {
            newestRelease = Math.max(newestRelease, Integer.parseInt(name.substring(1 + RELEASE.length())));
        } else if (name.startsWith("cmode:" + start.run + ":")) {
            marks++;
            int value = 2 + name.length(); // a tag, two bytes of length, the key without the tag in front of it here
            backlogEndMs = Math.max(backlogEndMs, Long.parseLong(new String(body, value, body.length - value, StandardCharsets.UTF_8)));
        }
    }

    boolean isRead() {
        return controlPosition >= start.controlEnd && modelsPosition >= start.modelsEnd;
    }

    boolean hasRelease(int release) {
        return release <= newestRelease;
    }

    /** The greatest event time of the backlog, once all of it is read. */
    long backlogEndMs() {
        return backlogEndMs;
    }

    boolean inEventTime() {
        return start.eventTime && marks < start.backlog.size();
    }
}
