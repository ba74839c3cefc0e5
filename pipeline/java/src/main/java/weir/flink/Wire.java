package weir.flink;

import java.nio.ByteBuffer;

/**
 * What Java and Python exchange. Made from pipeline/wire/declaration.py by `python -m pipeline.wire`; edit that file instead.
 *
 * <p>A class for each head. Its constants are offsets; its getters read the head that begins at the buffer's position and leave the
 * position; `put` writes a head and moves on.
 */
final class Wire {
    static final String RELEASE_KEY = "release:";
    static final String MODE_KEY = "mode:";
    static final String REPLY_HEADER = "weir-reply";
    static final String ENTITY_SEPARATOR = "\0";
    static final int REPLY_BYTES_MAX = 255;
    static final long NO_TIME_MS = -9223372036854775808L;
    static final int ANY_SNAPSHOTS = -1;
    static final int ABSENT = -1;
    static final long END_MS = 253402300799999L;

    private Wire() {}

    /** What a record that Java has read from Kafka is; the tag of its row. */
    static final class Source {
        /** A record of the topic `events`: its body is a raw record. */
        static final char EVENT = 'R';
        /** A record of the topic `control`. */
        static final char CONTROL = 'C';
        /** A record of the topic `models`: a snapshot of a detector. */
        static final char MODEL = 'M';
        /** A record of the topic `labels-resolved`. */
        static final char LABEL = 'L';
        /** A record of the topic `facts`. */
        static final char FACT = 'F';
        /** A record of any topic, as the jobs that deliver are given it. */
        static final char ANY_TOPIC = 'P';

        private Source() {}
    }

    /** What the bodies of a bundle are. */
    static final class Kind {
        /** Raw records for the decode stage; in the jobs that deliver, records of any topic. */
        static final char RAW = 'R';
        /** Control records, of the topics `control` and `models`. */
        static final char CONTROL = 'C';
        /** Messages to entities, for the entity stage. */
        static final char MESSAGES = 'K';
        /** Events with the answers of their entities, for the user stage. */
        static final char EVENTS = 'E';
        /** Resolved labels, for the entity and the user stage. */
        static final char LABELS = 'L';
        /** Facts of entities, for the entity and the user stage. */
        static final char FACTS = 'F';
        /** One empty body: a checkpoint barrier follows, so a stage now writes what Flink's state does not hold yet. */
        static final char BARRIER = 'S';

        private Kind() {}
    }

    /** Where a frame goes. */
    static final class Tag {
        /** To the user stage; the payload is an event head, the order and an event body. */
        static final char EVENT = 'E';
        /** To the entity stage; the payload is a message head, the order and a message body. */
        static final char MESSAGE = 'K';
        /** An event that waits since before events were stamped with snapshots; the head lacks `snapshots`. */
        static final char EARLIER_EVENT = 'e';
        /** A message that waits since before messages were stamped with snapshots; the head lacks `snapshots`. */
        static final char EARLIER_MESSAGE = 'k';
        /** To the user stage; the payload is an answer head and doubles. */
        static final char ANSWER = 'a';
        /** To the topic `decisions`. */
        static final char DECISION = 'D';
        /** To the topic `replies`, by a producer of its own. */
        static final char REPLY = 'R';
        /** To the topic `dead-letters`. */
        static final char DEAD_LETTER = 'X';
        /** To the topic `late`. */
        static final char LATE = 'T';
        /** To the topic `alerts`: an absence at the end of a sequence has come true. */
        static final char ALERT = 'A';
        /** To the topic `control`; Java writes such rows itself, no stage does. */
        static final char CONTROL = 'Q';
        /** To the topic `metrics`, from the metrics job. */
        static final char METRIC = 'V';
        /** To a file of the archive, from the archive job; the key is the folder, the payload the whole file. */
        static final char FILE = 'F';

        private Tag() {}
    }

    /** Which topic a control record is of. The capital letter stands before a key whose record the topic has taken away. */
    static final class Topic {
        /** `control`. */
        static final char CONTROL = 'c';
        /** `models`. */
        static final char MODEL = 'm';

        private Topic() {}
    }

    /** The body of a raw record begins with it; the reply address and the record's value follow. */
    static final class RawRecord {
        static final int SIZE = 30;
        static final int PARTITION = 0;
        static final int OFFSET = 4;
        static final int AT_MS = 12;
        static final int NEWEST_MS = 20;
        static final int REPLY_LENGTH = 28;

