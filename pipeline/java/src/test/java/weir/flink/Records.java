package weir.flink;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.flink.types.Row;

/** Rows as the stages before a bundler send them. */
final class Records {
    private Records() {}

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** An event that waits for `answers` answers of one number each; its order is `order`, its body the text. */
    static Row event(String user, long timeMs, long uid, int release, int answers, byte[] order, String body) {
        byte[] text = utf8(body);
        ByteBuffer payload = Bytes.ofSize(25 + order.length + text.length);
        payload.putLong(timeMs).putLong(uid).putInt(release).putShort((short) (8 * answers)).put((byte) answers);
        payload.putShort((short) order.length).put(order).put(text);
        return Rows.of(user, payload.array(), Rows.EVENT);
    }

    static Row event(String user, long uid, int answers, String body) {
        return event(user, uid, uid, 0, answers, Bytes.ofSize(8).putLong(uid).array(), body);
    }

    static Row answer(String user, long uid, int place, double number) {
        return Rows.of(user, Bytes.ofSize(18).putLong(uid).putShort((short) (8 * place)).putDouble(number).array(), Rows.ANSWER);
    }

    static Row message(String key, long timeMs, int release, byte[] order, String body) {
        byte[] text = utf8(body);
        ByteBuffer payload = Bytes.ofSize(22 + order.length + text.length);
        payload.putLong(timeMs).putLong(0).putInt(release).putShort((short) order.length).put(order).put(text);
        return Rows.of(key, payload.array(), Rows.MESSAGE);
    }

    static Row label(String key, String body) {
        return Rows.of(key, utf8(body), Rows.LABEL);
    }

    /** An event as it comes from its topic; a bundle's texts leave out what stands before the body. */
    static Row raw(int partition, long offset, String body) {
        byte[] text = utf8(body);
        byte[] payload = Bytes.ofSize(RecordDeserializer.HEAD + text.length).position(RecordDeserializer.HEAD).put(text).array();
        return Rows.of("", payload, Rows.RAW, partition, offset);
    }

    /** Records of control and models carry their own key as payload, so that a bundle shows which they are. */
    static Row control(String key, long offset) {
        return Rows.of(key, utf8(key), Rows.CONTROL, 0, offset);
    }

    /** Says that a key of the control topic has no record any more. */
    static Row gone(String key, long offset) {
        byte[] name = utf8(key);
        return Rows.of(key, Bytes.ofSize(3 + name.length).put((byte) 'C').putShort((short) name.length).put(name).array(), Rows.CONTROL, 0, offset);
    }

    /** A mark of `run`, as the decode stage's bundler sends it round through the control topic. */
    static Row mark(String run, int partition, long offset, long newestMs) {
        byte[] key = utf8("mode:" + run + ":" + partition);
        byte[] value = utf8(Long.toString(newestMs));
        ByteBuffer body = Bytes.ofSize(3 + key.length + value.length);
        body.put((byte) 'c').putShort((short) key.length);
        return Rows.of(text(key), body.put(key).put(value).array(), Rows.CONTROL, 0, offset);
    }

    static Row model(String key, long offset) {
        return Rows.of(key, utf8(key), Rows.MODEL, 0, offset);
    }
}
