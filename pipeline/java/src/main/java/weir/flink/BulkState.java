package weir.flink;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeutils.base.IntSerializer;
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
    private static final int ABSENT = -1;
    private final KeyedStateBackend<Row> backend;
    private final ValueState<byte[]> heads;
    private final MapState<Integer, byte[]> pages;

    @SuppressWarnings("unchecked")
    public BulkState(Object backend, String name, long ttlMs) throws Exception {
        this.backend = (KeyedStateBackend<Row>) backend;
        ValueStateDescriptor<byte[]> head = new ValueStateDescriptor<>(name + "-head", BytePrimitiveArraySerializer.INSTANCE);
        MapStateDescriptor<Integer, byte[]> page =
                new MapStateDescriptor<>(name + "-pages", IntSerializer.INSTANCE, BytePrimitiveArraySerializer.INSTANCE);
        if (ttlMs > 0) {
            StateTtlConfig ttl = StateTtlConfig.newBuilder(Duration.ofMillis(ttlMs)).build();
            head.enableTimeToLive(ttl);
            page.enableTimeToLive(ttl);
        }
        this.heads = this.backend.getPartitionedState(VoidNamespace.INSTANCE, VoidNamespaceSerializer.INSTANCE, head);
        this.pages = this.backend.getPartitionedState(VoidNamespace.INSTANCE, VoidNamespaceSerializer.INSTANCE, page);
    }

    /** Profiles of `keys` (a count, then each with its length): for each its head, then its numbered pages. */
    public byte[] read(byte[] keys) throws Exception {
        List<String> names = names(keys);
        ByteArrayOutputStream out = new ByteArrayOutputStream(64 + 512 * names.size());
        putInt(out, names.size());
        for (String name : names) {
            backend.setCurrentKey(Row.of(name));
            putBlob(out, heads.value());
            List<Map.Entry<Integer, byte[]>> entries = new ArrayList<>();
            if (!pages.isEmpty()) {
                pages.entries().forEach(entries::add);
            }
            putInt(out, entries.size());
            for (Map.Entry<Integer, byte[]> entry : entries) {
                putInt(out, entry.getKey());
                putBlob(out, entry.getValue());
            }
        }
        return out.toByteArray();
    }

    /** Writes each key's head, puts and drops its pages; an absent head clears the key. */
    public void write(byte[] keys, byte[] changes) throws Exception {
        ByteBuffer in = Bytes.of(changes);
        in.getInt();
        for (String name : names(keys)) {
            backend.setCurrentKey(Row.of(name));
            byte[] head = blob(in);
            if (head == null) {
                heads.clear();
                pages.clear();
            } else {
                heads.update(head);
            }
            for (int left = in.getInt(); left > 0; left--) {
                int number = in.getInt();
                pages.put(number, blob(in));
            }
            for (int left = in.getInt(); left > 0; left--) {
                pages.remove(in.getInt());
            }
        }
    }

    private static List<String> names(byte[] keys) {
        ByteBuffer in = Bytes.of(keys);
        int count = in.getInt();
        List<String> names = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int length = in.getInt();
            names.add(new String(keys, in.position(), length, StandardCharsets.UTF_8));
            in.position(in.position() + length);
        }
        return names;
    }

    private static byte[] blob(ByteBuffer in) {
        int length = in.getInt();
        if (length == ABSENT) {
            return null;
        }
        byte[] bytes = new byte[length];
        in.get(bytes);
        return bytes;
    }

    private static void putBlob(ByteArrayOutputStream out, byte[] bytes) {
        putInt(out, bytes == null ? ABSENT : bytes.length);
        if (bytes != null) {
            out.write(bytes, 0, bytes.length);
        }
    }

    private static void putInt(ByteArrayOutputStream out, int number) {
        out.write(number);
        out.write(number >> 8);
        out.write(number >> 16);
        out.write(number >> 24);
    }
}
