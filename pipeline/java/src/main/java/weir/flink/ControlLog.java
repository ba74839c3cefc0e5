package weir.flink;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.flink.api.common.state.BroadcastState;
import org.apache.flink.types.Row;

/**
 * What the control and models topics have said: the newest record of each key, in broadcast state.
 *
 * <p>A record that the topic has taken away stays until `letGo`, which is called before a barrier. What the decode stage stamps
 * behind a barrier is at least as new as what the topics said before it; so once the barrier is here only events that wait here can
 * carry an older release or an older position in the topic of models.
 *
 * <p>Says when both have been read to where they ended when the task started, which release is the newest, and whether the backlog
 * is done.
 */
final class ControlLog {
    private static final String POSITION = "position:";
    private static final String RELEASE = Wire.Topic.CONTROL + Wire.RELEASE_KEY;
    private static final String MODE = Wire.Topic.CONTROL + Wire.MODE_KEY;
    private static final String LEFT = "left:";
    private static final String GONE = "gone:";
    private static final String SINCE = "since:";
    private static final byte[] NOTHING = new byte[0];

    /**
     * A record that a restart finds.
     *
     * @param position see `position(Row)`.
     */
    record Kept(byte[] body, long position) {}

    private final JobStart start;
    private final BroadcastState<String, byte[]> kept;
    private final TreeSet<String> goneReleases = new TreeSet<>();
    private final TreeSet<String> goneOthers = new TreeSet<>();
    private final TreeMap<String, Long> goneModels = new TreeMap<>();
    private TreeMap<String, byte[]> restored = new TreeMap<>();
    private long controlPosition;
    private long modelsPosition;
    private final long controlEnd;
    private final long modelsEnd;
    private long newestRelease;
    private int marks;
    private boolean left;
    private long backlogEndMs = Long.MIN_VALUE;

    ControlLog(JobStart start, BroadcastState<String, byte[]> kept) throws Exception {
        this.start = start;
        this.kept = kept;
        List<String> past = new ArrayList<>();
        for (Map.Entry<String, byte[]> entry : kept.immutableEntries()) {
            String name = entry.getKey();
            if (name.startsWith(POSITION)) {
                long position = Bytes.of(entry.getValue()).getLong();
                controlPosition = isOfModels(name) ? controlPosition : position;
                modelsPosition = isOfModels(name) ? position : modelsPosition;
            } else if (ofAnotherRun(name)) {
                past.add(name);
            } else if (name.startsWith(LEFT)) {
                left = true;
            } else if (name.startsWith(GONE)) {
                noteGone(name.substring(GONE.length()), entry.getValue());
            } else if (!name.startsWith(SINCE)) {
                restored.put(name, entry.getValue());
                learn(name, entry.getValue());
            }
        }
        for (String name : past) {
            kept.remove(name);
        }
        controlEnd = start.ends.end(Wire.Source.CONTROL, Math.max(controlPosition, start.controlEnd));
        modelsEnd = start.ends.end(Wire.Source.MODEL, Math.max(modelsPosition, start.modelsEnd));
    }

    /** Bodies to give to Python first after a restore, once; their order says nothing. */
    Iterable<Kept> restored() throws Exception {
        List<Kept> records = new ArrayList<>();
        for (Map.Entry<String, byte[]> entry : restored.entrySet()) {
            records.add(new Kept(entry.getValue(), since(entry.getKey())));
        }
        restored = new TreeMap<>();
        return records;
    }

    /** Where the record stands in the topic of models, counted from one; `ANY_SNAPSHOTS` where it is of the other topic. */
    static long position(Row row) {
        return Rows.tag(row) == Wire.Source.MODEL ? Rows.offset(row) + 1 : Wire.ANY_SNAPSHOTS;
    }

    /** The position of the record that is kept under the name; `ANY_SNAPSHOTS` where an earlier version has kept it. */
    private long since(String name) throws Exception {
        byte[] position = kept.get(SINCE + name);
        return position == null ? Wire.ANY_SNAPSHOTS : Bytes.of(position).getLong();
    }

    /** Whether it is for Python now; what the topic has taken away is so later, see `letGo`. */
    boolean take(Row row) throws Exception {
        boolean model = Rows.tag(row) == Wire.Source.MODEL;
        char topic = model ? Wire.Topic.MODEL : Wire.Topic.CONTROL;
        String name = topic + Rows.key(row);
        long position = Rows.offset(row) + 1;
        kept.put(POSITION + topic, Bytes.ofSize(8).putLong(position).array());
        controlPosition = model ? controlPosition : Math.max(controlPosition, position);
        modelsPosition = model ? Math.max(modelsPosition, position) : modelsPosition;
        if (isGone(Rows.payload(row))) {
            takeAway(name, position);
            return false;
        }
        boolean known = kept.contains(name);
        comesBack(name);
        if (!ofAnotherRun(name)) {
            if (model && !Arrays.equals(kept.get(name), Rows.payload(row))) { // what is written again counts from when it first was
                kept.put(SINCE + name, Bytes.ofSize(8).putLong(position).array());
            }
            kept.put(name, Rows.payload(row));
            if (!known) {
                learn(name, Rows.payload(row));
            }
        }
        return true;
    }

