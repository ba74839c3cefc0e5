package weir.flink;

import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.runtime.state.AbstractKeyedStateBackend;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.types.Row;

/**
 * Bundles of records as they stand in a topic, keyed by their partition, for jobs that deliver.
 *
 * <p>Before each barrier a bundle of its own, S, tells Python to hand out what it has gathered: then nothing that a restart would lose is
 * in its memory.
 */
public class RecordBundler extends AbstractStreamOperator<Row> implements OneInputStreamOperator<Row, Row>, BoundedOneInput {
    private static final byte[] NOTHING = new byte[0];
    private final int eventsMax;
    private final int bytesMax;
    private transient BundleWriter writer;
    private transient IdleFlush idle;
    private transient String ownKey;

    /** The bounds are those of one bundle. */
    public RecordBundler(int eventsMax, int bytesMax) {
        this.eventsMax = eventsMax;
        this.bytesMax = bytesMax;
    }

    @Override
    public void open() throws Exception {
        super.open();
        ownKey = keyOfThisSubtask();
        writer = new BundleWriter(eventsMax, bytesMax, (key, bundle) -> output.collect(new StreamRecord<>(Row.of(key, bundle))));
        MailboxExecutor mailbox = getContainingTask().getMailboxExecutorFactory().createExecutor(getOperatorConfig().getChainIndex());
        idle = new IdleFlush(mailbox, writer);
    }

    private String keyOfThisSubtask() {
        AbstractKeyedStateBackend<?> backend = (AbstractKeyedStateBackend<?>) getKeyedStateBackend();
        int groups = getRuntimeContext().getTaskInfo().getMaxNumberOfParallelSubtasks();
        int number = 0;
        while (!backend.getKeyGroupRange().contains(KeyGroupRangeAssignment.assignToKeyGroup(Row.of("own-" + number), groups))) {
            number++;
        }
        return "own-" + number;
    }

    @Override
    public void processElement(StreamRecord<Row> record) {
        Row row = record.getValue();
        writer.add(Wire.Kind.RAW, 0, Rows.key(row), Rows.payload(row), 0);
        idle.watch();
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpoint) throws Exception {
        handOut();
        super.prepareSnapshotPreBarrier(checkpoint);
    }

    @Override
    public void endInput() {
        handOut();
    }

    private void handOut() {
        writer.flush();
        writer.add(Wire.Kind.BARRIER, 0, ownKey, NOTHING, 0);
        writer.flush();
    }
}