        /** Partition of the topic `events`; at most 32,767, for it is a part of `uid`. */
        static int partition(ByteBuffer in) {
            return in.getInt(in.position() + PARTITION);
        }

        /** Offset in the partition; below 2^48, for it is a part of `uid`. */
        static long offset(ByteBuffer in) {
            return in.getLong(in.position() + OFFSET);
        }

        /** Time of the record as the broker has it, in ms since the epoch. */
        static long atMs(ByteBuffer in) {
            return in.getLong(in.position() + AT_MS);
        }

        /** Greatest event time that the partition had before this record, in ms; `NO_TIME_MS` where there was none. */
        static long newestMs(ByteBuffer in) {
            return in.getLong(in.position() + NEWEST_MS);
        }

        /** Length of the reply address in bytes. */
        static int replyLength(ByteBuffer in) {
            return in.getShort(in.position() + REPLY_LENGTH) & 0xFFFF;
        }

        static ByteBuffer put(ByteBuffer out, int partition, long offset, long atMs, long newestMs, int replyLength) {
            return out.putInt(partition).putLong(offset).putLong(atMs).putLong(newestMs).putShort((short) replyLength);
        }

        private RawRecord() {}
    }

    /** The body of a record of any topic begins with it; the name of the topic, the key and the value follow. */
    static final class PlacedRecord {
        static final int SIZE = 28;
        static final int PARTITION = 0;
        static final int OFFSET = 4;
        static final int AT_MS = 12;
        static final int TOPIC_LENGTH = 20;
        static final int KEY_LENGTH = 24;

        /** Partition of the topic. */
        static int partition(ByteBuffer in) {
            return in.getInt(in.position() + PARTITION);
        }

        /** Offset in the partition. */
        static long offset(ByteBuffer in) {
            return in.getLong(in.position() + OFFSET);
        }

        /** Time of the record as the broker has it, in ms since the epoch. */
        static long atMs(ByteBuffer in) {
            return in.getLong(in.position() + AT_MS);
        }

        /** Length of the topic's name in bytes. */
        static int topicLength(ByteBuffer in) {
            return in.getInt(in.position() + TOPIC_LENGTH);
        }

        /** Length of the key in bytes. */
        static int keyLength(ByteBuffer in) {
            return in.getInt(in.position() + KEY_LENGTH);
        }

        static ByteBuffer put(ByteBuffer out, int partition, long offset, long atMs, int topicLength, int keyLength) {
            return out.putInt(partition).putLong(offset).putLong(atMs).putInt(topicLength).putInt(keyLength);
        }

        private PlacedRecord() {}
    }

    /** The body of a control record begins with it; the key and the value follow. */
    static final class ControlRecord {
        static final int SIZE = 3;
        static final int TOPIC = 0;
        static final int KEY_LENGTH = 1;

        /** A letter of `Topic`; its capital where the key has no record any more, and then no value follows. */
        static char topic(ByteBuffer in) {
            return (char) (in.get(in.position() + TOPIC) & 0xFF);
        }

        /** Length of the key in bytes. */
        static int keyLength(ByteBuffer in) {
            return in.getShort(in.position() + KEY_LENGTH) & 0xFFFF;
        }

        static ByteBuffer put(ByteBuffer out, char topic, int keyLength) {
            return out.put((byte) topic).putShort((short) keyLength);
        }

        private ControlRecord() {}
    }

    /** The bodies of labels and of messages begin with it; the key follows, and then the label's JSON or a message body. */
    static final class KeyedBody {
        static final int SIZE = 2;
        static final int KEY_LENGTH = 0;

        /** Length of the key in bytes; the key is an entity's type, `ENTITY_SEPARATOR` and its id. */
        static int keyLength(ByteBuffer in) {
            return in.getShort(in.position() + KEY_LENGTH) & 0xFFFF;
        }

        static ByteBuffer put(ByteBuffer out, int keyLength) {
            return out.putShort((short) keyLength);
        }

        private KeyedBody() {}
    }

    /** A bundle begins with it; columns `ends` (u32), `positions` (i64) and `missing` (u8), the bodies and the matrix of answers follow. */
    static final class Bundle {
        static final int SIZE = 13;
        static final int KIND = 0;
        static final int RELEASE = 1;
        static final int COUNT = 5;
        static final int WIDTH = 9;