    private static boolean isOfModels(String position) {
        return position.charAt(POSITION.length()) == Wire.Topic.MODEL;
    }

    private static boolean isGone(byte[] body) {
        return body.length > 0 && Character.isUpperCase(Wire.ControlRecord.topic(Bytes.of(body)));
    }

    private void takeAway(String name, long position) throws Exception {
        if (kept.contains(name)) {
            byte[] from = name.charAt(0) == Wire.Topic.MODEL ? Bytes.ofSize(8).putLong(position).array() : NOTHING;
            kept.put(GONE + name, from);
            noteGone(name, from);
        }
    }

    /** @param from the position in the topic of models at which it went, if that is known. */
    private void noteGone(String name, byte[] from) {
        if (name.startsWith(RELEASE)) {
            goneReleases.add(name);
        } else if (from.length > 0) {
            goneModels.put(name, Bytes.of(from).getLong());
        } else {
            goneOthers.add(name);
        }
    }

    private void comesBack(String name) throws Exception {
        if (goneReleases.remove(name) | goneOthers.remove(name) | goneModels.remove(name) != null) {
            kept.remove(GONE + name);
        }
    }

    boolean hasGone() {
        return !goneReleases.isEmpty() || !goneOthers.isEmpty() || !goneModels.isEmpty();
    }

    /**
     * Drops what the topics have taken away, and gives the bodies that tell Python so. Releases from `oldestWaiting` on stay, and as long
     * as one of them does, so do definitions. Snapshots stay that were taken away behind `oldestSnapshots`.
     */
    List<byte[]> letGo(int oldestWaiting, long oldestSnapshots) throws Exception {
        List<String> names = new ArrayList<>();
        while (!goneReleases.isEmpty() && number(goneReleases.first().substring(RELEASE.length())) < oldestWaiting) {
            names.add(goneReleases.pollFirst());
        }
        if (goneReleases.isEmpty()) {
            names.addAll(goneOthers);
            goneOthers.clear();
        }
        goneModels.forEach((name, position) -> {
            if (position <= oldestSnapshots) {
                names.add(name);
            }
        });
        names.forEach(goneModels::remove);
        List<byte[]> bodies = new ArrayList<>();
        for (String name : names) {
            kept.remove(name);
            kept.remove(GONE + name);
            kept.remove(SINCE + name);
            byte[] key = name.substring(1).getBytes(StandardCharsets.UTF_8);
            char gone = Character.toUpperCase(name.charAt(0));
            bodies.add(Wire.ControlRecord.put(Bytes.ofSize(Wire.ControlRecord.SIZE + key.length), gone, key.length).put(key).array());
        }
        return bodies;
    }

    private void learn(String name, byte[] body) {
        if (name.startsWith(RELEASE)) {
            newestRelease = Math.max(newestRelease, number(name.substring(RELEASE.length())));
        } else if (name.startsWith(MODE)) {
            marks++;
            int value = Wire.ControlRecord.SIZE + Wire.ControlRecord.keyLength(Bytes.of(body));
            backlogEndMs = Math.max(backlogEndMs, number(new String(body, value, body.length - value, StandardCharsets.UTF_8)));
        }
    }

    /** What is no number says nothing: the record would be there again after each restart. */
    private static long number(String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException bad) {
            return Long.MIN_VALUE;
        }
    }

    private boolean ofAnotherRun(String name) {
        return name.startsWith(MODE) && !name.startsWith(MODE + start.run + ":") || name.startsWith(LEFT) && !name.equals(LEFT + start.run);
    }

    boolean isRead() {
        return controlPosition >= controlEnd && modelsPosition >= modelsEnd;
    }

    boolean hasRelease(int release) {
        return release <= newestRelease;
    }

    boolean hasSnapshots(long position) {
        return position <= modelsPosition;
    }

    /** How far the topic of models has been read: one past the last offset. */
    long modelsPosition() {
        return modelsPosition;
    }

    /** The greatest event time of the backlog, once all of it is read. */
    long backlogEndMs() {
        return backlogEndMs;
    }

    boolean isBacklogRead() {
        return marks >= start.backlog.size();
    }

    boolean inEventTime() {
        return start.eventTime && !start.backlog.isEmpty() && !left;
    }

    /** The run goes by arrival from here on, after a restart too. */
    void leaveEventTime() throws Exception {
        left = true;
        kept.put(LEFT + start.run, new byte[0]);
    }
}
