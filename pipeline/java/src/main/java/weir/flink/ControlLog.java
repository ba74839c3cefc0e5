package weir.flink;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
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
 * carry an older release.
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
    private static final byte[] NOTHING = new byte[0];
    private final JobStart start;
    private final BroadcastState<String, byte[]> kept;
    private final TreeSet<String> goneReleases = new TreeSet<>();
    private final TreeSet<String> goneOthers = new TreeSet<>();
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
                gone(name.substring(GONE.length())).add(name.substring(GONE.length()));
            } else {
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
    Iterable<byte[]> restored() {
        Iterable<byte[]> bodies = restored.values();
        restored = new TreeMap<>();
        return bodies;
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
            takeAway(name);
            return false;
        }
        boolean known = kept.contains(name);
        if (gone(name).remove(name)) {
            kept.remove(GONE + name);
        }
        if (!ofAnotherRun(name)) {
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

    private void takeAway(String name) throws Exception {
        if (kept.contains(name)) {
            kept.put(GONE + name, NOTHING);
            gone(name).add(name);
        }
    }

    private TreeSet<String> gone(String name) {
        return name.startsWith(RELEASE) ? goneReleases : goneOthers;
    }

    boolean hasGone() {
        return !goneReleases.isEmpty() || !goneOthers.isEmpty();
    }

    /**
     * Drops what the topics have taken away, and gives the bodies that tell Python so. Releases from `oldestWaiting` on stay, and as long
     * as one of them does, so do definitions.
     */
    List<byte[]> letGo(int oldestWaiting) throws Exception {
        List<String> names = new ArrayList<>();
        while (!goneReleases.isEmpty() && number(goneReleases.first().substring(RELEASE.length())) < oldestWaiting) {
            names.add(goneReleases.pollFirst());
        }
        if (goneReleases.isEmpty()) {
            names.addAll(goneOthers);
            goneOthers.clear();
        }
        List<byte[]> bodies = new ArrayList<>();
        for (String name : names) {
            kept.remove(name);
            kept.remove(GONE + name);
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
