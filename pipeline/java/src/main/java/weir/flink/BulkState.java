package weir.flink;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeutils.base.IntSerializer;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.runtime.state.KeyedStateBackend;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.types.Row;

/**
 * Reads or writes the profiles of many keys in one call from Python; all keys belong to the subtask that calls.
 *
 * <p>A profile is a head and sealed pages, in states of their own, so that a long history is not written with each event.
 */
public class BulkState {
    private final KeyedStateBackend<Row> backend;
    private final ValueState<byte[]> heads;
    private final MapState<Integer, byte[]> pages;
    private final String deadlinesName;
    private final ValueState<Long> deadlines;

    @SuppressWarnings("unchecked")
    public BulkState(Object backend, String name, long ttlMs) throws Exception {
        this.backend = (KeyedStateBackend<Row>) backend;
        ValueStateDescriptor<byte[]> head = new ValueStateDescriptor<>(name + "-head", BytePrimitiveArraySerializer.INSTANCE);
        MapStateDescriptor<Integer, byte[]> page =
                new MapStateDescriptor<>(name + "-pages", IntSerializer.INSTANCE, BytePrimitiveArraySerializer.INSTANCE);
        if (ttlMs > 0) {
            // Cleaning as it goes looks at five other entries with each access; what has expired leaves with the checkpoints.
            StateTtlConfig ttl = StateTtlConfig.newBuilder(Duration.ofMillis(ttlMs))
                    .disableCleanupInBackground()
                    .cleanupFullSnapshot()
                    .build();
            head.enableTimeToLive(ttl);
            page.enableTimeToLive(ttl);
        }
        this.deadlinesName = name + "-deadline";
        this.deadlines = this.backend.getPartitionedState(
                VoidNamespace.INSTANCE,
                VoidNamespaceSerializer.INSTANCE,
                new ValueStateDescriptor<>(deadlinesName, LongSerializer.INSTANCE));
        this.heads = this.backend.getPartitionedState(VoidNamespace.INSTANCE, VoidNamespaceSerializer.INSTANCE, head);
        this.pages = this.backend.getPartitionedState(VoidNamespace.INSTANCE, VoidNamespaceSerializer.INSTANCE, page);
    }

    /** Profiles of `keys`: a count, lengths of the heads, a table of (key's position, number, length) of pages, then all bytes. */
    public byte[] read(byte[] keys) throws Exception {
        String[] names = names(keys);
        byte[][] found = new byte[names.length][];
        List<int[]> table = new ArrayList<>();
        List<byte[]> blobs = new ArrayList<>();
        int size = Integer.BYTES * (2 + names.length);
        for (int i = 0; i < names.length; i++) {
            backend.setCurrentKey(Row.of(names[i]));
            found[i] = heads.value();
            if (found[i] == null) {
                continue;
            }
            size += found[i].length;
            if (!pages.isEmpty()) {
                for (Map.Entry<Integer, byte[]> page : pages.entries()) {
                    table.add(new int[] {i, page.getKey(), page.getValue().length});
                    blobs.add(page.getValue());
                    size += Wire.Page.SIZE + page.getValue().length;
                }
            }
        }
        ByteBuffer out = Bytes.ofSize(size).putInt(names.length);
        for (byte[] head : found) {
            out.putInt(head == null ? Wire.ABSENT : head.length);
        }
        out.putInt(table.size());
        for (int[] row : table) {
            Wire.Page.put(out, row[0], row[1], row[2]);
        }
        for (byte[] head : found) {
            out.put(head == null ? new byte[0] : head);
        }
        blobs.forEach(out::put);
        return out.array();
    }

    /** New heads of all keys, a table of pages to put, one of (key's position, number) of pages to drop, then all bytes. */
    public void write(byte[] keys, byte[] changes) throws Exception {
        String[] names = names(keys);
        ByteBuffer in = Bytes.of(changes);
        int[] lengths = ints(in, in.getInt());
        ByteBuffer puts = rows(in, Wire.Page.SIZE);
        ByteBuffer drops = rows(in, Wire.DroppedPage.SIZE);
        for (int i = 0; i < names.length; i++) {
            backend.setCurrentKey(Row.of(names[i]));
            heads.update(bytes(in, lengths[i]));
        }
        for (; puts.hasRemaining(); puts.position(puts.position() + Wire.Page.SIZE)) {
            backend.setCurrentKey(Row.of(names[Wire.Page.key(puts)]));
            pages.put(Wire.Page.number(puts), bytes(in, Wire.Page.length(puts)));
        }
        for (; drops.hasRemaining(); drops.position(drops.position() + Wire.DroppedPage.SIZE)) {
            backend.setCurrentKey(Row.of(names[Wire.DroppedPage.key(drops)]));
            pages.remove(Wire.DroppedPage.number(drops));
        }
    }

    /** The keys that wait for an event time: a count, their lengths, all keys, and then the deadline of each. */
    public byte[] deadlines() throws Exception {
        List<Row> keys;
        try (Stream<Row> stream = backend.getKeys(deadlinesName, VoidNamespace.INSTANCE)) {
            keys = stream.collect(Collectors.toList());
        }
        List<byte[]> names = new ArrayList<>();
        int size = Integer.BYTES + (Integer.BYTES + Long.BYTES) * keys.size();
        for (Row key : keys) {
            names.add(((String) key.getField(0)).getBytes(StandardCharsets.UTF_8));
            size += names.get(names.size() - 1).length;
        }
        ByteBuffer out = Bytes.ofSize(size).putInt(keys.size());
        names.forEach(name -> out.putInt(name.length));
        names.forEach(out::put);
        for (Row key : keys) {
            backend.setCurrentKey(key);
            out.putLong(deadlines.value());
        }
        return out.array();
    }

    /** New deadlines of all keys; `NO_TIME_MS`: the key waits no longer. */
    public void mark(byte[] keys, byte[] times) throws Exception {
        ByteBuffer in = Bytes.of(times);
        for (String name : names(keys)) {
            backend.setCurrentKey(Row.of(name));
            long time = in.getLong();
            if (time == Wire.NO_TIME_MS) {
                deadlines.clear();
            } else {
                deadlines.update(time);
            }
        }
    }

    private static String[] names(byte[] keys) {
        ByteBuffer in = Bytes.of(keys);
        int[] lengths = ints(in, in.getInt());
        String[] names = new String[lengths.length];
        int at = in.position();
        for (int i = 0; i < names.length; i++) {
            names[i] = new String(keys, at, lengths[i], StandardCharsets.UTF_8);
            at += lengths[i];
        }
        return names;
    }

    private static int[] ints(ByteBuffer in, int count) {
        int[] numbers = new int[count];
        in.asIntBuffer().get(numbers);
        in.position(in.position() + Integer.BYTES * count);
        return numbers;
    }

    /** The table that follows its count of rows. */
    private static ByteBuffer rows(ByteBuffer in, int rowBytes) {
        int bytes = in.getInt() * rowBytes;
        ByteBuffer table = in.slice(in.position(), bytes).order(in.order());
        in.position(in.position() + bytes);
        return table;
    }

    private static byte[] bytes(ByteBuffer in, int length) {
        byte[] bytes = new byte[length];
        in.get(bytes);
        return bytes;
    }
}
