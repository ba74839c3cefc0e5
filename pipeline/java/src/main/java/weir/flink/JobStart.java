package weir.flink;

import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;

/**
 * What the submission of a job found and chose; the same for all operators.
 *
 * <p>Its ends are one past the last offset at that time. They are where a task that has no state begins to look for the present ends: for
 * Flink may start a job again long after its submission.
 */
public class JobStart implements Serializable {
    final String run;
    final boolean eventTime;
    final long controlEnd;
    final long modelsEnd;
    final Ends ends;
    final Map<Integer, Long> backlog;
    final int eventsMax;
    final int bytesMax;
    final long entityWaitMs;

    /**
     * @param run names this submission; marks of other runs are not looked at.
     * @param eventTime whether it starts in event_time mode and goes over to arrival once the backlog is done.
     * @param ends asked by each task at each of its starts.
     * @param backlog end of each partition of the events that had records not yet read.
     */
    public JobStart(
            String run,
            boolean eventTime,
            long controlEnd,
            long modelsEnd,
            Ends ends,
            Map<Integer, ? extends Number> backlog,
            int eventsMax,
            int bytesMax,
            long entityWaitMs) {
        this.run = run;
        this.eventTime = eventTime;
        this.controlEnd = controlEnd;
        this.modelsEnd = modelsEnd;
        this.ends = ends;
        this.backlog = offsets(backlog);
        this.eventsMax = eventsMax;
        this.bytesMax = bytesMax;
        this.entityWaitMs = entityWaitMs;
    }

    /** A copy with Longs: what comes from Python is an Integer where it fits one. */
    static Map<Integer, Long> offsets(Map<Integer, ? extends Number> given) {
        Map<Integer, Long> offsets = new HashMap<>();
        given.forEach((partition, offset) -> offsets.put(partition, offset.longValue()));
        return offsets;
    }

    String mark(int partition) {
        return Wire.MODE_KEY + run + ":" + partition;
    }
}
