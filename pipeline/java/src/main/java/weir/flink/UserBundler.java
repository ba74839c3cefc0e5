package weir.flink;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.tasks.ProcessingTimeService;
import org.apache.flink.types.Row;

/**
 * Joins events with the answers of their entities and bundles them for the user stage.
 *
 * <p>An event goes on when its answers are there, or without them when `entityWait` is over, and never before an earlier
 * event of its user. In event_time mode the watermark says that all answers have come. In arrival mode a watermark waits for the events that
 * are parked before it: the stage takes it for the time at which what was awaited has not come.
 */
public class UserBundler extends KeyedBundler {
    private static final long TICK_MS = 5;
    private static final long EARLY_KEPT_MS = 60_000;

    /** How long an event waits that a run in event_time mode left over: its entities have as much left over themselves. */
    private static final long BEHIND_WAIT_MS = 60_000;

    private transient Map<Long, Parked> byUid;
    private transient Map<String, ArrayDeque<Parked>> byUser;
    private transient PriorityQueue<Parked> byDeadline;
    private transient Map<Long, List<Row>> early;
    private transient ArrayDeque<long[]> earlyUntil;
    private transient WaitingMarks marks;
    private transient boolean ticking;
    private transient SteadyTime time;

    public UserBundler(JobStart start) {
        super(start);
    }

    @Override
    public void open() throws Exception {
        super.open();
        time = new SteadyTime(() -> getProcessingTimeService().getCurrentProcessingTime());
        byUid = new HashMap<>();
        byUser = new HashMap<>();
        byDeadline = new PriorityQueue<>(Comparator.comparingLong(parked -> parked.deadlineMs));
        early = new HashMap<>();
        earlyUntil = new ArrayDeque<>();
        marks = new WaitingMarks();
    }

    @Override
    protected boolean atOnce(Row row) throws Exception {
        switch (Rows.tag(row)) {
            case Wire.Source.LABEL -> writer.add(Wire.Kind.LABELS, 0, Rows.key(row), Rows.payload(row), 0);
            case Wire.Source.FACT -> writer.add(Wire.Kind.FACTS, 0, Rows.key(row), Rows.payload(row), 0);
            case Wire.Tag.ANSWER -> answer(row);
            default -> {
                return false;
            }
        }
        return true;
    }

    @Override
    protected void release(Row row) {
        Parked parked = new Parked(row, now() + (isBehind(row) ? BEHIND_WAIT_MS : start.entityWaitMs));
        List<Row> before = early.remove(parked.uid);
        if (before != null) {
            before.forEach(parked::take);
        }
        if (inEventTime()) {
            parked.expire(); // the watermark has passed the entities' answers too: what is not there will not come
        }
        ArrayDeque<Parked> queue = byUser.get(Rows.key(row));
        if (queue == null && parked.mayGo()) {
            send(parked);
            return;
        }
        byUser.computeIfAbsent(Rows.key(row), user -> new ArrayDeque<>(2)).add(parked);
        marks.waitFor(parked);
        if (!parked.mayGo()) {
            byUid.put(parked.uid, parked);
            byDeadline.add(parked);
            tick();
        }
    }

    private void answer(Row row) throws Exception {
        long uid = Wire.Answer.uid(Bytes.of(Rows.payload(row)));
        Parked parked = byUid.get(uid);
        if (parked == null) {
            early.computeIfAbsent(uid, key -> new ArrayList<>(2)).add(row);
            if (!inEventTime()) {
                earlyUntil.add(new long[] {now() + EARLY_KEPT_MS, uid});
                tick();
            }
            return;
        }
        parked.take(row);
        if (parked.isComplete()) {
            byUid.remove(uid);
            sendFirst(Rows.key(parked.row));
            handOnMarks();
        }
    }

    private void sendFirst(String user) {
        ArrayDeque<Parked> queue = byUser.get(user);
        while (queue != null && !queue.isEmpty() && queue.peek().mayGo()) {
            send(queue.poll());
        }
        if (queue != null && queue.isEmpty()) {
            byUser.remove(user);
        }
    }

    private void send(Parked parked) {
        parked.go();
        byte[] answers = parked.answers.length == 0 ? null : parked.answers;
        byte[] payload = Rows.payload(parked.row);
        int release = releaseOf(parked.row);
        long snapshots = snapshotsOf(parked.row);
        boolean incomplete = !parked.isComplete();
        writer.add(Wire.Kind.EVENTS, release, snapshots, Rows.key(parked.row), payload, bodyAt(payload), answers, incomplete);
    }

    @Override
    protected void handOn(Watermark mark) throws Exception {
        if (!marks.keep(mark)) {
            super.handOn(mark);
        }
    }

    @Override
    protected boolean marksWait() {
        return super.marksWait() || !marks.isEmpty();
    }

    private void handOnMarks() throws Exception {
        Watermark due = marks.due();
        if (due != null) {
            writer.flush();
            super.handOn(due);
            goOn();
        }
    }

    private long now() {
        return time.now();
    }

    private void tick() {
        if (!ticking) {
            ticking = true;
            ProcessingTimeService timers = getProcessingTimeService();
            timers.registerTimer(timers.getCurrentProcessingTime() + Math.min(TICK_MS, start.entityWaitMs), at -> expire());
        }
    }

    /** Lets go whatever has waited long enough. One timer serves the whole subtask. */
    private void expire() throws Exception {
        ticking = false;
        long nowMs = now();
        while (!byDeadline.isEmpty() && (byDeadline.peek().isComplete() || byDeadline.peek().deadlineMs <= nowMs)) {
            Parked parked = byDeadline.poll();
            if (byUid.remove(parked.uid) != null) {
                parked.expire();
                sendFirst(Rows.key(parked.row));
            }
        }
        while (!earlyUntil.isEmpty() && earlyUntil.peek()[0] <= nowMs) {
            early.remove(earlyUntil.poll()[1]);
        }
        if (!byDeadline.isEmpty() || !earlyUntil.isEmpty()) {
            tick();
        }
        handOnMarks();
        watch();
    }

    @Override
    protected int orderAt() {
        return Wire.Event.SIZE;
    }

    @Override
    protected int orderLength(byte[] payload) {
        return Wire.Event.orderLength(Bytes.of(payload));
    }

    @Override
    protected List<Row> parked() {
        List<Row> rows = new ArrayList<>();
        early.values().forEach(rows::addAll);
        for (ArrayDeque<Parked> queue : byUser.values()) {
            for (Parked parked : queue) {
                rows.addAll(parked.given);
                rows.add(parked.row);
            }
        }
        return rows;
    }
}
