package weir.flink;

import org.apache.flink.api.common.operators.MailboxExecutor;

/** Flushes a bundle once the task has been idle for a turn of its mailbox: a timer would only add its period. */
final class IdleFlush {
    private final MailboxExecutor mailbox;
    private final BundleWriter writer;
    private boolean watching;
    private long added;
    private long seen;

    IdleFlush(MailboxExecutor mailbox, BundleWriter writer) {
        this.mailbox = mailbox;
        this.writer = writer;
    }

    /** Something was added, or may have been. */
    void watch() {
        added++;
        if (!watching && !writer.isEmpty()) {
            watching = true;
            seen = added - 1;
            mailbox.execute(this::whenIdle, "bundle");
        }
    }

    private void whenIdle() {
        if (added != seen && !writer.isEmpty()) {
            seen = added;
            mailbox.execute(this::whenIdle, "bundle");
        } else {
            watching = false;
            writer.flush();
        }
    }
}