        /** A letter of `Kind`. */
        static char kind(ByteBuffer in) {
            return (char) (in.get(in.position() + KIND) & 0xFF);
        }

        /** Release that all bodies were stamped with; 0 where they are not stamped. */
        static int release(ByteBuffer in) {
            return in.getInt(in.position() + RELEASE);
        }

        /** Number of bodies. */
        static int count(ByteBuffer in) {
            return in.getInt(in.position() + COUNT);
        }

        /** Bytes of the answers of one body; 0 where bodies have none. */
        static int width(ByteBuffer in) {
            return in.getInt(in.position() + WIDTH);
        }

        static ByteBuffer put(ByteBuffer out, char kind, int release, int count, int width) {
            return out.put((byte) kind).putInt(release).putInt(count).putInt(width);
        }

        private Bundle() {}
    }

    /** A frame begins with it; the key, the length of the payload (u32) and the payload follow. */
    static final class Frame {
        static final int SIZE = 3;
        static final int TAG = 0;
        static final int KEY_LENGTH = 1;

        /** A letter of `Tag`. */
        static char tag(ByteBuffer in) {
            return (char) (in.get(in.position() + TAG) & 0xFF);
        }

        /** Length of the key in bytes. */
        static int keyLength(ByteBuffer in) {
            return in.getShort(in.position() + KEY_LENGTH) & 0xFFFF;
        }

        static ByteBuffer put(ByteBuffer out, char tag, int keyLength) {
            return out.put((byte) tag).putShort((short) keyLength);
        }

        private Frame() {}
    }

    /** Events and messages begin with it, so that what orders them and holds them back need not know which they are. */
    static final class Stamped {
        static final int SIZE = 28;
        static final int TURN_MS = 0;
        static final int UID = 8;
        static final int RELEASE = 16;
        static final int SNAPSHOTS = 20;

        /** Time by which it is ordered in event_time mode, in ms since the epoch. */
        static long turnMs(ByteBuffer in) {
            return in.getLong(in.position() + TURN_MS);
        }

        /** Identifies the event: its partition shifted by 48 bits, and its offset. */
        static long uid(ByteBuffer in) {
            return in.getLong(in.position() + UID);
        }

        /** Release that decodes and decides the event. */
        static int release(ByteBuffer in) {
            return in.getInt(in.position() + RELEASE);
        }

        /** Position in the topic `models` up to which snapshots count for the event; `ANY_SNAPSHOTS` for the newest. */
        static long snapshots(ByteBuffer in) {
            return in.getLong(in.position() + SNAPSHOTS);
        }

        static ByteBuffer put(ByteBuffer out, long turnMs, long uid, int release, long snapshots) {
            return out.putLong(turnMs).putLong(uid).putInt(release).putLong(snapshots);
        }

        private Stamped() {}
    }

    /** The payload of a frame `EVENT` begins with it; the order and an event body follow. */
    static final class Event {
        static final int SIZE = 33;
        static final int TURN_MS = 0;
        static final int UID = 8;
        static final int RELEASE = 16;
        static final int SNAPSHOTS = 20;
        static final int WIDTH = 28;
        static final int ANSWERS = 30;
        static final int ORDER_LENGTH = 31;

        /** Time by which it is ordered in event_time mode, in ms since the epoch. */
        static long turnMs(ByteBuffer in) {
            return in.getLong(in.position() + TURN_MS);
        }

        /** Identifies the event: its partition shifted by 48 bits, and its offset. */
        static long uid(ByteBuffer in) {
            return in.getLong(in.position() + UID);
        }

        /** Release that decodes and decides the event. */
        static int release(ByteBuffer in) {
            return in.getInt(in.position() + RELEASE);
        }

        /** Position in the topic `models` up to which snapshots count for the event; `ANY_SNAPSHOTS` for the newest. */
        static long snapshots(ByteBuffer in) {
            return in.getLong(in.position() + SNAPSHOTS);
        }

        /** Bytes of all answers together. */
        static int width(ByteBuffer in) {
            return in.getShort(in.position() + WIDTH) & 0xFFFF;
        }

        /** Number of answers that the event waits for. */
        static int answers(ByteBuffer in) {
            return in.get(in.position() + ANSWERS) & 0xFF;
        }

        /** Length of the order in bytes; it breaks ties of `turn_ms` and is compared as unsigned bytes. */
        static int orderLength(ByteBuffer in) {
            return in.getShort(in.position() + ORDER_LENGTH) & 0xFFFF;
        }

        static ByteBuffer put(ByteBuffer out, long turnMs, long uid, int release, long snapshots, int width, int answers, int orderLength) {
            return out.putLong(turnMs).putLong(uid).putInt(release).putLong(snapshots).putShort((short) width).put((byte) answers).putShort((short) orderLength);
        }

        private Event() {}
    }

    /** The payload of a frame `MESSAGE` begins with it; the order and a message body follow. */
    static final class Message {
        static final int SIZE = 30;
        static final int TURN_MS = 0;
        static final int UID = 8;
        static final int RELEASE = 16;
        static final int SNAPSHOTS = 20;
        static final int ORDER_LENGTH = 28;

        /** Time by which it is ordered in event_time mode, in ms since the epoch. */
        static long turnMs(ByteBuffer in) {
            return in.getLong(in.position() + TURN_MS);
        }

        /** Identifies the event: its partition shifted by 48 bits, and its offset. */
        static long uid(ByteBuffer in) {
            return in.getLong(in.position() + UID);
        }

        /** Release that decodes and decides the event. */
        static int release(ByteBuffer in) {
            return in.getInt(in.position() + RELEASE);
        }

        /** Position in the topic `models` up to which snapshots count for the event; `ANY_SNAPSHOTS` for the newest. */
        static long snapshots(ByteBuffer in) {
            return in.getLong(in.position() + SNAPSHOTS);
        }

        /** Length of the order in bytes; it breaks ties of `turn_ms` and is compared as unsigned bytes. */
        static int orderLength(ByteBuffer in) {
            return in.getShort(in.position() + ORDER_LENGTH) & 0xFFFF;
        }

        static ByteBuffer put(ByteBuffer out, long turnMs, long uid, int release, long snapshots, int orderLength) {
            return out.putLong(turnMs).putLong(uid).putInt(release).putLong(snapshots).putShort((short) orderLength);
        }

        private Message() {}
    }

    /** The payload of a frame `ANSWER` begins with it; the answer's doubles follow. */
    static final class Answer {
        static final int SIZE = 10;
        static final int UID = 0;
        static final int AT = 8;

        /** `uid` of the event that waits. */
        static long uid(ByteBuffer in) {
            return in.getLong(in.position() + UID);
        }

        /** Offset of this answer among the event's answers, in bytes. */
        static int at(ByteBuffer in) {
            return in.getShort(in.position() + AT) & 0xFFFF;
        }

        static ByteBuffer put(ByteBuffer out, long uid, int at) {
            return out.putLong(uid).putShort((short) at);
        }

        private Answer() {}
    }

    /** A row of the table of pages, in the state's answer and in changes; the bytes of all pages follow behind those of all heads. */
    static final class Page {
        static final int SIZE = 12;
        static final int KEY = 0;
        static final int NUMBER = 4;
        static final int LENGTH = 8;

        /** Position of the key in the call. */
        static int key(ByteBuffer in) {
            return in.getInt(in.position() + KEY);
        }

        /** Number of the page. */
        static int number(ByteBuffer in) {
            return in.getInt(in.position() + NUMBER);
        }

        /** Length of the page in bytes. */
        static int length(ByteBuffer in) {
            return in.getInt(in.position() + LENGTH);
        }

        static ByteBuffer put(ByteBuffer out, int key, int number, int length) {
            return out.putInt(key).putInt(number).putInt(length);
        }

        private Page() {}
    }

    /** A row of the table of pages that a change removes. */
    static final class DroppedPage {
        static final int SIZE = 8;
        static final int KEY = 0;
        static final int NUMBER = 4;

        /** Position of the key in the call. */
        static int key(ByteBuffer in) {
            return in.getInt(in.position() + KEY);
        }

        /** Number of the page. */
        static int number(ByteBuffer in) {
            return in.getInt(in.position() + NUMBER);
        }

        static ByteBuffer put(ByteBuffer out, int key, int number) {
            return out.putInt(key).putInt(number);
        }

        private DroppedPage() {}
    }
}
